package license

import (
	"context"
	"fmt"
)

// What evidence outside the database is made of.

// HashAfter computes the hash of the revision of the configuration with that
// ARN, from the hash of the revision before (nil for the first).
func (r *Revision) HashAfter(arn string, before []byte) []byte { return r.hash(arn, before) }

// EachChange calls each for every line of the text of the revision's changes.
func (r *Revision) EachChange(each func(Change) error) error { return parseChanges(r.Changes, each) }

// AddUsage adds n licences of a usage of a type to the counters.
func (c *Counters) AddUsage(t ResourceType, n int64) { c.consume(t, n) }

// AddAssociation adds n associations like a to the counters.
func (c *Counters) AddAssociation(a *Association, n int64) {
	c.associate(&OpenAssociation{Association: *a}, n)
}

// revisionPageBytes ends a page of revisions; one revision may be larger.
const revisionPageBytes = 4 << 20

// Revisions returns up to limit whole revisions of a configuration's ledger
// with a number beyond after, in order; next is where to go on, 0 after the
// newest one. Ledgers of deleted configurations, and of those that are being
// loaded, are read as well: the ledger is evidence, and not an answer. Callers
// of the root account read those of every account.
func (m *Manager) Revisions(ctx context.Context, who Caller, arn string, after int64, limit int) (page []*Revision, next int64, err error) {
	err = m.store.View(ctx, func(tx Tx) error {
		page, next = nil, 0
		c, err := ledgerOf(tx, who, arn)
		if err != nil {
			return err
		}
		page, next, err = revisionPage(tx, c, after, limit)
		return err
	})
	return page, next, err
}

func ledgerOf(tx Tx, who Caller, arn string) (*Configuration, error) {
	_, account, id, ok := parseConfigurationARN(arn)
	if ok && (who.Root || account == who.Account) {
		c, err := tx.Configuration(id)
		if err != nil {
			return nil, fmt.Errorf("read license configuration: %w", err)
		}
		if c != nil && c.ARN() == arn {
			return c, nil
		}
	}
	return nil, refuse(NotFound, "Invalid license configuration ARN: %s. There is no ledger of that name that you may read.", clip(arn))
}

// revisionPage reads revisions a few at a time, since one can be long.
func revisionPage(tx Tx, c *Configuration, after int64, limit int) (page []*Revision, next int64, err error) {
	const chunk = 100
	for size := 0; len(page) < limit; {
		found, err := tx.Revisions(c.Num, after, min(chunk, limit-len(page)))
		if err != nil {
			return nil, 0, fmt.Errorf("read revisions: %w", err)
		}
		for _, r := range found {
			page, after = append(page, r), r.Number
			if size += len(r.Changes) + len(r.Terms); size >= revisionPageBytes {
				break
			}
		}
		if len(found) == 0 || after >= c.Head || size >= revisionPageBytes {
			break
		}
	}
	if after >= c.Head || len(page) == 0 {
		return page, 0, nil
	}
	return page, after, nil
}
