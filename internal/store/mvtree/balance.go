package mvtree

import (
	"fmt"
	"slices"
)

// balance brings a changed leaf and what is above it into shape. path leads
// from the root to the leaf.
func (w *Writer) balance(t *writeTree, path []*writeNode) error {
	for i := len(path) - 1; i > 0; i-- {
		if path[i].fits(w.shape) {
			return nil
		}
		if err := w.rewrite(path[i-1], path[i]); err != nil {
			return err
		}
	}
	return w.balanceRoot(t, path[0])
}

// rewrite copies the open rows of a node that does not fit to new nodes. When
// they are few, those of a sibling under the same parent join them.
func (w *Writer) rewrite(parent, n *writeNode) error {
	first := slices.IndexFunc(parent.rows, func(r writeRow) bool { return r.child == n.num })
	if first < 0 {
		return fmt.Errorf("node %d is not a child of node %d", n.num, parent.num)
	}
	count := 1
	if len(n.rows) < w.shape.slim() && len(parent.rows) > 1 {
		count = 2
		first = min(first, len(parent.rows)-2)
	} else if n.total() <= w.shape.most() {
		return nil // few rows but no sibling: left until the parent has merged
	}
	old := slices.Clone(parent.rows[first : first+count])
	var rows []writeRow
	for _, o := range old {
		source, err := w.node(o.child, n.height)
		if err != nil {
			return err
		}
		rows = append(rows, source.rows...)
	}
	parent.replace(first, count, w.divide(old[0].Key, n.height, rows), w.rev)
	for _, o := range old {
		w.retire(w.nodes[o.child], o.from == w.rev)
	}
	return nil
}

// balanceRoot brings a root into shape: a directory with one child gives way
// to the child; a root that overflows is divided under a new one.
func (w *Writer) balanceRoot(t *writeTree, root *writeNode) error {
	for {
		switch {
		case root.height > 0 && len(root.rows) == 1:
			t.set(root.rows[0].child, root.height-1)
		case root.total() <= w.shape.most():
			return nil
		default:
			t.set(w.divideRoot(root))
		}
		if t.height > maxHeight {
			return errTooHigh
		}
		w.retire(root, false)
		var err error
		if root, err = w.node(t.root, t.height); err != nil {
			return err
		}
	}
}

// divideRoot copies a root's open rows and returns the new root.
func (w *Writer) divideRoot(root *writeNode) (num int64, height int) {
	parts := w.divide(Key{}, root.height, root.rows)
	if len(parts) == 1 {
		return parts[0].child, root.height
	}
	return w.make(root.height+1, parts).num, root.height + 1
}

// divide copies rows to as many new nodes as it takes, evenly, and returns the
// directory rows of these. lo is the lowest key that belongs to the first.
func (w *Writer) divide(lo Key, height int, rows []writeRow) []writeRow {
	k := max(1, (len(rows)+w.shape.part()-1)/w.shape.part())
	dir := make([]writeRow, k)
	for i := range dir {
		part := slices.Clone(rows[i*len(rows)/k : (i+1)*len(rows)/k])
		for j := range part {
			part[j].stored = false
		}
		if i > 0 {
			lo = part[0].Key
		}
		dir[i] = writeRow{Key: lo, from: w.rev, child: w.make(height, part).num}
	}
	return dir
}

// retire takes a node out of use. A node born at this very revision has no
// reader at all and vanishes.
func (w *Writer) retire(n *writeNode, bornNow bool) {
	if n.fresh {
		delete(w.nodes, n.num)
		return
	}
	n.retire(w.rev)
	if bornNow {
		n.wipe, n.deletes = true, nil
	}
}
