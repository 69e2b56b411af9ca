package license

import (
	"context"
	"fmt"
	"time"
)

// sweepBatch bounds what one transaction of a sweep changes.
const sweepBatch = 500

// Sweep does what is due: it releases licences whose hold on a host is over,
// and makes managed instances inactive that were not seen for the set time.
// It returns how many resources it changed. Servers may sweep at once.
func (m *Manager) Sweep(ctx context.Context) (int, error) {
	released, err := m.repeat(ctx, m.releaseHolds)
	if err != nil {
		return released, fmt.Errorf("release held licenses: %w", err)
	}
	inactive, err := m.repeat(ctx, m.retireUnseen)
	if err != nil {
		return released + inactive, fmt.Errorf("retire unseen machines: %w", err)
	}
	return released + inactive, nil
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
	account := due[0].Account
	b := &batch{tx: tx, who: self(account, "ReleaseHeldLicense"), clock: m.now}
	var nums []int64
	var arns []string
	for _, a := range due {
		if a.Account == account {
			nums = append(nums, a.Configuration)
			arns = append(arns, a.ResourceARN)
		}
	}
	if _, err := b.lockAll(account, arns); err != nil {
		return 0, err
	}
	if err := b.open(nums); err != nil {
		return 0, err
	}
	done := 0
	for _, a := range due {
		if l := b.ledger(a.Configuration); l != nil && a.Account == account {
			if err := b.release(l, a, now); err != nil {
				return 0, err
			}
			done++
		}
	}
	return done, b.close()
}

// release ends one hold, if it is still there.
func (b *batch) release(l *ledger, a OpenAssociation, now Time) error {
	r, err := b.resource(a.Resource)
	if err != nil {
		return err
	}
	if err := b.seeOwn(l, r); err != nil {
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
	account := unseen[0].Account
	var arns []string
	for _, r := range unseen {
		if r.Account == account {
			arns = append(arns, r.ARN)
		}
	}
	b := &batch{tx: tx, who: self(account, "RetireUnseenResource"), clock: m.now}
	changed, err := b.retire(arns, inactive, func(r *Resource) bool { return r.Seen < since && r.Facts.Status != inactive })
	if err != nil {
		return 0, err
	}
	return len(changed), b.recount(changed)
}
