package store

import (
	"fmt"
	"slices"

	"reeve/internal/license"
	"reeve/internal/store/mvtree"
	"reeve/internal/store/sqlconn"
)

// firstRows is how many rows a scan makes room for before it has seen one.
const firstRows = 64

// license.TreeTx: reading the trees. This is the path of every list, so rows
// are parsed in place: their strings are parts of the stored value.

// Conn implements mvtree.Source.
func (t *tx) Conn() (sqlconn.Conn, error) { return t.conn, nil }

// Touched implements mvtree.Source.
func (t *tx) Touched(configuration, after, to int64) (nodes []int64, err error) {
	err = t.query("read nodes of revisions", `SELECT nodes FROM revision
		WHERE configuration = $1 AND number > $2 AND number <= $3`, []any{configuration, after, to},
		func(r sqlconn.Row) (err error) {
			nodes, err = parseNodes(nodes, r.Text(0))
			return err
		})
	return nodes, err
}

// WriteUsage implements license.TreeTx.
func (t *tx) WriteUsage(w license.UsageWriter, s license.UsageScan) error {
	tree, err := usageTree(s.Type)
	if err != nil || s.Limit <= 0 {
		return err
	}
	return t.readTree(s.Configuration, s.Revision, s.Mark, func(r mvtree.Reader) error {
		w.Restart()
		rows := usageReader{to: w, left: s.Limit}
		return r.Scan(s.Configuration, tree, s.Revision, treeKey(s.After), s.Owner, rows.next)
	})
}

// ScanUsage implements license.TreeTx.
func (t *tx) ScanUsage(dst []license.Usage, s license.UsageScan) ([]license.Usage, error) {
	rows := license.NewUsageRows(slices.Grow(dst, max(0, min(s.Limit, firstRows))))
	err := t.WriteUsage(rows, s)
	return rows.Rows, err
}

// UsageOf implements license.TreeTx.
func (t *tx) UsageOf(configuration, revision int64, k license.Key) (*license.Usage, error) {
	rows := license.NewUsageRows(nil)
	err := t.readTree(configuration, revision, 0, func(r mvtree.Reader) error {
		rows.Restart()
		value, ok, err := r.Get(configuration, allUsage, revision, treeKey(k))
		if err != nil || !ok {
			return err
		}
		_, err = (&usageReader{to: rows}).next(treeKey(k), value)
		return err
	})
	if err != nil || len(rows.Rows) == 0 {
		return nil, err
	}
	return &rows.Rows[0], nil
}

// ScanAssociations implements license.TreeTx.
func (t *tx) ScanAssociations(dst []license.Association, s license.UsageScan) ([]license.Association, error) {
	if s.Limit <= 0 {
		return dst, nil
	}
	start, end := len(dst), len(dst)+s.Limit
	dst = slices.Grow(dst, min(s.Limit, firstRows))
	err := t.readTree(s.Configuration, s.Revision, s.Mark, func(r mvtree.Reader) error {
		dst = dst[:start]
		return r.Scan(s.Configuration, associations, s.Revision, treeKey(s.After), 0,
			func(k mvtree.Key, value mvtree.Value) (bool, error) {
				dst = append(dst, license.Association{Key: license.Key{Owner: k.Owner, Resource: k.ID}})
				return len(dst) < end, dst[len(dst)-1].ParseText(value.Text) // the packer leaves associations as they are
			})
	})
	return dst, err
}

// ScanIntervals implements license.TreeTx. It reads the trees node by node, so
// memory does not grow with the number of rows.
func (t *tx) ScanIntervals(configuration int64, each func(license.Interval) error) error {
	for tree := range int64(treeCount) {
		row := license.Interval{Kind: license.KindUsage}
		switch {
		case tree == associations:
			row.Kind = license.KindAssociation
		case tree != allUsage:
			row.Type = license.ResourceTypes[tree-1]
		}
		if err := t.scanIntervals(configuration, tree, row, each); err != nil {
			return err
		}
	}
	return nil
}

// scanIntervals hands out the rows of one tree.
func (t *tx) scanIntervals(configuration, tree int64, row license.Interval, each func(license.Interval) error) error {
	return mvtree.ScanAll(t.conn, configuration, tree, func(_, since int64, r mvtree.Row) error {
		row.Since = since
		row.Key = license.Key{Owner: r.Owner, Resource: r.ID}
		row.From, row.To, row.Text = r.From, r.To, r.Value
		if row.To == mvtree.Open {
			row.To = license.OpenEnd
		}
		return each(row)
	})
}

// CheckTrees implements license.TreeTx. The trees are walked at the newest
// revision and at some that are spread over the history.
func (t *tx) CheckTrees(c *license.Configuration) error {
	if c.Head == 0 {
		return nil
	}
	trees := make([]int64, treeCount)
	for i := range trees {
		trees[i] = int64(i)
	}
	if err := mvtree.Check(t.conn, c.Num, trees, c.Head, spread(c.Head)); err != nil {
		return fmt.Errorf("check trees of %s: %w", c.ID, err)
	}
	return nil
}

// checkedRevisions is how many revisions CheckTrees looks at.
const checkedRevisions = 8

// spread returns the newest revision and up to checkedRevisions-1 others, from
// the first one on and evenly apart.
func spread(head int64) []int64 {
	n := min(head, checkedRevisions)
	revisions := make([]int64, n)
	for i := range n {
		revisions[i] = head - (head-1)*i/max(n-1, 1)
	}
	return revisions
}
