package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"reeve/internal/license"
	"reeve/internal/store"
	"reeve/internal/store/sqlconn"
)

var errCommit = errors.New("the common commit failed")

// joint is a database whose COMMIT fails. An Update that is made while
// another one's function runs joins that one's transaction.
type joint struct {
	sqlconn.DB
	broken bool
	conn   sqlconn.Conn // of the transaction that runs
}

func (j *joint) Update(ctx context.Context, fn func(sqlconn.Conn) error) error {
	if j.conn != nil {
		return fn(shared{j.conn})
	}
	return j.DB.Update(ctx, func(c sqlconn.Conn) error {
		j.conn = c
		defer func() { j.conn = nil }()
		if err := fn(c); err != nil || !j.broken {
			return err
		}
		return errCommit
	})
}

type shared struct{ sqlconn.Conn }

func (shared) Shared() bool { return true }

// TestLostCommitLeavesNothingInTheCache: an Update reads the ledger as another
// one in its transaction wrote it, and then that is lost. What takes its place
// has the same revision and the same nodes, and must be what everybody reads.
func TestLostCommitLeavesNothingInTheCache(t *testing.T) {
	db := &joint{DB: openSQLite(t)}
	s := open(t, db, store.Options{})
	c := fill(t, s, 300)
	wantConsumed(t, s, c.Head, 2) // the cache has all of it
	db.broken = true
	err := s.Update(t.Context(), func(tx license.Tx) error {
		lost := *c
		if err := writeRevision(tx, &lost, []license.Change{running(7, 99)}); err != nil {
			return err
		}
		wantConsumed(t, viewless{s}, lost.Head, 99)
		return nil
	})
	if !errors.Is(err, errCommit) {
		t.Fatalf("update: %v, want %v", err, errCommit)
	}
	db.broken = false
	err = s.Update(t.Context(), func(tx license.Tx) error { return writeRevision(tx, c, []license.Change{running(7, 5)}) })
	if err != nil {
		t.Fatal(err)
	}
	wantConsumed(t, s, c.Head, 5)
	wantConsumed(t, viewless{s}, c.Head, 5)
}

// viewless reads in Updates.
type viewless struct{ *store.Store }

func (v viewless) View(ctx context.Context, fn func(license.Tx) error) error {
	return v.Update(ctx, fn)
}

// wantConsumed reads machine 7 in both ways there are.
func wantConsumed(t *testing.T, s license.Store, revision, want int64) {
	t.Helper()
	err := s.View(t.Context(), func(tx license.Tx) error {
		all, err := tx.ScanUsage(nil, license.UsageScan{Configuration: 1, Revision: revision, Limit: 1000})
		if err != nil || len(all) != 300 {
			return fmt.Errorf("got %d rows (%w), want 300", len(all), err)
		}
		one, err := tx.UsageOf(1, revision, all[6].Key)
		if err != nil {
			return err
		}
		if all[6].Consumed != want || one.Consumed != want {
			t.Errorf("machine 7 consumes %d in the list and %d alone, want %d", all[6].Consumed, one.Consumed, want)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestRevisionsAtOnce: writers of one ledger and readers of its newest
// revision, over one cache. Each reader finds the sum that its revision had.
func TestRevisionsAtOnce(t *testing.T) {
	const writers, each, machines = 8, 15, 300
	s := open(t, openSQLite(t), store.Options{})
	fill(t, s, machines)
	ctx, cancel := context.WithCancel(t.Context())
	var writing, reading sync.WaitGroup
	for range 2 {
		reading.Go(func() {
			for ctx.Err() == nil {
				checkSum(t, s, machines)
			}
		})
	}
	for writer := range int64(writers) {
		writing.Go(func() {
			for n := range int64(each) {
				err := addOne(s, 1+(writer*each+n)%machines, n%5 == 0)
				if (n%5 == 0) != errors.Is(err, errCommit) {
					t.Errorf("change: %v", err)
				}
			}
		})
	}
	writing.Wait()
	cancel()
	reading.Wait()
	if got, want := checkSum(t, s, machines), int64(2+writers*each*4/5); got != want {
		t.Errorf("the newest revision is %d, want %d: one of each that was not refused", got, want)
	}
}

// addOne lets a machine consume one more, in a revision of its own; when it is
// to fail, it does so at the end.
func addOne(s license.Store, num int64, fail bool) error {
	return s.Update(context.Background(), func(tx license.Tx) error {
		c, err := tx.LockConfiguration(1)
		if err != nil {
			return err
		}
		was, err := tx.UsageOf(1, c.Head, running(num, 1).Key)
		if err != nil {
			return err
		}
		if err := writeRevision(tx, c, []license.Change{running(num, was.Consumed+1)}); err != nil {
			return err
		}
		if fail {
			return errCommit
		}
		return nil
	})
}

// checkSum reads the newest revision: the second one gave each machine two,
// and every later one adds one. It returns the revision's number.
func checkSum(t *testing.T, s license.Store, machines int64) (head int64) {
	t.Helper()
	err := s.View(context.Background(), func(tx license.Tx) error {
		c, err := tx.Configuration("lic-1")
		if err != nil {
			return err
		}
		head = c.Head
		all, err := tx.ScanUsage(nil, license.UsageScan{Configuration: 1, Revision: head, Limit: 1000})
		sum := int64(0)
		for _, u := range all {
			sum += u.Consumed
		}
		if want := 2*machines + head - 2; sum != want {
			t.Errorf("revision %d sums up to %d, want %d", head, sum, want)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return head
}

// BenchmarkRevisionsAtOnce is the time of one revision of one usage row in a
// ledger of some thousand rows, while so many callers write one after another,
// all into that ledger.
func BenchmarkRevisionsAtOnce(b *testing.B) {
	for _, callers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			s := openBench(b)
			fill(b, s, 5000)
			var turn atomic.Int64
			var group sync.WaitGroup
			b.ResetTimer()
			for range callers {
				group.Go(func() {
					for n := turn.Add(1); n <= int64(b.N); n = turn.Add(1) {
						if err := addOne(s, 1+n*7919%5000, false); err != nil {
							b.Error(err)
						}
					}
				})
			}
			group.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "revisions/s")
		})
	}
}
