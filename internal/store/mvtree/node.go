package mvtree

import (
	"math"
	"sort"
	"unsafe"

	"reeve/internal/store/sqlconn"
)

// A node is a node as readers see it: its rows in the order of (key, from).
// It never changes once it is shared. A pseudo node (RootNode) has roots
// instead.
//
// The values of a leaf stand in one text and the rows hold no pointers, so
// that the garbage collector has next to nothing to look at in a full cache.
type node struct {
	rows   []nodeRow
	text   string
	shared any // of packed values, see Packer
	roots  []rootSpan
}

// A Value is the value of a row: as it was written, or, where Shared is not
// nil, as the Packer of the Cache left it. Both may be kept.
type Value struct {
	Text   string
	Shared any
}

// A Packer brings the values of a leaf into the form in which a Cache keeps
// them: smaller than the text, or faster to read. It tells the kind of values
// from the values themselves.
type Packer interface {
	// Pack returns what the values share, and each one's own part; size is
	// about the memory that shared takes. A nil shared leaves the values as
	// they are. Packing loses nothing.
	Pack(values []string) (shared any, packed []string, size int64)
}

type nodeRow struct {
	Key
	from, to int64
	child    int64 // of a leaf: where the value stands in the text, see span
}

// span packs the place of a value in the text of its leaf.
func span(start, end int) int64 { return int64(start)<<32 | int64(end) }

// value returns the value of a leaf's row.
func (n *node) value(i int) Value {
	place := n.rows[i].child
	return Value{n.text[place>>32 : place&math.MaxUint32], n.shared}
}

// pack brings a leaf's values into the form that p gives them, and returns
// about how much memory that takes beside the node's own.
func (n *node) pack(p Packer) int64 {
	values := make([]string, len(n.rows))
	for i := range n.rows {
		values[i] = n.value(i).Text
	}
	shared, packed, size := p.Pack(values)
	if shared == nil {
		return 0
	}
	var text []byte
	for i, part := range packed {
		start := len(text)
		text = append(text, part...)
		n.rows[i].child = span(start, len(text))
	}
	n.text, n.shared = string(text), shared
	return size
}

func (r *nodeRow) alive(rev int64) bool { return r.from <= rev && rev < r.to }

// rootSpan is the root of a tree in the revisions from <= r < to. Node 0 says
// that there is none.
type rootSpan struct {
	from, to int64
	node     int64
	height   int
}

// after returns the index of the first row with a key above k.
func (n *node) after(k Key) int {
	return sort.Search(len(n.rows), func(i int) bool { return k.less(n.rows[i].Key) })
}

// floor returns the index of the child that k belongs to at a revision, or -1.
func (n *node) floor(k Key, rev int64) int {
	i := n.after(k) - 1
	for i >= 0 && !n.rows[i].alive(rev) {
		i--
	}
	return i
}

// root returns the known root of a revision.
func (n *node) root(rev int64) (rootSpan, bool) {
	i := sort.Search(len(n.roots), func(i int) bool { return rev < n.roots[i].to })
	if i == len(n.roots) || rev < n.roots[i].from {
		return rootSpan{}, false
	}
	return n.roots[i], true
}

// bytes is roughly the memory that the node takes.
func (n *node) bytes() int64 {
	return int64(unsafe.Sizeof(*n)) + int64(cap(n.rows))*int64(unsafe.Sizeof(nodeRow{})) +
		int64(cap(n.roots))*int64(unsafe.Sizeof(rootSpan{})) + int64(len(n.text))
}

const rootSQL = `SELECT from_rev, node, height,
		(SELECT n.from_rev FROM tree_root n WHERE n.cfg = $1 AND n.tree = $2 AND n.from_rev > $3
			ORDER BY n.from_rev LIMIT 1) AS to_rev
	FROM tree_root WHERE cfg = $1 AND tree = $2 AND from_rev <= $3 ORDER BY from_rev DESC LIMIT 1`

const firstRootSQL = `SELECT from_rev FROM tree_root WHERE cfg = $1 AND tree = $2 ORDER BY from_rev LIMIT 1`

// loadRoot returns the root of a tree at a revision, with the whole span of
// revisions that it serves.
func loadRoot(c sqlconn.Conn, cfg, tree, rev int64) (rootSpan, error) {
	s := rootSpan{from: -1}
	err := c.Query(rootSQL, []any{cfg, tree, rev}, func(r sqlconn.Row) error {
		s = rootSpan{from: r.Int(0), to: r.Int(3), node: r.Int(1), height: int(r.Int(2))}
		return nil
	})
	if err == nil && s.from < 0 {
		s.from = 0
		err = c.Query(firstRootSQL, []any{cfg, tree}, func(r sqlconn.Row) error {
			s.to = r.Int(0)
			return nil
		})
	}
	if err == nil && (s.height < 0 || s.height > maxHeight) {
		err = errTooHigh
	}
	if s.to == 0 {
		s.to = Open // NULL: no later root
	}
	return s, err
}

const (
	leafSQL = `SELECT owner, id, from_rev, to_rev, value FROM tree_leaf
		WHERE cfg = $1 AND node = $2 AND from_rev <= $3 AND to_rev > $4 ORDER BY owner, id, from_rev`
	dirSQL = `SELECT owner, id, from_rev, to_rev, child FROM tree_dir
		WHERE cfg = $1 AND node = $2 AND from_rev <= $3 AND to_rev > $4 ORDER BY owner, id, from_rev`
)

// whole makes loadNodes load every row, not only those alive at a revision.
const whole int64 = -1

// loadNodes loads nodes of one height, in one round trip.
func loadNodes(c sqlconn.Conn, cfg int64, nums []int64, height int, rev int64) ([]*node, error) {
	from, to := rev, rev
	if rev == whole {
		from, to = Open, 0
	}
	nodes := make([]*node, len(nums))
	texts := make([][]byte, len(nums))
	args := make([][]any, len(nums))
	for i, num := range nums {
		nodes[i] = new(node)
		args[i] = []any{cfg, num, from, to}
	}
	sql := leafSQL
	if height > 0 {
		sql = dirSQL
	}
	err := c.QueryEach(sql, args, func(i int, r sqlconn.Row) (err error) {
		texts[i], err = nodes[i].add(r, height, texts[i])
		return err
	})
	for i, text := range texts {
		nodes[i].text = string(text)
	}
	return nodes, err
}

// valueSize is about how long a value is, to make room for a leaf's text.
const valueSize = 120

// add appends a row, and its value to the text of a leaf.
func (n *node) add(r sqlconn.Row, height int, text []byte) ([]byte, error) {
	if n.rows == nil {
		n.rows = make([]nodeRow, 0, standard.part())
	}
	row := nodeRow{Key: Key{r.Int(0), r.Int(1)}, from: r.Int(2), to: r.Int(3)}
	if height > 0 {
		row.child = r.Int(4)
	} else {
		if text == nil {
			text = make([]byte, 0, cap(n.rows)*valueSize)
		}
		start := len(text)
		text = r.AppendText(text, 4)
		value, err := unsealed(text[start:])
		if err != nil {
			return nil, err
		}
		text = text[:start+len(value)]
		row.child = span(start, len(text))
	}
	n.rows = append(n.rows, row)
	return text, nil
}
