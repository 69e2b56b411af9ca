package license

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"unicode/utf8"
)

// Limits of the texts of a configuration; the model names none.
const (
	maxNameLength        = 255
	maxDescriptionLength = 4096
	maxCount             = 1 << 53 // what every client's numbers hold exactly
	maxExpiry            = 1 << 40 // Unix seconds, past the year 36000
)

// CreateConfiguration makes a new configuration in the caller's account and
// region and returns its ARN. Names need not be unique.
func (m *Manager) CreateConfiguration(ctx context.Context, who Caller, spec ConfigurationSpec) (string, error) {
	terms := spec.Terms
	terms.Status = Available
	if err := checkTerms(&terms); err != nil {
		return "", err
	}
	if err := checkTags(terms.Tags); err != nil {
		return "", err
	}
	sortTags(terms.Tags)
	var arn string
	err := m.store.Update(ctx, func(tx Tx) error {
		if err := m.checkCreateQuota(tx, who); err != nil {
			return err
		}
		if terms.discovers() {
			if err := changeRules(tx, who.Account); err != nil {
				return err
			}
		}
		c, err := m.insertConfiguration(tx, who, terms, false, 0)
		if err == nil {
			arn = c.ARN()
		}
		return err
	})
	if err == nil && terms.discovers() {
		m.wake()
	}
	return arn, err
}

// insertConfiguration adds a configuration with its first revision. at is its
// effective time, 0 for now.
func (m *Manager) insertConfiguration(tx Tx, who Caller, terms Terms, loading bool, at Time) (*Configuration, error) {
	now, err := m.now(tx)
	if err != nil {
		return nil, err
	}
	c := newConfiguration(who, cmpOr(at, now))
	c.Loading = loading
	if terms.discovers() {
		c.Pass = 1
	}
	b := &batch{tx: tx, who: who, effective: at, now: now}
	l := &ledger{Configuration: c}
	if err := l.setTerms(terms); err != nil {
		return nil, err
	}
	r := b.nextRevision(l)
	if err := tx.InsertConfiguration(c); err != nil {
		return nil, fmt.Errorf("insert license configuration: %w", err)
	}
	if err := tx.AppendRevision(c.Num, r); err != nil {
		return nil, fmt.Errorf("append revision: %w", err)
	}
	return c, nil
}

func cmpOr(a, b Time) Time {
	if a != 0 {
		return a
	}
	return b
}

// newConfiguration draws the numbers of a configuration at random, so that no
// two accounts share a sequence. 47 bits leave room for the trees' numbers.
func newConfiguration(who Caller, created Time) *Configuration {
	var random [24]byte
	_, _ = rand.Read(random[:]) // never fails
	return &Configuration{
		Num:      int64(binary.BigEndian.Uint64(random[:8])>>17) + 1,
		ID:       "lic-" + hex.EncodeToString(random[8:]),
		Account:  who.Account,
		Region:   who.Region,
		Created:  created,
		NextNode: 1,
	}
}

func (m *Manager) checkCreateQuota(tx Tx, who Caller) error {
	if m.settings.MaxConfigurations == 0 && m.settings.MaxCreatesPerDay == 0 {
		return nil
	}
	now, err := m.now(tx)
	if err != nil {
		return err
	}
	existing, created, err := tx.CountConfigurations(who.Account, who.Region, now-24*60*60*1e6)
	if err != nil {
		return fmt.Errorf("count license configurations: %w", err)
	}
	if most := m.settings.MaxCreatesPerDay; most > 0 && created >= int64(most) {
		return refuse(LimitExceeded, "You have reached the maximum allowed number of license configurations created in one day")
	}
	if most := m.settings.MaxConfigurations; most > 0 && existing >= int64(most) {
		return refuse(LimitExceeded, "You have reached the maximum allowed number of license configurations (%d). Delete one, or raise the quota max-configurations of this server.", most)
	}
	return nil
}

// checkTerms refuses terms that could never be counted by.
func checkTerms(t *Terms) error {
	if err := checkText("Name", t.Name, 1, maxNameLength); err != nil {
		return err
	}
	if err := checkText("Description", t.Description, 0, maxDescriptionLength); err != nil {
		return err
	}
	if !slices.Contains([]CountingType{VCPU, Instance, Core, Socket}, t.CountingType) {
		return refuse(InvalidParameter, "Invalid LicenseCountingType %q. Expected vCPU, Instance, Core or Socket.", clip(string(t.CountingType)))
	}
	if t.Count != nil && (*t.Count < 0 || *t.Count > maxCount) {
		return refuse(InvalidParameter, "Invalid LicenseCount %d. Expected a number from 0 to %d.", *t.Count, int64(maxCount))
	}
	if t.HardLimit && t.Count == nil {
		return refuse(InvalidParameter, "LicenseCountHardLimit needs a LicenseCount to enforce.")
	}
	if t.Expiry != nil && (*t.Expiry < 0 || *t.Expiry > maxExpiry) {
		return refuse(InvalidParameter, "Invalid LicenseExpiry %d. Expected Unix time in seconds.", *t.Expiry)
	}
	if _, err := parseRules(t.CountingType, t.Rules); err != nil {
		return err
	}
	return checkProducts(t.Products)
}

// checkText refuses a text outside of the given numbers of characters.
func checkText(name, s string, least, most int) error {
	switch n := utf8.RuneCountInString(s); {
	case !utf8.ValidString(s):
		return refuse(InvalidParameter, "Invalid %s: it is not valid UTF-8.", name)
	case n < least && least == 1:
		return refuse(InvalidParameter, "Invalid %s: it must not be empty.", name)
	case n < least, n > most:
		return refuse(InvalidParameter, "Invalid %s: it has %d characters, expected %d to %d.", name, n, least, most)
	}
	for _, r := range s {
		if r == 0 {
			return refuse(InvalidParameter, "Invalid %s: it contains a NUL character.", name)
		}
	}
	return nil
}

// configuration returns an existing configuration of the caller's account and
// region. One that another account shares with it is AccessDenied; whatever
// else the ARN may name gets the same refusal.
func configuration(tx Tx, who Caller, arn string) (*Configuration, error) {
	c, err := anyConfiguration(tx, who, arn)
	if err == nil && c.Deleted != 0 {
		return nil, unknownConfiguration(arn)
	}
	return c, err
}

// anyConfiguration is configuration with deleted ones included: their ledgers
// stay for the audit.
func anyConfiguration(tx Tx, who Caller, arn string) (*Configuration, error) {
	c, err := readable(tx, who, arn)
	if err == nil && c.Account != who.Account {
		return nil, refuse(AccessDenied, "%s belongs to the account %s, which shares it with yours: only its owner may do this.", c.ARN(), c.Account)
	}
	return c, err
}

// readable is anyConfiguration with those that other accounts share with the
// caller's. Of these it may see the terms, the counters and its own machines.
func readable(tx Tx, who Caller, arn string) (*Configuration, error) {
	return readableBy(tx, who, arn, tx.Configuration)
}

// readableBy is readable with another way to read what has an ID.
func readableBy(tx Tx, who Caller, arn string, read func(id string) (*Configuration, error)) (*Configuration, error) {
	region, account, id, ok := parseConfigurationARN(arn)
	if !ok || region != who.Region {
		return nil, unknownConfiguration(arn)
	}
	c, err := read(id)
	if err != nil {
		return nil, fmt.Errorf("read license configuration: %w", err)
	}
	if c == nil || c.Account != account || c.Region != region || c.Loading {
		return nil, unknownConfiguration(arn)
	}
	if c, err = forCaller(tx, who, c); c == nil && err == nil {
		err = unknownConfiguration(arn)
	}
	return c, err
}

// forCaller returns what a caller may see of a configuration, nil for nothing.
func forCaller(tx Tx, who Caller, c *Configuration) (*Configuration, error) {
	if c.Account == who.Account {
		return c, nil
	}
	if ok, err := shared(tx, c, who.Account); err != nil || !ok {
		return nil, err
	}
	c.Terms.Tags, c.Terms.Shares = nil, nil // the owner's business
	return c, nil
}

// usable is readable for those that exist now.
func usable(tx Tx, who Caller, arn string) (*Configuration, error) {
	c, err := readable(tx, who, arn)
	if err == nil && c.Deleted != 0 {
		return nil, unknownConfiguration(arn)
	}
	return c, err
}

// unknownConfiguration is the refusal that clients recognise by its first
// words.
func unknownConfiguration(arn string) error {
	return refuse(NotFound, "Invalid license configuration ARN: %s", clip(arn))
}

// Configuration returns one configuration, of the caller's account or shared
// with it; the latter without its tags and shares.
func (m *Manager) Configuration(ctx context.Context, who Caller, arn string) (c *Configuration, err error) {
	err = m.store.View(ctx, func(tx Tx) error {
		c, err = usable(tx, who, arn)
		return err
	})
	return c, err
}

// changeTerms runs change on a configuration's terms under its lock and
// records the result as one revision; a change that changes nothing records
// nothing.
func (m *Manager) changeTerms(ctx context.Context, who Caller, arn string, change func(*Terms) error) error {
	return m.updateConfiguration(ctx, who, arn, func(b *batch, l *ledger) error { return b.changeTerms(l, change) })
}

// updateConfiguration runs fn over one configuration under its lock.
func (m *Manager) updateConfiguration(ctx context.Context, who Caller, arn string, fn func(*batch, *ledger) error) error {
	return m.store.Update(ctx, func(tx Tx) error { return m.withConfiguration(tx, who, arn, fn) })
}

func (m *Manager) withConfiguration(tx Tx, who Caller, arn string, fn func(*batch, *ledger) error) error {
	c, err := configuration(tx, who, arn)
	if err != nil {
		return err
	}
	b := m.batch(tx, who)
	if err := b.open([]int64{c.Num}); err != nil {
		return err
	}
	l := b.ledger(c.Num)
	if l == nil {
		return unknownConfiguration(arn)
	}
	return fn(b, l)
}

func (b *batch) changeTerms(l *ledger, change func(*Terms) error) error {
	old := l.Terms
	terms := old
	terms.Tags = slices.Clone(old.Tags)
	if err := change(&terms); err != nil {
		return err
	}
	if sameTerms(&old, &terms) {
		return nil
	}
	if err := l.setTerms(terms); err != nil {
		return err
	}
	pass, err := wantsPass(b.tx, l.Num, &old, &terms)
	if err != nil {
		return err
	}
	if pass {
		l.startPass()
	}
	return b.close()
}

func sameTerms(a, b *Terms) bool {
	return termsText(a) == termsText(b)
}

// UpdateConfiguration changes terms. The counting type cannot change, and of
// the rules only licenseAffinityToHost can be added. Lowering the count below
// what is consumed is allowed: it stops nothing that runs.
func (m *Manager) UpdateConfiguration(ctx context.Context, who Caller, arn string, change ConfigurationChange) error {
	err := m.store.Update(ctx, func(tx Tx) error {
		if change.Products != nil || change.Disassociate != nil || change.Status != nil {
			if err := changeRules(tx, who.Account); err != nil {
				return err
			}
		}
		return m.withConfiguration(tx, who, arn, func(b *batch, l *ledger) error { return b.changeTerms(l, change.apply) })
	})
	if err == nil {
		m.wake()
	}
	return err
}

func (ch *ConfigurationChange) apply(t *Terms) error {
	if ch.Rules != nil {
		if err := checkRulesChange(t.Rules, ch.Rules); err != nil {
			return err
		}
		t.Rules = ch.Rules
	}
	if ch.Status != nil && *ch.Status != Available && *ch.Status != Disabled {
		return refuse(InvalidParameter, "Invalid LicenseConfigurationStatus %q. Expected AVAILABLE or DISABLED.", clip(*ch.Status))
	}
	set(&t.Status, ch.Status)
	set(&t.Name, ch.Name)
	set(&t.Description, ch.Description)
	set(&t.HardLimit, ch.HardLimit)
	set(&t.Disassociate, ch.Disassociate)
	if ch.Count != nil {
		t.Count = ch.Count
	}
	if ch.Expiry != nil {
		t.Expiry = ch.Expiry
	}
	if ch.Products != nil {
		t.Products = ch.Products
	}
	return checkTerms(t)
}

func set[T any](dst *T, src *T) {
	if src != nil {
		*dst = *src
	}
}

// checkRulesChange lets the rules stay as they are, or an affinity rule be
// added to them.
func checkRulesChange(old, new []string) error {
	for _, r := range old {
		if !slices.Contains(new, r) {
			return refuse(InvalidParameter, "License rules cannot be changed or removed after creation: %q is missing. Create a new license configuration instead.", clip(r))
		}
	}
	for _, r := range new {
		if name, _, err := splitRule(r); err != nil {
			return err
		} else if !slices.Contains(old, r) && name != ruleAffinity {
			return refuse(InvalidParameter, "License rules cannot be added after creation, but for %s: %q. Create a new license configuration instead.", ruleAffinity, clip(r))
		}
	}
	return nil
}

// DeleteConfiguration deletes a configuration that no resource is associated
// with. Its ledger stays and answers for the moments before.
func (m *Manager) DeleteConfiguration(ctx context.Context, who Caller, arn string) error {
	return m.updateConfiguration(ctx, who, arn, func(b *batch, l *ledger) error {
		if err := l.checkUnused(b.tx); err != nil {
			return err
		}
		l.Deleted, l.Pass = b.time(l), 0
		terms := l.Terms
		if terms.Shares != nil {
			if err := b.tx.SaveShares(l.Configuration, nil); err != nil {
				return err
			}
		}
		terms.Status, terms.Shares = deletedTerms, nil
		if err := l.setTerms(terms); err != nil {
			return err
		}
		return b.close()
	})
}

func (l *ledger) checkUnused(tx Tx) error {
	var associated int64
	for _, n := range l.Counters.AssociatedBy {
		associated += n
	}
	if associated > 0 {
		return refuse(InvalidParameter, "%s is in use: %d resources are associated with it. Remove their associations first.", l.ARN(), associated)
	}
	holds, err := tx.CountAssociations(l.Num)
	if err != nil {
		return fmt.Errorf("count held licenses: %w", err)
	}
	if holds > 0 {
		return refuse(InvalidParameter, "%s is in use: its licenses are held on %d hosts by the license rule %s until its days are over.", l.ARN(), holds, ruleAffinity)
	}
	return nil
}

// ListConfigurations returns up to limit configurations of the caller's
// account, or shared with it, in its region in the order of their creation, and
// where to go on; nil after the last one.
func (m *Manager) ListConfigurations(ctx context.Context, who Caller, f ConfigurationFilter, after *ConfigurationCursor, limit int) (list []*Configuration, next *ConfigurationCursor, err error) {
	err = m.store.View(ctx, func(tx Tx) error {
		list, next, err = listMatching(f, after, limit, func(cur ConfigurationCursor, limit int) ([]*Configuration, error) {
			return ownAndShared(tx, who, cur, limit)
		})
		return err
	})
	return list, next, err
}

// OrganizationPlace is a place in a list of the configurations of several
// accounts.
type OrganizationPlace struct {
	Account string
	ConfigurationCursor
}

// ListOrganizationConfigurations is ListConfigurations for those that the
// accounts of an organization own, account by account in the order of their
// numbers; a page may end early, even empty. The organization's administrators
// may, once it is integrated.
func (m *Manager) ListOrganizationConfigurations(ctx context.Context, who Caller, f ConfigurationFilter, after *OrganizationPlace, limit int) (list []*Configuration, next *OrganizationPlace, err error) {
	err = m.store.View(ctx, func(tx Tx) error {
		list, next = nil, nil
		o, err := integrated(tx, who)
		if err != nil {
			return err
		}
		all, err := accounts(tx, o)
		if err != nil {
			return err
		}
		list, next, err = listOwned(tx, who.Region, f, all, after, limit)
		return err
	})
	return list, next, err
}

// listOwned reads a page of the configurations that accounts own.
func listOwned(tx Tx, region string, f ConfigurationFilter, accounts []string, after *OrganizationPlace, limit int) (list []*Configuration, next *OrganizationPlace, err error) {
	var at OrganizationPlace
	if after != nil {
		at = *after
	}
	accounts = slices.DeleteFunc(accounts, func(account string) bool { return account < at.Account })
	for i, account := range accounts {
		var from *ConfigurationCursor
		if account == at.Account {
			from = &at.ConfigurationCursor
		}
		found, more, err := listMatching(f, from, limit-len(list), func(cur ConfigurationCursor, limit int) ([]*Configuration, error) {
			return tx.Configurations(account, region, cur.Created, cur.Num, limit)
		})
		if err != nil {
			return nil, nil, err
		}
		list = append(list, found...)
		switch {
		case more != nil:
			return list, &OrganizationPlace{account, *more}, nil
		case i+1 < len(accounts) && (len(list) == limit || i+1 == maxInventories):
			return list, &OrganizationPlace{Account: accounts[i+1]}, nil
		}
	}
	return list, nil, nil
}

// ownAndShared merges up to three lists in the order of creation: what an
// account owns, what is shared with it, and with its organization.
func ownAndShared(tx Tx, who Caller, cur ConfigurationCursor, limit int) ([]*Configuration, error) {
	found, err := tx.Configurations(who.Account, who.Region, cur.Created, cur.Num, limit)
	if err != nil {
		return nil, err
	}
	o, err := tx.Organization(who.Account)
	if err != nil || o == nil {
		return found, err
	}
	for _, principal := range []string{who.Account, o.ID} {
		more, err := tx.SharedConfigurations(principal, who.Region, cur.Created, cur.Num, limit)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	for _, c := range found {
		if c.Account != who.Account {
			c.Terms.Tags, c.Terms.Shares = nil, nil
		}
	}
	slices.SortFunc(found, func(a, b *Configuration) int {
		return cmp.Or(cmp.Compare(a.Created, b.Created), cmp.Compare(a.Num, b.Num))
	})
	found = slices.CompactFunc(found, func(a, b *Configuration) bool { return a.Num == b.Num })
	return found[:min(limit, len(found))], nil
}

// listMatching reads pages until it has limit configurations that match.
func listMatching(f ConfigurationFilter, after *ConfigurationCursor, limit int, read func(ConfigurationCursor, int) ([]*Configuration, error)) (list []*Configuration, next *ConfigurationCursor, err error) {
	var cur ConfigurationCursor
	if after != nil {
		cur = *after
	}
	for more := true; more && len(list) <= limit; {
		found, err := read(cur, limit+1)
		if err != nil {
			return nil, nil, fmt.Errorf("list license configurations: %w", err)
		}
		for _, c := range found {
			cur = ConfigurationCursor{c.Created, c.Num}
			if f.matches(c) {
				list = append(list, c)
			}
		}
		more = len(found) > limit
	}
	if len(list) > limit {
		list = list[:limit]
		last := list[limit-1]
		next = &ConfigurationCursor{last.Created, last.Num}
	}
	return list, next, nil
}

func (f *ConfigurationFilter) matches(c *Configuration) bool {
	exceeded := c.Terms.Count != nil && c.Counters.Consumed > *c.Terms.Count
	switch {
	case len(f.ARNs) > 0 && !slices.Contains(f.ARNs, c.ARN()),
		f.CountingType != "" && f.CountingType != c.Terms.CountingType,
		f.HardLimit != nil && *f.HardLimit != c.Terms.HardLimit,
		f.Exceeded != nil && *f.Exceeded != exceeded:
		return false
	}
	return true
}
