package mvtree

import (
	"fmt"
	"math"

	"reeve/internal/store/sqlconn"
)

// Source is one snapshot of the database, of which nothing of the Reader's
// trees was written by its own transaction. A Reader asks it only for what its
// Cache does not have, so a Source may begin its transaction late, or answer
// with an error that makes the caller begin one and read again.
type Source interface {
	// Conn is the connection that reads the snapshot.
	Conn() (sqlconn.Conn, error)

	// Head is the newest revision of a configuration in the snapshot, and
	// whether it is one of the Reader's History. It may be asked once a call
	// of the Reader.
	Head(cfg int64) (head int64, same bool, err error)

	// Touched returns what Writer.Flush returned as touched for the
	// revisions after < r <= to, in any order, repetitions included.
	Touched(cfg, after, to int64) ([]int64, error)
}

// Fixed is the Source of a Reader without a cache: a connection.
func Fixed(c sqlconn.Conn) Source { return fixed{c} }

type fixed struct{ conn sqlconn.Conn }

func (f fixed) Conn() (sqlconn.Conn, error)            { return f.conn, nil }
func (f fixed) Head(int64) (int64, bool, error)        { return 0, false, errFixed }
func (f fixed) Touched(_, _, _ int64) ([]int64, error) { return nil, errFixed }

var errFixed = fmt.Errorf("a fixed source has no cache to keep")

// Reader reads trees. Cache may be nil; it must be nil in a transaction that
// has written to the trees, whose own rows nobody else may see.
//
// History is what the Cache keeps nodes under: a number for one history of one
// configuration. A database that was set back to an earlier state goes on with
// another history, whose revisions have the numbers of those that were lost.
type Reader struct {
	Source  Source
	Cache   *Cache
	History int64
}

// Scan calls each for every row of a tree that is alive at a revision, in the
// order of keys, beginning behind after, until each returns false. owner
// other than 0 leaves out every other owner's rows.
func (r Reader) Scan(cfg, tree, rev int64, after Key, owner int64, each func(Key, Value) (more bool, err error)) error {
	s := scan{Reader: r, cfg: cfg, tree: tree, rev: rev, after: after, end: last, each: each}
	if owner > 0 {
		s.end = Key{owner, math.MaxInt64}
		if start := (Key{owner - 1, math.MaxInt64}); s.after.less(start) {
			s.after = start
		}
	}
	root, err := s.root()
	if err == nil && root.node != 0 {
		_, err = s.walk(root.node, root.height)
	}
	if err != nil {
		return fmt.Errorf("read tree %d of configuration %d at revision %d: %w", tree, cfg, rev, err)
	}
	return nil
}

// Get returns the value of one key at a revision.
func (r Reader) Get(cfg, tree, rev int64, k Key) (value Value, ok bool, err error) {
	s := scan{Reader: r, cfg: cfg, tree: tree, rev: rev}
	leaf, err := s.leafOf(k)
	if err != nil {
		return Value{}, false, fmt.Errorf("read key %v of tree %d of configuration %d at revision %d: %w", k, tree, cfg, rev, err)
	}
	if leaf == nil {
		return Value{}, false, nil
	}
	i := leaf.floor(k, rev)
	if i < 0 || leaf.rows[i].Key != k {
		return Value{}, false, nil
	}
	return leaf.value(i), true, nil
}

// scan is one call of a Reader.
type scan struct {
	Reader
	cfg, tree, rev int64
	after, end     Key // after < key <= end
	each           func(Key, Value) (bool, error)
	snapshot       int64           // the source's head, once it was asked for
	other          bool            // it is of another history
	width          int             // how many leaves the next load brings
	ahead          map[int64]*node // loaded before their turn
}

// leafOf returns the leaf that a key belongs to, or nil when there is no tree.
func (s *scan) leafOf(k Key) (*node, error) {
	root, err := s.root()
	if err != nil || root.node == 0 || !k.valid() {
		return nil, err
	}
	n, err := s.node(root.node, root.height)
	for h := root.height; h > 0 && err == nil; h-- {
		i := n.floor(k, s.rev)
		if i < 0 {
			return nil, fmt.Errorf("no child for key %v", k)
		}
		n, err = s.node(n.rows[i].child, h-1)
	}
	return n, err
}

// walk reads a node and what is below it.
func (s *scan) walk(num int64, height int) (more bool, err error) {
	n, err := s.node(num, height)
	if err != nil {
		return false, err
	}
	if height == 0 {
		return s.leaf(n)
	}
	// Without a floor, after is left of all that is here.
	for i := max(0, n.floor(s.after, s.rev)); i < len(n.rows); i++ {
		row := &n.rows[i]
		if !row.alive(s.rev) {
			continue
		}
		if s.end.less(row.Key) {
			return false, nil
		}
		if height == 1 {
			if err := s.readAhead(n, i); err != nil {
				return false, err
			}
		}
		if more, err := s.walk(row.child, height-1); !more || err != nil {
			return false, err
		}
	}
	return true, nil
}

// leaf hands out a leaf's rows.
func (s *scan) leaf(n *node) (more bool, err error) {
	for i := n.after(s.after); i < len(n.rows); i++ {
		row := &n.rows[i]
		if !row.alive(s.rev) {
			continue
		}
		if s.end.less(row.Key) {
			return false, nil
		}
		if more, err := s.each(row.Key, n.value(i)); !more || err != nil {
			return false, err
		}
	}
	return true, nil
}

// maxWidth bounds how many leaves one round trip brings.
const maxWidth = 16

// readAhead loads leaves of a directory from index i on unless the first is
// at hand: one at first, then ever more, since the reader went on and on.
func (s *scan) readAhead(n *node, i int) error {
	if s.ahead[n.rows[i].child] != nil || s.Cache.node(s.History, n.rows[i].child, s.rev) != nil {
		return nil
	}
	var nums []int64
	for ; i < len(n.rows) && len(nums) < max(1, s.width) && !s.end.less(n.rows[i].Key); i++ {
		if n.rows[i].alive(s.rev) {
			nums = append(nums, n.rows[i].child)
		}
	}
	nodes, err := s.load(nums, 0)
	if err != nil {
		return err
	}
	s.ahead = make(map[int64]*node, len(nums))
	for j, num := range nums {
		s.ahead[num] = nodes[j]
	}
	s.width = min(maxWidth, max(1, 2*s.width))
	return nil
}

// node returns a node, from the cache if that has it.
func (s *scan) node(num int64, height int) (*node, error) {
	if n := s.Cache.node(s.History, num, s.rev); n != nil {
		return n, nil
	}
	if n := s.ahead[num]; n != nil {
		return n, nil
	}
	nodes, err := s.load([]int64{num}, height)
	if err != nil {
		return nil, err
	}
	return nodes[0], nil
}

// load reads nodes from the snapshot and gives them to the cache.
func (s *scan) load(nums []int64, height int) ([]*node, error) {
	keep, err := s.sync()
	if err != nil {
		return nil, err
	}
	conn, err := s.Source.Conn()
	if err != nil {
		return nil, err
	}
	rev := s.rev
	if keep {
		rev = whole
	}
	nodes, err := loadNodes(conn, s.cfg, nums, height, rev)
	if err != nil || !keep {
		return nodes, err
	}
	for i, n := range nodes {
		s.Cache.put(s.History, s.snapshot, nums[i], n, height)
	}
	return nodes, nil
}

// root returns the tree's root at the revision.
func (s *scan) root() (rootSpan, error) {
	if n := s.Cache.node(s.History, RootNode(s.tree), s.rev); n != nil {
		if span, ok := n.root(s.rev); ok {
			return span, nil
		}
	}
	keep, err := s.sync()
	if err != nil {
		return rootSpan{}, err
	}
	conn, err := s.Source.Conn()
	if err != nil {
		return rootSpan{}, err
	}
	span, err := loadRoot(conn, s.cfg, s.tree, s.rev)
	if err == nil && keep {
		s.Cache.putRoot(s.History, s.snapshot, RootNode(s.tree), span)
	}
	return span, err
}

// sync brings the cache up to the snapshot before something of it is put
// there. It reports whether the cache can take what the snapshot has.
func (s *scan) sync() (keep bool, err error) {
	if s.Cache == nil {
		return false, nil
	}
	if s.snapshot == 0 {
		var same bool
		if s.snapshot, same, err = s.Source.Head(s.cfg); err != nil {
			return false, err
		}
		s.other = !same
		if s.rev > s.snapshot {
			return false, fmt.Errorf("the newest revision is %d", s.snapshot)
		}
	}
	if s.other {
		return false, nil
	}
	return s.Cache.advance(s.History, s.snapshot, func(was, head int64) ([]int64, error) { return s.Source.Touched(s.cfg, was, head) })
}
