package mvtree

import (
	"errors"
	"fmt"
	"slices"

	"reeve/internal/store/sqlconn"
)

// Writer applies the changes of one revision to the trees of one
// configuration, inside one transaction that holds the configuration's lock.
// Everything happens in memory until Flush. It loads a node at most once.
// After an error the transaction has to be rolled back.
type Writer struct {
	conn     sqlconn.Conn
	cfg, rev int64
	next     int64 // the next free node number
	shape    shape
	trees    map[int64]*writeTree
	nodes    map[int64]*writeNode
}

// writeTree is the root of a tree now.
type writeTree struct {
	root   int64 // 0: there is none yet
	height int
	dirty  bool
}

func (t *writeTree) set(root int64, height int) {
	*t = writeTree{root: root, height: height, dirty: true}
}

// NewWriter returns a writer of revision rev, which is the newest (stored rows
// of rev itself, from an earlier writer of the same transaction, are fine) and
// below Open. nextNode is the configuration's next free node number; numbers
// start at 1.
func NewWriter(c sqlconn.Conn, cfg, rev, nextNode int64) *Writer {
	return &Writer{
		conn: c, cfg: cfg, rev: rev, next: max(nextNode, 1), shape: standard,
		trees: map[int64]*writeTree{}, nodes: map[int64]*writeNode{},
	}
}

// Get returns the open row of a key, with the changes applied so far.
func (w *Writer) Get(tree int64, k Key) (Row, bool, error) {
	t, err := w.tree(tree)
	if err != nil || t.root == 0 {
		return Row{}, false, err
	}
	path, _, err := w.descend(t, k, 0)
	if err != nil {
		return Row{}, false, err
	}
	leaf := path[len(path)-1]
	i := leaf.seek(k)
	if i == len(leaf.rows) || leaf.rows[i].Key != k {
		return Row{}, false, nil
	}
	r := leaf.rows[i]
	return Row{Key: k, From: r.from, To: Open, Value: r.value}, true, nil
}

// Apply makes changes, given in any order, at most one a key. Closing a key
// that has no open row is an error. Opening a row with the value that the open
// row has already changes nothing: the row keeps its From.
func (w *Writer) Apply(tree int64, changes []Change) error {
	if len(changes) == 0 {
		return nil
	}
	sorted, err := inOrder(changes)
	if err != nil {
		return fmt.Errorf("change tree %d of configuration %d: %w", tree, w.cfg, err)
	}
	t, err := w.tree(tree)
	if err != nil {
		return err
	}
	if t.root == 0 {
		t.set(w.make(0, nil).num, 0)
	}
	if err := w.prefetch(t, sorted); err != nil {
		return err
	}
	for len(sorted) > 0 && err == nil {
		sorted, err = w.applyLeaf(t, sorted)
	}
	if err != nil {
		return fmt.Errorf("change tree %d of configuration %d: %w", tree, w.cfg, err)
	}
	return nil
}

func inOrder(changes []Change) ([]Change, error) {
	sorted := slices.Clone(changes)
	slices.SortFunc(sorted, func(a, b Change) int { return a.Key.Compare(b.Key) })
	for i, c := range sorted {
		if !c.Key.valid() {
			return nil, fmt.Errorf("%v is not a key", c.Key)
		}
		if i > 0 && sorted[i-1].Key == c.Key {
			return nil, fmt.Errorf("key %v is changed twice", c.Key)
		}
	}
	return sorted, nil
}

// applyLeaf makes all changes that belong to the leaf of the first, brings the
// tree into shape again and returns the changes that remain.
func (w *Writer) applyLeaf(t *writeTree, changes []Change) ([]Change, error) {
	path, hi, err := w.descend(t, changes[0].Key, 0)
	if err != nil {
		return nil, err
	}
	n := 1
	for n < len(changes) && changes[n].Key.less(hi) {
		n++
	}
	if err := path[len(path)-1].apply(w.rev, changes[:n]); err != nil {
		return nil, err
	}
	return changes[n:], w.balance(t, path)
}

// tree returns a tree's root as it is now.
func (w *Writer) tree(num int64) (*writeTree, error) {
	if t := w.trees[num]; t != nil {
		return t, nil
	}
	s, err := loadRoot(w.conn, w.cfg, num, Open)
	if err != nil {
		return nil, err
	}
	t := &writeTree{root: s.node, height: s.height}
	w.trees[num] = t
	return t, nil
}

// descend returns the nodes from the root down to the given height on the way
// to k, and the lowest key that does not belong to the last of them.
func (w *Writer) descend(t *writeTree, k Key, height int) (path []*writeNode, hi Key, err error) {
	hi = last
	n, err := w.node(t.root, t.height)
	if err != nil {
		return nil, hi, err
	}
	for path = append(path, n); n.height > height; path = append(path, n) {
		i := n.floor(k)
		if i < 0 {
			return nil, hi, fmt.Errorf("node %d has no child for key %v", n.num, k)
		}
		if i+1 < len(n.rows) {
			hi = n.rows[i+1].Key
		}
		if n, err = w.node(n.rows[i].child, n.height-1); err != nil {
			return nil, hi, err
		}
	}
	return path, hi, nil
}

// prefetch loads the nodes on the way to all changes, a level at a time.
func (w *Writer) prefetch(t *writeTree, changes []Change) error {
	if err := w.load([]int64{t.root}, t.height); err != nil {
		return err
	}
	for h := t.height - 1; h >= 0; h-- {
		nums, err := w.children(t, changes, h)
		if err != nil {
			return err
		}
		if err := w.load(nums, h); err != nil {
			return err
		}
	}
	return nil
}

// children returns the nodes of a height on the way to the changes.
func (w *Writer) children(t *writeTree, changes []Change, height int) (nums []int64, err error) {
	for len(changes) > 0 {
		path, hi, err := w.descend(t, changes[0].Key, height+1)
		if err != nil {
			return nil, err
		}
		parent := path[len(path)-1]
		for len(changes) > 0 && changes[0].Key.less(hi) {
			i := parent.floor(changes[0].Key)
			if i < 0 {
				return nil, fmt.Errorf("node %d has no child for key %v", parent.num, changes[0].Key)
			}
			if c := parent.rows[i].child; len(nums) == 0 || nums[len(nums)-1] != c {
				nums = append(nums, c)
			}
			changes = changes[1:]
		}
	}
	return nums, nil
}

func (w *Writer) node(num int64, height int) (*writeNode, error) {
	if n := w.nodes[num]; n != nil {
		return n, nil
	}
	if err := w.load([]int64{num}, height); err != nil {
		return nil, err
	}
	return w.nodes[num], nil
}

// Ended rows are only counted, so their values need not travel.
const (
	writeLeafSQL = `SELECT owner, id, from_rev, to_rev, CASE WHEN to_rev = $3 THEN value ELSE '' END
		FROM tree_leaf WHERE cfg = $1 AND node = $2 ORDER BY owner, id, from_rev`
	writeDirSQL = `SELECT owner, id, from_rev, to_rev, child
		FROM tree_dir WHERE cfg = $1 AND node = $2 ORDER BY owner, id, from_rev`
)

// load brings in the nodes of one height that are not yet here.
func (w *Writer) load(nums []int64, height int) error {
	var nodes []*writeNode
	var args [][]any
	for _, num := range nums {
		if w.nodes[num] != nil {
			continue
		}
		n := &writeNode{num: num, height: height}
		w.nodes[num] = n
		nodes = append(nodes, n)
		if height == 0 {
			args = append(args, []any{w.cfg, num, Open})
		} else {
			args = append(args, []any{w.cfg, num})
		}
	}
	if len(args) == 0 {
		return nil
	}
	sql := writeDirSQL
	if height == 0 {
		sql = writeLeafSQL
	}
	err := w.conn.QueryEach(sql, args, func(i int, r sqlconn.Row) error {
		return nodes[i].add(r)
	})
	if err != nil {
		return fmt.Errorf("load nodes of configuration %d: %w", w.cfg, err)
	}
	return nil
}

// add takes a stored row into the node.
func (n *writeNode) add(r sqlconn.Row) error {
	if r.Int(3) != Open {
		n.ended++
		return nil
	}
	row := writeRow{Key: Key{r.Int(0), r.Int(1)}, from: r.Int(2), stored: true}
	if n.height > 0 {
		row.child = r.Int(4)
	} else {
		value, err := unsealed(r.AppendText(nil, 4))
		if err != nil {
			return err
		}
		row.value = string(value)
	}
	n.rows = append(n.rows, row)
	return nil
}

// make returns a new node with the given rows.
func (w *Writer) make(height int, rows []writeRow) *writeNode {
	n := &writeNode{num: w.next, height: height, fresh: true, rows: rows}
	w.nodes[n.num] = n
	w.next++
	return n
}

var errTooHigh = errors.New("the tree is higher than any tree can be")
