package sqlite

import (
	"fmt"

	"reeve/internal/store/sqlconn"

	"zombiezen.com/go/sqlite"
)

// What is answered for the present must hold for ever, and normally the database
// says up to when that was done. While its disk is full it cannot. But nobody
// else can write it either, so it is enough that no later transaction of this
// process, and of the next one, has a clock at or before that moment. The moment
// is kept in memory and in the lock file, in bytes that are there already.

var _ sqlconn.Promiser = (*tx)(nil)

// Promise implements sqlconn.Promiser. The caller has the writer.
func (t *tx) Promise(at int64) error {
	d := t.conn.db
	if at <= d.promised.Load() {
		return nil
	}
	if d.uncertain.Load() {
		return fmt.Errorf("promise: a commit that failed may be there after a crash: %w", sqlconn.ErrUnwritable)
	}
	if err := writeMoment(d.lock, at); err != nil {
		return fmt.Errorf("promise: %w: %w", sqlconn.ErrUnwritable, err)
	}
	d.promised.Store(at)
	return nil
}

// Promised is the latest moment of Promise, 0 for none.
func (d *DB) Promised() int64 { return d.promised.Load() }

// noteFailedCommit remembers that the log may end with a whole commit which
// SQLite has given up. Nobody sees it, and the next commit overwrites it. But
// after a crash before that, SQLite would find it: its revisions would be there
// behind a promise. That cannot be when writing the log itself has failed: the
// frame that commits is the last one. An empty log ends the doubt.
func (d *DB) noteFailedCommit(err error) {
	code := sqlite.ErrCode(err)
	if code != sqlite.ResultIOErrWrite && code.ToPrimary() != sqlite.ResultFull {
		d.uncertain.Store(true)
	}
}
