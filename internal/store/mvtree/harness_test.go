package mvtree_test

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"reeve/internal/store/mvtree"
	"reeve/internal/store/postgres/pgtest"
	"reeve/internal/store/sqlconn"
	"reeve/internal/store/sqlite"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// engines are the databases that every test here runs on.
var engines = map[string]func(testing.TB) sqlconn.DB{"sqlite": openSQLite, "postgres": openPostgres}

func openPostgres(t testing.TB) sqlconn.DB {
	db := pgtest.Open(t)
	migrate(t, db)
	return db
}

func openSQLite(t testing.TB) sqlconn.DB {
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "reeve.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	migrate(t, db)
	return db
}

func migrate(t testing.TB, db sqlconn.DB) {
	err := db.Migrate(context.Background(), []sqlconn.Migration{{Number: 1, Name: "trees", SQL: mvtree.Schema}})
	if err != nil {
		t.Fatal(err)
	}
}

func onEngines(t *testing.T, test func(*testing.T, sqlconn.DB)) {
	for _, name := range slices.Sorted(maps.Keys(engines)) {
		t.Run(name, func(t *testing.T) { test(t, engines[name](t)) })
	}
}

// oracle is the naive ledger: every interval of a tree there ever was.
type oracle map[int64][]mvtree.Row

func (o oracle) apply(tree, rev int64, c mvtree.Change) {
	rows := o[tree]
	i := slices.IndexFunc(rows, func(r mvtree.Row) bool { return r.Key == c.Key && r.To == mvtree.Open })
	if i >= 0 && !c.Close && rows[i].Value == c.Value {
		return
	}
	if i >= 0 && rows[i].From == rev {
		rows = slices.Delete(rows, i, i+1)
	} else if i >= 0 {
		rows[i].To = rev
	}
	if !c.Close {
		rows = append(rows, mvtree.Row{Key: c.Key, From: rev, To: mvtree.Open, Value: c.Value})
	}
	o[tree] = rows
}

// at returns the rows alive at a revision, in the order of keys.
func (o oracle) at(tree, rev int64) []mvtree.Row {
	var rows []mvtree.Row
	for _, r := range o[tree] {
		if r.From <= rev && rev < r.To {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b mvtree.Row) int { return a.Key.Compare(b.Key) })
	return rows
}

// keys returns the open keys of a tree.
func (o oracle) keys(tree int64) []mvtree.Key {
	var keys []mvtree.Key
	for _, r := range o.at(tree, mvtree.Open-1) {
		keys = append(keys, r.Key)
	}
	return keys
}

// world is one configuration of a database and what should be in it.
type world struct {
	rapid.TB
	db       sqlconn.DB
	cfg      int64
	capacity int
	head     int64
	next     int64
	touched  map[int64][]int64
	oracle   oracle
}

func newWorld(t rapid.TB, db sqlconn.DB, cfg int64, capacity int) *world {
	return &world{TB: t, db: db, cfg: cfg, capacity: capacity, next: 1, touched: map[int64][]int64{}, oracle: oracle{}}
}

// change is one call of Apply.
type change struct {
	tree    int64
	changes []mvtree.Change
}

// commit makes one revision of changes to tree 0 and returns its number.
func (w *world) commit(changes ...mvtree.Change) int64 {
	w.Helper()
	return w.revision([][]change{{{0, changes}}})
}

// revision makes one revision of several writers with several calls each.
func (w *world) revision(writers [][]change) int64 {
	w.Helper()
	rev := w.head + 1
	next, touched := w.next, []int64{}
	w.update(func(c sqlconn.Conn) error {
		next, touched = w.next, nil
		for _, calls := range writers {
			wr := mvtree.NewWriterOf(w.capacity, c, w.cfg, rev, next)
			for _, call := range calls {
				if err := wr.Apply(call.tree, call.changes); err != nil {
					return err
				}
			}
			n, nodes, err := wr.Flush()
			if err != nil {
				return err
			}
			next, touched = n, append(touched, nodes...)
		}
		return nil
	})
	w.head, w.next, w.touched[rev] = rev, next, touched
	for _, calls := range writers {
		for _, call := range calls {
			for _, c := range call.changes {
				w.oracle.apply(call.tree, rev, c)
			}
		}
	}
	return rev
}

func (w *world) update(fn func(sqlconn.Conn) error) {
	w.Helper()
	if err := w.db.Update(context.Background(), fn); err != nil {
		w.Fatalf("update: %v", err)
	}
}

func (w *world) view(fn func(sqlconn.Conn) error) {
	w.Helper()
	if err := w.db.View(context.Background(), fn); err != nil {
		w.Fatalf("view: %v", err)
	}
}

// check runs Check on trees 0 to 6 at the given revisions.
func (w *world) check(revisions ...int64) {
	w.Helper()
	w.view(func(c sqlconn.Conn) error {
		return mvtree.CheckOf(w.capacity, c, w.cfg, []int64{0, 1, 2, 3, 4, 5, 6}, w.head, revisions)
	})
}

// page is one question to a Reader.
type page struct {
	tree, rev int64
	after     mvtree.Key
	owner     int64
	limit     int
}

func (p page) read(r mvtree.Reader, cfg int64) ([]string, error) {
	var got []string
	err := r.Scan(cfg, p.tree, p.rev, p.after, p.owner, func(k mvtree.Key, v mvtree.Value) (bool, error) {
		got = append(got, fmt.Sprint(k, unpacked(v)))
		return len(got) < p.limit, nil
	})
	return got, err
}

// prefixPacker keeps what the values of a leaf begin with once.
type prefixPacker struct{}

func (prefixPacker) Pack(values []string) (any, []string, int64) {
	if len(values) == 0 {
		return nil, nil, 0
	}
	prefix := values[0]
	for _, v := range values {
		for !strings.HasPrefix(v, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
	}
	packed := make([]string, len(values))
	for i, v := range values {
		packed[i] = v[len(prefix):]
	}
	return prefix, packed, int64(len(prefix))
}

func unpacked(v mvtree.Value) string {
	prefix, _ := v.Shared.(string)
	return prefix + v.Text
}

func (o oracle) page(p page) []string {
	var want []string
	for _, r := range o.at(p.tree, p.rev) {
		if len(want) < p.limit && r.Key.Compare(p.after) > 0 && (p.owner == 0 || r.Owner == p.owner) {
			want = append(want, fmt.Sprint(r.Key, r.Value))
		}
	}
	return want
}

// compare reads pages and compares them with the oracle.
func (w *world) compare(cache *mvtree.Cache, pages ...page) {
	w.Helper()
	w.view(func(c sqlconn.Conn) error {
		r := mvtree.Reader{Source: w.source(c), Cache: cache, History: w.cfg}
		for _, p := range pages {
			got, err := p.read(r, w.cfg)
			if err != nil {
				return err
			}
			if diff := cmp.Diff(w.oracle.page(p), got); diff != "" {
				w.Fatalf("page %+v (head %d, capacity %d) -want +got:\n%s", p, w.head, w.capacity, diff)
			}
		}
		return nil
	})
}

// compareAll compares whole trees at revisions.
func (w *world) compareAll(tree int64, revisions ...int64) {
	w.Helper()
	for _, rev := range revisions {
		w.compare(nil, page{tree: tree, rev: rev, limit: 1 << 30})
	}
}

// source is the snapshot of a connection with the world's head.
func (w *world) source(c sqlconn.Conn) mvtree.Source { return worldSource{c, w} }

type worldSource struct {
	conn sqlconn.Conn
	w    *world
}

func (s worldSource) Conn() (sqlconn.Conn, error)     { return s.conn, nil }
func (s worldSource) Head(int64) (int64, bool, error) { return s.w.head, true, nil }
func (s worldSource) Touched(_, after, to int64) (nums []int64, err error) {
	for r := after + 1; r <= to; r++ {
		nums = append(nums, s.w.touched[r]...)
	}
	return nums, nil
}

// intervals puts what ScanAll hands out together again.
func (w *world) intervals(tree int64) []mvtree.Row {
	w.Helper()
	type id struct {
		mvtree.Key
		from int64
	}
	ends := map[id]mvtree.Row{}
	w.view(func(c sqlconn.Conn) error {
		clear(ends)
		return mvtree.ScanAll(c, w.cfg, tree, func(_, _ int64, r mvtree.Row) error {
			at := id{r.Key, r.From}
			if old, ok := ends[at]; ok && old.Value != r.Value {
				return fmt.Errorf("key %v from %d has two values", r.Key, r.From)
			}
			if r.To > ends[at].To {
				ends[at] = r
			}
			return nil
		})
	})
	return inOrder(slices.Collect(maps.Values(ends)))
}

func inOrder(rows []mvtree.Row) []mvtree.Row {
	slices.SortFunc(rows, func(a, b mvtree.Row) int {
		if c := a.Key.Compare(b.Key); c != 0 {
			return c
		}
		return int(a.From - b.From)
	})
	return rows
}

// compareIntervals compares everything stored with the oracle.
func (w *world) compareIntervals(tree int64) {
	w.Helper()
	if diff := cmp.Diff(inOrder(slices.Clone(w.oracle[tree])), w.intervals(tree)); diff != "" {
		w.Fatalf("intervals of tree %d -want +got:\n%s", tree, diff)
	}
}

// one reads a single number.
func (w *world) one(sql string, args ...any) (n int64) {
	w.Helper()
	w.view(func(c sqlconn.Conn) error {
		return c.Query(sql, args, func(r sqlconn.Row) error { n = r.Int(0); return nil })
	})
	return n
}

func open(owner, id int64, value string) mvtree.Change {
	return mvtree.Change{Key: mvtree.Key{Owner: owner, ID: id}, Value: value}
}

func ending(owner, id int64) mvtree.Change {
	return mvtree.Change{Key: mvtree.Key{Owner: owner, ID: id}, Close: true}
}

// series opens n rows of an owner, IDs counted from first.
func series(owner, first int64, n int) (cs []mvtree.Change) {
	for i := range int64(n) {
		cs = append(cs, open(owner, first+i, fmt.Sprint("v", first+i)))
	}
	return cs
}

// endings closes n rows of an owner.
func endings(owner, first int64, n int) (cs []mvtree.Change) {
	for i := range int64(n) {
		cs = append(cs, ending(owner, first+i))
	}
	return cs
}
