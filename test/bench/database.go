package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"reeve/internal/store"
	"reeve/internal/store/postgres"
	"reeve/internal/store/postgres/pgtest"
	"reeve/internal/store/sqlconn"
	"reeve/internal/store/sqlite"
)

// database says where a fleet lives: the path of a SQLite file, or the URL of
// a PostgreSQL server and the schema in it, with a space between.
type database string

// throwAwayURL is the PostgreSQL server that this process started, if it did.
var throwAwayURL string

// databaseFor returns the database of one fleet, whose files may be in dir.
func databaseFor(kind, dir, url, fleet string) (database, error) {
	switch kind {
	case "sqlite":
		return database(filepath.Join(dir, "reeve.db")), nil
	case "postgres":
		if url == "" {
			started, err := startPostgres()
			if err != nil {
				return "", err
			}
			url = started
		}
		return database(url + " " + "bench_" + notWord.ReplaceAllString(fleet, "_")), nil
	}
	return "", fmt.Errorf("-databases: %q is neither sqlite nor postgres", kind)
}

var notWord = regexp.MustCompile(`\W+`)

// startPostgres starts one throw-away server for the whole run. It syncs its
// log like any other: without that, writes would cost nothing.
func startPostgres() (string, error) {
	if throwAwayURL != "" {
		return throwAwayURL, nil
	}
	if err := os.Setenv("REEVE_TEST_POSTGRES_FSYNC", "1"); err != nil {
		return "", err
	}
	url, err := pgtest.Start()
	if err != nil {
		return "", fmt.Errorf("start PostgreSQL: %w", err)
	}
	throwAwayURL = url
	return url, nil
}

// isPostgres tells the two kinds apart.
func (d database) isPostgres() bool { return strings.Contains(string(d), " ") }

// throwAway says that the database ends with this process.
func (d database) throwAway() bool {
	return throwAwayURL != "" && strings.HasPrefix(string(d), throwAwayURL+" ")
}

// connect opens the database without a store over it; o is for SQLite.
func (d database) connect(ctx context.Context, o sqlite.Options) (sqlconn.DB, error) {
	if url, schema, ok := strings.Cut(string(d), " "); ok {
		return postgres.Open(ctx, url, postgres.Options{Schema: schema})
	}
	return sqlite.Open(string(d), o)
}

// open opens the store of the database as a server does.
func (d database) open(ctx context.Context) (*store.Store, error) {
	db, err := d.connect(ctx, sqlite.Options{})
	if err != nil {
		return nil, err
	}
	return store.New(ctx, db, store.Options{CacheBytes: servedNodes})
}

// openToLoad opens it with much memory and few checkpoints, and without a
// cache, of which one who only writes has nothing.
func (d database) openToLoad(ctx context.Context) (*store.Store, error) {
	db, err := d.connect(ctx, sqlite.Options{WriterCache: 1 << 30, WALLimit: 1 << 30, CheckpointEvery: 20 * time.Second})
	if err != nil {
		return nil, err
	}
	return store.New(ctx, db, store.Options{CacheBytes: -1})
}

// version is the database's own name and version.
func (d database) version(ctx context.Context) (text string, err error) {
	db, err := d.connect(ctx, sqlite.Options{})
	if err != nil {
		return "", err
	}
	defer db.Close()
	name, sql := "SQLite ", "SELECT sqlite_version()"
	if d.isPostgres() {
		name, sql = "PostgreSQL ", "SELECT current_setting('server_version')"
	}
	err = db.View(ctx, func(c sqlconn.Conn) error {
		return c.Query(sql, nil, func(r sqlconn.Row) error {
			text = name + r.Text(0)
			return nil
		})
	})
	return text, err
}
