// Package sqlite is sqlconn over one SQLite file: one writer, whose commits
// concurrent Updates share (see group.go), some readers, and checkpoints in the
// background. A file belongs to one process at a time.
//
// Pragmas: WAL, synchronous=FULL (a commit is on disk before Update returns),
// 4096-byte pages, no automatic checkpoints (see checkpoint.go), no
// foreign keys (the rules keep the references, and both databases alike).
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"reeve/internal/store/sqlconn"

	"zombiezen.com/go/sqlite"
)

// Options tune a database. The zero value is what a server runs with.
type Options struct {
	Readers         int           // connections for View; default twice the processors, 4 to 32
	WriterCache     int64         // bytes of page cache of the writer; default 64 MiB
	ReaderCache     int64         // bytes of page cache of all readers together; default 64 MiB
	MMap            int64         // bytes of the file to map; default 0: an I/O error under a map kills the process
	CheckpointEvery time.Duration // time from a commit to the checkpoint that follows it; default 1 s
	WALLimit        int64         // bytes of log beyond which writers wait for it to be emptied; default 64 MiB
	Clock           func() int64  // what Conn.Now returns, microseconds since the epoch; default the system's clock
	Log             *slog.Logger  // default slog.Default()
}

func (o Options) withDefaults() Options {
	if o.Readers <= 0 {
		o.Readers = min(max(4, 2*runtime.GOMAXPROCS(0)), 32)
	}
	if o.WriterCache <= 0 {
		o.WriterCache = 64 << 20
	}
	if o.ReaderCache <= 0 {
		o.ReaderCache = 64 << 20
	}
	if o.CheckpointEvery <= 0 {
		o.CheckpointEvery = time.Second
	}
	if o.WALLimit <= 0 {
		o.WALLimit = 64 << 20
	}
	if o.Clock == nil {
		o.Clock = func() int64 { return time.Now().UnixMicro() }
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// DB is an open database file.
type DB struct {
	path string
	opts Options
	lock *os.File // held for life, see lockFile

	writer  chan *conn           // holds the writer while nobody writes
	commit  time.Duration        // that the last COMMIT took; belongs to who has the writer
	waiting chan *sqlconn.Member // without a buffer: callers of Update offer themselves to who has the writer
	first   chan *sqlconn.Member // the same of UpdateFirst
	slots   chan struct{}        // one token for every View that may still start
	mu      sync.Mutex           // guards idle
	idle    []*conn              // readers not in use; the last one used is on top, its cache is warm
	closing chan struct{}        // closed by Close
	once    sync.Once
	closed  error // what Close returned

	checkpoints checkpointer

	promised  atomic.Int64 // see promise.go
	uncertain atomic.Bool
}

var _ sqlconn.DB = (*DB)(nil)

// Open opens a database file, creating it if there is none (readable by its
// owner only). It refuses a file that another process has open.
func Open(path string, opts Options) (*DB, error) {
	if path == "" || path == ":memory:" {
		return nil, errors.New("open database: a file name is needed")
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // one file, one lock
	}
	lock, err := lockFile(path)
	if err != nil {
		return nil, err
	}
	d, err := open(path, lock, opts.withDefaults())
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf("open database %s: %w", path, trouble(err))
	}
	return d, nil
}

func open(path string, lock *os.File, opts Options) (*DB, error) {
	if err := create(path); err != nil {
		return nil, err
	}
	d := &DB{
		path: path, opts: opts, lock: lock,
		writer:  make(chan *conn, 1),
		waiting: make(chan *sqlconn.Member),
		first:   make(chan *sqlconn.Member),
		slots:   make(chan struct{}, opts.Readers),
		closing: make(chan struct{}),
	}
	promised, err := readMoment(lock)
	if err != nil {
		return nil, err
	}
	d.promised.Store(promised)
	w, err := d.openConn(sqlite.OpenReadWrite, opts.WriterCache)
	if err != nil {
		return nil, err
	}
	if err := d.startCheckpoints(); err != nil {
		return nil, errors.Join(err, w.raw.Close())
	}
	d.writer <- w
	for range opts.Readers {
		d.slots <- struct{}{}
	}
	return d, nil
}

// create makes an empty file, which to SQLite is an empty database, and makes
// its name durable.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// View implements sqlconn.DB. The snapshot is taken before fn starts.
func (d *DB) View(ctx context.Context, fn func(sqlconn.Conn) error) error {
	c, err := d.takeReader(ctx)
	if err != nil {
		return fmt.Errorf("view: %w", err)
	}
	defer d.giveReader(c)
	return c.view(ctx, fn)
}

// Migrate implements sqlconn.DB. The lock is the writer's, and the file is
// this process's alone.
func (d *DB) Migrate(ctx context.Context, migrations []sqlconn.Migration) error {
	return sqlconn.Upgrade(ctx, d, migrations, dialect)
}

// Pending implements sqlconn.DB.
func (d *DB) Pending(ctx context.Context, migrations []sqlconn.Migration) ([]sqlconn.Migration, error) {
	return sqlconn.Pending(ctx, d, migrations, dialect)
}

var dialect = sqlconn.Dialect{
	Clustered: " WITHOUT ROWID",
	Prepare:   func(sqlconn.Conn) error { return nil },
	Migrated:  `SELECT 1 FROM sqlite_schema WHERE name = 'schema_migration'`,
}

func (d *DB) takeReader(ctx context.Context) (*conn, error) {
	if err := d.usable(ctx); err != nil {
		return nil, err
	}
	select {
	case <-d.slots:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-d.closing:
		return nil, sqlconn.ErrClosed
	}
	if c := d.popIdle(); c != nil {
		return c, nil
	}
	c, err := d.openConn(sqlite.OpenReadOnly, d.opts.ReaderCache/int64(d.opts.Readers))
	if err != nil {
		d.slots <- struct{}{}
		return nil, fmt.Errorf("open reader: %w", trouble(err))
	}
	return c, nil
}

func (d *DB) popIdle() *conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := len(d.idle)
	if n == 0 {
		return nil
	}
	c := d.idle[n-1]
	d.idle = d.idle[:n-1]
	return c
}

func (d *DB) giveReader(c *conn) {
	d.mu.Lock()
	d.idle = append(d.idle, c)
	d.mu.Unlock()
	d.slots <- struct{}{}
}

// usable comes before every select, which would choose at random between a
// free connection and the reason not to use it.
func (d *DB) usable(ctx context.Context) error {
	select {
	case <-d.closing:
		return sqlconn.ErrClosed
	default:
		return ctx.Err()
	}
}

// Close implements sqlconn.DB. It moves the log into the file, so that the
// file alone is the whole database.
func (d *DB) Close() error {
	d.once.Do(func() { d.closed = d.close() })
	return d.closed
}

func (d *DB) close() error {
	close(d.closing)
	var errs []error
	for range d.opts.Readers {
		<-d.slots
	}
	for _, c := range d.idle {
		errs = append(errs, c.raw.Close())
	}
	w := <-d.writer
	errs = append(errs, d.stopCheckpoints(), w.raw.Close(), d.lock.Close())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close database %s: %w", d.path, err)
	}
	return nil
}
