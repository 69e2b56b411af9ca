package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"reeve/internal/store/sqlconn"

	"zombiezen.com/go/sqlite"
)

// maxStatements bounds the prepared statements of a connection. The texts of
// this program are far fewer, but for inventory searches, which are put
// together from their filters.
const maxStatements = 256

// busyTimeout is how long one attempt waits for another process's lock: the
// sqlite3 shell, a backup. All attempts of an Update together make 5 s; a wait
// inside SQLite cannot be called off, so none is longer. Within this process
// nobody waits inside SQLite.
const busyTimeout = 5 * time.Second / sqlconn.MaxAttempts

// beginView begins the transaction of a View, which is none that was begun: the
// statement opens the snapshot, gives its first row and is left standing there,
// and SQLite keeps the snapshot for all statements until that one is reset.
// That is a third of the work of BEGIN, a read and COMMIT, which is much for a
// View of one page.
const beginView = "SELECT 1 UNION ALL SELECT rootpage FROM sqlite_schema"

// The statements of a group of Updates, see group.go.
const (
	beginUpdate  = "BEGIN IMMEDIATE"
	commitUpdate = "COMMIT"
	beginMember  = "SAVEPOINT member"
	undoMember   = "ROLLBACK TO member"
	endMember    = "RELEASE member"
)

// conn is one SQLite connection, used by one transaction at a time.
type conn struct {
	db    *DB
	raw   *sqlite.Conn
	stmts map[string]*statement

	// interrupt, when closed, makes every statement fail. It is shared by
	// the transactions of a connection until one of them is cancelled, since
	// a new one costs the driver a goroutine.
	interrupt chan struct{}
}

func (d *DB) openConn(flags sqlite.OpenFlags, cache int64) (*conn, error) {
	raw, err := sqlite.OpenConn(d.path, flags)
	if err != nil {
		return nil, err
	}
	raw.SetBusyTimeout(busyTimeout)
	c := &conn{db: d, raw: raw, stmts: map[string]*statement{}}
	if err := c.configure(flags, cache); err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	c.rearm()
	return c, nil
}

func (c *conn) configure(flags sqlite.OpenFlags, cache int64) error {
	pragmas := []string{
		"synchronous = FULL",
		"temp_store = MEMORY",
		"foreign_keys = OFF",
		"wal_autocheckpoint = 0",
		fmt.Sprintf("cache_size = -%d", max(cache>>10, 1)),
		fmt.Sprintf("mmap_size = %d", c.db.opts.MMap),
	}
	if flags&sqlite.OpenReadWrite != 0 {
		if err := c.useWAL(); err != nil {
			return err
		}
	}
	for _, p := range pragmas {
		if _, err := c.pragma(p); err != nil {
			return err
		}
	}
	return nil
}

func (c *conn) useWAL() error {
	if _, err := c.pragma("page_size = 4096"); err != nil {
		return err
	}
	mode, err := c.pragma("journal_mode = WAL")
	if err == nil && mode != "wal" {
		err = fmt.Errorf("journal mode is %q: the file system cannot share memory between connections; put the database on a local disk", mode)
	}
	return err
}

// pragma runs a pragma and returns the first column of its last row as text.
func (c *conn) pragma(p string) (value string, err error) {
	stmt, _, err := c.raw.PrepareTransient("PRAGMA " + p)
	if err != nil {
		return "", err
	}
	defer stmt.Finalize()
	for {
		row, err := stmt.Step()
		if err != nil || !row {
			return value, err
		}
		value = stmt.ColumnText(0)
	}
}

// view runs fn over one snapshot. However fn ends, a panic included, the
// connection is left without a transaction.
func (c *conn) view(ctx context.Context, fn func(sqlconn.Conn) error) error {
	defer c.rollback()
	return c.guard(ctx, func(t *tx) error {
		begun, err := t.begin(beginView)
		if err != nil {
			return err
		}
		defer begun.leave()
		return fn(t)
	})
}

// guard gives do a tx whose statements fail once ctx has ended, and an error
// when that was before do returned. Afterwards, a panic of do's included, the
// tx has ended and no interrupt is under way any more.
func (c *conn) guard(ctx context.Context, do func(*tx) error) error {
	stop := context.AfterFunc(ctx, func() { close(c.interrupt) })
	t := &tx{conn: c, ctx: ctx}
	stopped := false // stop tells only its first caller that it came in time
	defer func() {
		t.state.End(nil)
		if !stopped && !stop() {
			c.disarm()
		}
	}()
	err := t.state.End(do(t))
	if stopped = stop(); !stopped {
		return cancelled(ctx, err)
	}
	return err
}

// uninterrupted is for the statements that end what others have begun.
func (c *conn) uninterrupted() *tx { return &tx{conn: c, ctx: context.Background()} }

// cancelled is the error of a transaction whose context ended before its commit.
func cancelled(ctx context.Context, err error) error {
	if err != nil && errors.Is(err, ctx.Err()) {
		return err
	}
	return fmt.Errorf("transaction: %w", ctx.Err())
}

// rearm gives the connection an interrupt channel that is not closed.
func (c *conn) rearm() {
	c.interrupt = make(chan struct{})
	c.raw.SetInterrupt(c.interrupt)
}

// disarm waits for an interrupt that is under way to be over and rearms, so
// that it cannot hit the next transaction.
func (c *conn) disarm() {
	<-c.interrupt
	c.rearm()
}

// rollback ends a transaction that is still open: SQLite itself ends one after
// some errors (disk full, I/O), and COMMIT leaves it open when it fails.
func (c *conn) rollback() {
	if c.raw.AutocommitEnabled() {
		return
	}
	if err := c.uninterrupted().exec("ROLLBACK"); err != nil {
		c.db.opts.Log.Error("rollback failed", "database", c.db.path, "error", err)
	}
}

// statement returns the prepared form of a text.
func (c *conn) statement(sql string) (*statement, error) {
	if s := c.stmts[sql]; s != nil {
		return s, nil
	}
	if len(c.stmts) >= maxStatements {
		c.forget()
	}
	stmt, err := c.raw.Prepare(plannedOnce(sql))
	if err != nil {
		return nil, err
	}
	s, err := newStatement(stmt)
	if err != nil {
		return nil, errors.Join(err, stmt.Finalize())
	}
	c.stmts[sql] = s
	return s, nil
}

// forget finalizes all statements but the one that holds the snapshot. No
// other is running: statements run one at a time, and the next one is just
// about to be prepared.
func (c *conn) forget() {
	for sql, s := range c.stmts {
		if !s.standing {
			s.stmt.Finalize()
			delete(c.stmts, sql)
		}
	}
}
