package store

import (
	"context"
	"errors"
	"fmt"

	"reeve/internal/license"
	"reeve/internal/store/sqlconn"
)

// errRehearsed ends the transaction of a rehearsal, and with it all it wrote.
var errRehearsed = errors.New("rehearsed")

// rehearsalPatience is how long a rehearsal waits for a lock before it gives way,
// in milliseconds. It takes locks in the order of what it rehearses, so changes
// may wait for it while it waits for them; PostgreSQL would notice after a second.
const rehearsalPatience = "100"

// Rehearse implements license.Store. Nothing that it reads or writes gets into
// a cache of the Store: its transactions have none, and numbers of values that
// it gives are remembered by nobody. It begins anew until no change is in its way.
func (s *Store) Rehearse(ctx context.Context, fn func(license.Rehearsal) error) error {
	for {
		err := s.db.Update(ctx, func(c sqlconn.Conn) error {
			if err := giveWay(c); err != nil {
				return err
			}
			if err := fn(&rehearsal{conn: c, limits: s.limits}); err != nil {
				return err
			}
			return errRehearsed
		})
		switch {
		case errors.Is(err, errRehearsed):
			return nil
		case !errors.Is(err, sqlconn.ErrConflict) || ctx.Err() != nil:
			return err
		}
	}
}

// giveWay bounds how long a transaction waits for each lock, where it may wait
// for one at all.
func giveWay(c sqlconn.Conn) error {
	if c.ForUpdate() == "" {
		return nil
	}
	none := func(sqlconn.Row) error { return nil }
	return c.Query(`SELECT set_config('lock_timeout', $1, true)`, []any{rehearsalPatience}, none)
}

// rehearsal is a license.Store within one transaction that is never committed.
// Each of its Updates is a savepoint.
type rehearsal struct {
	conn   sqlconn.Conn
	limits searchLimits
}

// tx forgets whatever an earlier one remembered: that may be undone by now.
func (r *rehearsal) tx() *tx {
	return &tx{conn: r.conn, limits: r.limits, values: newValueCache()}
}

// View implements license.Store.
func (r *rehearsal) View(ctx context.Context, fn func(license.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("view: %w", err)
	}
	return fn(r.tx())
}

// Update implements license.Store.
func (r *rehearsal) Update(ctx context.Context, fn func(license.Tx) error) error {
	return r.Attempt(ctx, func() error { return fn(r.tx()) })
}

// UpdateTogether implements license.Store.
func (r *rehearsal) UpdateTogether(ctx context.Context, _ string, fn func(license.Tx) error) error {
	return r.Update(ctx, fn)
}

// Rehearse implements license.Store.
func (r *rehearsal) Rehearse(ctx context.Context, fn func(license.Rehearsal) error) error {
	err := r.Attempt(ctx, func() error {
		if err := fn(r); err != nil {
			return err
		}
		return errRehearsed
	})
	if errors.Is(err, errRehearsed) {
		return nil
	}
	return err
}

// Attempt implements license.Rehearsal. A statement that failed has ended the
// whole transaction: then undoing fails too, and the error says why.
func (r *rehearsal) Attempt(ctx context.Context, fn func() error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("attempt: %w", err)
	}
	if _, err := r.conn.Exec("SAVEPOINT attempt"); err != nil {
		return fmt.Errorf("begin attempt: %w", err)
	}
	failed := fn()
	if failed != nil {
		if _, err := r.conn.Exec("ROLLBACK TO SAVEPOINT attempt"); err != nil {
			return fmt.Errorf("undo attempt: %w", err)
		}
	}
	if _, err := r.conn.Exec("RELEASE SAVEPOINT attempt"); err != nil {
		return fmt.Errorf("end attempt: %w", err)
	}
	return failed
}
