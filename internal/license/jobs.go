package license

import (
	"context"
	"fmt"
	"math"
	"time"
)

// sweepBatch bounds what one transaction of a sweep changes.
const sweepBatch = 500

// Sweep does what is due: it releases licences whose hold on a host is over,
// marks managed instances whose reports are overdue, makes those inactive that
// were not seen for long, and ends exclusions whose time is over. It returns
// how many resources it changed. Servers may sweep at once.
func (m *Manager) Sweep(ctx context.Context) (total int, err error) {
	for _, job := range []struct {
		doing string
		step  func(Tx) (int, error)
	}{
		{"release held licenses", m.releaseHolds},
		{"retire unseen machines", m.retireUnseen},
		{"mark machines with overdue reports", m.loseConnections},
		{"end exclusions", m.endExclusions},
	} {
		n, err := m.repeat(ctx, job.step)
		total += n
		if err != nil {
			return total, fmt.Errorf("%s: %w", job.doing, err)
		}
	}
	return total, m.countSoftware(ctx, math.MaxInt)
}

func (m *Manager) repeat(ctx context.Context, step func(Tx) (int, error)) (total int, err error) {
	for {
		done := 0
		err := m.store.Update(ctx, func(tx Tx) (err error) {
			done, err = step(tx)
			return err
		})
		total += done
		if err != nil || done == 0 {
			return total, err
		}
	}
}

// self is the server as the ledger's caller, for changes that nobody asked for.
func self(account, operation string) Caller {
	return Caller{Account: account, Principal: "Reeve", Operation: operation}
}

// releaseHolds ends affinity holds that are over, one account at a time.
func (m *Manager) releaseHolds(tx Tx) (int, error) {
	now, err := m.now(tx)
	if err != nil {
		return 0, err
	}
	due, err := tx.ExpiredHolds(now, sweepBatch)
	if err != nil || len(due) == 0 {
		return 0, err
	}
	account, due, err := ofOneInventory(tx, due)
	if err != nil {
		return 0, err
	}
	b := m.batch(tx, self(account, "ReleaseHeldLicense"))
	var nums []int64
	var arns []string
	for _, a := range due {
		nums = append(nums, a.Configuration)
		arns = append(arns, a.ResourceARN)
	}
	if _, err := b.lockAll(account, arns); err != nil {
		return 0, err
	}
	if err := b.open(nums); err != nil {
		return 0, err
	}
	done := 0
	for _, a := range due {
		if l := b.ledger(a.Configuration); l != nil {
			if err := b.release(l, a, now); err != nil {
				return 0, err
			}
			done++
		}
	}
	return done, b.close()
}

// ofOneInventory picks the associations with resources of one account.
func ofOneInventory(tx Tx, as []OpenAssociation) (account string, same []OpenAssociation, err error) {
	nums := make([]int64, len(as))
	for i, a := range as {
		nums[i] = a.Resource
	}
	found, err := tx.ResourcesByNum(nums)
	if err != nil {
		return "", nil, fmt.Errorf("read resources: %w", err)
	}
	for _, a := range as {
		r := found[a.Resource]
		if r == nil {
			return "", nil, fmt.Errorf("read resource %d: it is not in the inventory", a.Resource)
		}
		if account == "" {
			account = r.Account
		}
		if r.Account == account {
			same = append(same, a)
		}
	}
	return account, same, nil
}

// release ends one hold, if it is still there.
func (b *batch) release(l *ledger, a OpenAssociation, now Time) error {
	r, err := b.resource(a.Resource)
	if err != nil {
		return err
	}
	if err := b.seeOwn(l, r.Num); err != nil {
		return err
	}
	held := l.after[r.Num]
	if held == nil || held.Origin != OriginAffinity || held.Until > now {
		return nil
	}
	l.after[r.Num] = nil
	l.released = append(l.released, r.Num)
	l.touched[r.key()] = true
	return nil
}

// retireUnseen makes machines inactive whose last report is too old, one
// account at a time.
func (m *Manager) retireUnseen(tx Tx) (int, error) {
	now, err := m.now(tx)
	if err != nil {
		return 0, err
	}
	since := now - Time(m.settings.InactiveAfter/time.Microsecond)
	unseen, err := tx.UnseenResources(since, sweepBatch)
	if err != nil || len(unseen) == 0 {
		return 0, err
	}
	return m.retireSeen(tx, unseen, "RetireUnseenResource", inactive, func(r *Resource) bool {
		return r.Seen < since && r.Facts.Status != inactive && !r.Facts.Gone()
	})
}

// retireSeen gives the machines of the first one's account another status, if
// they still qualify for it under their locks.
func (m *Manager) retireSeen(tx Tx, rs []*Resource, operation, status string, qualifies func(*Resource) bool) (int, error) {
	account := rs[0].Account
	var arns []string
	for _, r := range rs {
		if r.Account == account {
			arns = append(arns, r.ARN)
		}
	}
	b := m.batch(tx, self(account, operation))
	changed, err := b.retire(arns, status, qualifies)
	if err != nil {
		return 0, err
	}
	return len(changed), b.recount(changed)
}

// loseConnections marks machines whose reports are overdue, one account at a
// time; they go on consuming.
func (m *Manager) loseConnections(tx Tx) (int, error) {
	now, err := m.now(tx)
	if err != nil {
		return 0, err
	}
	since := now - Time(m.settings.LostAfter/time.Microsecond)
	overdue, err := tx.OverdueResources(since, sweepBatch)
	if err != nil || len(overdue) == 0 {
		return 0, err
	}
	return m.retireSeen(tx, overdue, "LoseConnection", connectionLost, func(r *Resource) bool {
		return r.Seen < since && r.Facts.Status != connectionLost && r.Facts.Status != inactive && !r.Facts.Gone()
	})
}
