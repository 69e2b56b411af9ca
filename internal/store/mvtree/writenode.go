package mvtree

import (
	"fmt"
	"slices"
	"sort"
)

// A writeNode is a node in a Writer's hands: its open rows and what has to be
// written. Of its ended rows only the number matters.
type writeNode struct {
	num    int64
	height int
	fresh  bool       // made by this writer: nothing of it is stored
	rows   []writeRow // the open rows in the order of keys
	ended  int        // stored rows that are not open

	wipe    bool       // delete every stored row
	deletes []writeRow // stored rows that never were visible
	closes  []writeRow // stored rows that end at the writer's revision
}

type writeRow struct {
	Key
	from   int64
	value  string // of a leaf
	child  int64  // of a directory
	stored bool
}

func (n *writeNode) total() int { return len(n.rows) + n.ended }

// fits says that the node may stay as it is. A root has no least.
func (n *writeNode) fits(s shape) bool {
	return n.total() <= s.most() && len(n.rows) >= s.least(n.height)
}

// seek returns the index of the first open row whose key is not below k.
func (n *writeNode) seek(k Key) int {
	return sort.Search(len(n.rows), func(i int) bool { return !n.rows[i].Key.less(k) })
}

// floor returns the index of the child that k belongs to, or -1.
func (n *writeNode) floor(k Key) int {
	i := n.seek(k)
	if i < len(n.rows) && n.rows[i].Key == k {
		return i
	}
	return i - 1
}

// end takes note that an open row ends at revision rev; the caller removes it
// from rows. A row of the same revision was never visible and leaves nothing
// behind; neither does a row that was only just copied to a new node, because
// earlier revisions read it in the old one.
func (n *writeNode) end(r writeRow, rev int64) {
	switch {
	case !r.stored:
	case r.from == rev:
		n.deletes = append(n.deletes, r)
	default:
		n.closes = append(n.closes, r)
		n.ended++
	}
}

// apply changes a leaf. The changes are in the order of keys.
func (n *writeNode) apply(rev int64, changes []Change) error {
	rows := make([]writeRow, 0, len(n.rows)+len(changes))
	i := 0
	for _, c := range changes {
		j := i + sort.Search(len(n.rows)-i, func(x int) bool { return !n.rows[i+x].Key.less(c.Key) })
		rows = append(rows, n.rows[i:j]...)
		found := j < len(n.rows) && n.rows[j].Key == c.Key
		i = j
		if found {
			i++
		}
		switch {
		case !found && c.Close:
			return fmt.Errorf("close row %v: no row of that key is open", c.Key)
		case found && !c.Close && n.rows[j].value == c.Value:
			rows = append(rows, n.rows[j])
			continue
		case found:
			n.end(n.rows[j], rev)
		}
		if !c.Close {
			rows = append(rows, writeRow{Key: c.Key, from: rev, value: c.Value})
		}
	}
	n.rows = append(rows, n.rows[i:]...)
	return nil
}

// replace puts new children in the place of count old ones, from index first.
func (n *writeNode) replace(first, count int, rows []writeRow, rev int64) {
	for _, old := range n.rows[first : first+count] {
		n.end(old, rev)
	}
	n.rows = slices.Replace(n.rows, first, first+count, rows...)
}

// retire makes the node one that only earlier revisions read. What would have
// ended in it at this revision may stay open: no later revision looks. But
// stored rows of this revision go, lest old revisions step over them for ever.
func (n *writeNode) retire(rev int64) {
	for _, r := range n.rows {
		if r.stored && r.from == rev {
			n.deletes = append(n.deletes, r)
		}
	}
	n.closes, n.rows = nil, nil
}

// written says that the node's stored rows change.
func (n *writeNode) written() bool {
	return n.wipe || len(n.deletes) > 0 || len(n.closes) > 0 ||
		slices.ContainsFunc(n.rows, func(r writeRow) bool { return !r.stored })
}
