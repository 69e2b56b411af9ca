package license

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// ListUsage returns up to limit usage rows of a configuration, in the order of
// keys, at the revision that the filter's AsOf selects, or the newest. With a
// cursor it goes on where a page ended, at that page's revision; the cursor
// must come from a page with the same filter.
func (m *Manager) ListUsage(ctx context.Context, who Caller, arn string, f UsageFilter, cur *Cursor, limit int) (page UsagePage, err error) {
	if cur == nil {
		start, err := m.UsageCursor(ctx, who, arn, f.AsOf)
		if err != nil {
			return UsagePage{}, err
		}
		cur = &start
	}
	rows := NewUsageRows(nil)
	page.Next, err = m.WriteUsage(ctx, who, f, *cur, limit, rows)
	page.Usage = rows.Rows
	return page, err
}

// WriteUsage is ListUsage for who writes the rows elsewhere: it passes them to
// w and returns where the next page begins, nil after the last one. start comes
// from UsageCursor or from a page of the same caller and filter.
func (m *Manager) WriteUsage(ctx context.Context, who Caller, f UsageFilter, start Cursor, limit int, w UsageWriter) (next *Cursor, err error) {
	if start.Revision == 0 {
		return nil, nil
	}
	err = m.store.View(ctx, func(tx Tx) error {
		next, err = writeUsage(tx, who, f, start, limit, w)
		return err
	})
	return next, err
}

// UsageCursor returns where a list of usage or associations begins: at the
// revision that asOf selects, or the newest. Its Revision is 0 when the
// configuration did not exist at that moment; that list is empty.
func (m *Manager) UsageCursor(ctx context.Context, who Caller, arn string, asOf *Time) (Cursor, error) {
	if asOf != nil {
		return m.cursorAt(ctx, who, arn, *asOf)
	}
	c, err := m.Configuration(ctx, who, arn)
	if err != nil {
		return Cursor{}, err
	}
	return beginning(who, c, c.Head, MarkOf(c.HeadHash)), nil
}

// cursorAt is UsageCursor of a moment. Of one that is settled it asks the
// database no more often than of the present.
func (m *Manager) cursorAt(ctx context.Context, who Caller, arn string, t Time) (Cursor, error) {
	var c *Configuration
	var number, mark int64
	err := m.store.View(ctx, func(tx Tx) (err error) {
		c, err = readableBy(tx, who, arn, func(id string) (c *Configuration, err error) {
			c, number, mark, err = tx.ConfigurationAt(id, t)
			return c, err
		})
		return err
	})
	if err != nil {
		return Cursor{}, err
	}
	if t > c.passed() { // what was read may not be final
		r, err := m.revisionAt(ctx, c, t)
		if err != nil || r == nil {
			return Cursor{}, err
		}
		number, mark = r.Number, MarkOf(r.Hash)
	}
	if number == 0 {
		return Cursor{}, nil
	}
	return beginning(who, c, number, mark), nil
}

// beginning is where a list of a revision begins.
func beginning(who Caller, c *Configuration, revision, mark int64) Cursor {
	start := Cursor{Configuration: c.Num, Revision: revision, Mark: mark}
	if c.Account != who.Account {
		start.Only = ownerNumber(who.Account)
	}
	return start
}

// target reads a configuration of the caller's; past says that a deleted one
// will do.
func (m *Manager) target(ctx context.Context, who Caller, arn string, past bool) (*Configuration, error) {
	find := configuration
	if past {
		find = anyConfiguration
	}
	return m.find(ctx, who, arn, find)
}

// read is target for what another account shares, too: who calls it shows no
// more than the caller's own machines of that.
func (m *Manager) read(ctx context.Context, who Caller, arn string, past bool) (*Configuration, error) {
	find := usable
	if past {
		find = readable
	}
	return m.find(ctx, who, arn, find)
}

func (m *Manager) find(ctx context.Context, who Caller, arn string, find func(Tx, Caller, string) (*Configuration, error)) (c *Configuration, err error) {
	err = m.store.View(ctx, func(tx Tx) error {
		c, err = find(tx, who, arn)
		return err
	})
	return c, err
}

// revisionAt returns the revision that held at a moment, nil when the
// configuration did not exist then. The answer for a moment never changes.
func (m *Manager) revisionAt(ctx context.Context, c *Configuration, t Time) (r *Revision, err error) {
	if t > c.passed() { // else nothing can come before what follows t
		switch now, err := m.present(ctx); {
		case err != nil:
			return nil, err
		case t > now:
			return nil, refuse(InvalidParameter, "The point in time %s is in the future: the server's time is %s.", t, max(now, c.passed()))
		}
		switch err := m.settle(ctx, c.Num); {
		case isUnwritable(err):
			return m.promise(ctx, c.Num, t)
		case err != nil:
			return nil, err
		}
	}
	err = m.store.View(ctx, func(tx Tx) error {
		r, err = tx.RevisionAt(c.Num, t)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find revision: %w", err)
	}
	return r, nil
}

// mayGoOn refuses the later pages of a list of what is not shared any more.
func (c *Cursor) mayGoOn(tx Tx, who Caller) error {
	if c.Only == 0 {
		return nil
	}
	of, err := numbered(tx, c.Configuration)
	if err != nil {
		return err
	}
	if of != nil {
		if ok, err := shared(tx, of, who.Account); err != nil || ok {
			return err
		}
	}
	return refuse(InvalidParameter, "The license configuration of this NextToken is not shared with your account any more.")
}

func writeUsage(tx Tx, who Caller, f UsageFilter, start Cursor, limit int, w UsageWriter) (*Cursor, error) {
	w.Restart()
	if err := start.mayGoOn(tx, who); err != nil {
		return nil, err
	}
	kind := ResourceType(f.ResourceType)
	owner := ownerNumber(f.Account)
	if f.ResourceType != "" && kind.Number() < 0 || f.Account != "" && owner == 0 || owner != 0 && start.Only != 0 && owner != start.Only {
		return nil, nil
	}
	if start.Only != 0 {
		owner = start.Only
	}
	if f.ResourceARN != "" {
		return nil, writeUsageOf(tx, who, f, start, w)
	}
	page := pageWriter{to: w, limit: limit}
	err := tx.WriteUsage(&page, UsageScan{
		Configuration: start.Configuration, Revision: start.Revision, Mark: start.Mark,
		Type: kind, Owner: owner, After: start.After, Limit: limit + 1,
	})
	if err != nil {
		return nil, listError("list usage", err)
	}
	if page.rows <= limit {
		return nil, nil
	}
	start.After = page.last
	return &start, nil
}

// pageWriter passes on the rows of a page; one more says that there is a next.
type pageWriter struct {
	to    UsageWriter
	limit int
	rows  int
	last  Key // of the page
}

// Restart implements UsageWriter.
func (p *pageWriter) Restart() {
	p.rows = 0
	p.to.Restart()
}

// Row implements UsageWriter.
func (p *pageWriter) Row(u *Usage, rest string) {
	if p.rows++; p.rows <= p.limit {
		p.last = u.Key
		p.to.Row(u, rest)
	}
}

// writeUsageOf answers the filter resourceArn: one row at most, as a machine
// that two accounts have reported counts once.
func writeUsageOf(tx Tx, who Caller, f UsageFilter, start Cursor, w UsageWriter) error {
	known, err := namesakes(tx, who, start.Configuration, start.Only != 0, f.ResourceARN)
	if err != nil {
		return err
	}
	for _, r := range known {
		if err := writeUsageOfOne(tx, r, f, start, w); err != nil {
			return err
		}
	}
	return nil
}

// namesakes returns the resources of a name that may be in a configuration, as
// its owner or, guest, as a member sees it: that of the caller's inventory
// first, then that of the other account which may have reported it.
func namesakes(tx Tx, who Caller, configuration int64, guest bool, arn string) ([]*Resource, error) {
	other := ""
	if name, err := ParseResourceARN(arn); err == nil && !guest {
		other = name.Account
	} else if guest {
		of, err := numbered(tx, configuration)
		if err != nil {
			return nil, err
		}
		if of != nil {
			other = of.Account
		}
	}
	accounts := []string{who.Account}
	if other != "" && other != who.Account {
		accounts = append(accounts, other)
	}
	known, err := tx.Namesakes(arn, accounts)
	if err != nil {
		return nil, fmt.Errorf("read resource: %w", err)
	}
	return slices.DeleteFunc(known, func(r *Resource) bool { return guest && r.Owner != who.Account }), nil
}

func writeUsageOfOne(tx Tx, r *Resource, f UsageFilter, start Cursor, w UsageWriter) error {
	if f.ResourceType != "" && f.ResourceType != string(r.Type) || f.Account != "" && f.Account != r.Owner || start.After.Compare(r.key()) >= 0 {
		return nil
	}
	k := r.key()
	rows := NewUsageRows(nil)
	err := tx.WriteUsage(rows, UsageScan{
		Configuration: start.Configuration, Revision: start.Revision, Mark: start.Mark,
		After: Key{k.Owner, k.Resource - 1}, Limit: 1,
	})
	if err != nil {
		return listError("read usage", err)
	}
	if len(rows.Rows) == 1 && rows.Rows[0].Key == k {
		w.Row(&rows.Rows[0], "")
	}
	return nil
}

// listError is the error of reading a page. A page whose revision is lost is
// refused, or its client would try for ever.
func listError(doing string, err error) error {
	if errors.Is(err, ErrNoRevision) {
		return refuse(InvalidParameter, "This NextToken belongs to a state of the ledger that is lost: the database was set back to an earlier one. Start from the first page.")
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// ListAssociations returns up to limit associations of a configuration, those
// that consume nothing included, in the order of keys and pinned like
// ListUsage. Licences that are only held on a host are not listed.
func (m *Manager) ListAssociations(ctx context.Context, who Caller, arn string, cur *Cursor, limit int) ([]Association, *Cursor, error) {
	var start Cursor
	var err error
	if cur == nil {
		if start, err = m.UsageCursor(ctx, who, arn, nil); err != nil {
			return nil, nil, err
		}
	} else {
		start = *cur
	}
	var list []Association
	var next *Cursor
	err = m.store.View(ctx, func(tx Tx) error {
		if err := start.mayGoOn(tx, who); err != nil {
			return err
		}
		if start.Only != 0 && start.After.Owner < start.Only {
			start.After = Key{Owner: start.Only}
		}
		list, next, err = scanAssociations(tx, start, limit)
		return err
	})
	return list, next, err
}

func scanAssociations(tx Tx, at Cursor, limit int) ([]Association, *Cursor, error) {
	var list []Association
	for {
		rows, err := tx.ScanAssociations(nil, UsageScan{Configuration: at.Configuration, Revision: at.Revision, Mark: at.Mark, After: at.After, Limit: limit + 1})
		if err != nil {
			return nil, nil, listError("list associations", err)
		}
		for _, a := range rows {
			if at.Only != 0 && a.Owner != at.Only {
				return list, nil, nil
			}
			if a.Origin == OriginAffinity {
				at.After = a.Key
				continue
			}
			if len(list) == limit {
				return list, &at, nil
			}
			list = append(list, a)
			at.After = a.Key
		}
		if len(rows) <= limit {
			return list, nil, nil
		}
	}
}

// ListFailures returns up to limit failures of a configuration after a key, in
// the order of keys, and where to go on; nil after the last one.
func (m *Manager) ListFailures(ctx context.Context, who Caller, arn string, after Key, limit int) (list []Failure, next *Key, err error) {
	err = m.store.View(ctx, func(tx Tx) error {
		c, err := usable(tx, who, arn)
		if err != nil {
			return err
		}
		list, err = visibleFailures(tx, who, c, after, limit+1)
		return err
	})
	if len(list) > limit {
		list = list[:limit]
		next = &list[limit-1].Key
	}
	return list, next, err
}

// visibleFailures returns up to limit failures of a configuration after a key: of
// what another account shares, those of the caller's machines.
func visibleFailures(tx Tx, who Caller, c *Configuration, after Key, limit int) ([]Failure, error) {
	only := ownerNumber(who.Account)
	guest := c.Account != who.Account
	if guest && after.Owner < only {
		after = Key{Owner: only}
	}
	list, err := tx.Failures(c.Num, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list failures: %w", err)
	}
	if guest {
		list = slices.DeleteFunc(list, func(f Failure) bool { return f.Owner != only })
	}
	return list, nil
}
