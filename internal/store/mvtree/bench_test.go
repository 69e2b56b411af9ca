package mvtree_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"reeve/internal/store/mvtree"
	"reeve/internal/store/sqlconn"
)

// benchValue is as long as a usage row with an ARN.
const benchValue = "arn:aws:ec2:eu-central-1:123456789012:instance/i-0123456789abcdef0|c5.4xlarge|8|17|running|assoc-20240501T101112Z-000 "

// benchLedger is a ledger that the benchmarks use: its rows, those open now
// in no order, and no oracle, which would be too slow.
type benchLedger struct {
	*world
	rng  *rand.Rand
	live []mvtree.Key
	ids  int64
}

func newBenchLedger(b *testing.B, engine string) *benchLedger {
	return &benchLedger{world: newWorld(b, engines[engine](b), 1, mvtree.Standard), rng: rand.New(rand.NewPCG(1, 1))}
}

// write makes one revision.
func (l *benchLedger) write(cs []mvtree.Change) {
	l.update(func(c sqlconn.Conn) error {
		w := mvtree.NewWriter(c, 1, l.head+1, l.next)
		if err := w.Apply(0, cs); err != nil {
			return err
		}
		next, touched, err := w.Flush()
		l.next, l.touched[l.head+1] = next, touched
		return err
	})
	l.head++
}

func (l *benchLedger) fresh() mvtree.Change {
	l.ids++
	k := mvtree.Key{Owner: 1 + l.rng.Int64N(20), ID: l.rng.Int64N(1 << 40)}
	return mvtree.Change{Key: k, Value: fmt.Sprint(benchValue, l.ids)}
}

// fill opens n rows at random keys.
func (l *benchLedger) fill(n int) {
	var cs []mvtree.Change
	for range n {
		c := l.fresh()
		l.live = append(l.live, c.Key)
		cs = append(cs, c)
	}
	l.write(cs)
}

// renew gives n random rows new values.
func (l *benchLedger) renew(n int) {
	var cs []mvtree.Change
	for i := range n {
		j := i + l.rng.IntN(len(l.live)-i)
		l.live[i], l.live[j] = l.live[j], l.live[i]
		l.ids++
		cs = append(cs, mvtree.Change{Key: l.live[i], Value: fmt.Sprint(benchValue, l.ids)})
	}
	l.write(cs)
}

// replace ends n of the first half of the rows and opens as many others.
func (l *benchLedger) replace(n int) {
	var cs []mvtree.Change
	half := len(l.live) / 2
	for i := range n {
		j := i + l.rng.IntN(half-i)
		l.live[i], l.live[j] = l.live[j], l.live[i]
		c := l.fresh()
		cs = append(cs, mvtree.Change{Key: l.live[i], Close: true}, c)
		l.live[i] = c.Key
	}
	l.write(cs)
}

// setA is a tenth of the ledger "a": 10 000 rows alive, 5 intervals each.
func setA(b *testing.B, engine string) *benchLedger {
	l := newBenchLedger(b, engine)
	l.fill(10_000)
	for range 400 {
		l.renew(100)
	}
	return l
}

// setC is a tenth of the ledger "c": 1 000 rows alive, of which half are
// replaced again and again, and 100 000 rows long gone.
func setC(b *testing.B, engine string) *benchLedger {
	l := newBenchLedger(b, engine)
	l.fill(1_000)
	for range 1000 {
		l.replace(100)
	}
	return l
}

// onBenchEngines names the engine in front of the rest of a benchmark's name.
func onBenchEngines(b *testing.B, bench func(b *testing.B, engine string)) {
	for _, engine := range slices.Sorted(maps.Keys(engines)) {
		b.Run(engine, func(b *testing.B) { bench(b, engine) })
	}
}

func BenchmarkReadA(b *testing.B) {
	onBenchEngines(b, func(b *testing.B, engine string) { setA(b, engine).benchPages(b) })
}

func BenchmarkReadC(b *testing.B) {
	onBenchEngines(b, func(b *testing.B, engine string) { setC(b, engine).benchPages(b) })
}

func (l *benchLedger) benchPages(b *testing.B) {
	revisions := []struct {
		name string
		rev  int64
	}{{"now", l.head}, {"mid", l.head / 2}, {"old", 1}}
	for _, limit := range []int{50, 1000} {
		for _, at := range revisions {
			p := page{rev: at.rev, limit: limit, after: mvtree.Key{Owner: 10, ID: 1 << 38}}
			b.Run(fmt.Sprintf("%d/%s/plain", limit, at.name), func(b *testing.B) { l.benchPage(b, nil, p) })
			b.Run(fmt.Sprintf("%d/%s/cached", limit, at.name), func(b *testing.B) { l.benchPage(b, mvtree.NewCache(256<<20, prefixPacker{}), p) })
		}
	}
}

func (l *benchLedger) benchPage(b *testing.B, cache *mvtree.Cache, p page) {
	b.ReportAllocs()
	err := l.db.View(context.Background(), func(c sqlconn.Conn) error {
		r := mvtree.Reader{Source: l.source(c), Cache: cache, History: 1}
		for b.Loop() {
			n := 0
			err := r.Scan(1, 0, p.rev, p.after, 0, func(mvtree.Key, mvtree.Value) (bool, error) { n++; return n < p.limit, nil })
			if err != nil {
				return err
			}
			b.ReportMetric(float64(n), "rows")
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkWriteA renews rows, each change being one interval; BenchmarkWriteC
// ends one row and opens another for each change.
func BenchmarkWriteA(b *testing.B) {
	onBenchEngines(b, func(b *testing.B, engine string) {
		for _, n := range []int{1, 100, 1000} {
			b.Run(fmt.Sprint(n), func(b *testing.B) { setA(b, engine).benchWrite(b, (*benchLedger).renew, n) })
		}
	})
}

func BenchmarkWriteC(b *testing.B) {
	onBenchEngines(b, func(b *testing.B, engine string) {
		for _, n := range []int{1, 100, 400} {
			b.Run(fmt.Sprint(n), func(b *testing.B) { setC(b, engine).benchWrite(b, (*benchLedger).replace, n) })
		}
	})
}

func (l *benchLedger) benchWrite(b *testing.B, write func(*benchLedger, int), n int) {
	b.ReportAllocs()
	before := l.one(`SELECT COUNT(*) FROM tree_leaf`)
	revisions := 0
	for b.Loop() {
		write(l, n)
		revisions++
	}
	changes := float64(n * revisions)
	b.ReportMetric(changes/b.Elapsed().Seconds(), "changes/s")
	b.ReportMetric(float64(l.one(`SELECT COUNT(*) FROM tree_leaf`)-before)/changes, "rows/change")
}
