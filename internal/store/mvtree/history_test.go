package mvtree_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"reeve/internal/store/mvtree"
	"reeve/internal/store/sqlconn"

	"pgregory.net/rapid"
)

// TestHistories makes random ledgers and compares pages at random revisions
// with the naive ledger, through a cache and without one.
func TestHistories(t *testing.T) {
	onEngines(t, func(t *testing.T, db sqlconn.DB) {
		var cfg int64
		capacities := []int{8, 16, mvtree.Standard}
		if strings.HasSuffix(t.Name(), "/postgres") {
			capacities = capacities[1:2] // the algorithm is the same, the round trips are slow
		}
		for _, capacity := range capacities {
			t.Run(fmt.Sprint("capacity ", capacity), func(t *testing.T) {
				rapid.Check(t, func(t *rapid.T) {
					cfg++
					randomHistory(t, newWorld(t, db, cfg, capacity))
				})
			})
		}
	})
}

func randomHistory(t *rapid.T, w *world) {
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	caches := []*mvtree.Cache{nil, mvtree.NewCache(1<<20, prefixPacker{}), mvtree.NewCache(8<<10, prefixPacker{})}
	for range rapid.IntRange(1, 12).Draw(t, "revisions") {
		size := rapid.SampledFrom([]int{1, 3, 20, 150, 1000}).Draw(t, "size")
		act := rapid.SampledFrom(acts).Draw(t, "act")
		w.commit(act(w, rng, rng.IntN(size)+1)...)
		w.check(w.head, rng.Int64N(w.head+1))
		for _, c := range caches {
			w.compare(c, randomPages(w, rng, 4)...)
		}
	}
	w.compareIntervals(0)
}

func randomPages(w *world, rng *rand.Rand, n int) (pages []page) {
	for range n {
		p := page{rev: rng.Int64N(w.head + 1), limit: 1 + rng.IntN(200), owner: max(0, rng.Int64N(9)-4)}
		if rng.IntN(2) == 0 {
			p.after = randomKey(rng)
		}
		pages = append(pages, p)
	}
	return pages
}

func randomKey(rng *rand.Rand) mvtree.Key {
	return mvtree.Key{Owner: rng.Int64N(5), ID: 1 + rng.Int64N(500)}
}

// acts are the ways in which a ledger changes.
var acts = []func(w *world, rng *rand.Rand, n int) []mvtree.Change{churn, localChurn, movingWindow, massDeath, reopening}

// churn opens, replaces and ends rows anywhere.
func churn(w *world, rng *rand.Rand, n int) []mvtree.Change {
	cs := map[mvtree.Key]mvtree.Change{}
	for range n {
		k := randomKey(rng)
		cs[k] = mvtree.Change{Key: k, Value: fmt.Sprint(rng.IntN(3))}
	}
	for i, k := range w.oracle.keys(0) {
		if i%3 == 0 && len(cs) < 2*n {
			cs[k] = mvtree.Change{Key: k, Close: true}
		}
	}
	return shuffled(cs, rng)
}

// localChurn replaces the rows of one owner.
func localChurn(w *world, rng *rand.Rand, n int) []mvtree.Change {
	cs := map[mvtree.Key]mvtree.Change{}
	for _, k := range w.oracle.keys(0) {
		if k.Owner == 2 && len(cs) < n {
			cs[k] = mvtree.Change{Key: k, Close: true}
		}
	}
	for i := range int64(n) {
		k := mvtree.Key{Owner: 2, ID: w.head*1000 + i}
		cs[k] = mvtree.Change{Key: k, Value: "local"}
	}
	return shuffled(cs, rng)
}

// movingWindow ends the lowest keys and opens ever higher ones.
func movingWindow(w *world, rng *rand.Rand, n int) []mvtree.Change {
	cs := map[mvtree.Key]mvtree.Change{}
	for i, k := range w.oracle.keys(0) {
		if i >= n {
			break
		}
		cs[k] = mvtree.Change{Key: k, Close: true}
	}
	for i := range int64(n) {
		k := mvtree.Key{Owner: 3 + w.head/4, ID: w.head*1000 + i}
		cs[k] = mvtree.Change{Key: k, Value: "window"}
	}
	return shuffled(cs, rng)
}

// massDeath ends nearly everything.
func massDeath(w *world, rng *rand.Rand, n int) []mvtree.Change {
	cs := map[mvtree.Key]mvtree.Change{}
	for i, k := range w.oracle.keys(0) {
		if i%50 != n%50 {
			cs[k] = mvtree.Change{Key: k, Close: true}
		}
	}
	return shuffled(cs, rng)
}

// reopening opens rows that ended before, with the values that they had.
func reopening(w *world, rng *rand.Rand, n int) []mvtree.Change {
	cs := map[mvtree.Key]mvtree.Change{}
	for _, r := range w.oracle[0] {
		if r.To != mvtree.Open && len(cs) < n {
			cs[r.Key] = mvtree.Change{Key: r.Key, Value: r.Value}
		}
	}
	return shuffled(cs, rng)
}

func shuffled(cs map[mvtree.Key]mvtree.Change, rng *rand.Rand) []mvtree.Change {
	var list []mvtree.Change
	for _, c := range cs {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b mvtree.Change) int { return a.Key.Compare(b.Key) })
	rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// TestSeveralWriters changes the same trees several times in one revision, by
// one writer and by several of one transaction.
func TestSeveralWriters(t *testing.T) {
	onEngines(t, func(t *testing.T, db sqlconn.DB) {
		var cfg int64
		rapid.Check(t, func(t *rapid.T) {
			cfg++
			w := newWorld(t, db, cfg, 8)
			rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
			for range rapid.IntRange(1, 8).Draw(t, "revisions") {
				writeTwice(w, rng)
				w.check(w.head, rng.Int64N(w.head+1))
				w.compareAll(0, w.head, rng.Int64N(w.head+1))
			}
			w.compareIntervals(0)
		})
	})
}

func writeTwice(w *world, rng *rand.Rand) {
	n := rng.IntN(60) + 1
	first := churn(w, rng, n)
	after := newWorld(w.TB, w.db, w.cfg, w.capacity)
	for tree, rows := range w.oracle {
		after.oracle[tree] = slices.Clone(rows)
	}
	for _, c := range first {
		after.oracle.apply(0, w.head+1, c)
	}
	second := massDeath(after, rng, n)
	for _, c := range second {
		after.oracle.apply(0, w.head+1, c)
	}
	third := churn(after, rng, n)
	if rng.IntN(2) == 0 {
		w.revision([][]change{{{0, first}}, {{0, second}}, {{0, third}}})
	} else {
		w.revision([][]change{{{0, first}, {0, second}}, {{0, third}}})
	}
}
