package license

import (
	"context"
	"fmt"
	"time"
)

// What a position says of the past.
const (
	positionDays = 365
	stepDays     = 5    // of one step of the trend; the days of all peaks are multiples of it
	maxTroubled  = 1000 // failures that are counted of one configuration

	day = Time(24 * time.Hour / time.Microsecond)
)

// PositionQuery says whose positions to list, and with what.
type PositionQuery struct {
	ARNs    []string // empty: every configuration of the account and region
	AsOf    *Time    // nil: now
	History bool     // with Peaks, Trend and OverSince
}

// Position says where one configuration stands at a moment.
type Position struct {
	ARN        string
	Created    Time
	Revision   int64 // the one that held
	RevisionAt Time
	Terms      Terms
	Consumed   int64

	// Of the present alone; nil for a past moment. At most 1000 are counted, and
	// of what another account shares, the caller's own.
	Failures   *int
	Unlicensed *int // resources among them that go without a licence

	OverSince Time      // since when more is in use than was bought, without a break; 0 when it is not
	Peaks     *[3]int64 // the most in use in the last 30, 90 and 365 days
	Trend     []int64   // the most in use in each 5 of the last 365 days, and as they began; oldest first
}

// Over is how many licences more than bought are in use.
func (p *Position) Over() int64 {
	if p.Terms.Count == nil {
		return 0
	}
	return max(0, p.Consumed-*p.Terms.Count)
}

// ListPositions returns up to limit positions in the order of the
// configurations' creation, or of the ARNs that the query names, and where to go
// on; nil after the last one. Of a past moment, it lists what existed then, also
// what is deleted since. ARNs that name nothing are left out. What other accounts
// share with the caller's is listed for the present alone and without its
// history: the total of the past would tell one member of another.
func (m *Manager) ListPositions(ctx context.Context, who Caller, q PositionQuery, after *ConfigurationCursor, limit int) (list []Position, next *ConfigurationCursor, err error) {
	var found []*Configuration
	err = m.store.View(ctx, func(tx Tx) error {
		if len(q.ARNs) > 0 {
			found, err = named(tx, who, q)
		} else {
			found, next, err = listed(tx, who, q.AsOf, after, limit)
		}
		if err != nil || q.AsOf != nil {
			return err
		}
		list, err = m.positionsNow(tx, who, found, q.History)
		return err
	})
	if err != nil || q.AsOf == nil {
		return list, next, err
	}
	list, err = m.positionsAt(ctx, found, q)
	return list, next, err
}

// named finds the configurations of a query that exist at its moment.
func named(tx Tx, who Caller, q PositionQuery) (found []*Configuration, err error) {
	find := readable
	if q.AsOf != nil {
		find = anyConfiguration
	}
	for _, arn := range q.ARNs {
		c, err := find(tx, who, arn)
		switch {
		case err != nil && (KindOf(err) == NotFound || KindOf(err) == AccessDenied):
			continue
		case err != nil:
			return nil, err
		}
		if q.AsOf == nil && c.Deleted == 0 || q.AsOf != nil && c.Created <= *q.AsOf && (c.Deleted == 0 || c.Deleted > *q.AsOf) {
			found = append(found, c)
		}
	}
	return found, nil
}

// listed reads one page of the configurations that exist at a moment.
func listed(tx Tx, who Caller, asOf *Time, after *ConfigurationCursor, limit int) (found []*Configuration, next *ConfigurationCursor, err error) {
	var cur ConfigurationCursor
	if after != nil {
		cur = *after
	}
	if asOf == nil {
		found, err = ownAndShared(tx, who, cur, limit+1)
	} else {
		found, err = tx.ConfigurationsAt(who.Account, who.Region, *asOf, cur.Created, cur.Num, limit+1)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("list license configurations: %w", err)
	}
	if len(found) > limit {
		found = found[:limit]
		last := found[limit-1]
		next = &ConfigurationCursor{last.Created, last.Num}
	}
	return found, next, nil
}

// positionsNow says where configurations stand in one snapshot.
func (m *Manager) positionsNow(tx Tx, who Caller, found []*Configuration, history bool) ([]Position, error) {
	now, err := m.now(tx)
	if err != nil {
		return nil, err
	}
	list := make([]Position, len(found))
	for i, c := range found {
		p := &list[i]
		*p = Position{ARN: c.ARN(), Created: c.Created, Revision: c.Head, RevisionAt: c.HeadAt, Terms: c.Terms, Consumed: c.Counters.Consumed}
		own := c.Account == who.Account
		if err := p.addFailures(tx, who, c); err != nil {
			return nil, err
		}
		if history && own {
			if err := p.addHistory(tx, c, max(now, c.HeadAt), c.TermsRev); err != nil {
				return nil, err
			}
		}
	}
	return list, nil
}

// positionsAt says where configurations stood at a past moment; what is
// answered for it is answered for ever.
func (m *Manager) positionsAt(ctx context.Context, found []*Configuration, q PositionQuery) ([]Position, error) {
	list := make([]Position, 0, len(found))
	for _, c := range found {
		r, err := m.revisionAt(ctx, c, *q.AsOf)
		if err != nil {
			return nil, err
		}
		if r == nil {
			continue
		}
		p := Position{ARN: c.ARN(), Created: c.Created, Revision: r.Number, RevisionAt: r.At, Consumed: r.Counters.Consumed}
		err = m.store.View(ctx, func(tx Tx) error {
			terms, err := termsAt(tx, c.Num, r.TermsRev)
			if err != nil {
				return err
			}
			p.Terms = *terms
			if q.History {
				return p.addHistory(tx, c, *q.AsOf, r.TermsRev)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// addFailures counts the failures that the caller may see, and whose of them has
// no licence: a failure may also say that a licence was kept though its machine
// reported nothing.
func (p *Position) addFailures(tx Tx, who Caller, c *Configuration) error {
	failures, err := visibleFailures(tx, who, c, Key{}, maxTroubled)
	if err != nil {
		return err
	}
	unlicensed := len(failures)
	if len(failures) > 0 {
		nums := make([]int64, len(failures))
		for i, f := range failures {
			nums[i] = f.Resource
		}
		open, err := tx.AssociationsOf(nums)
		if err != nil {
			return fmt.Errorf("read associations: %w", err)
		}
		for _, a := range open {
			if a.Configuration == c.Num && a.Origin != OriginAffinity && !a.Unlicensed {
				unlicensed--
			}
		}
	}
	p.Failures, p.Unlicensed = new(len(failures)), &unlicensed
	return nil
}

// addHistory adds what the days before a moment say.
func (p *Position) addHistory(tx Tx, c *Configuration, at Time, termsRev int64) error {
	start := at + 1 - positionDays*day
	steps, err := tx.Peaks(c.Num, start, at+1, stepDays*int64(day))
	if err != nil {
		return fmt.Errorf("read history: %w", err)
	}
	if err := p.addPeaks(tx, c.Num, start, steps); err != nil {
		return err
	}
	if err := p.addTrend(tx, c.Num, start, steps); err != nil || p.Over() == 0 {
		return err
	}
	return p.addOver(tx, c.Num, termsRev)
}

// addPeaks: the most in use in a time is what was in use as it began, or what a
// revision in it made of that.
func (p *Position) addPeaks(tx Tx, configuration int64, start Time, steps []Peak) error {
	p.Peaks = new([3]int64)
	for i, days := range []int64{30, 90, positionDays} {
		first := (positionDays - days) / stepDays
		consumed, err := consumedAt(tx, configuration, start+Time(first)*stepDays*day)
		if err != nil {
			return err
		}
		for _, s := range steps {
			if s.Step >= first {
				consumed = max(consumed, s.Consumed)
			}
		}
		p.Peaks[i] = consumed
	}
	return nil
}

func consumedAt(tx Tx, configuration int64, t Time) (int64, error) {
	r, err := tx.RevisionAt(configuration, t)
	if err != nil {
		return 0, fmt.Errorf("read history: %w", err)
	}
	if r == nil {
		return 0, nil
	}
	return r.Counters.Consumed, nil
}

func (p *Position) addTrend(tx Tx, configuration int64, start Time, steps []Peak) error {
	before, err := consumedAt(tx, configuration, start-1)
	if err != nil {
		return err
	}
	for i := range int64(positionDays / stepDays) {
		most := before
		if len(steps) > 0 && steps[0].Step == i {
			most, before = max(most, steps[0].Consumed), steps[0].After
			steps = steps[1:]
		}
		p.Trend = append(p.Trend, most)
	}
	return nil
}

// addOver finds since when, without a break, more was in use than the count
// that held at the time. Each turn of the loop is about the revisions under one
// version of the terms, the newest first.
func (p *Position) addOver(tx Tx, configuration, termsRev int64) error {
	count, last, first := p.Terms.Count, p.Revision, termsRev
	for count != nil {
		within, err := tx.LastWithin(configuration, first-1, last, *count)
		if err != nil {
			return fmt.Errorf("read history: %w", err)
		}
		if within > 0 {
			first = within + 1
			break
		}
		if first == 1 {
			break
		}
		last = first - 1
		before, err := revisionOf(tx, configuration, last)
		if err != nil {
			return err
		}
		terms, err := termsAt(tx, configuration, before.TermsRev)
		if err != nil {
			return err
		}
		if terms.Count == nil || before.Counters.Consumed <= *terms.Count {
			break // the revision that set the later terms was the first to be over
		}
		count, first = terms.Count, before.TermsRev
	}
	since, err := revisionOf(tx, configuration, first)
	if err != nil {
		return err
	}
	p.OverSince = since.At
	return nil
}

// revisionOf returns a revision that the ledger must have, without Changes.
func revisionOf(tx Tx, configuration, number int64) (*Revision, error) {
	r, err := tx.RevisionHead(configuration, number)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read revision: %w", err)
	case r == nil:
		return nil, fmt.Errorf("read revision: the ledger has no revision %d", number)
	}
	return r, nil
}
