package license

import (
	"fmt"
	"maps"
	"slices"
)

// useReader collects, by configuration, what a resource has to do with it.
type useReader struct {
	tx       Tx
	r        *Resource
	open     map[int64]*OpenAssociation
	failures map[int64]string
	excluded map[int64]*Exclusion
	guests   map[int64]bool // configurations that something that runs on it is associated with
}

// fillUses says what the resource consumes of each configuration now, as
// Explain would.
func (m *Manager) fillUses(tx Tx, who Caller, d *ResourceDetails) error {
	now, err := m.now(tx)
	if err != nil {
		return err
	}
	u := &useReader{tx: tx, r: d.Resource}
	if err := u.collect(now); err != nil {
		return err
	}
	if err := u.collectGuests(who); err != nil {
		return err
	}
	for _, num := range u.configurations() {
		c, err := visibleConfiguration(tx, who, num)
		if err != nil {
			return err
		}
		if c == nil {
			continue
		}
		use, err := u.use(c)
		if err != nil {
			return err
		}
		if use == nil {
			continue
		}
		if len(d.Uses) == detailUses {
			d.MoreUses = true
			return nil
		}
		d.Uses = append(d.Uses, *use)
	}
	return nil
}

// ownConfiguration returns a configuration of the caller's account and region
// by its number, nil when it is not one or is not there any more.
func ownConfiguration(tx Tx, who Caller, num int64) (*Configuration, error) {
	c, err := visibleConfiguration(tx, who, num)
	if c == nil || c.Account != who.Account {
		return nil, err
	}
	return c, nil
}

// visibleConfiguration is ownConfiguration with what other accounts share with
// the caller's, as readable has it.
func visibleConfiguration(tx Tx, who Caller, num int64) (*Configuration, error) {
	c, err := numbered(tx, num)
	if c == nil || c.Region != who.Region || c.Deleted != 0 || c.Loading {
		return nil, err
	}
	return forCaller(tx, who, c)
}

// numbered returns the configuration of a number, whosever it is and also when
// it is deleted; nil when there is none.
func numbered(tx Tx, num int64) (*Configuration, error) {
	found, err := tx.EveryConfiguration(num-1, 1)
	if err != nil {
		return nil, fmt.Errorf("read license configuration: %w", err)
	}
	if len(found) == 0 || found[0].Num != num {
		return nil, nil
	}
	return found[0], found[0].Unreadable
}

func (u *useReader) collect(now Time) error {
	u.open, u.failures, u.excluded = map[int64]*OpenAssociation{}, map[int64]string{}, map[int64]*Exclusion{}
	one := []int64{u.r.Num}
	open, err := u.tx.AssociationsOf(one)
	if err != nil {
		return fmt.Errorf("read associations: %w", err)
	}
	for i := range open {
		u.open[open[i].Configuration] = &open[i]
	}
	failed, err := u.tx.FailuresOf(one)
	if err != nil {
		return fmt.Errorf("read failures: %w", err)
	}
	for _, f := range failed {
		u.failures[f.Configuration] = f.Message
	}
	excluded, err := u.tx.ExclusionsOf(one)
	if err != nil {
		return fmt.Errorf("read exclusions: %w", err)
	}
	for i := range excluded {
		if excluded[i].holds(now) {
			u.excluded[excluded[i].Configuration] = &excluded[i]
		}
	}
	return nil
}

// collectGuests finds the configurations that may count on a host.
func (u *useReader) collectGuests(who Caller) error {
	u.guests = map[int64]bool{}
	if u.r.Type != EC2Host && u.r.Type != ManagedInstance {
		return nil
	}
	guests, err := u.tx.GuestsOf(who.Account, u.r.ARN, detailGuests)
	if err != nil {
		return fmt.Errorf("read guests: %w", err)
	}
	nums := make([]int64, len(guests))
	for i, g := range guests {
		nums[i] = g.Num
	}
	open, err := u.tx.AssociationsOf(nums)
	if err != nil {
		return fmt.Errorf("read associations of guests: %w", err)
	}
	for _, a := range open {
		u.guests[a.Configuration] = true
	}
	return nil
}

// configurations are the numbers of all that were collected, in order.
func (u *useReader) configurations() []int64 {
	all := map[int64]bool{}
	maps.Copy(all, u.guests)
	for num := range u.open {
		all[num] = true
	}
	for num := range u.failures {
		all[num] = true
	}
	for num := range u.excluded {
		all[num] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// use says what the resource consumes of one configuration; nil when it has
// nothing to do with it.
func (u *useReader) use(c *Configuration) (*ResourceUse, error) {
	use := &ResourceUse{ConfigurationARN: c.ARN(), Name: c.Terms.Name, CountingType: c.Terms.CountingType,
		Failure: u.failures[c.Num], Exclusion: u.excluded[c.Num]}
	a := u.open[c.Num]
	if a != nil {
		use.Association = &a.Association
	}
	usage, err := u.usage(c, a)
	if err != nil {
		return nil, err
	}
	if usage != nil {
		use.Consumed, use.CountedOn = usage.Consumed, usage.ResourceARN
	}
	if a == nil && usage == nil && use.Failure == "" && use.Exclusion == nil {
		return nil, nil
	}
	return use, nil
}

// usage returns the row that the resource consumes by, as Explain finds it:
// its own, or that of the host that it counts on while it uses a licence there.
func (u *useReader) usage(c *Configuration, a *OpenAssociation) (*Usage, error) {
	counter, err := newCounter(&c.Terms)
	if err != nil {
		return nil, err
	}
	p := &past{tx: u.tx, account: u.r.Account, configuration: c.Num, revision: c.Head, counter: counter}
	place := u.r
	if a != nil {
		if place, err = p.place(u.r); err != nil {
			return nil, err
		}
	}
	row, err := u.tx.UsageOf(c.Num, c.Head, place.key())
	if err != nil {
		return nil, fmt.Errorf("read usage: %w", err)
	}
	own := place.Num == u.r.Num
	if row != nil && !own && (a.Unlicensed || a.Origin != OriginAffinity && counter.judge(u.r, place).consumes == 0) {
		return nil, nil
	}
	return row, nil
}
