package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"reeve/internal/store/sqlconn"
)

// errBeside is the answer to who writes to a database of another process.
var errBeside = errors.New("the database was opened for reading only")

// Beside is a database file that may be another process's, which runs: it is
// read as that process's own readers read it, and never written to.
type Beside struct{ *DB }

var _ sqlconn.DB = Beside{}

// OpenBeside opens an existing file without its lock.
func OpenBeside(path string, opts Options) (Beside, error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if _, err := os.Stat(path); err != nil {
		return Beside{}, fmt.Errorf("open database: %w", err)
	}
	opts.Readers = 1
	opts = opts.withDefaults()
	d := &DB{path: path, opts: opts, slots: make(chan struct{}, 1), closing: make(chan struct{})}
	d.slots <- struct{}{}
	return Beside{d}, nil
}

// Update implements sqlconn.DB.
func (Beside) Update(context.Context, func(sqlconn.Conn) error) error { return errBeside }

// UpdateTogether implements sqlconn.DB.
func (Beside) UpdateTogether(context.Context, string, func(sqlconn.Conn) error) error {
	return errBeside
}

// UpdateFirst implements sqlconn.DB.
func (Beside) UpdateFirst(context.Context, func(sqlconn.Conn) error) error { return errBeside }

// Migrate implements sqlconn.DB.
func (Beside) Migrate(context.Context, []sqlconn.Migration) error { return errBeside }

// Pending implements sqlconn.DB.
func (b Beside) Pending(ctx context.Context, migrations []sqlconn.Migration) ([]sqlconn.Migration, error) {
	return sqlconn.Pending(ctx, b, migrations, dialect)
}

// Close implements sqlconn.DB.
func (b Beside) Close() error {
	b.once.Do(func() {
		close(b.closing)
		<-b.slots
		for _, c := range b.idle {
			b.closed = errors.Join(b.closed, c.raw.Close())
		}
	})
	return b.closed
}
