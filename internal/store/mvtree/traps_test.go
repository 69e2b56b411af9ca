package mvtree_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"reeve/internal/store/mvtree"
	"reeve/internal/store/sqlconn"

	"github.com/google/go-cmp/cmp"
)

// on8 runs a test on every engine with nodes of 8 rows.
func on8(t *testing.T, test func(*world)) {
	onEngines(t, func(t *testing.T, db sqlconn.DB) { test(newWorld(t, db, 1, 8)) })
}

// A dead node's rows stay open, so reading the table without the root lies;
// the view does not.
func TestDeadNodesRowsStayOpen(t *testing.T) {
	on8(t, func(w *world) {
		w.commit(series(1, 1, 8)...)
		w.commit(series(1, 100, 8)...) // the first leaf dies
		w.commit(endings(1, 1, 8)...)
		lie := w.one(`SELECT COUNT(*) FROM tree_leaf WHERE to_rev = $1`, mvtree.Open)
		truth := w.one(`SELECT COUNT(*) FROM tree_open WHERE cfg = 1 AND tree = 0`)
		if truth != 8 || lie <= truth {
			t := "the view has %d rows, want 8; the table alone has %d open rows, want more"
			w.Fatalf(t, truth, lie)
		}
		w.compareAll(0, 1, 2, 3)
	})
}

// Rows and nodes of one revision that never were visible leave nothing behind.
func TestSameRevisionLeavesNothing(t *testing.T) {
	for _, name := range []string{"one writer", "two writers"} {
		t.Run(name, func(t *testing.T) {
			on8(t, func(w *world) {
				w.commit(series(1, 1, 4)...)
				opened, closed := change{0, series(1, 50, 100)}, change{0, endings(1, 50, 100)}
				if name == "one writer" {
					w.revision([][]change{{opened, closed}})
				} else {
					w.revision([][]change{{opened}, {closed}})
				}
				for _, table := range []string{"tree_leaf", "tree_dir"} {
					if n := w.one(`SELECT COUNT(*) FROM ` + table + ` WHERE from_rev >= to_rev`); n != 0 {
						w.Errorf("%s has %d rows of no revision", table, n)
					}
				}
				if n := w.one(`SELECT COUNT(*) FROM tree_leaf WHERE id >= 50`); n != 0 {
					w.Errorf("%d rows remain that no revision saw", n)
				}
				w.check(1, 2)
				w.compareIntervals(0)
			})
		})
	}
}

// A row may be replaced by another one of the same revision.
func TestSameRevisionReplaces(t *testing.T) {
	on8(t, func(w *world) {
		w.commit(series(1, 1, 4)...)
		w.revision([][]change{{{0, []mvtree.Change{open(1, 2, "a")}}}, {{0, []mvtree.Change{open(1, 2, "b")}}}})
		w.check(1, 2)
		w.compareIntervals(0)
	})
}

// A node that dies keeps none of the rows of the revision that it dies in.
func TestDyingNodeTakesNothingNew(t *testing.T) {
	on8(t, func(w *world) {
		w.commit(series(1, 1, 4)...)
		w.revision([][]change{{{0, series(1, 50, 4)}}, {{0, series(1, 60, 1000)}}})
		if n := w.one(`SELECT COUNT(*) FROM tree_leaf WHERE node = 1`); n != 4 {
			w.Errorf("the first leaf has %d rows, want the 4 of revision 1", n)
		}
		w.compareAll(0, 1, 2)
		w.check(1, 2)
	})
}

// Keys lie above Key{}; a reader may start below it.
func TestLowestKey(t *testing.T) {
	on8(t, func(w *world) {
		w.commit(append(series(0, 1, 30), series(5, 0, 30)...)...)
		for _, after := range []mvtree.Key{{}, {Owner: -1, ID: -1}, {Owner: 0, ID: -7}, {Owner: math.MinInt64, ID: 3}} {
			w.compare(nil, page{rev: 1, after: after, limit: 100})
		}
		w.compare(nil, page{rev: 1, owner: 5, limit: 100}, page{rev: 1, owner: 5, after: mvtree.Key{Owner: 9}, limit: 100})
	})
}

func TestRefusedChanges(t *testing.T) {
	for name, tc := range map[string]struct {
		change mvtree.Change
		says   string
	}{
		"no key":         {open(0, 0, "x"), "(0, 0) is not a key"},
		"negative owner": {open(-1, 5, "x"), "(-1, 5) is not a key"},
		"negative id":    {open(1, -5, "x"), "(1, -5) is not a key"},
		"largest owner":  {open(math.MaxInt64, 5, "x"), "is not a key"},
		"nothing open":   {ending(1, 99), "close row (1, 99): no row of that key is open"},
		"twice":          {ending(1, 2), "key (1, 2) is changed twice"},
	} {
		t.Run(name, func(t *testing.T) {
			on8(t, func(w *world) {
				w.commit(series(1, 1, 20)...)
				err := w.db.Update(context.Background(), func(c sqlconn.Conn) error {
					return mvtree.NewWriter(c, 1, 2, w.next).Apply(0, []mvtree.Change{open(1, 2, "new"), tc.change})
				})
				if err == nil || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("error %v, want one that says %q", err, tc.says)
				}
			})
		})
	}
}

// A tree that shrinks row by row merges only under one parent and keeps every
// node's share all the way down to an empty root leaf.
func TestShrinking(t *testing.T) {
	on8(t, func(w *world) {
		w.commit(series(1, 1, 200)...)
		rng := rand.New(rand.NewPCG(1, 2))
		for _, i := range rng.Perm(200) {
			w.commit(ending(1, int64(i+1)))
			w.check(w.head)
		}
		if h := w.one(`SELECT height FROM tree_root ORDER BY from_rev DESC LIMIT 1`); h != 0 {
			w.Errorf("the empty tree has height %d", h)
		}
		w.compareAll(0, 1, 50, 100, 150, 200, 201)
		w.compareIntervals(0)
	})
}

// Many changes that belong to one leaf make as many nodes as it takes, and as
// many levels.
func TestBatchInOneLeaf(t *testing.T) {
	on8(t, func(w *world) {
		w.commit(series(1, 1, 3)...)
		w.commit(series(1, 10, 5000)...)
		w.check(1, 2)
		if n := w.one(`SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM tree_leaf GROUP BY node) AS nodes`); n > 8 {
			w.Errorf("a leaf has %d rows", n)
		}
		w.compareAll(0, 1, 2)
		w.commit(endings(1, 10, 5000)...)
		w.check(1, 2, 3)
		w.compareAll(0, 2, 3)
	})
}

// A row that moves from one tree to another does so in one revision.
func TestMoveBetweenTrees(t *testing.T) {
	on8(t, func(w *world) {
		w.revision([][]change{{{1, series(1, 1, 20)}, {2, series(2, 1, 20)}}})
		w.revision([][]change{{{1, []mvtree.Change{ending(1, 7)}}, {2, []mvtree.Change{open(1, 7, "moved")}}}})
		w.check(1, 2)
		for _, tree := range []int64{1, 2, 3} {
			w.compareAll(tree, 1, 2)
			w.compareIntervals(tree)
		}
	})
}

// A list that is read page by page with nothing but (revision, last key) in
// hand stays the same whatever is written between the pages.
func TestPagesNeverTear(t *testing.T) {
	on8(t, func(w *world) {
		rng := rand.New(rand.NewPCG(3, 4))
		rev := w.commit(series(2, 1, 300)...)
		cache := mvtree.NewCache(1<<20, prefixPacker{})
		p := page{rev: rev, limit: 7}
		for _, r := range w.oracle.at(0, rev) {
			w.compare(cache, p)
			p.after = r.Key
			w.commit(localChurn(w, rng, 40)...)
		}
	})
}

// Several directories of different times may name one node, and a node may
// have been a child before it was the root; each is scanned once, and every
// interval comes out whole.
func TestScanAllOncePerNode(t *testing.T) {
	on8(t, func(w *world) {
		rng := rand.New(rand.NewPCG(5, 6))
		for i := range 60 {
			w.commit(acts[i%len(acts)](w, rng, 40)...)
		}
		w.commit(massDeath(w, rng, 1)...)
		seen := map[string]bool{}
		w.view(func(c sqlconn.Conn) error {
			return mvtree.ScanAll(c, w.cfg, 0, func(node, _ int64, r mvtree.Row) error {
				id := fmt.Sprint(node, r.Key, r.From)
				if seen[id] || r.From >= r.To {
					w.Errorf("row %s to %d is scanned twice or never visible", id, r.To)
				}
				seen[id] = true
				return nil
			})
		})
		w.compareIntervals(0)
	})
}

// Statements are answered from the primary key, in its order.
func TestPlans(t *testing.T) {
	for name, engine := range map[string]struct {
		open    func(testing.TB) sqlconn.DB
		prepare string
		explain string
		column  int
		good    []string
	}{
		"sqlite": {openSQLite, "SELECT 1", "EXPLAIN QUERY PLAN ", 3, []string{"USING PRIMARY KEY (cfg=? AND ", "SCALAR SUBQUERY"}},
		// A tiny table is read whole; what counts is that the index can do it
		// without sorting.
		"postgres": {openPostgres, "SET LOCAL enable_seqscan = off", "EXPLAIN ", 0, []string{"Index Scan using tree_", "Index Scan Backward using tree_", "Index Only Scan using tree_", "Index Cond: ((cfg = ", "Delete on", "Update on", "Limit ", "InitPlan", "Result ", "Filter: (to_rev"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, engine.open(t), 1, 8)
			w.commit(series(1, 1, 2000)...)
			w.view(func(c sqlconn.Conn) error {
				if _, err := c.Exec(engine.prepare); err != nil {
					return err
				}
				for name, s := range mvtree.Statements {
					err := c.Query(engine.explain+s.SQL, s.Args, func(r sqlconn.Row) error {
						line := r.Text(engine.column)
						if !slices.ContainsFunc(engine.good, func(g string) bool { return strings.Contains(line, g) }) {
							t.Errorf("%s is answered by %q", name, line)
						}
						return nil
					})
					if err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
}

// A page costs what its rows cost, whatever the revision and however many rows
// are long gone.
func TestPageCost(t *testing.T) {
	onEngines(t, func(t *testing.T, db sqlconn.DB) {
		w := newWorld(t, db, 1, mvtree.Standard)
		w.commit(series(2, 1, 2000)...)
		for i := range int64(300) { // one owner's rows are replaced again and again
			cs := series(1, 1+i*20, 20)
			if i > 0 {
				cs = append(cs, endings(1, 1+(i-1)*20, 20)...)
			}
			w.commit(cs...)
		}
		for _, rev := range []int64{1, 2, 150, w.head} {
			for _, p := range []page{
				{rev: rev, limit: 50}, {rev: rev, limit: 50, owner: 1},
				{rev: rev, limit: 50, after: mvtree.Key{Owner: 2, ID: 700}}, {rev: rev, limit: 1, after: mvtree.Key{Owner: 1, ID: 2000}},
			} {
				rows := w.cost(p)
				if bound := 8*p.limit + 8*mvtree.Standard; rows > bound {
					t.Errorf("page %+v: %d rows were read, want at most %d", p, rows, bound)
				}
			}
		}
	})
}

// cost returns how many stored rows a page reads into a cache.
func (w *world) cost(p page) (rows int) {
	w.Helper()
	w.view(func(c sqlconn.Conn) error {
		counted := &counting{Conn: c}
		_, err := p.read(mvtree.Reader{Source: w.source(counted), Cache: mvtree.NewCache(1<<20, prefixPacker{}), History: w.cfg}, w.cfg)
		rows = counted.rows
		return err
	})
	return rows
}

// counting is a connection that counts.
type counting struct {
	sqlconn.Conn
	statements, rows int
}

func (c *counting) Query(sql string, args []any, each func(sqlconn.Row) error) error {
	c.statements++
	return c.Conn.Query(sql, args, func(r sqlconn.Row) error { c.rows++; return each(r) })
}

func (c *counting) QueryEach(sql string, args [][]any, each func(int, sqlconn.Row) error) error {
	c.statements++
	return c.Conn.QueryEach(sql, args, func(i int, r sqlconn.Row) error { c.rows++; return each(i, r) })
}

func (c *counting) ExecEach(sql string, args [][]any) error {
	c.statements++
	return c.Conn.ExecEach(sql, args)
}

// A batch takes a fixed number of round trips, however many nodes it touches.
func TestWriterRoundTrips(t *testing.T) {
	on8(t, func(w *world) {
		w.commit(series(1, 1, 3000)...)
		var cs []mvtree.Change
		for i := range int64(1000) {
			cs = append(cs, open(1, 1+3*i, "new"))
		}
		w.update(func(c sqlconn.Conn) error {
			counted := &counting{Conn: c}
			wr := mvtree.NewWriterOf(8, counted, 1, 2, w.next)
			if err := wr.Apply(0, cs); err != nil {
				return err
			}
			_, _, err := wr.Flush()
			if counted.statements > 25 {
				t.Errorf("%d statements, want at most 25", counted.statements)
			}
			return err
		})
	})
}

// A report that changes nothing opens no interval and writes nothing.
func TestUnchangedValue(t *testing.T) {
	on8(t, func(w *world) {
		w.commit(series(1, 1, 30)...)
		before := w.next
		rev := w.commit(series(1, 1, 30)...)
		if got := w.touched[rev]; len(got) != 0 || w.next != before {
			w.Errorf("touched %v, next node %d, want nothing and %d", got, w.next, before)
		}
		w.compareIntervals(0)
	})
}

// What the tests of histories check after every revision finds what is broken:
// see TestCheckFinds. Here is what a writer sees of its own changes.
func TestWriterGet(t *testing.T) {
	on8(t, func(w *world) {
		w.commit(series(1, 1, 30)...)
		w.update(func(c sqlconn.Conn) error {
			wr := mvtree.NewWriterOf(8, c, 1, 2, w.next)
			if _, ok, err := wr.Get(3, mvtree.Key{Owner: 1, ID: 1}); ok || err != nil {
				w.Errorf("a tree without a root has a row: %v, %v", ok, err)
			}
			if err := wr.Apply(0, []mvtree.Change{open(1, 5, "new"), ending(1, 6), open(1, 70, "seventy")}); err != nil {
				return err
			}
			got := []string{}
			for _, id := range []int64{4, 5, 6, 70} {
				r, ok, err := wr.Get(0, mvtree.Key{Owner: 1, ID: id})
				if err != nil {
					return err
				}
				got = append(got, fmt.Sprint(r.From, r.Value, ok))
			}
			want := []string{fmt.Sprint(1, "v4", true), fmt.Sprint(2, "new", true), fmt.Sprint(0, "", false), fmt.Sprint(2, "seventy", true)}
			if diff := cmp.Diff(want, got); diff != "" {
				w.Errorf("open rows -want +got:\n%s", diff)
			}
			return nil
		})
	})
}

// Touched has each stored node that was written, the pseudo node of each
// tree with a new root, and nothing else.
func TestTouched(t *testing.T) {
	on8(t, func(w *world) {
		rev := w.revision([][]change{{{0, series(1, 1, 4)}, {6, series(1, 1, 4)}}})
		if diff := cmp.Diff([]int64{mvtree.RootNode(6), mvtree.RootNode(0)}, w.touched[rev]); diff != "" {
			w.Errorf("first revision -want +got:\n%s", diff)
		}
		rev = w.commit(ending(1, 2))
		if diff := cmp.Diff([]int64{1}, w.touched[rev]); diff != "" {
			w.Errorf("one row ended -want +got:\n%s", diff)
		}
		rev = w.commit(series(1, 10, 20)...)
		if !slices.Contains(w.touched[rev], mvtree.RootNode(0)) || slices.Contains(w.touched[rev], mvtree.RootNode(6)) {
			w.Errorf("the root of tree 0 was divided, touched is %v", w.touched[rev])
		}
	})
}
