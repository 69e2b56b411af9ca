package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"reeve/internal/store"
	"reeve/internal/store/postgres"
	"reeve/internal/store/postgres/pgtest"
	"reeve/internal/store/sqlconn"
	"reeve/internal/store/sqlite"
)

// database says where a fleet lives: the path of a SQLite file, or the URL of
// a PostgreSQL server and the schema in it, with a space between.
type database string

// throwAway is the PostgreSQL server that this process started, if it did.
var throwAway string

// databaseFor returns the database of one fleet.
func databaseFor(name, dir, url string, records int) (database, error) {
	switch name {
	case "sqlite":
		return database(filepath.Join(dir, "reeve.db")), nil
	case "postgres":
		if url == "" && throwAway == "" {
			started, err := pgtest.Start()
			if err != nil {
				return "", fmt.Errorf("start PostgreSQL: %w", err)
			}
			throwAway = started
		}
		if url == "" {
			url = throwAway
		}
		return database(fmt.Sprintf("%s bench_%d", url, records)), nil
	}
	return "", fmt.Errorf("-databases: %q is neither sqlite nor postgres", name)
}

// open opens the store of the database.
func (d database) open(ctx context.Context) (*store.Store, error) {
	url, schema, isPostgres := strings.Cut(string(d), " ")
	var db sqlconn.DB
	var err error
	if isPostgres {
		db, err = postgres.Open(ctx, url, postgres.Options{Schema: schema})
	} else {
		db, err = sqlite.Open(string(d), sqlite.Options{})
	}
	if err != nil {
		return nil, err
	}
	return store.New(ctx, db, store.Options{})
}
