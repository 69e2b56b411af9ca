package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"reeve/internal/store/sqlconn"
	"reeve/internal/store/sqlconn/sqlconntest"
	"reeve/internal/store/sqlite"

	"github.com/google/go-cmp/cmp"
	raw "zombiezen.com/go/sqlite"
)

var schema = []sqlconn.Migration{{Number: 1, Name: "items", SQL: `CREATE TABLE item (id BIGINT NOT NULL PRIMARY KEY, body BYTEA){{clustered}}`}}

const insertItem = `INSERT INTO item (id, body) VALUES ($1, $2)`

func tempPath(t *testing.T) string { return filepath.Join(t.TempDir(), "reeve.db") }

// open opens a database with the schema above until the test's end.
func open(t *testing.T, path string, opts sqlite.Options) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(path, opts)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}

func openItems(t *testing.T, path string, opts sqlite.Options) *sqlite.DB {
	t.Helper()
	db := open(t, path, opts)
	if err := db.Migrate(t.Context(), schema); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	return db
}

func add(ctx context.Context, db *sqlite.DB, id int64, size int) error {
	return db.Update(ctx, func(c sqlconn.Conn) error {
		_, err := c.Exec(insertItem, id, make([]byte, size))
		return err
	})
}

func mustAdd(t *testing.T, db *sqlite.DB, id int64, size int) {
	t.Helper()
	if err := add(t.Context(), db, id, size); err != nil {
		t.Fatalf("add item %d: %v", id, err)
	}
}

func ids(t *testing.T, db *sqlite.DB) (ids []int64) {
	t.Helper()
	err := db.View(t.Context(), func(c sqlconn.Conn) error {
		return c.Query(`SELECT id FROM item ORDER BY id`, nil, func(r sqlconn.Row) error {
			ids = append(ids, r.Int(0))
			return nil
		})
	})
	if err != nil {
		t.Fatalf("view: %v", err)
	}
	return ids
}

func wantIDs(t *testing.T, db *sqlite.DB, want ...int64) {
	t.Helper()
	if diff := cmp.Diff(want, ids(t, db)); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
}

func logSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path + "-wal")
	if errors.Is(err, os.ErrNotExist) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// eventually waits for a condition, for longer than any machine needs.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	limit := time.NewTimer(5 * time.Minute)
	defer limit.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("never happened: %s", what)
		}
	}
}

func TestConformance(t *testing.T) {
	sqlconntest.Run(t, func(t *testing.T) sqlconn.DB { return open(t, tempPath(t), sqlite.Options{}) })
}

func TestPragmas(t *testing.T) {
	db := open(t, tempPath(t), sqlite.Options{WriterCache: 1 << 20, Readers: 4, ReaderCache: 8 << 20})
	for _, test := range []struct {
		name string
		do   func(context.Context, func(sqlconn.Conn) error) error
		want map[string]string
	}{
		{"Writer", db.Update, map[string]string{"journal_mode": "wal", "synchronous": "2", "page_size": "4096", "wal_autocheckpoint": "0", "foreign_keys": "0", "temp_store": "2", "cache_size": "-1024"}},
		{"Reader", db.View, map[string]string{"journal_mode": "wal", "cache_size": "-2048", "temp_store": "2"}},
	} {
		got := map[string]string{}
		err := test.do(t.Context(), func(c sqlconn.Conn) error {
			for name := range test.want {
				err := c.Query("PRAGMA "+name, nil, func(r sqlconn.Row) error {
					got[name] = r.Text(0)
					return nil
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	notOne := tempPath(t)
	if err := os.WriteFile(notOne, []byte(strings.Repeat("not a database\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"NoName":      "",
		"Memory":      ":memory:",
		"NoDirectory": filepath.Join(t.TempDir(), "none", "reeve.db"),
		"NotDatabase": notOne,
		"Directory":   t.TempDir(),
	} {
		db, err := sqlite.Open(path, sqlite.Options{})
		if err == nil {
			t.Errorf("%s: was opened", name)
			db.Close()
		} else if !strings.Contains(err.Error(), strings.TrimPrefix(path, ":memory:")) {
			t.Errorf("%s: error %q does not name %s", name, err, path)
		}
	}
}

func TestNameIsTakenLiterally(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file:a b?mode=memory&x=%41")
	mustAdd(t, openItems(t, path, sqlite.Options{}), 1, 0)
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestFileIsPrivate(t *testing.T) {
	path := tempPath(t)
	mustAdd(t, openItems(t, path, sqlite.Options{}), 1, 0)
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", filepath.Base(path)+suffix, info.Mode())
		}
	}
}

func TestOneProcessAtATime(t *testing.T) {
	path := tempPath(t)
	db := openItems(t, path, sqlite.Options{})
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, link} {
		_, err := sqlite.Open(name, sqlite.Options{})
		want := fmt.Sprintf("open database %s: another Reeve (process %d) is running on it", path, os.Getpid())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %q", err, want)
		}
	}
	mustAdd(t, db, 1, 0)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	wantIDs(t, open(t, path, sqlite.Options{}), 1)
}

func TestCloseEmptiesTheLog(t *testing.T) {
	path := tempPath(t)
	db := openItems(t, path, sqlite.Options{CheckpointEvery: time.Hour})
	mustAdd(t, db, 1, 100_000)
	if logSize(t, path) < 100_000 {
		t.Fatalf("log has %d bytes: it was emptied too early for this test", logSize(t, path))
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if got := logSize(t, path); got != 0 {
		t.Errorf("log has %d bytes after Close", got)
	}
	wantIDs(t, open(t, path, sqlite.Options{}), 1)
}

func TestIdleEmptiesTheLog(t *testing.T) {
	path := tempPath(t)
	db := openItems(t, path, sqlite.Options{CheckpointEvery: time.Millisecond})
	for id := range int64(3) {
		mustAdd(t, db, id, 100_000)
		eventually(t, "the log is empty", func() bool { return logSize(t, path) == 0 })
	}
}

// TestLogIsBounded writes while some View is always open, so that SQLite
// itself would never start the log anew. Ten rounds without a commit would
// empty the log too, so the rounds are much longer than a commit takes.
func TestLogIsBounded(t *testing.T) {
	path := tempPath(t)
	db := openItems(t, path, sqlite.Options{CheckpointEvery: 20 * time.Millisecond, WALLimit: 1 << 20})
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	baton := make(chan struct{})
	group.Go(func() { overlap(ctx, db, baton, true) })
	group.Go(func() { overlap(ctx, db, baton, false) })
	last, emptied, id := int64(0), 0, int64(0)
	eventually(t, "the log is emptied beside readers", func() bool {
		id++
		mustAdd(t, db, id, 50_000)
		size := logSize(t, path)
		if size < last {
			emptied++
		}
		last = size
		return emptied == 3
	})
}

// overlap opens one View after another. Of two that share a baton one is
// always open: each ends its View when the other one has opened its own.
func overlap(ctx context.Context, db *sqlite.DB, baton chan struct{}, first bool) {
	for ctx.Err() == nil {
		_ = db.View(ctx, func(c sqlconn.Conn) error {
			if !first {
				select {
				case baton <- struct{}{}:
				case <-ctx.Done():
				}
			}
			first = false
			select {
			case <-baton:
			case <-ctx.Done():
			}
			return nil
		})
	}
}

func TestReadersAreBounded(t *testing.T) {
	db := openItems(t, tempPath(t), sqlite.Options{Readers: 2})
	nothing := func(sqlconn.Conn) error { return nil }
	err := db.View(t.Context(), func(sqlconn.Conn) error {
		return db.View(t.Context(), func(sqlconn.Conn) error {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			return db.View(ctx, nothing)
		})
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a third View: got error %v, want %v", err, context.DeadlineExceeded)
	}
	if err := db.View(t.Context(), nothing); err != nil {
		t.Error(err)
	}
}

// TestSnapshotStartsAtOnce: what is committed after View began is not seen,
// even before fn's first statement.
func TestSnapshotStartsAtOnce(t *testing.T) {
	db := openItems(t, tempPath(t), sqlite.Options{})
	err := db.View(t.Context(), func(c sqlconn.Conn) error {
		mustAdd(t, db, 1, 0)
		return c.Query(`SELECT id FROM item`, nil, func(r sqlconn.Row) error {
			return fmt.Errorf("saw item %d of a later commit", r.Int(0))
		})
	})
	if err != nil {
		t.Error(err)
	}
}

// TestOtherProcessWrites stands for somebody at the sqlite3 shell.
func TestOtherProcessWrites(t *testing.T) {
	path := tempPath(t)
	db := openItems(t, path, sqlite.Options{})
	shell, err := raw.OpenConn(path, raw.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer shell.Close()
	run := func(sql string) {
		t.Helper()
		stmt, err := shell.Prepare(sql)
		if err == nil {
			_, err = stmt.Step()
		}
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	run("BEGIN IMMEDIATE")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := add(ctx, db, 1, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got error %v, want %v", err, context.DeadlineExceeded)
	}
	added := make(chan error)
	go func() { added <- add(t.Context(), db, 2, 0) }()
	run("INSERT INTO item (id) VALUES (3)")
	run("COMMIT")
	if err := <-added; err != nil {
		t.Error(err)
	}
	wantIDs(t, db, 2, 3)
}

func TestDiskFull(t *testing.T) {
	path := tempPath(t)
	db := openItems(t, path, sqlite.Options{})
	mustAdd(t, db, 1, 100)
	limitPages(t, db, 50)
	for range 3 {
		err := add(t.Context(), db, 2, 1<<20)
		if raw.ErrCode(err).ToPrimary() != raw.ResultFull {
			t.Errorf("got error %v, want that the disk is full", err)
		}
		wantIDs(t, db, 1)
	}
	limitPages(t, db, 1<<20)
	mustAdd(t, db, 2, 1<<20)
	wantIDs(t, db, 1, 2)
}

func limitPages(t *testing.T, db *sqlite.DB, pages int) {
	t.Helper()
	err := db.Update(t.Context(), func(c sqlconn.Conn) error {
		return c.Query(fmt.Sprintf("PRAGMA max_page_count = %d", pages), nil, func(sqlconn.Row) error { return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestFailedCommit: SQLite leaves a transaction open whose COMMIT failed.
func TestFailedCommit(t *testing.T) {
	db := openItems(t, tempPath(t), sqlite.Options{})
	sqlite.EnforceForeignKeys(t, db)
	err := db.Migrate(t.Context(), append(schema, sqlconn.Migration{
		Number: 2, Name: "parts",
		SQL: `CREATE TABLE part (item BIGINT REFERENCES item (id) DEFERRABLE INITIALLY DEFERRED)`,
	}))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		err = db.Update(t.Context(), func(c sqlconn.Conn) error {
			_, err := c.Exec(`INSERT INTO part (item) VALUES ($1)`, int64(1))
			return err
		})
		if raw.ErrCode(err) != raw.ResultConstraintForeignKey || !strings.Contains(err.Error(), "COMMIT") {
			t.Errorf("got error %v, want COMMIT to fail", err)
		}
	}
	mustAdd(t, db, 1, 0)
	wantIDs(t, db, 1)
}

// TestCloseWaits: Close comes back after the transactions that run.
func TestCloseWaits(t *testing.T) {
	path := tempPath(t)
	db := openItems(t, path, sqlite.Options{})
	closed := make(chan error)
	err := db.Update(t.Context(), func(c sqlconn.Conn) error {
		go func() { closed <- db.Close() }()
		eventually(t, "Close has begun", func() bool {
			return errors.Is(db.View(t.Context(), func(sqlconn.Conn) error { return nil }), sqlconn.ErrClosed)
		})
		_, err := c.Exec(insertItem, int64(1), nil)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	wantIDs(t, open(t, path, sqlite.Options{}), 1)
}

func TestClock(t *testing.T) {
	db := open(t, tempPath(t), sqlite.Options{Clock: func() int64 { return 42 }})
	err := db.View(t.Context(), func(c sqlconn.Conn) error {
		if now, err := c.Now(); now != 42 || err != nil {
			t.Errorf("got %d, %v, want 42", now, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
