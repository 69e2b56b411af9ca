package license

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ShareWithOrganization is what callers write for the owner's organization,
// whose ID the ledger keeps.
const ShareWithOrganization = "organization"

// maxShares bounds the principals that one configuration is shared with.
const maxShares = 1000

// releaseBatch bounds what one transaction of a forced unsharing releases, and
// releaseRounds how often it tries to come to an end.
const (
	releaseBatch  = 1000
	releaseRounds = 1000
)

// errMore runs a release again: more has to be released, or what was listed has
// changed under the locks.
var errMore = errors.New("there is more to release")

// Share is one principal that a configuration is shared with.
type Share struct {
	Principal string // an account's 12 digits, or an organization's ID
	Accounts  int    // of an organization: how many it has; else 1
}

// Share shares a configuration of the caller's with an account of its
// organization, or with all of it. Members then associate machines of their
// own. Sharing again changes nothing.
func (m *Manager) Share(ctx context.Context, who Caller, arn, with string) error {
	return m.changeShares(ctx, who, func(tx Tx) error {
		o, principal, err := m.shareable(tx, who, with)
		if err != nil {
			return err
		}
		if err := tx.LockOrganization(o.ID, false); err != nil {
			return err
		}
		if _, again, err := m.shareable(tx, who, with); err != nil || again != principal {
			return cmpErr(err, refuse(Conflict, "The organization has changed meanwhile. Try again."))
		}
		return m.withConfiguration(tx, who, arn, func(b *batch, l *ledger) error {
			return b.setShares(l, func(shares []string) []string {
				if slices.Contains(shares, principal) {
					return shares
				}
				return append(shares, principal)
			})
		})
	})
}

func cmpErr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// changeShares runs fn with the discovery rules of the owner locked, as sharing
// decides whose machines they look at.
func (m *Manager) changeShares(ctx context.Context, who Caller, fn func(Tx) error) error {
	err := m.store.Update(ctx, func(tx Tx) error {
		if err := changeRules(tx, who.Account); err != nil {
			return err
		}
		return fn(tx)
	})
	if err == nil {
		m.wake()
	}
	return err
}

// shareable returns the caller's organization and the principal that it means,
// and refuses what cannot be shared with.
func (m *Manager) shareable(tx Tx, who Caller, with string) (*Organization, string, error) {
	o, err := tx.Organization(who.Account)
	if err != nil {
		return nil, "", err
	}
	if o == nil {
		return nil, "", refuse(OrganizationsNotInUse, "Your account is not a member of an organization: there is nobody to share with.")
	}
	switch {
	case with == ShareWithOrganization || with == o.ID:
		s, err := switches(tx, o, who.Region)
		if err == nil && !s.Integration {
			err = refuse(InvalidParameter, "The organization is not integrated in %s. Let its management account set OrganizationConfiguration.EnableIntegration with UpdateServiceSettings first.", who.Region)
		}
		return o, o.ID, err
	case with == who.Account:
		return nil, "", refuse(InvalidParameter, "The license configuration is your own account's already.")
	case !validAccount(with):
		return nil, "", refuse(InvalidParameter, "Invalid principal %q. Expected the 12 digits of an account, or %s.", clip(with), ShareWithOrganization)
	}
	return o, with, memberOf(tx, o, with)
}

// setShares changes with whom a locked configuration is shared, as a revision.
func (b *batch) setShares(l *ledger, change func([]string) []string) error {
	before := l.Terms.Shares
	shares := change(slices.Clone(before))
	slices.Sort(shares)
	if slices.Equal(before, shares) {
		return b.close()
	}
	if len(shares) > maxShares {
		return refuse(LimitExceeded, "%s is shared with %d principals; %d is the most. Share it with the organization instead.", l.ARN(), len(before), maxShares)
	}
	terms := l.Terms
	terms.Shares = shares
	if len(shares) == 0 {
		terms.Shares = nil
	}
	if err := l.setTerms(terms); err != nil {
		return err
	}
	if terms.discovers() {
		l.startPass()
	}
	if err := b.tx.SaveShares(l.Configuration, terms.Shares); err != nil {
		return err
	}
	return b.close()
}

// startPass makes a pass due, from its beginning.
func (l *ledger) startPass() { l.Pass, l.PassAccount, l.moved = 1, "", true }

// Unshare ends the sharing of a configuration of the caller's. While machines
// of the accounts that it shuts out are associated it is refused, unless force
// is set: then these associations end with it. Up to 1000 of them end in the
// revision that unshares, the rest in revisions before it.
func (m *Manager) Unshare(ctx context.Context, who Caller, arn, with string, force bool) error {
	for range releaseRounds {
		err := m.changeShares(ctx, who, func(tx Tx) error { return m.unshare(tx, who, arn, with, force) })
		if !errors.Is(err, errMore) {
			return err
		}
		if !force {
			continue // what was listed has changed
		}
		if err := m.releaseForeign(ctx, who, arn, with); err != nil && !errors.Is(err, errMore) {
			return err
		}
	}
	return refuse(Conflict, "Machines are being associated with %s as fast as they are released. Try again.", clip(arn))
}

// unshare is one try of Unshare.
func (m *Manager) unshare(tx Tx, who Caller, arn, with string, force bool) error {
	c, err := configuration(tx, who, arn)
	if err != nil {
		return err
	}
	principal, err := sharedPrincipal(tx, who, c, with)
	if err != nil {
		return err
	}
	r := m.release(tx, who, c)
	r.leaving = principal
	if err := r.lock(); err != nil {
		return err
	}
	if len(r.found) > 0 && !force {
		return refuse(Conflict, "%s is in use by %s: %s and others of its account are associated with it. End these associations first, or force it.", c.ARN(), principal, r.found[0].ResourceARN)
	}
	if len(r.found) > releaseBatch {
		return errMore
	}
	if err := r.run(); err != nil {
		return err
	}
	return r.b.setShares(r.l, func(shares []string) []string { return without(shares, principal) })
}

// sharedPrincipal is the principal of a configuration's shares that a caller
// means.
func sharedPrincipal(tx Tx, who Caller, c *Configuration, with string) (string, error) {
	principal := with
	if with == ShareWithOrganization {
		at := slices.IndexFunc(c.Terms.Shares, func(p string) bool { return strings.HasPrefix(p, "o-") })
		if at >= 0 {
			principal = c.Terms.Shares[at]
		}
	}
	if !slices.Contains(c.Terms.Shares, principal) {
		return "", refuse(InvalidParameter, "%s is not shared with %s.", c.ARN(), clip(with))
	}
	return principal, nil
}

// releaseForeign releases one batch of what keeps a configuration from being
// unshared, as a revision of its own.
func (m *Manager) releaseForeign(ctx context.Context, who Caller, arn, with string) error {
	return m.store.Update(ctx, func(tx Tx) error {
		c, err := configuration(tx, who, arn)
		if err != nil {
			return err
		}
		r := m.release(tx, who, c)
		if r.leaving, err = sharedPrincipal(tx, who, c, with); err != nil {
			return err
		}
		if err := r.lock(); err != nil {
			return err
		}
		r.found = r.found[:min(len(r.found), releaseBatch)]
		if err := r.run(); err != nil {
			return err
		}
		return r.b.close()
	})
}

// release ends associations of other accounts with one configuration.
type release struct {
	b       *batch
	c       *Configuration
	l       *ledger
	leaving string // principal that the configuration will not be shared with; "" for none
	account string // account whose associations end; "" for those that leaving shuts out
	found   []ForeignAssociation
}

func (m *Manager) release(tx Tx, who Caller, c *Configuration) *release {
	return &release{b: m.batch(tx, who), c: c}
}

// lock finds what is to be released, up to one more than a batch, and locks it
// and the ledger. What was associated between the two is found by its caller's
// next try.
func (r *release) lock() error {
	listed, err := r.list()
	if err != nil {
		return err
	}
	byAccount := map[string][]string{}
	for _, a := range listed {
		byAccount[a.Account] = append(byAccount[a.Account], a.ResourceARN)
	}
	for _, account := range slices.Sorted(maps.Keys(byAccount)) {
		if _, err := r.b.lockAll(account, byAccount[account]); err != nil {
			return err
		}
	}
	if err := r.b.open([]int64{r.c.Num}); err != nil {
		return err
	}
	if r.l = r.b.ledger(r.c.Num); r.l == nil {
		return unknownConfiguration(r.c.ARN())
	}
	if r.found, err = r.list(); err != nil {
		return err
	}
	if !slices.Equal(listed, r.found) {
		return errMore
	}
	return nil
}

// list reads the associations to release: those of one account, or of every
// account that no other principal of the shares covers.
func (r *release) list() (list []ForeignAssociation, err error) {
	only := r.account
	if validAccount(r.leaving) {
		only = r.leaving
	}
	for after := int64(0); len(list) <= releaseBatch; {
		found, err := r.b.tx.ForeignAssociations(r.c.Num, only, after, releaseBatch+1)
		if err != nil {
			return nil, err
		}
		for _, a := range found {
			after = a.Resource
			covered, err := r.covered(a.Account)
			if err != nil {
				return nil, err
			}
			if !covered && len(list) <= releaseBatch {
				list = append(list, a)
			}
		}
		if len(found) <= releaseBatch {
			break
		}
	}
	return list, nil
}

// covered reports whether an account may go on using the configuration.
func (r *release) covered(account string) (bool, error) {
	if r.account != "" {
		return false, nil
	}
	o, err := r.b.organization(account)
	if err != nil {
		return false, err
	}
	return sharesReach(without(r.c.Terms.Shares, r.leaving), account, o), nil
}

func without(principals []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(principals), func(p string) bool { return p == one })
}

// run ends the associations under their locks.
func (r *release) run() error {
	nums := make([]int64, len(r.found))
	for i, a := range r.found {
		nums[i] = a.Resource
	}
	if err := r.b.seeOwn(r.l, nums...); err != nil {
		return err
	}
	r.l.released = append(r.l.released, nums...)
	for _, num := range nums {
		resource, err := r.b.resource(num)
		if err != nil {
			return err
		}
		if k, err := r.b.placeOf(r.l, resource, &resource.Facts); err != nil {
			return err
		} else if k != resource.key() {
			r.l.released = append(r.l.released, k.Resource)
		}
		if err := r.b.dissociate(r.l, resource, &resource.Facts); err != nil {
			return err
		}
	}
	return nil
}

// sharesReach reports whether shares let an account, which is in organization o
// or in none, use a configuration.
func sharesReach(shares []string, account string, o *Organization) bool {
	return slices.Contains(shares, account) || o != nil && slices.Contains(shares, o.ID)
}

// shared reports whether a configuration of another account is shared with one.
func shared(tx Tx, c *Configuration, account string) (bool, error) {
	if len(c.Terms.Shares) == 0 {
		return false, nil
	}
	o, err := tx.Organization(account)
	return err == nil && sharesReach(c.Terms.Shares, account, o), err
}

// organization returns the organization of an account, nil for none, as it was
// when it was first asked for or held.
func (b *batch) organization(account string) (*Organization, error) {
	if o, known := b.organizations[account]; known {
		return o, nil
	}
	o, err := b.tx.Organization(account)
	if err != nil {
		return nil, err
	}
	if b.organizations == nil {
		b.organizations = map[string]*Organization{}
	}
	b.organizations[account] = o
	return o, nil
}

// holdOrganization keeps an account in its organization, or out of every one,
// until the transaction ends: it comes before the locks of configurations that
// are another account's. An account that is in none may join one meanwhile; who
// lets it in comes later than this batch then.
func (b *batch) holdOrganization(account string) error {
	o, err := b.organization(account)
	if err != nil || o == nil {
		return err
	}
	if err := b.tx.LockOrganization(o.ID, false); err != nil {
		return err
	}
	delete(b.organizations, account)
	_, err = b.organization(account)
	return err
}

// permits reports whether resources of an account's inventory may be associated
// with a locked configuration.
func (b *batch) permits(l *ledger, account string) (bool, error) {
	if l.Account == account {
		return true, nil
	}
	if len(l.Terms.Shares) == 0 {
		return false, nil
	}
	o, err := b.organization(account)
	return err == nil && sharesReach(l.Terms.Shares, account, o), err
}

// permit refuses a request that brings a resource to a configuration of another
// account: unless it is shared, as if it did not exist.
func (b *batch) permit(l *ledger, r *Resource, scope string) error {
	if l.Account == r.Account {
		return nil
	}
	ok, err := b.permits(l, r.Account)
	switch {
	case err != nil:
		return err
	case !ok:
		return unknownConfiguration(l.ARN())
	case r.Owner != r.Account:
		return refuse(InvalidParameter, "%s belongs to the account %s: only machines of your own account can use %s, which is shared with you.", r.ARN, r.Owner, l.ARN())
	case scope != "":
		return refuse(InvalidParameter, "AmiAssociationScope %s is for the owner of %s.", scope, l.ARN())
	}
	return nil
}

// refuseForeign keeps apart what two accounts know of the same machine. A
// machine that one account reports for another counts in the reporter's own
// configurations alone; and a machine that both have reported counts once.
func (b *batch) refuseForeign(l *ledger, wants []*want) error {
	twins, err := b.twins(l, wants)
	if err != nil || len(twins) == 0 {
		return err
	}
	keys := make([]Key, 0, len(twins))
	for _, t := range twins {
		keys = append(keys, t.key())
	}
	slices.SortFunc(keys, Key.Compare)
	open, err := b.tx.OpenUsage(l.Configuration, keys)
	if err != nil {
		return fmt.Errorf("read usage: %w", err)
	}
	for _, w := range wants {
		if t := twins[w.key]; t != nil && open[t.key()] != nil {
			w.refuse(fmt.Sprintf("%s counts already, as account %s reports it", t.ARN, t.Account))
		}
	}
	return nil
}

// twins finds, by place, the resource of the same name in the inventory of the
// other account that may have it: the owner's of the configuration, or that of
// the account in the name.
func (b *batch) twins(l *ledger, wants []*want) (map[Key]*Resource, error) {
	if len(l.Terms.Shares) == 0 {
		return nil, nil
	}
	names := map[string][]string{}
	for _, w := range wants {
		place := b.resources[w.key.Resource]
		if w.usage == nil || w.was != nil {
			continue
		}
		if place.Account != l.Account && place.Owner != place.Account {
			w.refuse(fmt.Sprintf("%s belongs to the account %s, and in a shared license configuration an account counts its own alone", place.ARN, place.Owner))
			continue
		}
		if other := twinAccount(l, place); other != "" {
			names[other] = append(names[other], place.ARN)
		}
	}
	for _, account := range slices.Sorted(maps.Keys(names)) {
		if err := b.readHosts(account, names[account]); err != nil {
			return nil, err
		}
	}
	found := map[Key]*Resource{}
	for _, w := range wants {
		place := b.resources[w.key.Resource]
		if other := twinAccount(l, place); w.usage != nil && w.was == nil && other != "" {
			if t := b.hosts[other+place.ARN]; t != nil {
				found[w.key] = t
			}
		}
	}
	return found, nil
}

// twinAccount is the account whose inventory may have the same machine; "" for
// none.
func twinAccount(l *ledger, place *Resource) string {
	switch {
	case place.Account != l.Account:
		return l.Account
	case place.Owner != place.Account:
		return place.Owner
	}
	return ""
}

// refuse takes the licence from all that counts on a place.
func (w *want) refuse(why string) {
	w.usage, w.held = nil, false
	for _, a := range w.placed {
		w.refusals[a.Resource] = why
	}
}

// Shares lists with whom a configuration of the caller's is shared.
func (m *Manager) Shares(ctx context.Context, who Caller, arn string) (list []Share, err error) {
	err = m.store.View(ctx, func(tx Tx) error {
		c, err := configuration(tx, who, arn)
		if err != nil {
			return err
		}
		list = nil
		for _, p := range c.Terms.Shares {
			share := Share{Principal: p, Accounts: 1}
			if !validAccount(p) {
				all, err := accounts(tx, &Organization{ID: p})
				if err != nil {
					return err
				}
				share.Accounts = len(all)
			}
			list = append(list, share)
		}
		return nil
	})
	return list, err
}
