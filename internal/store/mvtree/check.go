package mvtree

import (
	"fmt"

	"reeve/internal/store/sqlconn"
)

// Check proves the invariants of the stored form of a configuration's trees
// and returns an error that names the first one that is broken. It walks every
// tree at each of the given revisions, so it costs what reading them whole
// costs; head is the newest revision. What it proves: roots have the height
// they say; at each revision the leaves part the range of keys among them, no
// node being reached twice; keys are in order and each is alive once; a node
// but the root has a fixed share of open rows and no node too many rows;
// intervals end after they start and not beyond head.
//
// It does not know what the rows should be: a row lost from a leaf, or changed
// within its place, is found by comparing with the revisions.
func Check(c sqlconn.Conn, cfg int64, trees []int64, head int64, revisions []int64) error {
	return check(c, cfg, trees, head, revisions, standard)
}

func check(c sqlconn.Conn, cfg int64, trees []int64, head int64, revisions []int64, s shape) error {
	for _, tree := range trees {
		k := checker{conn: c, cfg: cfg, tree: tree, head: head, shape: s}
		if err := k.roots(); err != nil {
			return fmt.Errorf("check tree %d of configuration %d: %w", tree, cfg, err)
		}
		for _, rev := range revisions {
			if err := k.revision(rev); err != nil {
				return fmt.Errorf("check tree %d of configuration %d at revision %d: %w", tree, cfg, rev, err)
			}
		}
	}
	return nil
}

// checker is the check of one tree.
type checker struct {
	conn            sqlconn.Conn
	cfg, tree, head int64
	shape           shape

	rev  int64
	seen map[int64]bool // the nodes reached at rev
}

// roots checks the list of roots, which has one line a revision at most.
func (k *checker) roots() error {
	spans, err := loadRoots(k.conn, k.cfg, k.tree)
	if err != nil {
		return err
	}
	for _, s := range spans {
		switch {
		case s.from < 0 || s.from > k.head:
			return fmt.Errorf("the root of revision %d is beyond the newest revision, %d", s.from, k.head)
		case s.node <= 0:
			return fmt.Errorf("the root of revision %d is node %d", s.from, s.node)
		case s.height < 0 || s.height > maxHeight:
			return fmt.Errorf("the root of revision %d has height %d", s.from, s.height)
		}
	}
	return nil
}

func (k *checker) revision(rev int64) error {
	root, err := loadRoot(k.conn, k.cfg, k.tree, rev)
	if err != nil || root.node == 0 {
		return err
	}
	k.rev, k.seen = rev, map[int64]bool{}
	return k.node(root.node, root.height, Key{}, last, true)
}

// node checks a node that has to hold the keys lo <= k < hi, and what is
// below it.
func (k *checker) node(num int64, height int, lo, hi Key, root bool) error {
	if k.seen[num] {
		return fmt.Errorf("node %d is reached twice", num)
	}
	k.seen[num] = true
	nodes, err := loadNodes(k.conn, k.cfg, []int64{num}, height, whole)
	if err != nil {
		return err
	}
	n := nodes[0]
	if err := k.rows(n, lo, hi); err != nil {
		return fmt.Errorf("node %d: %w", num, err)
	}
	if err := k.kind(num, height); err != nil {
		return err
	}
	alive := n.at(k.rev)
	if height > 0 && len(alive) > 0 && alive[0].Key != lo {
		return fmt.Errorf("node %d: the lowest child starts at %v instead of %v", num, alive[0].Key, lo)
	}
	if err := k.share(n, len(alive), height, root); err != nil {
		return fmt.Errorf("node %d: %w", num, err)
	}
	if height == 0 {
		return nil
	}
	return k.children(alive, height-1, hi)
}

// children checks the children of a directory whose range ends at hi.
func (k *checker) children(alive []nodeRow, height int, hi Key) error {
	for i := range alive {
		end := hi
		if i+1 < len(alive) {
			end = alive[i+1].Key
		}
		if err := k.node(alive[i].child, height, alive[i].Key, end, false); err != nil {
			return err
		}
	}
	return nil
}

// at returns the rows alive at a revision.
func (n *node) at(rev int64) []nodeRow {
	var alive []nodeRow
	for i := range n.rows {
		if n.rows[i].alive(rev) {
			alive = append(alive, n.rows[i])
		}
	}
	return alive
}

// rows checks the order of a node's rows and their intervals. All of them,
// whenever they are alive, belong to the node's range of keys, because that
// stays the same for the node's life.
func (k *checker) rows(n *node, lo, hi Key) error {
	for i := range n.rows {
		r := &n.rows[i]
		switch {
		case r.Key.less(lo) || !r.Key.less(hi):
			return fmt.Errorf("key %v is outside of %v to %v", r.Key, lo, hi)
		case r.from < 0 || r.from >= r.to:
			return fmt.Errorf("key %v is alive from revision %d to %d", r.Key, r.from, r.to)
		case r.from > k.head || r.to > k.head && r.to != Open:
			return fmt.Errorf("key %v is alive from revision %d to %d, but the newest is %d", r.Key, r.from, r.to, k.head)
		case i == 0:
		case r.Key.less(n.rows[i-1].Key):
			return fmt.Errorf("key %v comes after %v", r.Key, n.rows[i-1].Key)
		case r.Key == n.rows[i-1].Key && r.from < n.rows[i-1].to:
			return fmt.Errorf("key %v is alive twice at revision %d", r.Key, r.from)
		}
	}
	return nil
}

// share checks how many rows a node has.
func (k *checker) share(n *node, alive, height int, root bool) error {
	least := k.shape.least(height)
	if root {
		least = min(height, 1) * 2
	}
	if alive < least {
		return fmt.Errorf("%d rows are alive, at least %d must be", alive, least)
	}
	if len(n.rows) > k.shape.most() {
		return fmt.Errorf("%d rows, at most %d may be", len(n.rows), k.shape.most())
	}
	return nil
}

const (
	anyLeafSQL = `SELECT 1 FROM tree_leaf WHERE cfg = $1 AND node = $2 LIMIT 1`
	anyDirSQL  = `SELECT 1 FROM tree_dir WHERE cfg = $1 AND node = $2 LIMIT 1`
)

// kind checks that a node is not of both kinds; then a wrong height shows by
// the rows that are missing.
func (k *checker) kind(num int64, height int) error {
	sql := anyDirSQL
	if height > 0 {
		sql = anyLeafSQL
	}
	return k.conn.Query(sql, []any{k.cfg, num}, func(sqlconn.Row) error {
		return fmt.Errorf("node %d has rows that do not belong at height %d", num, height)
	})
}
