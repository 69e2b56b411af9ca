package license

import (
	"context"
	"fmt"
	"slices"
)

// Limits of the texts of an exclusion.
const (
	maxExclusionReason = 1024
	maxExclusionOwner  = 256
)

// ExclusionSpec says why a resource is excluded.
type ExclusionSpec struct {
	Reason string
	Owner  string // who answers for it
	Until  *Time  // nil: until somebody includes the resource again
}

// ExclusionCursor is a place in a list of exclusions.
type ExclusionCursor struct {
	Resource int64
	Created  Time
}

// holds reports whether an exclusion keeps a resource out at a moment. One
// whose end has come does not, even before the sweep has written so down.
func (e *Exclusion) holds(at Time) bool {
	return e.Created <= at && (e.Ended == 0 || e.Ended > at) && (e.Until == 0 || e.Until > at)
}

// ExcludeResource keeps a resource out of a configuration, whatever the
// discovery rules say, and ends the association that it has. An exclusion of
// the same resource that holds is ended, and the new one takes its place.
func (m *Manager) ExcludeResource(ctx context.Context, who Caller, arn, resourceARN string, spec ExclusionSpec) (e Exclusion, err error) {
	if err := checkText("Reason", spec.Reason, 1, maxExclusionReason); err != nil {
		return e, err
	}
	if err := checkText("Owner", spec.Owner, 1, maxExclusionOwner); err != nil {
		return e, err
	}
	err = m.withResource(ctx, who, arn, resourceARN, func(b *batch, l *ledger, r *Resource) error {
		if r.Facts.Gone() {
			return refuse(InvalidResourceState, "Resource %s is %s: there is nothing to exclude.", r.ARN, r.Facts.Status)
		}
		e, err = b.exclude(l, r, spec)
		return err
	})
	return e, err
}

// withResource runs fn over a resource and a configuration under their locks.
func (m *Manager) withResource(ctx context.Context, who Caller, arn, resourceARN string, fn func(*batch, *ledger, *Resource) error) error {
	if _, err := ParseResourceARN(resourceARN); err != nil {
		return err
	}
	return m.store.Update(ctx, func(tx Tx) error {
		c, err := configuration(tx, who, arn)
		if err != nil {
			return err
		}
		b := m.batch(tx, who)
		r, err := b.lockNamesake(c, resourceARN)
		if err != nil {
			return err
		}
		if err := b.open([]int64{c.Num}); err != nil {
			return err
		}
		l := b.ledger(c.Num)
		if l == nil {
			return unknownConfiguration(arn)
		}
		if err := b.seeAll(r); err != nil {
			return err
		}
		return fn(b, l, r)
	})
}

// lockNamesake locks a resource of the caller's inventory, or that of a member
// which is associated with a configuration of the caller's or excluded from it.
func (b *batch) lockNamesake(c *Configuration, arn string) (*Resource, error) {
	known, err := namesakes(b.tx, b.who, c.Num, false, arn)
	if err != nil {
		return nil, err
	}
	for _, r := range known {
		mine := r.Account == b.who.Account
		if !mine {
			if mine, err = tied(b.tx, c, r.Num); err != nil {
				return nil, err
			}
		}
		if mine {
			found, err := b.lockAll(r.Account, []string{arn})
			return found[arn], err
		}
	}
	return nil, refuse(InvalidParameter, "Resource %s is not in the inventory.", clip(arn))
}

// tied reports whether a resource is associated with a configuration, or
// excluded from it.
func tied(tx Tx, c *Configuration, resource int64) (bool, error) {
	open, err := tx.AssociationsOf([]int64{resource})
	if err != nil {
		return false, fmt.Errorf("read associations: %w", err)
	}
	excluded, err := tx.ExclusionsOf([]int64{resource})
	if err != nil {
		return false, fmt.Errorf("read exclusions: %w", err)
	}
	return slices.ContainsFunc(open, func(a OpenAssociation) bool { return a.Configuration == c.Num }) ||
		slices.ContainsFunc(excluded, func(e Exclusion) bool { return e.Configuration == c.Num }), nil
}

func (b *batch) exclude(l *ledger, r *Resource, spec ExclusionSpec) (Exclusion, error) {
	e := Exclusion{Configuration: l.Num, Account: l.Account, Resource: r.Num, ResourceARN: r.ARN,
		Created: b.now, CreatedBy: b.who.Principal, Reason: spec.Reason, Owner: spec.Owner}
	if spec.Until != nil {
		e.Until = *spec.Until
		if e.Until <= b.now {
			return e, refuse(InvalidParameter, "The exclusion would end at %s, which is past: the server's time is %s.", e.Until, b.now)
		}
	}
	before, err := b.endExclusion(l.Num, r)
	if err != nil {
		return e, err
	}
	if before != nil {
		e.Created = max(e.Created, before.Created+1)
	}
	if err := b.tx.SaveExclusion(&e); err != nil {
		return e, fmt.Errorf("save exclusion: %w", err)
	}
	l.cleared = append(l.cleared, r.key())
	if a := l.after[r.Num]; a != nil && a.Origin != OriginAffinity {
		if err := b.dissociate(l, r, &r.Facts); err != nil {
			return e, err
		}
	}
	return e, b.close()
}

// endExclusion ends the exclusion that stands for a locked resource, and
// returns it; nil when there is none.
func (b *batch) endExclusion(configuration int64, r *Resource) (*Exclusion, error) {
	found, err := b.tx.ExclusionsOf([]int64{r.Num})
	if err != nil {
		return nil, fmt.Errorf("read exclusions: %w", err)
	}
	at := slices.IndexFunc(found, func(e Exclusion) bool { return e.Configuration == configuration })
	if at < 0 {
		return nil, nil
	}
	e := &found[at]
	e.Ended, e.EndedBy = max(b.now, e.Created+1), b.who.Principal
	if err := b.tx.SaveExclusion(e); err != nil {
		return nil, fmt.Errorf("end exclusion: %w", err)
	}
	return e, nil
}

// IncludeResource ends the exclusion of a resource and discovers it again at
// once.
func (m *Manager) IncludeResource(ctx context.Context, who Caller, arn, resourceARN string) (e Exclusion, err error) {
	err = m.withResource(ctx, who, arn, resourceARN, func(b *batch, l *ledger, r *Resource) error {
		ended, err := b.endExclusion(l.Num, r)
		if err != nil {
			return err
		}
		if ended == nil {
			return refuse(InvalidParameter, "%s is not excluded from %s.", r.ARN, l.ARN())
		}
		e = *ended
		if err := b.rediscover(l, r); err != nil {
			return err
		}
		return b.close()
	})
	return e, err
}

// rediscover decides about one resource in one configuration, both locked.
func (b *batch) rediscover(l *ledger, r *Resource) error {
	f := newFindings()
	if err := f.readFailures(b.tx, []int64{r.Num}); err != nil {
		return err
	}
	if err := f.readExclusions(b.tx, []int64{r.Num}, b.now); err != nil {
		return err
	}
	return b.discoverIn(f, l, &changedResource{Resource: r, before: r.Facts})
}

// ListExclusions returns up to limit exclusions of a configuration in the
// order of their resources, and where to go on; nil after the last one. Those
// that were ended come too when all.
func (m *Manager) ListExclusions(ctx context.Context, who Caller, arn string, all bool, after *ExclusionCursor, limit int) (list []Exclusion, next *ExclusionCursor, err error) {
	var at ExclusionCursor
	if after != nil {
		at = *after
	}
	err = m.store.View(ctx, func(tx Tx) error {
		c, err := configuration(tx, who, arn)
		if err != nil {
			return err
		}
		if list, err = tx.Exclusions(c.Num, at.Resource, at.Created, all, limit+1); err != nil {
			return fmt.Errorf("list exclusions: %w", err)
		}
		return nil
	})
	if len(list) > limit {
		list = list[:limit]
		next = &ExclusionCursor{list[limit-1].Resource, list[limit-1].Created}
	}
	return list, next, err
}

// endExclusions ends the exclusions whose time is over, one account at a time,
// and discovers their resources again.
func (m *Manager) endExclusions(tx Tx) (int, error) {
	now, err := m.now(tx)
	if err != nil {
		return 0, err
	}
	due, err := tx.DueExclusions(now, sweepBatch)
	if err != nil || len(due) == 0 {
		return 0, err
	}
	account, due, err := exclusionsOfOneInventory(tx, due)
	if err != nil {
		return 0, err
	}
	b := m.batch(tx, self(account, "EndExclusion"))
	var nums []int64
	var arns []string
	for _, e := range due {
		nums, arns = append(nums, e.Configuration), append(arns, e.ResourceARN)
	}
	found, err := b.lockAll(account, arns)
	if err != nil {
		return 0, err
	}
	if err := b.open(nums); err != nil {
		return 0, err
	}
	done := 0
	for _, e := range due {
		if r := found[e.ResourceARN]; r != nil {
			if err := b.endDue(e.Configuration, r); err != nil {
				return 0, err
			}
			done++
		}
	}
	return done, b.close()
}

// exclusionsOfOneInventory picks the exclusions of resources of one account.
func exclusionsOfOneInventory(tx Tx, all []Exclusion) (account string, same []Exclusion, err error) {
	nums := make([]int64, len(all))
	for i, e := range all {
		nums[i] = e.Resource
	}
	found, err := tx.ResourcesByNum(nums)
	if err != nil {
		return "", nil, fmt.Errorf("read resources: %w", err)
	}
	for _, e := range all {
		r := found[e.Resource]
		if r == nil {
			return "", nil, fmt.Errorf("read resource %d: it is not in the inventory", e.Resource)
		}
		if account == "" {
			account = r.Account
		}
		if r.Account == account {
			same = append(same, e)
		}
	}
	return account, same, nil
}

// endDue ends one exclusion, if its time is still over under the locks.
func (b *batch) endDue(configuration int64, r *Resource) error {
	found, err := b.tx.ExclusionsOf([]int64{r.Num})
	if err != nil {
		return fmt.Errorf("read exclusions: %w", err)
	}
	over := func(e Exclusion) bool { return e.Configuration == configuration && e.Until != 0 && e.Until <= b.now }
	if !slices.ContainsFunc(found, over) {
		return nil
	}
	if _, err := b.endExclusion(configuration, r); err != nil {
		return err
	}
	l := b.ledger(configuration)
	if l == nil { // deleted
		return nil
	}
	if err := b.seeOwn(l, r.Num); err != nil {
		return err
	}
	return b.rediscover(l, r)
}
