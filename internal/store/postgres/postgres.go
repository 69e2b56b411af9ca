// Package postgres is sqlconn over PostgreSQL, for any number of servers on
// one database.
//
// A View is REPEATABLE READ, so that all its statements see one snapshot. An
// Update is READ COMMITTED and locks what it decides on with ForUpdate: a
// statement that waited for a lock then sees the row as it now is, where a
// stricter level would fail and start over.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"reeve/internal/store/sqlconn"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Options tune a database. The zero value is what a server runs with.
type Options struct {
	Schema   string       // where the tables live; default the role's search path; created by Migrate
	MaxConns int          // connections at most, refused beside the URL's pool_max_conns; default that, else 4 or one a processor
	Clock    func() int64 // what Conn.Now returns, microseconds since the epoch; default the server's clock

	// Late makes Open ask the server nothing, so that it may be away.
	Late bool

	// Await makes Open wait, as long as calls do, for a server that is away; by
	// default it fails at once.
	Await bool

	// Patience is how long a call waits for a server that is away before it
	// returns ErrUnavailable; default 15 seconds, negative for none.
	Patience time.Duration

	Log *slog.Logger // default slog.Default()
}

// DB is a pool of connections to one database.
type DB struct {
	pool    *pgxpool.Pool
	updates lane // most of the pool
	first   lane // a connection besides, for UpdateFirst
	opts    Options
	closed  atomic.Bool
	purged  atomic.Int64 // when marks were deleted last, in nanoseconds since the epoch
	queues  queues
	most    time.Duration // of a group: groupTime, but for tests
}

var _ sqlconn.DB = (*DB)(nil)

const (
	oldestServer = 140000 // PostgreSQL 14 is the oldest that the tests run on
	endTimeout   = 30 * time.Second
)

const (
	beginView   = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	beginUpdate = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
)

func (d *DB) log() *slog.Logger {
	if d.opts.Log == nil {
		return slog.Default()
	}
	return d.opts.Log
}

// Open connects to a database given as a URL or as key=value words. It fails
// when the server does not answer (ErrUnavailable), or cannot hold Reeve's data.
func Open(ctx context.Context, url string, opts Options) (*DB, error) {
	config, err := configure(url, opts)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	d := &DB{opts: opts, most: groupTime}
	if d.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	first, err := pgxpool.NewWithConfig(ctx, onlyOne(config))
	if err != nil {
		d.pool.Close()
		return nil, fmt.Errorf("open database: %w", err)
	}
	d.updates, d.first = laneOf(d.pool), laneOf(first)
	if opts.Late {
		return d, nil
	}
	if err := d.meet(ctx); err != nil {
		d.Close()
		return nil, fmt.Errorf("open database: %w", err)
	}
	return d, nil
}

// onlyOne is the configuration of a pool of one connection, made when it is needed.
func onlyOne(config *pgxpool.Config) *pgxpool.Config {
	one := config.Copy()
	one.MaxConns, one.MinConns, one.MinIdleConns = 1, 0, 0
	return one
}

// Check says what is wrong with a URL or key=value words in themselves, without
// connecting to anything.
func Check(url string, opts Options) error {
	_, err := configure(url, opts)
	return err
}

func configure(url string, opts Options) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, withoutURL(err)
	}
	switch config.ConnConfig.DefaultQueryExecMode {
	case pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec:
	default:
		return nil, errors.New("default_query_exec_mode must be cache_statement, cache_describe or describe_exec")
	}
	if opts.MaxConns > 0 {
		if err := refuseTwoSizes(url); err != nil {
			return nil, err
		}
		config.MaxConns = int32(min(opts.MaxConns, 10_000))
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	setParams(config.ConnConfig.RuntimeParams, opts)
	config.AfterConnect = commitDurably
	return config, nil
}

// withoutURL repeats nothing of a URL that cannot be parsed: where in it a
// password with special characters begins and ends, nobody can tell.
func withoutURL(err error) error {
	var unreadable *pgconn.ParseConfigError
	if !errors.As(err, &unreadable) {
		return err
	}
	text := unreadable.Error()
	why := text[strings.LastIndexByte(text, '`')+1:]
	if strings.HasPrefix(why, ": failed to parse as URL") {
		why = ": write each special character of names and passwords as %XX: %40 is @, %2F is /, %25 is %"
	}
	return errors.New("cannot parse the URL of PostgreSQL" + why)
}

// refuseTwoSizes refuses a URL that sizes the pool where a setting does.
func refuseTwoSizes(url string) error {
	plain, err := pgx.ParseConfig(url)
	if err != nil {
		return err
	}
	if _, both := plain.RuntimeParams["pool_max_conns"]; both {
		return errors.New("the URL has pool_max_conns and the setting database-connections is given too: leave one of them out")
	}
	return nil
}

// setParams adds the session's parameters that the URL does not set. The
// keepalives make a server notice within a minute that a host is gone which
// held the lock of a configuration; by default that takes hours.
func setParams(params map[string]string, opts Options) {
	defaults := map[string]string{
		"application_name":        "reeve",
		"tcp_keepalives_idle":     "30",
		"tcp_keepalives_interval": "10",
		"tcp_keepalives_count":    "3",
	}
	for name, value := range defaults {
		if _, ok := params[name]; !ok {
			params[name] = value
		}
	}
	if opts.Schema != "" {
		params["search_path"] = pgx.Identifier{opts.Schema}.Sanitize()
	}
}

// commitDurably turns synchronous_commit on where it is off, and leaves the
// stricter settings of replicated servers alone.
func commitDurably(ctx context.Context, c *pgx.Conn) error {
	_, err := c.Exec(ctx, `SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`)
	return err
}

// meet checks the server, and waits for one that is away if that is wanted.
func (d *DB) meet(ctx context.Context) error {
	o := d.outage()
	if !d.opts.Await || o.patience < 0 {
		return d.checkServer(ctx)
	}
	waiting := false
	return o.retry(ctx, func() error {
		err := d.checkServer(ctx)
		switch {
		case err == nil && waiting:
			d.log().Info("the database is there")
		case errors.Is(err, sqlconn.ErrUnavailable) && !waiting:
			waiting = true
			d.log().Warn("the database is away: waiting for it", "patience", o.patience, "error", err)
		}
		return err
	})
}

func (d *DB) checkServer(ctx context.Context) error {
	c, err := d.acquire(ctx, d.pool)
	if err != nil {
		return err
	}
	defer c.Release()
	var version int64
	var encoding string
	const sql = `SELECT current_setting('server_version_num')::bigint, current_setting('server_encoding')`
	if err := c.QueryRow(ctx, sql).Scan(&version, &encoding); err != nil {
		if c.Conn().IsClosed() {
			return lostConnection(err)
		}
		return err
	}
	if version < oldestServer {
		return fmt.Errorf("the server is PostgreSQL %d, Reeve needs %d or newer", version/10000, oldestServer/10000)
	}
	if encoding != "UTF8" {
		return fmt.Errorf("the database's encoding is %s, Reeve needs UTF8; create it with ENCODING 'UTF8' TEMPLATE template0", encoding)
	}
	return nil
}

// View implements sqlconn.DB. The snapshot is taken by fn's first statement,
// which travels together with BEGIN; the transaction is ended behind the
// caller's back. So a View of one statement costs one round trip.
//
// While the server is away the first statement waits for it. A connection
// that is lost later takes the snapshot with it, and that is an error.
func (d *DB) View(ctx context.Context, fn func(sqlconn.Conn) error) error {
	o := d.outage()
	c, err := d.acquireWaiting(ctx, o)
	if err != nil {
		return fmt.Errorf("view: %w", err)
	}
	t := &tx{pooled: c, ctx: ctx, begin: []string{beginView}, clock: d.opts.Clock}
	t.reopen = func() bool { return o.wait(ctx) && d.reopen(t, o) }
	defer func() {
		t.state.End(nil)
		if t.pooled == nil {
			return
		}
		if inTransaction(t.pooled) {
			go release(ctx, t.pooled)
		} else {
			t.pooled.Release()
		}
	}()
	if err := t.state.End(fn(t)); err != nil {
		return err
	}
	return ctx.Err()
}

// reopen gives a View whose transaction was lost before it told anything
// another connection; false means that there is none.
func (d *DB) reopen(t *tx, o *outage) bool {
	t.pooled.Release()
	t.pooled, _ = d.acquireWaiting(t.ctx, o)
	t.begin = []string{beginView}
	return t.pooled != nil
}

// Update implements sqlconn.DB. When the connection is lost at the commit, its
// outcome is found out.
func (d *DB) Update(ctx context.Context, fn func(sqlconn.Conn) error) error {
	return d.updateOn(ctx, &d.updates, fn)
}

// UpdateFirst implements sqlconn.DB, over a connection that Updates do not use.
func (d *DB) UpdateFirst(ctx context.Context, fn func(sqlconn.Conn) error) error {
	return d.updateOn(ctx, &d.first, fn)
}

func (d *DB) updateOn(ctx context.Context, l *lane, fn func(sqlconn.Conn) error) error {
	return d.outage().retry(ctx, func() error {
		return sqlconn.Retry(ctx, func() error { return d.updateOnce(ctx, l, fn) })
	})
}

// updateOnce resolves a lost commit when its own connection is back in the
// pool, or many that lost theirs together would wait for each other's.
func (d *DB) updateOnce(ctx context.Context, l *lane, fn func(sqlconn.Conn) error) error {
	mark, err := d.attempt(ctx, l, fn)
	if errors.Is(err, errUnknown) {
		err = d.resolve(ctx, mark, err)
	}
	if mark != "" && err == nil {
		d.purgeNowAndThen()
	}
	return err
}

// attempt runs fn in a transaction and commits it; mark is what a
// transaction that wrote something leaves.
func (d *DB) attempt(ctx context.Context, l *lane, fn func(sqlconn.Conn) error) (mark string, err error) {
	c, err := d.enter(ctx, l)
	if err != nil {
		return "", fmt.Errorf("update: %w", err)
	}
	defer l.leave(ctx, c)
	t := &tx{pooled: c, ctx: ctx, begin: []string{beginUpdate}, clock: d.opts.Clock}
	defer func() { t.state.End(nil) }()
	err = t.state.End(fn(t))
	switch {
	case ctx.Err() != nil && !errors.Is(err, ctx.Err()):
		return "", fmt.Errorf("transaction: %w", ctx.Err())
	case err != nil:
		return "", err
	case t.begin != nil: // fn ran no statement
		return "", nil
	case t.wrote:
		mark = newMark()
	}
	return mark, commit(ctx, c, mark)
}

// acquireWaiting is acquire that waits while no server answers.
func (d *DB) acquireWaiting(ctx context.Context, o *outage) (c *pgxpool.Conn, err error) {
	err = o.retry(ctx, func() error {
		c, err = d.acquire(ctx, d.pool)
		return err
	})
	return c, err
}

func (d *DB) acquire(ctx context.Context, pool *pgxpool.Pool) (*pgxpool.Conn, error) {
	if d.closed.Load() {
		return nil, sqlconn.ErrClosed
	}
	c, err := pool.Acquire(ctx)
	switch {
	case err == nil:
		return c, nil
	case d.closed.Load():
		return nil, sqlconn.ErrClosed
	case ctx.Err() != nil:
		return nil, ended(ctx, err)
	}
	return nil, connectError(err)
}

// lane is the connections of a pool that Updates may have at once. A quarter of a
// pool's is left for reading, which would wait as long as all changes before it.
type lane struct {
	pool   *pgxpool.Pool
	places chan struct{}
}

func laneOf(pool *pgxpool.Pool) lane {
	all := int(pool.Config().MaxConns)
	return lane{pool, make(chan struct{}, max(1, all-max(1, all/4)))}
}

// enter takes a connection of the lane, which leave gives back.
func (d *DB) enter(ctx context.Context, l *lane) (*pgxpool.Conn, error) {
	select {
	case l.places <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	c, err := d.acquire(ctx, l.pool)
	if err != nil {
		<-l.places
	}
	return c, err
}

func (l *lane) leave(ctx context.Context, c *pgxpool.Conn) {
	release(ctx, c)
	<-l.places
}

func inTransaction(c *pgxpool.Conn) bool {
	conn := c.Conn().PgConn()
	return !conn.IsClosed() && conn.TxStatus() != 'I'
}

// release rolls back what is open and returns a connection to the pool, which
// drops it if it is not fit for use any more.
func release(ctx context.Context, c *pgxpool.Conn) {
	defer c.Release()
	if !inTransaction(c) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	_, _ = c.Exec(ctx, "ROLLBACK") // when it fails, the connection is not fit for use
}

// Migrate implements sqlconn.DB. The lock is an advisory one of the database,
// one for each schema in it, held by each migration's transaction.
func (d *DB) Migrate(ctx context.Context, migrations []sqlconn.Migration) error {
	return sqlconn.Upgrade(ctx, d, migrations, sqlconn.Dialect{Prepare: d.prepareSchema})
}

// Pending implements sqlconn.DB.
func (d *DB) Pending(ctx context.Context, migrations []sqlconn.Migration) ([]sqlconn.Migration, error) {
	return sqlconn.Pending(ctx, d, migrations, sqlconn.Dialect{
		Migrated: `SELECT 1 FROM pg_class WHERE relname = 'schema_migration' AND relnamespace = current_schema()::regnamespace`,
	})
}

func (d *DB) prepareSchema(c sqlconn.Conn) error {
	h := fnv.New64a()
	h.Write([]byte("reeve migrations " + d.opts.Schema))
	if _, err := c.Exec(`SELECT pg_advisory_xact_lock($1)`, int64(h.Sum64())); err != nil {
		return err
	}
	if d.opts.Schema != "" {
		if _, err := c.Exec(`CREATE SCHEMA IF NOT EXISTS ` + pgx.Identifier{d.opts.Schema}.Sanitize()); err != nil {
			return err
		}
	}
	if err := createKeytext(c); err != nil {
		return err
	}
	_, err := c.Exec(createMarks)
	return err
}

// createKeytext makes the type of keys, which compare by byte whatever the
// database's locale is, as they do in SQLite.
func createKeytext(c sqlconn.Conn) error {
	n, err := c.Exec(`SELECT 1 FROM pg_type WHERE typname = 'keytext' AND typnamespace = current_schema()::regnamespace`)
	if err != nil || n > 0 {
		return err
	}
	_, err = c.Exec(`CREATE DOMAIN keytext AS text COLLATE "C"`)
	return err
}

// Close implements sqlconn.DB.
func (d *DB) Close() error {
	if !d.closed.Swap(true) {
		d.pool.Close()
		d.first.pool.Close()
	}
	return nil
}
