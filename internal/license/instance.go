package license

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// An inventory agent on an EC2 instance reports a managed instance, as agents
// do everywhere. Where the account's inventory has the EC2 instance itself,
// the two are one machine and must be counted once. What the agent says of the
// software and the system is then put down to the EC2 instance, whose state,
// size and place the cloud knows better, and a managed instance that was made
// for the agent before leaves the inventory in the same transaction. So no
// ledger ever counts both, and what the one releases is there for the other.

// move is a managed instance that turned out to be an EC2 instance.
type move struct {
	from, to *Resource
	before   Facts // of from; no Status when it was never in the inventory
}

func (m *move) wasLive() bool { return m.before.Status != "" && !m.before.Gone() }

// findInstances looks up the EC2 instances that agents say they run on. What
// is found is believed only under its lock.
func (m *Manager) findInstances(ctx context.Context, who Caller, reports []parsedReport) error {
	for i := range reports {
		r := &reports[i]
		if r.Instance == "" {
			continue
		}
		byID := []InventoryFilter{{Name: "resource_id", Condition: Equals, Value: r.Instance}}
		for after, more := int64(0), true; more; {
			found, next, err := m.ListInventory(ctx, who, byID, after, 2)
			if err != nil {
				return err
			}
			for _, f := range found {
				if f.Type == EC2Instance {
					r.instance = f.ARN
				}
			}
			after, more = next, next != 0 && r.instance == ""
		}
	}
	return nil
}

// lockReported locks every resource that decides about reports, and the EC2
// instances that managed instances among them were moved to: who does not say
// which instance it is of, such as a file that is imported, is still of that.
func (b *batch) lockReported(reports []parsedReport) (map[string]*Resource, error) {
	existing, err := b.lockAll(b.who.Account, lockSet(reports, b.who.Account))
	if err != nil {
		return nil, err
	}
	var more []string
	for i := range reports {
		r := &reports[i]
		if known := existing[r.ARN]; r.instance == "" && known != nil && known.Facts.MovedTo != "" {
			r.instance = known.Facts.MovedTo
			more = append(more, r.instance)
		}
	}
	if len(more) == 0 {
		return existing, nil
	}
	slices.Sort(more)
	found, err := b.lockAll(b.who.Account, slices.Compact(more))
	if err != nil {
		return nil, err
	}
	maps.Copy(existing, found)
	return existing, nil
}

// redirect puts what agents on EC2 instances report down to these, and notes
// which managed instances stand for them. It is noted also of those that were
// never counted: a later report may not say any more which instance it is of.
// New resources are numbered as their reports are, from number on.
func (b *batch) redirect(reports []parsedReport, existing map[string]*Resource, number int64) error {
	reported := make(map[string]bool, len(reports))
	for i := range reports {
		reported[reports[i].ARN] = true
	}
	for i := range reports {
		r := &reports[i]
		to := existing[r.instance]
		if to == nil || to.Type != EC2Instance || to.Facts.Gone() {
			continue
		}
		if reported[to.ARN] {
			return refuse(InvalidParameter, "%s is reported more than once in this request.", to.ARN)
		}
		reported[to.ARN] = true
		m := move{from: existing[r.ARN], to: to}
		if m.from == nil {
			m.from = newResource(b.who.Account, r.name, r.ARN, b.now)
			m.from.Num, m.from.Facts = number+int64(i), Facts{}
		}
		m.before = m.from.Facts
		if m.wasLive() || m.before.MovedTo != to.ARN {
			b.moves = append(b.moves, m)
		}
		*r = r.inside(to)
	}
	return nil
}

// inside is what an agent's report says of the EC2 instance that it runs on.
func (r *parsedReport) inside(to *Resource) parsedReport {
	name, _ := ParseResourceARN(to.ARN) // of the inventory
	return parsedReport{
		Report: Report{ARN: to.ARN, Applications: r.Applications, FromAgent: r.FromAgent},
		name:   name, system: r.Platform, systemVersion: r.PlatformVersion,
	}
}

// retireMoved takes the managed instances that were moved out of the
// inventory, and returns those that may have been counted.
func (b *batch) retireMoved() ([]changedResource, error) {
	if len(b.moves) == 0 {
		return nil, nil
	}
	var changed []changedResource
	var inserts, updates []*Resource
	for i := range b.moves {
		m := &b.moves[i]
		m.from.Facts.Status, m.from.Facts.MovedTo = deleted, m.to.ARN
		if m.before.Status == "" {
			inserts = append(inserts, m.from)
			continue
		}
		m.from.Version++
		updates = append(updates, m.from)
		if m.wasLive() {
			changed = append(changed, changedResource{Resource: m.from, before: m.before, counts: true})
		}
	}
	if err := b.tx.InsertResources(inserts); err != nil {
		return nil, fmt.Errorf("insert resources: %w", err)
	}
	if err := b.tx.SaveResources(updates, b.now); err != nil {
		return nil, fmt.Errorf("save resources: %w", err)
	}
	return changed, b.moveExclusions()
}

// moveExclusions keeps excluded what somebody has excluded, with the same
// reason, owner and end.
func (b *batch) moveExclusions() error {
	for _, m := range b.moves {
		found, err := b.tx.ExclusionsOf([]int64{m.from.Num, m.to.Num})
		if err != nil {
			return fmt.Errorf("read exclusions: %w", err)
		}
		for _, e := range found {
			known := func(o Exclusion) bool { return o.Resource == m.to.Num && o.Configuration == e.Configuration }
			if e.Resource != m.from.Num || !e.holds(b.now) || slices.ContainsFunc(found, known) {
				continue
			}
			e.Resource, e.ResourceARN, e.Created = m.to.Num, m.to.ARN, b.now
			if err := b.tx.SaveExclusion(&e); err != nil {
				return fmt.Errorf("save exclusion: %w", err)
			}
		}
	}
	return nil
}

// moveAssociations associates the EC2 instances where somebody had associated
// the managed instances. What discovery associated, it finds again by itself.
func (b *batch) moveAssociations() error {
	for _, m := range b.moves {
		for _, l := range b.ledgers {
			a := l.after[m.from.Num]
			if a == nil || a.Origin != OriginRequest || l.after[m.to.Num] != nil {
				continue
			}
			l.associate(m.to, OriginRequest, a.Scope, b.time(l))
			if err := b.touchPlace(l, m.to, &m.to.Facts); err != nil {
				return err
			}
		}
	}
	return nil
}
