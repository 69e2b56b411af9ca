package sqlite_test

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"reeve/internal/store/sqlconn"
	"reeve/internal/store/sqlite"
)

// atFortyTwo is a database whose clock stands still.
func atFortyTwo(t *testing.T, path string) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(path, sqlite.Options{Clock: func() int64 { return 42 }})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func promise(t *testing.T, db *sqlite.DB, at int64) error {
	t.Helper()
	return db.Update(t.Context(), func(c sqlconn.Conn) error { return c.(sqlconn.Promiser).Promise(at) })
}

func wantNow(t *testing.T, db *sqlite.DB, want int64) {
	t.Helper()
	err := db.View(t.Context(), func(c sqlconn.Conn) error {
		if now, err := c.Now(); now != want || err != nil {
			t.Errorf("the clock says %d, %v, want %d", now, err, want)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// The clock never goes back behind a promise, whoever opens the database next.
func TestAPromiseIsKeptOverARestart(t *testing.T) {
	path := tempPath(t)
	db := atFortyTwo(t, path)
	for _, p := range []struct{ at, now int64 }{{41, 42}, {1000, 1001}, {42, 1001}, {999, 1001}} {
		if err := promise(t, db, p.at); err != nil {
			t.Fatal(err)
		}
		wantNow(t, db, p.now)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = atFortyTwo(t, path)
	wantNow(t, db, 1001)
	if _, err := sqlite.Open(path, sqlite.Options{}); err == nil || !strings.Contains(err.Error(), "process "+strconv.Itoa(os.Getpid())) {
		t.Errorf("a second program is told %v", err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

// A lock file of before there were promises, or one that a crash has left
// without its text, has none.
func TestALockFileWithoutAPromise(t *testing.T) {
	for _, text := range []string{"", "1234\n", strings.Repeat("\x00", 41), "1234                \n"} {
		path := tempPath(t)
		if err := os.WriteFile(path+".lock", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		db := atFortyTwo(t, path)
		wantNow(t, db, 42)
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

// After a commit that failed, and may be there after a crash all the same,
// nothing is promised before the log is empty, which closing makes it.
func TestNoPromiseBehindAFailedCommit(t *testing.T) {
	path := tempPath(t)
	db := atFortyTwo(t, path)
	sqlite.EnforceForeignKeys(t, db)
	err := db.Migrate(t.Context(), append(schema, sqlconn.Migration{
		Number: 2, Name: "parts",
		SQL: `CREATE TABLE part (item BIGINT REFERENCES item (id) DEFERRABLE INITIALLY DEFERRED)`,
	}))
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(t.Context(), func(c sqlconn.Conn) error {
		_, err := c.Exec(`INSERT INTO part (item) VALUES ($1)`, int64(1))
		return err
	})
	if err == nil {
		t.Fatal("the commit did not fail")
	}
	if err := promise(t, db, 1000); !errors.Is(err, sqlconn.ErrUnwritable) {
		t.Errorf("got %v, want that nothing is promised", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = atFortyTwo(t, path)
	if err := promise(t, db, 1000); err != nil {
		t.Errorf("with an empty log: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

// A disk that has no room for another page has room for a promise.
func TestAPromiseNeedsNoSpace(t *testing.T) {
	db := openItems(t, tempPath(t), sqlite.Options{})
	mustAdd(t, db, 1, 0)
	limitPages(t, db, 1)
	if err := add(t.Context(), db, 2, 1<<20); !errors.Is(err, sqlconn.ErrUnwritable) {
		t.Fatalf("got %v, want that the disk is full", err)
	}
	at := time.Now().Add(time.Hour).UnixMicro()
	if err := promise(t, db, at); err != nil {
		t.Fatal(err)
	}
	wantNow(t, db, at+1)
}
