package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"reeve/internal/config"
	"reeve/internal/store"
	"reeve/internal/store/postgres"
	"reeve/internal/store/sqlconn"
	"reeve/internal/store/sqlite"
)

// databaseFile is the SQLite database in a data directory.
const databaseFile = "reeve.db"

// storeOptions say which database to open.
type storeOptions struct {
	data     string // directory of the SQLite database
	postgres string // URL; "" for SQLite
	replica  string // URL of a replica of postgres; "" for none
	memory   memory // zero: the defaults of each

	connections int           // to each PostgreSQL at most; 0 for what its URL says
	patience    time.Duration // with a PostgreSQL that is away; 0 for the default, negative for none
	await       bool          // one that is away is waited for, when it is opened too
	log         *slog.Logger
}

// databaseOptions are the settings of the databases.
func databaseOptions(cfg *config.Config) storeOptions {
	return storeOptions{data: cfg.Data, postgres: string(cfg.Database), replica: string(cfg.ReadDatabase),
		connections: cfg.DatabaseConnections, patience: patienceOf(cfg)}
}

// check says what is wrong with the URLs, without connecting to anything.
func (o storeOptions) check() error {
	if o.replica != "" && o.postgres == "" {
		return errors.New("--read-database is a replica of --database: give both, or neither")
	}
	for _, of := range []struct{ name, url string }{{"--database", o.postgres}, {"--read-database", o.replica}} {
		if of.url == "" {
			continue
		}
		if err := postgres.Check(of.url, postgres.Options{MaxConns: o.connections}); err != nil {
			return fmt.Errorf("%s: %w", of.name, err)
		}
	}
	return nil
}

// patienceOf is the patience that was set, where 0 is a choice.
func patienceOf(cfg *config.Config) time.Duration {
	if cfg.DatabasePatience == 0 {
		return -1
	}
	return cfg.DatabasePatience
}

// openStore opens the database and brings its schema up to date.
func openStore(ctx context.Context, o storeOptions) (*store.Store, error) {
	db, err := openDatabase(ctx, o)
	if err != nil {
		return nil, err
	}
	opts := store.Options{CacheBytes: o.memory.nodes, Log: o.log}
	if opts.Replica, err = openReplica(ctx, o); err != nil {
		db.Close()
		return nil, err
	}
	s, err := store.New(ctx, db, opts)
	if err != nil {
		db.Close()
		if opts.Replica != nil {
			opts.Replica.Close()
		}
		return nil, err
	}
	return s, nil
}

// openReplica returns nil when there is none. One that does not answer stops
// nobody: the store goes on without it.
func openReplica(ctx context.Context, o storeOptions) (sqlconn.DB, error) {
	if o.replica == "" {
		return nil, nil
	}
	return postgres.Open(ctx, o.replica, postgres.Options{MaxConns: o.connections, Late: true, Patience: -1})
}

func openDatabase(ctx context.Context, o storeOptions) (sqlconn.DB, error) {
	if o.postgres != "" {
		return openPostgres(ctx, o)
	}
	return sqlite.Open(filepath.Join(o.data, databaseFile), sqlite.Options{WriterCache: o.memory.writer, ReaderCache: o.memory.readers, Log: o.log})
}

func openPostgres(ctx context.Context, o storeOptions) (sqlconn.DB, error) {
	db, err := postgres.Open(ctx, o.postgres, postgres.Options{MaxConns: o.connections, Patience: o.patience, Await: o.await, Log: o.log})
	switch {
	case errors.Is(err, sqlconn.ErrUnavailable) && o.await:
		return nil, fmt.Errorf("PostgreSQL does not answer: start it, correct --database, or wait longer with --database-patience: %w", err)
	case errors.Is(err, sqlconn.ErrUnavailable):
		return nil, fmt.Errorf("PostgreSQL does not answer: start it, or correct the URL of the database: %w", err)
	case err != nil:
		return nil, err
	}
	return db, nil
}

// makeDataDirectory makes the directory, for its owner alone.
func makeDataDirectory(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("make data directory: %w", err)
	}
	return nil
}
