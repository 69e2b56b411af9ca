package license

import (
	"context"
	"fmt"
	"slices"
)

// A pass brings a configuration whose rules have changed up to date with the
// whole inventory of its account, page by page, each in a transaction of its
// own. How far it has come is in the configuration's row, so any server goes
// on with it, and two that do at once take turns.

// passPage is how many resources one transaction of a pass looks at.
const passPage = 200

// DiscoveryDue tells, with some delay at most, that a pass has become due
// because of something that this Manager did. Whoever hears it calls Discover.
func (m *Manager) DiscoveryDue() <-chan struct{} { return m.due }

func (m *Manager) wake() {
	select {
	case m.due <- struct{}{}:
	default: // it was told already
	}
}

// wantsPass reports whether a change of terms may make other resources match,
// or give room to some that found none.
func wantsPass(tx Tx, configuration int64, old, terms *Terms) (bool, error) {
	if terms.Status != Available || len(terms.Products) == 0 && !terms.Disassociate {
		return false, nil
	}
	if old.Status != terms.Status || old.Disassociate != terms.Disassociate || !sameProducts(old.Products, terms.Products) {
		return true, nil
	}
	if old.Count == nil || !old.HardLimit || terms.HardLimit && *terms.Count <= *old.Count {
		return false, nil
	}
	failed, err := tx.Failures(configuration, Key{}, 1)
	if err != nil {
		return false, fmt.Errorf("list failures: %w", err)
	}
	return len(failed) > 0, nil
}

func sameProducts(a, b []ProductInformation) bool {
	return slices.EqualFunc(a, b, func(x, y ProductInformation) bool {
		return x.ResourceType == y.ResourceType && slices.EqualFunc(x.Filters, y.Filters, func(f, g ProductFilter) bool {
			return f.Name == g.Name && f.Comparator == g.Comparator && slices.Equal(f.Values, g.Values)
		})
	})
}

// passAll makes a pass due for the discovering configurations of an account
// that are chosen. The rules of the account are held alone.
func (m *Manager) passAll(tx Tx, who Caller, chosen func(Discovering) bool) error {
	found, err := tx.Discovering(who.Account)
	if err != nil {
		return fmt.Errorf("read discovery rules: %w", err)
	}
	var nums []int64
	for _, d := range found {
		if chosen(d) {
			nums = append(nums, d.Configuration)
		}
	}
	b := m.batch(tx, who)
	if err := b.open(nums); err != nil {
		return err
	}
	for _, l := range b.ledgers {
		l.startPass()
	}
	return b.close()
}

// Discover runs every pass that is due and returns how many resources it
// looked at.
func (m *Manager) Discover(ctx context.Context) (looked int, err error) {
	for after := int64(0); ; {
		var due []*Configuration
		err := m.store.View(ctx, func(tx Tx) (err error) {
			due, err = tx.DuePasses(after, sweepBatch)
			return err
		})
		if err != nil {
			return looked, fmt.Errorf("list due passes: %w", err)
		}
		for _, c := range due {
			n, err := m.discover(ctx, c)
			looked += n
			if err != nil {
				return looked, fmt.Errorf("discover for %s: %w", c.ARN(), err)
			}
			after = c.Num
		}
		if len(due) < sweepBatch {
			return looked, nil
		}
	}
}

// discover runs one configuration's pass to its end.
func (m *Manager) discover(ctx context.Context, c *Configuration) (looked int, err error) {
	who := self(c.Account, "DiscoverResources")
	who.Region = c.Region
	for c.Pass > 0 {
		n := 0
		err := m.store.Update(ctx, func(tx Tx) (err error) {
			c, n, err = m.passStep(tx, who, c)
			return err
		})
		looked += n
		if err != nil {
			return looked, err
		}
	}
	return looked, nil
}

// passStep looks at the next page of resources and returns the configuration
// as it then is; its Pass is 0 when the pass has ended. When another server
// was faster, or the pass began anew, it does nothing: a page that was listed
// before a rule changed may lack resources that came before it did.
func (m *Manager) passStep(tx Tx, who Caller, c *Configuration) (*Configuration, int, error) {
	if c.PassAccount != "" {
		who.Account = c.PassAccount
	}
	b := m.batch(tx, who)
	before, err := tx.DiscoveryGeneration(c.Account, false)
	if err != nil {
		return nil, 0, err
	}
	page, _, err := tx.Inventory(who.Account, nil, c.Pass-1, passPage)
	if err != nil {
		return nil, 0, fmt.Errorf("list inventory: %w", err)
	}
	changed, err := b.lockPage(page)
	if err != nil {
		return nil, 0, err
	}
	if c.PassAccount != "" {
		if err := b.holdOrganization(c.PassAccount); err != nil {
			return nil, 0, err
		}
	}
	if err := b.open([]int64{c.Num}); err != nil {
		return nil, 0, err
	}
	l := b.ledger(c.Num)
	if l == nil {
		return &Configuration{}, 0, nil // deleted meanwhile
	}
	now, err := tx.DiscoveryGeneration(c.Account, false)
	if err != nil {
		return nil, 0, err
	}
	if l.Pass == 0 || l.Pass != c.Pass || l.PassAccount != c.PassAccount || l.TermsRev != c.TermsRev || now != before {
		return l.Configuration, 0, nil
	}
	if err := b.discoverPage(l, changed); err != nil {
		return nil, 0, err
	}
	if err := b.passOn(l, page); err != nil {
		return nil, 0, err
	}
	return l.Configuration, len(page), b.close()
}

// passOn moves a pass on after a page: within the inventory, to the next
// account's, or to the pass's end.
func (b *batch) passOn(l *ledger, page []*Resource) (err error) {
	l.Pass, l.moved = 0, true
	if len(page) == passPage {
		l.Pass = page[passPage-1].Num + 1
		return nil
	}
	if l.PassAccount, err = nextInventory(b.tx, l.Configuration); err != nil {
		return err
	}
	if l.PassAccount != "" {
		l.Pass = 1
	} else {
		l.LastRun = b.now
	}
	return nil
}

// nextInventory is the account that a configuration is shared with whose
// inventory follows in its pass; "" after the last one.
func nextInventory(tx Tx, c *Configuration) (string, error) {
	next := ""
	consider := func(account string) {
		if account > c.PassAccount && account != c.Account && (next == "" || account < next) {
			next = account
		}
	}
	for _, principal := range c.Terms.Shares {
		if validAccount(principal) {
			consider(principal)
			continue
		}
		found, err := tx.OrganizationAccounts(principal, c.PassAccount, 2) // one of them may be the owner
		if err != nil {
			return "", err
		}
		for _, a := range found {
			consider(a.Account)
		}
	}
	return next, nil
}

// lockPage locks the resources of a page that rules can match.
func (b *batch) lockPage(page []*Resource) ([]changedResource, error) {
	var arns []string
	for _, r := range page {
		if r.Type == ManagedInstance || r.Type == EC2Instance || r.Type == RDS {
			arns = append(arns, r.ARN)
		}
	}
	found, err := b.lockAll(b.who.Account, arns)
	if err != nil {
		return nil, err
	}
	changed := make([]changedResource, 0, len(found))
	for _, arn := range arns {
		if r := found[arn]; r != nil {
			changed = append(changed, changedResource{Resource: r, before: r.Facts, discover: true})
		}
	}
	return changed, nil
}

// discoverPage decides about locked resources in one locked configuration.
func (b *batch) discoverPage(l *ledger, changed []changedResource) error {
	rs, nums := make([]*Resource, len(changed)), make([]int64, len(changed))
	for i := range changed {
		rs[i], nums[i] = changed[i].Resource, changed[i].Num
	}
	f := newFindings()
	if err := f.readFailures(b.tx, nums); err != nil {
		return err
	}
	if err := f.readExclusions(b.tx, nums, b.now); err != nil {
		return err
	}
	if err := b.seeAll(rs...); err != nil {
		return err
	}
	d, err := b.discoveringOf(l)
	if err != nil {
		return err
	}
	if d.rules.needsSoftware() {
		if err := f.readSoftware(b, changed); err != nil {
			return err
		}
	}
	for _, num := range nums {
		f.add(num, l.Num)
	}
	return b.discoverAll(f, changed)
}
