package license

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Bounds of a page of a resource's history.
const (
	maxVersionPage     = 50
	maxSoftwareChanges = 50
	effectRevisions    = 8 // revisions of a ledger that are looked at for what a report changed
)

// ResourceVersion is one version of what is known of a resource.
type ResourceVersion struct {
	FactsVersion
	Changes         []FactChange     // since the version before; of the first, everything
	Software        []SoftwareChange // the first of them
	SoftwareChanges int              // how many there are
	Effects         []Effect
}

// Effect is a revision that a version of the facts made.
type Effect struct {
	ConfigurationARN, Name string
	Revision               *Revision // without Changes and Terms
	From, To               int64     // licences that the resource's own row carries
}

// ResourceVersions returns up to limit versions of what is known of a resource
// of the caller's inventory, newest first, from the one below before (0: the
// newest), and where to go on; 0 after the first version. Effects are those in
// configurations that the resource has to do with now.
func (m *Manager) ResourceVersions(ctx context.Context, who Caller, arn string, before int64, limit int) (list []ResourceVersion, next int64, err error) {
	err = m.viewResource(ctx, who, arn, func(tx Tx, r *Resource) error {
		if before == 0 {
			before = r.Version + 1
		}
		limit = min(limit, maxVersionPage)
		versions, err := tx.FactsVersions(r.Num, before, limit+1)
		if err != nil {
			return fmt.Errorf("read versions of facts: %w", err)
		}
		now, err := m.now(tx)
		if err != nil {
			return err
		}
		h := &historyReader{tx: tx, who: who, r: r, now: now}
		if err := h.readConfigurations(); err != nil {
			return err
		}
		list, err = h.read(versions, limit)
		if len(versions) > limit {
			next = versions[limit-1].Version
		}
		return err
	})
	return list, next, err
}

// historyReader turns versions of a resource into what changed.
type historyReader struct {
	tx             Tx
	who            Caller
	r              *Resource
	now            Time
	configurations []*Configuration
}

// readConfigurations finds those whose ledgers the resource may have changed.
func (h *historyReader) readConfigurations() error {
	u := &useReader{tx: h.tx, r: h.r}
	if err := u.collect(h.now); err != nil {
		return err
	}
	if err := u.collectGuests(h.who); err != nil {
		return err
	}
	for _, num := range u.configurations() {
		c, err := ownConfiguration(h.tx, h.who, num)
		if err != nil {
			return err
		}
		if c != nil && len(h.configurations) < detailUses {
			h.configurations = append(h.configurations, c)
		}
	}
	return nil
}

// read compares the first limit versions with those before them.
func (h *historyReader) read(versions []FactsVersion, limit int) ([]ResourceVersion, error) {
	list := make([]ResourceVersion, min(limit, len(versions)))
	for i := range list {
		v := &list[i]
		v.FactsVersion = versions[i]
		before := &Facts{}
		if i+1 < len(versions) {
			before = &versions[i+1].Facts
		}
		v.Changes = changedFacts(before, &v.Facts)
		if err := h.readSoftware(v, before.Software); err != nil {
			return nil, err
		}
		for _, c := range h.configurations {
			e, err := h.effect(c, v)
			if err != nil {
				return nil, err
			}
			if e != nil {
				v.Effects = append(v.Effects, *e)
			}
		}
	}
	return list, nil
}

func (h *historyReader) readSoftware(v *ResourceVersion, before int64) error {
	if v.Facts.Software == before {
		return nil
	}
	two := []Software{{Resource: h.r.Num, Version: before}, {Resource: h.r.Num, Version: v.Facts.Software}}
	if err := h.tx.SoftwareOf(two); err != nil {
		return fmt.Errorf("read software: %w", err)
	}
	changes := changedSoftware(two[0].Applications, two[1].Applications)
	v.SoftwareChanges = len(changes)
	v.Software = changes[:min(len(changes), maxSoftwareChanges)]
	return nil
}

// effect finds the revision that a version made in a ledger, among the first
// after it was recorded; nil when there is none. A report and its revisions are
// one transaction, but others may have committed theirs in between.
func (h *historyReader) effect(c *Configuration, v *ResourceVersion) (*Effect, error) {
	last, err := h.tx.RevisionAt(c.Num, v.At-1)
	if err != nil {
		return nil, fmt.Errorf("read revision: %w", err)
	}
	first := int64(1)
	if last != nil {
		first = last.Number + 1
	}
	was, err := h.state(c, first-1)
	if err != nil {
		return nil, err
	}
	for number := first; number <= c.Head && number < first+effectRevisions; number++ {
		is, err := h.state(c, number)
		if err != nil {
			return nil, err
		}
		if is == was {
			continue
		}
		if !is.by(v.Version, was) || is.consumed == was.consumed {
			return nil, nil
		}
		r, err := h.tx.RevisionHead(c.Num, number)
		if err != nil || r == nil {
			return nil, fmt.Errorf("read revision %d: %w", number, err)
		}
		if r.At > v.At+reportTime || slices.Contains(decisions, r.Cause) {
			return nil, nil
		}
		r.Terms = nil
		return &Effect{c.ARN(), c.Terms.Name, r, was.consumed, is.consumed}, nil
	}
	return nil, nil
}

// reportTime is how long after a version of the facts its revisions may come:
// no request takes longer.
const reportTime = Time(time.Minute / time.Microsecond)

// decisions are causes of revisions that counted what was known already.
var decisions = []string{"UpdateLicenseSpecificationsForResource", "UpdateLicenseConfiguration", "DiscoverResources",
	"ExcludeResource", "IncludeResource", "EndExclusion", "ReleaseHeldLicense"}

// ledgerState is what a ledger says of one resource at a revision.
type ledgerState struct {
	consumed int64
	counted  int64 // version of the facts that were counted; 0 without usage
	judged   int64 // version of the facts of the association; 0 without one
}

// by reports whether the facts of one version made this of what was before.
func (s ledgerState) by(version int64, was ledgerState) bool {
	return s.counted == version && was.counted != version || s.judged == version && was.judged != version
}

func (h *historyReader) state(c *Configuration, revision int64) (s ledgerState, err error) {
	if revision == 0 {
		return s, nil
	}
	u, err := h.tx.UsageOf(c.Num, revision, h.r.key())
	if err != nil {
		return s, fmt.Errorf("read usage: %w", err)
	}
	if u != nil {
		s.consumed, s.counted = u.Consumed, u.Facts
	}
	p := &past{tx: h.tx, configuration: c.Num, revision: revision}
	a, err := p.association(h.r.key())
	if err != nil {
		return s, err
	}
	if a != nil {
		s.judged = a.Facts
	}
	return s, nil
}
