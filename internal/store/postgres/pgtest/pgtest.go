// Package pgtest gives tests a PostgreSQL server.
//
// It is the one that REEVE_TEST_POSTGRES names (a URL), else a throw-away one
// that is started once for the test process and lives as long as it: initdb
// and postgres must be on the PATH or where Debian keeps them. Its database
// has an ICU locale on purpose, in which text does not sort by byte. It does
// not sync to disk unless REEVE_TEST_POSTGRES_FSYNC=1.
//
// A Proxy is a network that loses commits; a Cluster is a server that crashes
// and fails over.
package pgtest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"reeve/internal/store/postgres"

	"github.com/jackc/pgx/v5"
)

var own struct {
	once sync.Once
	url  string
	err  error
}

// URL is the server's address. Without a server the test is skipped, or fails
// where REEVE_REQUIRE_ALL=1 says that nothing may be missing.
func URL(t testing.TB) string {
	t.Helper()
	if url := os.Getenv("REEVE_TEST_POSTGRES"); url != "" {
		return url
	}
	own.once.Do(func() { own.url, own.err = startServer() })
	if own.err != nil {
		if os.Getenv("REEVE_REQUIRE_ALL") == "1" {
			t.Fatalf("start PostgreSQL: %v", own.err)
		}
		t.Skipf("no PostgreSQL (REEVE_TEST_POSTGRES is not set): %v", own.err)
	}
	return own.url
}

// Start starts a throw-away server for a program that is no test and returns
// its address. It ends with the process. REEVE_TEST_POSTGRES is not looked at.
func Start() (url string, err error) { return startServer() }

// Schema is the name of a schema for this test alone, which is dropped at the
// test's end. It does not exist before Migrate creates it.
func Schema(t testing.TB) string {
	t.Helper()
	url := URL(t)
	schema := "test_" + strings.ToLower(rand.Text())
	t.Cleanup(func() {
		if err := drop(url, schema); err != nil {
			t.Errorf("drop schema: %v", err)
		}
	})
	return schema
}

func drop(url, schema string) error {
	return execute(url, "SET client_min_messages = warning; DROP SCHEMA IF EXISTS "+pgx.Identifier{schema}.Sanitize()+" CASCADE")
}

// execute runs statements; it does not end with a test, which may be over.
func execute(url, sql string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	return err
}

// EmptySchema makes a schema for this test alone, which is dropped at the
// test's end, and returns the URL that leads into it.
func EmptySchema(t testing.TB) string {
	t.Helper()
	address, schema := URL(t), Schema(t)
	if err := execute(address, "CREATE SCHEMA "+pgx.Identifier{schema}.Sanitize()); err != nil {
		t.Fatalf("make schema: %v", err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatalf("read URL of PostgreSQL: %v", err)
	}
	query := u.Query()
	query.Set("search_path", schema)
	u.RawQuery = query.Encode()
	return u.String()
}

// Open opens an empty database, a schema of its own, until the test's end.
func Open(t testing.TB) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), URL(t), postgres.Options{Schema: Schema(t)})
	if err != nil {
		t.Fatalf("open PostgreSQL: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close PostgreSQL: %v", err)
		}
	})
	return db
}
