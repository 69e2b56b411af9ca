package mvtree_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"reeve/internal/store/mvtree"
	"reeve/internal/store/sqlconn"
)

var errAsked = errors.New("the source was asked")

// closedSource fails the test of a read that should come from memory.
type closedSource struct{}

func (closedSource) Conn() (sqlconn.Conn, error)                  { return nil, errAsked }
func (closedSource) Head(int64) (int64, bool, error)              { return 0, false, errAsked }
func (closedSource) Touched(int64, int64, int64) ([]int64, error) { return nil, errAsked }

func (w *world) fromMemory(cache *mvtree.Cache, p page) error {
	got, err := p.read(mvtree.Reader{Source: closedSource{}, Cache: cache, History: 1}, w.cfg)
	if err == nil && !slices.Equal(got, w.oracle.page(p)) {
		w.Errorf("page %+v from memory: got %v, want %v", p, got, w.oracle.page(p))
	}
	return err
}

// A read that was done before asks the database nothing, later revisions
// notwithstanding, and allocates nothing.
func TestCachedReadTouchesNothing(t *testing.T) {
	on8(t, func(w *world) {
		w.commit(series(1, 1, 200)...)
		cache := mvtree.NewCache(1<<20, prefixPacker{})
		early := page{rev: 1, limit: 50, after: mvtree.Key{Owner: 1, ID: 70}}
		w.compare(cache, early)
		if err := w.fromMemory(cache, early); err != nil {
			w.Error(err)
		}
		w.commit(open(1, 500, "far away"))
		if err := w.fromMemory(cache, early); err != nil {
			w.Errorf("after another revision: %v", err)
		}
		now := early
		now.rev = 2
		if err := w.fromMemory(cache, now); !errors.Is(err, errAsked) {
			w.Errorf("a revision that the cache does not know was answered: %v", err)
		}
		w.compare(cache, now)
		if err := w.fromMemory(cache, early); err != nil {
			w.Errorf("untouched nodes were dropped: %v", err)
		}
	})
}

func TestCachedReadAllocatesNothing(t *testing.T) {
	w := newWorld(t, openSQLite(t), 1, 8)
	w.commit(series(1, 1, 200)...)
	cache := mvtree.NewCache(1<<20, prefixPacker{})
	w.compare(cache, page{rev: 1, limit: 300})
	r := mvtree.Reader{Source: closedSource{}, Cache: cache, History: 1}
	each := func(mvtree.Key, mvtree.Value) (bool, error) { return true, nil }
	allocs := testing.AllocsPerRun(20, func() {
		if err := r.Scan(1, 0, 1, mvtree.Key{}, 0, each); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := r.Get(1, 0, 1, mvtree.Key{Owner: 1, ID: 7}); !ok || err != nil {
			t.Fatal(ok, err)
		}
	})
	if allocs > 2 { // the two calls' own state
		t.Errorf("%v allocations", allocs)
	}
}

// A node that was loaded before a revision that touched it must not come into
// a cache that knows of that revision already.
func TestLateLoadIsNotKept(t *testing.T) {
	on8(t, func(w *world) {
		w.commit(series(1, 1, 5)...)
		w.commit(ending(1, 3), open(1, 4, "changed"))
		late := newWorld(w.TB, w.db, w.cfg, 8) // a snapshot that ends at 2
		late.head, late.touched = 2, w.touched
		fresh := mvtree.NewCache(1<<20, prefixPacker{})
		w.view(func(c sqlconn.Conn) error {
			counted := &between{Conn: c, then: func() {
				w.commit(ending(1, 1))
				w.compare(fresh, page{rev: 3, tree: 6, limit: 1}) // synced to 3 by another tree
			}}
			_, err := page{rev: 2, limit: 100}.read(mvtree.Reader{Source: late.source(counted), Cache: fresh, History: w.cfg}, w.cfg)
			return err
		})
		w.compare(fresh, page{rev: 1, limit: 100}, page{rev: 2, limit: 100}, page{rev: 3, limit: 100})
	})
}

// between does something after the first statement on nodes, in the middle of
// a reader's load.
type between struct {
	sqlconn.Conn
	then func()
	done bool
}

func (b *between) QueryEach(sql string, args [][]any, each func(int, sqlconn.Row) error) error {
	err := b.Conn.QueryEach(sql, args, each)
	if !b.done {
		b.done = true
		b.then()
	}
	return err
}

// A cache stays within its bytes and gives up a configuration that it is too
// far behind.
func TestCacheBounds(t *testing.T) {
	on8(t, func(w *world) {
		w.commit(series(1, 1, 3000)...)
		for _, size := range []int64{0, 100, 5000, 50000} {
			cache := mvtree.NewCache(size, prefixPacker{})
			for range 3 {
				w.compare(cache, page{rev: 1, limit: 5000})
				if got := cache.Bytes(); got > size {
					w.Errorf("%d bytes in a cache of %d", got, size)
				}
			}
		}
		cache := mvtree.NewCache(1<<20, prefixPacker{})
		w.compare(cache, page{rev: 1, limit: 5000})
		w.commit(ending(1, 1500))
		w.head += 5000 // as if many revisions had come, none of which is asked for
		w.compare(cache, page{rev: w.head, limit: 5000})
		if err := w.fromMemory(cache, page{rev: w.head, limit: 5000}); err != nil {
			w.Error(err)
		}
	})
}

func TestRevisionBeyondTheNewest(t *testing.T) {
	w := newWorld(t, openSQLite(t), 1, 8)
	w.commit(series(1, 1, 5)...)
	w.view(func(c sqlconn.Conn) error {
		r := mvtree.Reader{Source: w.source(c), Cache: mvtree.NewCache(1<<20, prefixPacker{}), History: w.cfg}
		if _, err := (page{rev: 2, limit: 1}).read(r, w.cfg); err == nil {
			t.Error("a revision that is yet to come was read")
		}
		return nil
	})
}

// TestConcurrent has writers of several configurations and readers with one
// small cache; every answer is compared with what the same snapshot says
// without a cache, and with the naive ledger.
func TestConcurrent(t *testing.T) {
	onEngines(t, func(t *testing.T, db sqlconn.DB) {
		cache := mvtree.NewCache(64<<10, prefixPacker{})
		var writers, readers sync.WaitGroup
		for cfg := range int64(2) {
			s := newShared(t, db, cfg+1)
			var done atomic.Bool
			writers.Go(func() {
				defer done.Store(true)
				s.write(60)
			})
			for seed := range uint64(3) {
				readers.Go(func() { s.readUntil(&done, cache, rand.New(rand.NewPCG(seed, uint64(cfg)))) })
			}
		}
		writers.Wait()
		readers.Wait()
	})
}

// shared is a world that readers look at while its writer goes on. What a
// snapshot may see is kept by revision, before the revision is committed.
type shared struct {
	*testing.T
	db   sqlconn.DB
	cfg  int64
	mu   sync.Mutex
	past []moment // by revision
}

type moment struct {
	rows    []mvtree.Row
	touched []int64
}

func newShared(t *testing.T, db sqlconn.DB, cfg int64) *shared {
	return &shared{T: t, db: db, cfg: cfg, past: make([]moment, 1)}
}

func (s *shared) moment(rev int64) moment {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.past[rev]
}

func (s *shared) write(revisions int) {
	rng := rand.New(rand.NewPCG(uint64(s.cfg), 9))
	w := newWorld(s.T, s.db, s.cfg, 8)
	for i := range int64(revisions) {
		cs := acts[rng.IntN(len(acts))](w, rng, 30)
		for _, c := range cs {
			w.oracle.apply(0, i+1, c)
		}
		w.head = i + 1
		err := s.db.Update(context.Background(), func(c sqlconn.Conn) error { return s.writeOne(c, w, cs) })
		if err != nil {
			s.Error(err)
			return
		}
	}
}

// writeOne writes revision w.head; tree 6 holds nothing but the number of the
// newest revision, as a store's row of the configuration would.
func (s *shared) writeOne(c sqlconn.Conn, w *world, cs []mvtree.Change) error {
	wr := mvtree.NewWriterOf(8, c, s.cfg, w.head, w.next)
	if err := wr.Apply(0, cs); err != nil {
		return err
	}
	if err := wr.Apply(6, []mvtree.Change{open(1, 1, fmt.Sprint(w.head))}); err != nil {
		return err
	}
	next, touched, err := wr.Flush()
	w.next = next
	s.mu.Lock()
	defer s.mu.Unlock()
	s.past = append(s.past[:w.head], moment{w.oracle.at(0, w.head), touched})
	return err
}

func (s *shared) readUntil(done *atomic.Bool, cache *mvtree.Cache, rng *rand.Rand) {
	for n := 0; !done.Load() || n < 50; n++ {
		err := s.db.View(context.Background(), func(c sqlconn.Conn) error { return s.readOnce(c, cache, rng) })
		if err != nil {
			s.Error(err)
			return
		}
	}
}

func (s *shared) readOnce(c sqlconn.Conn, cache *mvtree.Cache, rng *rand.Rand) error {
	src := sharedSource{c, s}
	head, _, err := src.Head(s.cfg)
	if err != nil || head == 0 {
		return err
	}
	for range 5 {
		rev := max(1, head-rng.Int64N(10))
		p := page{rev: rev, after: randomKey(rng), limit: 1 + rng.IntN(60)}
		got, err := p.read(mvtree.Reader{Source: src, Cache: cache, History: s.cfg}, s.cfg)
		if err != nil {
			return err
		}
		plain, err := p.read(mvtree.Reader{Source: mvtree.Fixed(c)}, s.cfg)
		if err != nil {
			return err
		}
		want := oracle{0: s.moment(rev).rows}.page(page{rev: rev, after: p.after, limit: p.limit})
		if !slices.Equal(got, plain) || !slices.Equal(got, want) {
			s.Errorf("page %+v of head %d: cached %v, uncached %v, want %v", p, head, got, plain, want)
		}
	}
	return nil
}

type sharedSource struct {
	conn sqlconn.Conn
	s    *shared
}

func (s sharedSource) Conn() (sqlconn.Conn, error) { return s.conn, nil }

func (s sharedSource) Head(cfg int64) (head int64, same bool, err error) {
	v, ok, err := mvtree.Reader{Source: mvtree.Fixed(s.conn)}.Get(cfg, 6, mvtree.Open-1, mvtree.Key{Owner: 1, ID: 1})
	if ok {
		_, err = fmt.Sscan(v.Text, &head)
	}
	return head, true, err
}

func (s sharedSource) Touched(_, after, to int64) (nums []int64, err error) {
	for r := after + 1; r <= to; r++ {
		nums = append(nums, s.s.moment(r).touched...)
	}
	return nums, nil
}

// While a reader finds out what was touched, the cache may lose the
// configuration and begin again with the nodes of an older snapshot; what the
// reader found out is then too little to make those valid.
func TestAdvanceMeetsOlderSnapshot(t *testing.T) {
	on8(t, func(w *world) {
		w.commit(series(1, 1, 30)...)
		old := newWorld(w.TB, w.db, w.cfg, 8)
		old.head, old.touched, old.oracle = 1, w.touched, oracle{0: slices.Clone(w.oracle[0])}
		cache := mvtree.NewCache(1<<20, prefixPacker{})
		w.view(func(snapshot sqlconn.Conn) error { // of revision 1
			w.commit(ending(1, 3), open(1, 4, "changed"))
			w.compare(cache, page{rev: 2, limit: 100}) // synced to 2
			w.commit(series(1, 100, 1)...)
			w.view(func(c sqlconn.Conn) error {
				src := meeting{w.source(c), func() {
					cache.Drop(w.cfg)
					if _, err := (page{rev: 1, limit: 100}).read(mvtree.Reader{Source: old.source(snapshot), Cache: cache, History: w.cfg}, w.cfg); err != nil {
						w.Error(err)
					}
				}}
				_, err := page{rev: 3, limit: 100}.read(mvtree.Reader{Source: src, Cache: cache, History: w.cfg}, w.cfg)
				return err
			})
			return nil
		})
		w.compare(cache, page{rev: 3, limit: 100}, page{rev: 2, limit: 100}, page{rev: 1, limit: 100})
	})
}

// meeting is a source during whose Touched something else happens.
type meeting struct {
	mvtree.Source
	then func()
}

func (m meeting) Touched(cfg, after, to int64) ([]int64, error) {
	m.then()
	return m.Source.Touched(cfg, after, to)
}
