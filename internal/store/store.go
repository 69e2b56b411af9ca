// Package store keeps ledgers, inventory and accounts in SQLite or PostgreSQL.
//
// It is written once over package sqlconn: every statement has one text for
// both databases. Packages store/sqlite and store/postgres open a database,
// [New] brings its schema up to date, and the [Store] it returns implements
// license.Store and iam.Store. What was in use at each revision of a ledger is
// kept by package mvtree.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"reeve/internal/iam"
	"reeve/internal/license"
	"reeve/internal/store/mvtree"
	"reeve/internal/store/sqlconn"
)

// defaultCacheBytes is what Options.CacheBytes 0 stands for.
const defaultCacheBytes = 64 << 20

// Options are the choices of a Store.
type Options struct {
	// CacheBytes bounds the memory that decoded tree nodes may take. 0 means
	// 512 MiB, which holds about two million records; a negative number keeps none.
	CacheBytes int64

	// Replica, when there is one, serves what Views read of the trees, as
	// soon as it has the revision in question; the Store owns it. Whatever is
	// not pinned to a revision is read from the database itself.
	Replica sqlconn.DB

	// Log is told when Replica stops and starts to be of use; default
	// slog.Default().
	Log *slog.Logger
}

// Store is an open database of Reeve. It is safe for concurrent use, also by
// several processes over one PostgreSQL database.
type Store struct {
	db        sqlconn.DB
	cache     *mvtree.Cache // nil when nothing is to be cached
	histories histories
	replica   *replica // nil when there is none
	values    *valueCache
	limits    searchLimits
	promises  promises
}

var (
	_ license.Store = (*Store)(nil)
	_ iam.Store     = (*Store)(nil)
)

// New brings the schema of db up to date and returns a Store over it, which
// owns db from then on. A database that a Copy has not finished is refused
// with ErrUnfinishedCopy.
func New(ctx context.Context, db sqlconn.DB, opts Options) (*Store, error) {
	steps, err := migrations()
	if err != nil {
		return nil, err
	}
	if err := db.Migrate(ctx, steps); err != nil {
		return nil, fmt.Errorf("bring schema up to date: %w", err)
	}
	if err := refuseUnfinished(ctx, db); err != nil {
		return nil, err
	}
	s := &Store{db: watch(db, opts.Log), cache: newCache(opts.CacheBytes), replica: newReplica(opts), values: newValueCache(), limits: defaultSearchLimits}
	s.histories.lost = s.values.forget
	return s, digestOlder(ctx, s)
}

func newCache(bytes int64) *mvtree.Cache {
	switch {
	case bytes < 0:
		return nil
	case bytes == 0:
		bytes = defaultCacheBytes
	}
	return mvtree.NewCache(bytes, usagePacker{})
}

// Close closes the database. Transactions must have ended.
func (s *Store) Close() error {
	if s.replica == nil {
		return s.db.Close()
	}
	return errors.Join(s.replica.db.Close(), s.db.Close())
}

// View implements license.Store.
func (s *Store) View(ctx context.Context, fn func(license.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("view: %w", err)
	}
	c := &snapshot{ctx: ctx, db: s.db}
	defer c.end(nil) // when fn panics
	return c.end(fn(&tx{conn: c, cache: s.cache, histories: &s.histories, since: s.histories.now(), limits: s.limits, ctx: ctx, replica: s.replica}))
}

// Update implements license.Store.
func (s *Store) Update(ctx context.Context, fn func(license.Tx) error) error {
	return s.update(fn, func(run func(sqlconn.Conn) error) error { return s.db.Update(ctx, run) })
}

// UpdateTogether implements license.Store.
func (s *Store) UpdateTogether(ctx context.Context, name string, fn func(license.Tx) error) error {
	return s.update(fn, func(run func(sqlconn.Conn) error) error { return s.db.UpdateTogether(ctx, name, run) })
}

// update runs fn in a transaction of the database, and remembers the numbers
// of values that the attempt has read or given which was committed.
func (s *Store) update(fn func(license.Tx) error, commit func(func(sqlconn.Conn) error) error) error {
	var last *tx
	err := commit(func(c sqlconn.Conn) error {
		if last != nil { // there was a clash, maybe of numbers
			s.values.leaveBlock()
		}
		last = &tx{conn: c, limits: s.limits, values: s.values}
		return fn(last)
	})
	if err == nil && len(last.numbers) > 0 {
		s.values.keep(last.numbers)
	}
	return err
}

// tx is one transaction. Its methods are in a file for each part of
// license.Tx.
type tx struct {
	conn   sqlconn.Conn
	limits searchLimits

	// Of an Update.
	writers map[int64]treeWriter     // by configuration
	known   map[int64]*knownResource // by number
	values  *valueCache
	numbers map[valueKey]int64 // of values, as this transaction sees them

	// Of a View. An Update reads past the cache: what it sees may be rolled back.
	cache     *mvtree.Cache // may be nil
	histories *histories
	since     int64 // the clock of histories before the snapshot began
	ctx       context.Context
	replica   *replica // nil when there is none
}

var _ license.Tx = (*tx)(nil)

// Now implements license.Tx.
func (t *tx) Now() (license.Time, error) {
	now, err := t.conn.Now()
	return license.Time(now), err
}

// execOne runs a statement that must change exactly one row.
func (t *tx) execOne(doing, sql string, args ...any) error {
	n, err := t.conn.Exec(sql, args...)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if n != 1 {
		return fmt.Errorf("%s: changed %d rows instead of one", doing, n)
	}
	return nil
}

// execEach is ExecEach that does nothing for no rows.
func (t *tx) execEach(doing, sql string, args [][]any) error {
	if len(args) == 0 {
		return nil
	}
	if err := t.conn.ExecEach(sql, args); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// query is Query that says what it was doing.
func (t *tx) query(doing, sql string, args []any, each func(sqlconn.Row) error) error {
	if err := t.conn.Query(sql, args, each); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// queryEach is QueryEach that does nothing for no arguments.
func (t *tx) queryEach(doing, sql string, args [][]any, each func(int, sqlconn.Row) error) error {
	if len(args) == 0 {
		return nil
	}
	if err := t.conn.QueryEach(sql, args, each); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}
