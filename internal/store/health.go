package store

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"reeve/internal/store/sqlconn"
)

// Health is what a Store has seen of its database.
type Health struct {
	Unwritable bool   // the last write failed, since the disk is full or read-only
	Damaged    bool   // something stored could not be read since the start
	Refused    uint64 // writes that failed so, since the start
}

// Health tells what was seen so far. It asks the database nothing.
func (s *Store) Health() Health {
	if w, ok := s.db.(*watched); ok {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.health
	}
	return Health{}
}

// checker is a database that can look for damage of its own structure.
type checker interface {
	Check(ctx context.Context, thorough bool) error
}

// Check reads all of the database and says what is wrong with its structure,
// where the database can tell: SQLite. PostgreSQL has checks of its own.
func (s *Store) Check(ctx context.Context) error {
	db := s.db
	if w, ok := db.(*watched); ok {
		db = w.DB
	}
	if c, ok := db.(checker); ok {
		return c.Check(ctx, true)
	}
	return nil
}

// watched is a database whose trouble is noticed: once in the log when it
// begins and when it is over, and for whoever asks.
type watched struct {
	sqlconn.DB
	log *slog.Logger

	mu     sync.Mutex
	health Health
}

func watch(db sqlconn.DB, log *slog.Logger) *watched {
	if log == nil {
		log = slog.Default()
	}
	return &watched{DB: db, log: log}
}

// View implements sqlconn.DB.
func (w *watched) View(ctx context.Context, fn func(sqlconn.Conn) error) error {
	err := w.DB.View(ctx, fn)
	if err != nil {
		w.noteDamage(err)
	}
	return err
}

// Update implements sqlconn.DB.
func (w *watched) Update(ctx context.Context, fn func(sqlconn.Conn) error) error {
	wrote, fn := w.notice(fn)
	return w.noteWrite(w.DB.Update(ctx, fn), wrote)
}

// UpdateTogether implements sqlconn.DB.
func (w *watched) UpdateTogether(ctx context.Context, key string, fn func(sqlconn.Conn) error) error {
	wrote, fn := w.notice(fn)
	return w.noteWrite(w.DB.UpdateTogether(ctx, key, fn), wrote)
}

// UpdateFirst implements sqlconn.DB.
func (w *watched) UpdateFirst(ctx context.Context, fn func(sqlconn.Conn) error) error {
	wrote, fn := w.notice(fn)
	return w.noteWrite(w.DB.UpdateFirst(ctx, fn), wrote)
}

// notice makes fn tell whether it wrote something, while the disk is known to
// be full: an update that writes nothing succeeds all the same.
func (w *watched) notice(fn func(sqlconn.Conn) error) (*bool, func(sqlconn.Conn) error) {
	wrote := true
	w.mu.Lock()
	full := w.health.Unwritable
	w.mu.Unlock()
	if !full {
		return &wrote, fn
	}
	return &wrote, func(c sqlconn.Conn) error {
		wrote = false
		return fn(&noticing{c, &wrote})
	}
}

// noticing is a Conn that knows whether something was written.
type noticing struct {
	sqlconn.Conn
	wrote *bool
}

var (
	_ sqlconn.Sharer   = (*noticing)(nil)
	_ sqlconn.Promiser = (*noticing)(nil)
)

// Exec implements sqlconn.Conn.
func (n *noticing) Exec(sql string, args ...any) (int64, error) {
	changed, err := n.Conn.Exec(sql, args...)
	*n.wrote = *n.wrote || changed > 0
	return changed, err
}

// ExecEach implements sqlconn.Conn.
func (n *noticing) ExecEach(sql string, args [][]any) error {
	*n.wrote = *n.wrote || len(args) > 0
	return n.Conn.ExecEach(sql, args)
}

// Shared implements sqlconn.Sharer.
func (n *noticing) Shared() bool {
	s, ok := n.Conn.(sqlconn.Sharer)
	return ok && s.Shared()
}

// Promise implements sqlconn.Promiser.
func (n *noticing) Promise(at int64) error { return promise(n.Conn, at) }

// noteWrite looks at the outcome of an update. One that wrote nothing, or ended
// in another error, says nothing about the disk.
func (w *watched) noteWrite(err error, wrote *bool) error {
	refused := errors.Is(err, sqlconn.ErrUnwritable)
	if err != nil && !refused {
		w.noteDamage(err)
		return err
	}
	if !refused && !*wrote {
		return nil
	}
	w.mu.Lock()
	changed := w.health.Unwritable != refused
	w.health.Unwritable = refused
	if refused {
		w.health.Refused++
	}
	w.mu.Unlock()
	switch {
	case changed && refused:
		w.log.Warn("database cannot be written: its disk is full or read-only; changes are refused until it can", "error", err)
	case changed:
		w.log.Info("database can be written again")
	}
	return err
}

func (w *watched) noteDamage(err error) {
	if !errors.Is(err, sqlconn.ErrDamaged) {
		return
	}
	w.mu.Lock()
	first := !w.health.Damaged
	w.health.Damaged = true
	w.mu.Unlock()
	if first {
		w.log.Error("database is damaged: keep a copy, restore a backup", "error", err)
	}
}
