// Package mvtree keeps which rows were alive at which revision of a
// configuration's ledger, and reads any page of any revision at a cost of
// O(rows returned): neither the depth of the history nor the number of rows
// long gone matters. It is a multi-version B-tree (Becker, Gschwind, Ohler,
// Seeger and Widmayer, 1996) whose nodes are ordinary rows of three tables.
//
// # The stored form
//
// A tree belongs to a configuration (cfg) and has a small number chosen by the
// caller. Its contents are rows: a key, an opaque value and the interval
// [from_rev, to_rev) of revisions in which the row is true; to_rev is Open
// while it holds. A node is the set of rows with the same node number: in
// tree_leaf the contents, in tree_dir the children, keyed by the lowest key
// that belongs to the child. tree_root says which node is the root from which
// revision on, and how many levels of directories it has.
//
// A node holds a bounded number of rows, ended ones included. When it
// overflows, or too few of its rows are still open, its open rows are copied
// to new nodes and the old node dies: from that revision on no directory leads
// to it, and it is never written again. So at every revision that a node
// serves, a fixed share of its rows is alive, which is what bounds a read.
//
// A dead node's rows keep to_rev = Open although the contents ended later, in
// a newer node. Therefore a row means something only when it was reached from
// the root of the revision that is asked for: never read tree_leaf or
// tree_dir on their own. The view tree_open does it right for now.
//
// # The pieces
//
// A Writer applies the changes of one revision in memory and writes them in a
// few batches. A Reader reads pages and single rows, through a Cache when it
// has one. Check proves the invariants of the stored form; ScanAll hands out
// everything that is stored.
package mvtree

import (
	"fmt"
	"math"
)

// Open is the to_rev of a row that still holds. Revisions are below it.
const Open int64 = 1<<47 - 1

// Schema creates the tables and the view; it is part of a migration.
const Schema = `
CREATE TABLE tree_root (
	cfg BIGINT NOT NULL,
	tree BIGINT NOT NULL,
	from_rev BIGINT NOT NULL,
	node BIGINT NOT NULL,
	height BIGINT NOT NULL,
	PRIMARY KEY (cfg, tree, from_rev)
) {{clustered}};
CREATE TABLE tree_dir (
	cfg BIGINT NOT NULL,
	node BIGINT NOT NULL,
	owner BIGINT NOT NULL,
	id BIGINT NOT NULL,
	from_rev BIGINT NOT NULL,
	to_rev BIGINT NOT NULL,
	child BIGINT NOT NULL,
	PRIMARY KEY (cfg, node, owner, id, from_rev)
) {{clustered}};
CREATE TABLE tree_leaf (
	cfg BIGINT NOT NULL,
	node BIGINT NOT NULL,
	owner BIGINT NOT NULL,
	id BIGINT NOT NULL,
	from_rev BIGINT NOT NULL,
	to_rev BIGINT NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY (cfg, node, owner, id, from_rev)
) {{clustered}};
CREATE VIEW tree_open AS
WITH RECURSIVE d(cfg, tree, node, height) AS (
	SELECT r.cfg, r.tree, r.node, r.height FROM tree_root r
	WHERE r.from_rev = (SELECT MAX(m.from_rev) FROM tree_root m WHERE m.cfg = r.cfg AND m.tree = r.tree)
	UNION ALL
	SELECT d.cfg, d.tree, t.child, d.height - 1
	FROM d JOIN tree_dir t ON t.cfg = d.cfg AND t.node = d.node
	WHERE d.height > 0 AND t.to_rev = 140737488355327
)
SELECT d.cfg, d.tree, l.owner, l.id, l.from_rev, l.value
FROM d JOIN tree_leaf l ON l.cfg = d.cfg AND l.node = d.node
WHERE d.height = 0 AND l.to_rev = 140737488355327;
`

// Key orders the rows of a tree: by Owner, then by ID. Both are at least 0
// and Owner is below the largest int64; Key{} lies below every key and is
// none itself.
type Key struct{ Owner, ID int64 }

// last is above every key.
var last = Key{math.MaxInt64, math.MaxInt64}

// Compare orders keys: negative, zero or positive.
func (k Key) Compare(o Key) int {
	switch {
	case k == o:
		return 0
	case k.Owner < o.Owner, k.Owner == o.Owner && k.ID < o.ID:
		return -1
	}
	return 1
}

func (k Key) less(o Key) bool { return k.Compare(o) < 0 }

func (k Key) valid() bool {
	return k.Owner >= 0 && k.ID >= 0 && k != Key{} && k.Owner < math.MaxInt64
}

func (k Key) String() string { return fmt.Sprintf("(%d, %d)", k.Owner, k.ID) }

// Row is a row of a tree: Value held for Key in the revisions From <= r < To.
type Row struct {
	Key
	From, To int64
	Value    string
}

// Change is what happens to one key in a revision: Close ends its open row;
// otherwise a row with Value is opened and the open one, if any, ended.
type Change struct {
	Key
	Value string
	Close bool
}

// RootNode is the number by which touched nodes mention the list of a tree's
// roots. It is negative; nodes are positive.
func RootNode(tree int64) int64 { return -(tree + 1) }

// shape is the capacity of a node in rows; what else bounds nodes follows.
type shape int

// standard was chosen by measuring: half of it reads pages no faster, twice
// of it makes each write copy more.
const standard shape = 128

// most is how many rows a node may have, ended ones included.
func (s shape) most() int { return int(s) }

// part is how many rows a new node may start with.
func (s shape) part() int { return int(s) / 2 }

// slim is the number of open rows below which a node that is rewritten anyway
// takes a sibling with it.
func (s shape) slim() int { return int(s) / 4 }

// least is how many open rows a node has at every revision that it serves,
// unless it is the root. A directory with a single child would leave that
// child without a sibling to merge with, so it has two.
func (s shape) least(height int) int {
	if height > 0 {
		return max(2, int(s)/8)
	}
	return max(1, int(s)/8)
}

// maxHeight bounds every descent, so that broken roots cannot make it endless.
const maxHeight = 32
