package postgres_test

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"reeve/internal/store/postgres"
	"reeve/internal/store/postgres/pgtest"
	"reeve/internal/store/sqlconn"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// openCut opens a database with counters through a network that does to
// each COMMIT what choose says. Its patience is a slow machine's.
func openCut(t *testing.T, opts postgres.Options, choose func() pgtest.Cut) (*postgres.DB, *pgtest.Proxy) {
	t.Helper()
	config, err := pgx.ParseConfig(pgtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	var armed atomic.Bool
	proxy := &pgtest.Proxy{Choose: func() pgtest.Cut {
		if !armed.Load() {
			return pgtest.CutNone
		}
		return choose()
	}}
	proxy.Network, proxy.Address = pgconn.NetworkAddress(config.Host, config.Port)
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	through := &url.URL{Scheme: "postgres", User: url.UserPassword(config.User, config.Password), Host: proxy.HostPort(), Path: config.Database}
	opts.Schema, opts.Patience = pgtest.Schema(t), cmp.Or(opts.Patience, 5*time.Minute)
	db, err := postgres.Open(t.Context(), through.String(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(t.Context(), schema); err != nil {
		t.Fatal(err)
	}
	armed.Store(true)
	return db, proxy
}

// TestCommitCut cuts the connection at the first COMMIT in every way there is.
// The update is run again when its commit was lost, and only then. A late COMMIT
// is lost when the client was faster, so it is made later until that is so.
func TestCommitCut(t *testing.T) {
	for _, test := range []struct {
		name string
		cut  pgtest.Cut
		runs int
	}{
		{"Before", pgtest.CutBefore, 2},
		{"Middle", pgtest.CutMiddle, 2},
		{"After", pgtest.CutAfter, 0}, // the server may read it before it sees the end, or not
		{"Answer", pgtest.CutAnswer, 1},
		{"Late", pgtest.CutLate, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			late := 300 * time.Millisecond
			runs := runsOfCut(t, test.cut, late)
			for test.cut == pgtest.CutLate && runs == 1 && late < time.Minute {
				late *= 10
				runs = runsOfCut(t, test.cut, late)
			}
			if test.runs > 0 && runs != test.runs {
				t.Errorf("got %d runs, want %d", runs, test.runs)
			}
		})
	}
}

// runsOfCut makes an update whose first COMMIT is cut, and returns how often it
// was run.
func runsOfCut(t *testing.T, cut pgtest.Cut, late time.Duration) (runs int) {
	t.Helper()
	var commits atomic.Int64
	db, proxy := openCut(t, postgres.Options{}, func() pgtest.Cut {
		if commits.Add(1) == 1 {
			return cut
		}
		return pgtest.CutNone
	})
	proxy.SetLateness(late)
	err := db.Update(t.Context(), func(c sqlconn.Conn) error {
		runs++
		return increment(c, 1)
	})
	if err != nil {
		t.Errorf("got error %v after %d runs", err, runs)
	}
	wantCounters(t, db, "[1 0]")
	return runs
}

// TestCommitsCutUnderLoad: with few connections, those who lost theirs must
// not wait for each other's.
func TestCommitsCutUnderLoad(t *testing.T) {
	var turn atomic.Int64
	db, proxy := openCut(t, postgres.Options{MaxConns: 3}, func() pgtest.Cut { return pgtest.Cut(turn.Add(1) % 11) })
	const workers, each = 8, 15
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for range each {
				if err := db.Update(t.Context(), readThenWrite); err != nil {
					t.Errorf("update: %v", err)
				}
			}
		})
	}
	group.Wait()
	if proxy.Cuts() < workers*each/4 {
		t.Errorf("only %d commits were cut", proxy.Cuts())
	}
	wantCounters(t, db, fmt.Sprintf("[%d 0]", workers*each))
}

// TestReadingUpdateLostAtCommit leaves no mark, and is run again.
func TestReadingUpdateLostAtCommit(t *testing.T) {
	var commits atomic.Int64
	db, _ := openCut(t, postgres.Options{}, func() pgtest.Cut {
		if commits.Add(1) == 1 {
			return pgtest.CutAfter
		}
		return pgtest.CutNone
	})
	before, runs := marks(t, db), 0
	err := db.Update(t.Context(), func(c sqlconn.Conn) error {
		runs++
		_, err := text(c, `SELECT note FROM counter WHERE id = 1`+c.ForUpdate())
		return err
	})
	if err != nil || runs != 2 || marks(t, db) != before {
		t.Errorf("got error %v after %d runs and %d marks, want none after 2 and %d", err, runs, marks(t, db), before)
	}
}

func marks(t *testing.T, db *postgres.DB) (n int64) {
	t.Helper()
	err := db.View(t.Context(), func(c sqlconn.Conn) error {
		return c.Query(`SELECT count(*) FROM commit_mark`, nil, func(r sqlconn.Row) error {
			n = r.Int(0)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestUnresolved: when the server stays away the caller is told neither that
// it is done nor that it is not.
func TestUnresolved(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var proxy *pgtest.Proxy
	db, proxy := openCut(t, postgres.Options{}, func() pgtest.Cut {
		go proxy.Close()
		time.AfterFunc(300*time.Millisecond, cancel) // by when the outcome is asked for, as a rule
		return pgtest.CutAfter
	})
	runs := 0
	err := db.Update(ctx, func(c sqlconn.Conn) error {
		runs++
		return increment(c, 1)
	})
	if runs != 1 || !isAway(err) || isUnavailable(err) {
		t.Errorf("got error %v after %d runs, want one of no known outcome after 1", err, runs)
	}
}

func TestOldMarksAreDeleted(t *testing.T) {
	db := openCounters(t)
	for range 5 {
		if err := db.Update(t.Context(), readThenWrite); err != nil {
			t.Fatal(err)
		}
	}
	before := marks(t, db)
	if n, err := db.Purge(t.Context(), time.Hour); n != 0 || err != nil {
		t.Errorf("%d marks of the last hour were deleted, %v", n, err)
	}
	if n, err := db.Purge(t.Context(), -time.Second); n != before || err != nil {
		t.Errorf("%d marks were deleted, %v, want %d", n, err, before)
	}
}
