package license

import (
	"context"
	"fmt"
	"slices"
)

// compareBudget bounds how many rows one page of a comparison reads.
const compareBudget = 20_000

// Between moments with so few revisions, which name so little, a comparison looks
// at what they changed; it merges the two lists of usage where there are more.
const (
	compareRevisions = 64
	compareBytes     = 64 << 10 // of changes
)

// Compare returns up to limit differences between the usage at two moments,
// after a key and in the order of keys. A page ends early, with Next set, when
// it has read very many equal rows.
func (m *Manager) Compare(ctx context.Context, who Caller, arn string, from, to Time, after *Key, limit int) (*Comparison, error) {
	c, err := m.target(ctx, who, arn, true)
	if err != nil {
		return nil, err
	}
	cmp := &Comparison{From: from, To: to}
	first, err := m.revisionAt(ctx, c, from)
	if err != nil {
		return nil, err
	}
	second, err := m.revisionAt(ctx, c, to)
	if err != nil {
		return nil, err
	}
	err = m.store.View(ctx, func(tx Tx) error {
		if cmp.FromRevision, cmp.FromConsumed, cmp.FromCount, err = compareSide(tx, c.Num, first); err != nil {
			return err
		}
		if cmp.ToRevision, cmp.ToConsumed, cmp.ToCount, err = compareSide(tx, c.Num, second); err != nil {
			return err
		}
		return cmp.fill(tx, c.Num, after, limit)
	})
	return cmp, err
}

func compareSide(tx Tx, configuration int64, r *Revision) (number, consumed int64, count *int64, err error) {
	if r == nil {
		return 0, 0, nil, nil
	}
	terms, err := termsAt(tx, configuration, r.TermsRev)
	if err != nil {
		return 0, 0, nil, err
	}
	return r.Number, r.Counters.Consumed, terms.Count, nil
}

// fill lists the differences.
func (cmp *Comparison) fill(tx Tx, configuration int64, after *Key, limit int) error {
	var start Key
	if after != nil {
		start = *after
	}
	changed, few, err := cmp.changed(tx, configuration)
	if err != nil {
		return err
	}
	if few {
		return cmp.look(tx, configuration, changed, start, limit)
	}
	return cmp.merge(tx, configuration, start, limit)
}

// changed returns the keys whose usage the revisions between the two moments have
// changed, in order, if that is little to read.
func (cmp *Comparison) changed(tx Tx, configuration int64) (keys []Key, few bool, err error) {
	first, last := min(cmp.FromRevision, cmp.ToRevision)+1, max(cmp.FromRevision, cmp.ToRevision)
	if last-first >= compareRevisions {
		return nil, false, nil
	}
	var text []byte
	for number := first; number <= last; number++ {
		r, err := tx.Revision(configuration, number)
		if err != nil || r == nil {
			return nil, false, fmt.Errorf("read revision %d: %w", number, cmpErr(err, ErrNoRevision))
		}
		if text = append(text, r.Changes...); len(text) > compareBytes {
			return nil, false, nil
		}
	}
	err = parseChanges(text, func(ch Change) error {
		if ch.Kind == KindUsage {
			keys = append(keys, ch.Key)
		}
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	slices.SortFunc(keys, Key.Compare)
	return slices.Compact(keys), true, nil
}

// look compares the usage of these keys.
func (cmp *Comparison) look(tx Tx, configuration int64, keys []Key, start Key, limit int) error {
	last := start
	for _, k := range keys {
		if k.Compare(start) <= 0 {
			continue
		}
		var d Difference
		for _, side := range []struct {
			usage    **Usage
			revision int64
		}{{&d.From, cmp.FromRevision}, {&d.To, cmp.ToRevision}} {
			if side.revision == 0 {
				continue
			}
			u, err := tx.UsageOf(configuration, side.revision, k)
			if err != nil {
				return fmt.Errorf("read usage: %w", err)
			}
			*side.usage = u
		}
		switch {
		case d.same():
		case len(cmp.Differences) == limit:
			cmp.Next = &last
			return nil
		default:
			cmp.Differences = append(cmp.Differences, d)
			last = k
		}
	}
	return nil
}

// same reports whether nothing differs.
func (d *Difference) same() bool {
	return d.From == nil && d.To == nil || d.From != nil && d.To != nil && sameUsage(d.From, d.To)
}

// merge reads the two lists of usage, which are in the same order.
func (cmp *Comparison) merge(tx Tx, configuration int64, start Key, limit int) error {
	chunk := min(1000, limit+1)
	from := &usageReader{tx: tx, scan: UsageScan{Configuration: configuration, Revision: cmp.FromRevision, After: start, Limit: chunk}}
	to := &usageReader{tx: tx, scan: UsageScan{Configuration: configuration, Revision: cmp.ToRevision, After: start, Limit: chunk}}
	last := start
	for read := 0; ; read++ {
		d, err := nextPair(from, to)
		if err != nil || d.From == nil && d.To == nil {
			return err
		}
		if len(cmp.Differences) == limit && !d.same() || read == compareBudget {
			cmp.Next = &last
			return nil
		}
		if !d.same() {
			cmp.Differences = append(cmp.Differences, d)
		}
		last = d.key()
	}
}

func (d *Difference) key() Key {
	if d.From != nil {
		return d.From.Key
	}
	return d.To.Key
}

// nextPair takes the next key from two lists in order.
func nextPair(from, to *usageReader) (Difference, error) {
	a, err := from.peek()
	if err != nil {
		return Difference{}, err
	}
	b, err := to.peek()
	if err != nil {
		return Difference{}, err
	}
	switch {
	case a == nil && b == nil:
		return Difference{}, nil
	case b == nil || a != nil && a.Key.Compare(b.Key) < 0:
		from.take()
		return Difference{From: a}, nil
	case a == nil || a.Key.Compare(b.Key) > 0:
		to.take()
		return Difference{To: b}, nil
	}
	from.take()
	to.take()
	return Difference{From: a, To: b}, nil
}

// usageReader reads a list of usage row by row.
type usageReader struct {
	tx   Tx
	scan UsageScan
	rows []Usage
	done bool
}

func (r *usageReader) peek() (*Usage, error) {
	if len(r.rows) == 0 && !r.done && r.scan.Revision > 0 {
		rows, err := r.tx.ScanUsage(nil, r.scan)
		if err != nil {
			return nil, fmt.Errorf("list usage: %w", err)
		}
		r.rows, r.done = rows, len(rows) < r.scan.Limit
		r.scan.Limit = 1000 // who reads on reads far
		if len(rows) > 0 {
			r.scan.After = rows[len(rows)-1].Key
		}
	}
	if len(r.rows) == 0 {
		return nil, nil
	}
	return &r.rows[0], nil
}

func (r *usageReader) take() { r.rows = r.rows[1:] }
