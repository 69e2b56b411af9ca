// Package testdb gives a test an empty database, of the kind that its run is
// about: SQLite, or PostgreSQL where REEVE_TEST_DATABASE=postgres.
//
// It is for tests of what lies above the store. Tests of the store itself run
// on both kinds every time.
package testdb

import (
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"reeve/internal/store/postgres"
	"reeve/internal/store/postgres/pgtest"
	"reeve/internal/store/sqlconn"
	"reeve/internal/store/sqlite"
)

// kindVariable is the environment variable that names the kind.
const kindVariable = "REEVE_TEST_DATABASE"

// Postgres reports whether the run is about PostgreSQL.
func Postgres() bool { return os.Getenv(kindVariable) == "postgres" }

// Database is an empty database for one test, which goes away with it.
type Database struct {
	// URL is what --database takes; "" with SQLite.
	URL string

	t    testing.TB
	path string // of SQLite's file
}

// New makes an empty database. Without PostgreSQL, where that is asked for,
// the test is skipped as pgtest says.
func New(t testing.TB) *Database {
	t.Helper()
	switch kind := os.Getenv(kindVariable); kind {
	case "postgres":
		return &Database{URL: pgtest.EmptySchema(t), t: t}
	case "", "sqlite":
		return &Database{t: t, path: filepath.Join(t.TempDir(), "reeve.db")}
	default:
		t.Fatalf("%s is %q: give sqlite or postgres", kindVariable, kind)
		return nil
	}
}

// Open opens the database, which the caller closes; it can be opened again
// then. clock is what Conn.Now returns; nil is the database's own.
func (d *Database) Open(clock func() int64) sqlconn.DB {
	d.t.Helper()
	var db sqlconn.DB
	var err error
	if d.URL != "" {
		db, err = postgres.Open(d.t.Context(), d.URL, postgres.Options{Clock: clock})
	} else {
		db, err = sqlite.Open(d.path, sqlite.Options{Clock: clock, Log: slog.New(slog.DiscardHandler)})
	}
	if err != nil {
		d.t.Fatalf("open database: %v", err)
	}
	return db
}

// fewChecks is how often a property is checked where each check makes a schema
// of PostgreSQL. The same property has its hundred checks on SQLite.
const fewChecks = "25"

// FewerChecks lowers how often rapid checks a property whose every check makes
// a database, for the rest of a test that runs alone: with PostgreSQL, and
// unless -rapid.checks says a number.
func FewerChecks(t testing.TB) {
	t.Helper()
	checks := flag.Lookup("rapid.checks")
	if !Postgres() || checks == nil || checks.Value.String() != checks.DefValue {
		return
	}
	before := checks.Value.String()
	if err := checks.Value.Set(fewChecks); err != nil {
		t.Fatalf("set rapid.checks: %v", err)
	}
	t.Cleanup(func() { _ = checks.Value.Set(before) })
}
