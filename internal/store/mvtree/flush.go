package mvtree

import (
	"fmt"
	"maps"
	"slices"
)

const (
	wipeLeafSQL   = `DELETE FROM tree_leaf WHERE cfg = $1 AND node = $2`
	wipeDirSQL    = `DELETE FROM tree_dir WHERE cfg = $1 AND node = $2`
	deleteLeafSQL = `DELETE FROM tree_leaf WHERE cfg = $1 AND node = $2 AND owner = $3 AND id = $4 AND from_rev = $5`
	deleteDirSQL  = `DELETE FROM tree_dir WHERE cfg = $1 AND node = $2 AND owner = $3 AND id = $4 AND from_rev = $5`
	closeLeafSQL  = `UPDATE tree_leaf SET to_rev = $6
		WHERE cfg = $1 AND node = $2 AND owner = $3 AND id = $4 AND from_rev = $5`
	closeDirSQL = `UPDATE tree_dir SET to_rev = $6
		WHERE cfg = $1 AND node = $2 AND owner = $3 AND id = $4 AND from_rev = $5`
	insertLeafSQL = `INSERT INTO tree_leaf (cfg, node, owner, id, from_rev, to_rev, value)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`
	insertDirSQL = `INSERT INTO tree_dir (cfg, node, owner, id, from_rev, to_rev, child)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`
	saveRootSQL = `INSERT INTO tree_root (cfg, tree, from_rev, node, height) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (cfg, tree, from_rev) DO UPDATE SET node = excluded.node, height = excluded.height`
)

// batch is the arguments of every statement of a flush.
type batch struct {
	leaf, dir tableBatch
	roots     [][]any
}

type tableBatch struct{ wipes, deletes, closes, inserts [][]any }

// Flush writes everything and ends the writer. It returns the next free node
// number and, in ascending order, the touched nodes: those that were there
// before and whose rows were written, and RootNode of each tree whose root
// changed. New nodes are not among them, since nobody can have read them.
func (w *Writer) Flush() (nextNode int64, touched []int64, err error) {
	var b batch
	for _, num := range slices.Sorted(maps.Keys(w.nodes)) {
		n := w.nodes[num]
		if !n.written() {
			continue
		}
		if !n.fresh {
			touched = append(touched, num)
		}
		w.collect(&b, n)
	}
	for _, num := range slices.Sorted(maps.Keys(w.trees)) {
		if t := w.trees[num]; t.dirty {
			touched = append(touched, RootNode(num))
			b.roots = append(b.roots, []any{w.cfg, num, w.rev, t.root, int64(t.height)})
		}
	}
	if err := w.write(&b); err != nil {
		return 0, nil, fmt.Errorf("write trees of configuration %d: %w", w.cfg, err)
	}
	slices.Sort(touched)
	return w.next, touched, nil
}

// collect adds what has to be written of a node.
func (w *Writer) collect(b *batch, n *writeNode) {
	t := &b.leaf
	if n.height > 0 {
		t = &b.dir
	}
	if n.wipe {
		t.wipes = append(t.wipes, []any{w.cfg, n.num})
	}
	for _, r := range n.deletes {
		t.deletes = append(t.deletes, []any{w.cfg, n.num, r.Owner, r.ID, r.from})
	}
	for _, r := range n.closes {
		t.closes = append(t.closes, []any{w.cfg, n.num, r.Owner, r.ID, r.from, w.rev})
	}
	for _, r := range n.rows {
		switch {
		case r.stored:
		case n.height > 0:
			t.inserts = append(t.inserts, []any{w.cfg, n.num, r.Owner, r.ID, r.from, Open, r.child})
		default:
			t.inserts = append(t.inserts, []any{w.cfg, n.num, r.Owner, r.ID, r.from, Open, sealed(r.value)})
		}
	}
}

// write runs the statements. Deletions come first: a row may be inserted with
// the key of one that was deleted.
func (w *Writer) write(b *batch) error {
	for _, s := range []struct {
		sql  string
		args [][]any
	}{
		{wipeLeafSQL, b.leaf.wipes}, {wipeDirSQL, b.dir.wipes},
		{deleteLeafSQL, b.leaf.deletes}, {deleteDirSQL, b.dir.deletes},
		{closeLeafSQL, b.leaf.closes}, {closeDirSQL, b.dir.closes},
		{insertLeafSQL, b.leaf.inserts}, {insertDirSQL, b.dir.inserts},
		{saveRootSQL, b.roots},
	} {
		if len(s.args) == 0 {
			continue
		}
		if err := w.conn.ExecEach(s.sql, s.args); err != nil {
			return err
		}
	}
	return nil
}
