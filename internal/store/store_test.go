package store_test

import (
	"context"
	"path/filepath"
	"testing"

	"reeve/internal/license"
	"reeve/internal/store"
	"reeve/internal/store/postgres/pgtest"
	"reeve/internal/store/sqlconn"
	"reeve/internal/store/sqlite"
	"reeve/internal/store/storetest"
)

// openSQLite opens a new database file that goes away with the test.
func openSQLite(t testing.TB) sqlconn.DB {
	t.Helper()
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "reeve.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// openPostgres opens a schema of its own that goes away with the test.
func openPostgres(t *testing.T) sqlconn.DB {
	t.Helper()
	return pgtest.Open(t)
}

// open returns a store over a database and closes it when the test ends.
func open(t *testing.T, db sqlconn.DB, opts store.Options) *store.Store {
	t.Helper()
	s, err := store.New(context.Background(), db, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func TestSQLite(t *testing.T) {
	var plans planned
	storetest.Run(t, func(t *testing.T) license.Store { return plans.open(t, openSQLite(t), sqlitePlans) })
	plans.check(t)
}

func TestPostgres(t *testing.T) {
	pgtest.URL(t) // skips the test here, not each of its parts
	var plans planned
	openStore := func(t *testing.T) license.Store { return plans.open(t, openPostgres(t), postgresPlans) }
	storetest.Run(t, openStore)
	storetest.RunConcurrent(t, openStore)
	plans.check(t)
}

func TestSQLiteWithoutCache(t *testing.T) {
	storetest.RunTrees(t, func(t *testing.T) license.Store {
		return open(t, openSQLite(t), store.Options{CacheBytes: -1})
	})
}

// A cache that holds next to nothing is always loading and evicting.
func TestSQLiteWithTinyCache(t *testing.T) {
	storetest.RunTrees(t, func(t *testing.T) license.Store {
		return open(t, openSQLite(t), store.Options{CacheBytes: 40_000})
	})
}

// pair is two servers over one database: one writes, the other reads, so the
// reader's cache learns of every change from the database alone.
type pair struct {
	license.Store
	reader *store.Store
}

func (p pair) View(ctx context.Context, fn func(license.Tx) error) error {
	return p.reader.View(ctx, fn)
}

func openPair(t *testing.T, db sqlconn.DB) license.Store {
	reader, err := store.New(context.Background(), db, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return pair{open(t, db, store.Options{}), reader}
}

func TestTwoStoresOverOneSQLite(t *testing.T) {
	storetest.RunTrees(t, func(t *testing.T) license.Store { return openPair(t, openSQLite(t)) })
}

func TestTwoStoresOverOnePostgres(t *testing.T) {
	pgtest.URL(t)
	storetest.RunTrees(t, func(t *testing.T) license.Store { return openPair(t, openPostgres(t)) })
}
