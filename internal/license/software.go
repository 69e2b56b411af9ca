package license

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// SoftwareCount is an application of an account, in whatever version.
type SoftwareCount struct {
	Name, Publisher string
	Machines        int64
	Cursor          SoftwareCursor

	Product Product
	Known   bool // Product says what it is
	Matched bool // the application filters of some discovery rule accept it
}

// SoftwareCursor is a place in a list of software.
type SoftwareCursor struct {
	Rank int64 // the number of machines below zero
	Num  int64 // tells those of one rank apart
}

const (
	countBatch    = 100  // resources whose software one transaction counts: writers wait for it
	countAtOnce   = 2    // such transactions that a list waits for
	softwareLooks = 5000 // applications that one page looks at
)

// ListSoftware returns up to limit applications of the caller's account, the
// most widespread first, and where to go on; nil after the last one. With
// unmatched it leaves out what some discovery rule accepts; a page may then be
// empty and not the last. Counts follow the reports with the next sweep.
func (m *Manager) ListSoftware(ctx context.Context, who Caller, unmatched bool, after *SoftwareCursor, limit int) (list []SoftwareCount, next *SoftwareCursor, err error) {
	at := SoftwareCursor{Rank: math.MinInt64}
	if after != nil {
		at = *after
	} else if err := m.countSoftware(ctx, countAtOnce); err != nil {
		return nil, nil, err
	}
	err = m.store.View(ctx, func(tx Tx) error {
		rules, err := m.rules.of(tx, who.Account, false)
		if err != nil {
			return err
		}
		for looked := 0; looked < softwareLooks; looked += limit {
			page, err := tx.SoftwareCounts(who.Account, at, limit+1)
			if err != nil {
				return fmt.Errorf("list software: %w", err)
			}
			for _, c := range page[:min(limit, len(page))] {
				at = c.Cursor
				c.identify(m.settings.Normalise, rules)
				if !unmatched || !c.Matched {
					list = append(list, c)
				}
				if len(list) == limit && (c.Cursor != page[len(page)-1].Cursor || len(page) > limit) {
					next = &at
					return nil
				}
			}
			if len(page) <= limit {
				return nil
			}
		}
		next = &at
		return nil
	})
	return list, next, err
}

// identify says what an application is, and whether a rule is about it.
func (c *SoftwareCount) identify(normalise func(Application) (Product, bool), rules []discovering) {
	app := Application{Name: c.Name, Publisher: c.Publisher}
	c.Product, c.Known = normalise(app)
	known := knownApplication{app, c.Product, c.Known}
	c.Matched = slices.ContainsFunc(rules, func(d discovering) bool { return d.rules.accept(&known) })
}

// accept reports whether the application filters of some rule accept an
// application in one of its versions.
func (d discoveryRules) accept(a *knownApplication) bool {
	return slices.ContainsFunc(d, func(r discoveryRule) bool {
		return len(r.applications) > 0 && !slices.ContainsFunc(r.applications, func(f discoveryFilter) bool {
			if f.name == filterAppVersion {
				return false
			}
			_, _, ok := a.match(&f)
			return !ok
		})
	})
}

// countSoftware counts what was reported since, in at most so many
// transactions.
func (m *Manager) countSoftware(ctx context.Context, most int) error {
	for range most {
		done := 0
		err := m.store.Update(ctx, func(tx Tx) (err error) {
			done, err = tx.CountSoftware(countBatch)
			return err
		})
		if err != nil {
			return fmt.Errorf("count software: %w", err)
		}
		if done < countBatch {
			return nil
		}
	}
	return nil
}
