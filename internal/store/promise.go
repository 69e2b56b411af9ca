package store

import (
	"context"
	"fmt"
	"sync/atomic"

	"reeve/internal/license"
	"reeve/internal/store/sqlconn"
)

// promises is what a Store knows of the promises of its database.
type promises struct {
	kept atomic.Int64 // up to when they are in the configurations' rows
}

// Promise implements license.ConfigurationTx.
func (t *tx) Promise(at license.Time) error { return promise(t.conn, int64(at)) }

// promise is Promise of a Conn, where it has that.
func promise(c sqlconn.Conn, at int64) error {
	if p, ok := c.(sqlconn.Promiser); ok {
		return p.Promise(at)
	}
	return fmt.Errorf("promise: %w", sqlconn.ErrUnwritable)
}

// KeepPromise writes into the configurations' rows what was promised while that
// could not be done, so that it is in a copy of the database too. It returns how
// many rows it changed.
func (s *Store) KeepPromise(ctx context.Context) (int, error) {
	db := s.db
	if w, ok := db.(*watched); ok {
		db = w.DB
	}
	p, ok := db.(interface{ Promised() int64 })
	if !ok || p.Promised() == s.promises.kept.Load() {
		return 0, nil
	}
	promised, rows := p.Promised(), int64(0)
	err := s.db.Update(ctx, func(c sqlconn.Conn) (err error) {
		rows, err = c.Exec(`UPDATE configuration SET settled = $1 WHERE settled < $1 AND head_at < $1`, promised)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("keep what was promised: %w", err)
	}
	s.promises.kept.Store(promised)
	return int(rows), nil
}
