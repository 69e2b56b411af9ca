package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"reeve/internal/store/sqlconn"
)

// Most of the time of a small Update is the wait for the disk at its COMMIT.
// Updates that come at once therefore share one: whoever gets the writer leads
// a sqlconn.Group, which is one transaction of SQLite. The leader runs its own
// function and then those of callers that wait.
//
// SQLite may drop a whole transaction because of one statement: the disk is
// full, or the statement was interrupted. The group begins another one then.
const (
	groupMembers = 64                   // functions that share a COMMIT
	groupTime    = 5 * time.Millisecond // after which none is started in a group: the first ones wait for the last

	// Where the disk or the processors are slow, 5 ms are over after a function
	// or two, and each COMMIT is for so few that nobody gets on. So functions may
	// take as long as the COMMIT before them took, up to this.
	longGroupTime = 100 * time.Millisecond
)

// Update implements sqlconn.DB. It may share its transaction with others, see
// above; fn may then run on another goroutine than the caller's, never on two
// at once, and must not wait for another Update to return.
func (d *DB) Update(ctx context.Context, fn func(sqlconn.Conn) error) error {
	return sqlconn.Retry(ctx, func() error {
		return d.update(ctx, fn, d.waiting)
	})
}

// UpdateFirst implements sqlconn.DB: the next leader takes its caller before
// all others, also when the time of its group is over.
func (d *DB) UpdateFirst(ctx context.Context, fn func(sqlconn.Conn) error) error {
	return sqlconn.Retry(ctx, func() error {
		return d.update(ctx, fn, d.first)
	})
}

// UpdateTogether implements sqlconn.DB: there is one writer for everything.
func (d *DB) UpdateTogether(ctx context.Context, _ string, fn func(sqlconn.Conn) error) error {
	return d.Update(ctx, fn)
}

// update runs fn in a group whose leader takes its callers off line, or alone
// when that group is lost.
func (d *DB) update(ctx context.Context, fn func(sqlconn.Conn) error, line chan *sqlconn.Member) error {
	err := d.turn(ctx, fn, groupMembers, line)
	if errors.Is(err, sqlconn.ErrAgain) {
		err = d.turn(ctx, fn, 1, nil) // no other leader may take this one: a nil channel blocks for ever
	}
	return err
}

// turn runs fn once, in a group of at most that many members; a leader takes
// callers off the line, so that whoever is not taken can still go away. The
// writer is given in the order in which it was asked for.
func (d *DB) turn(ctx context.Context, fn func(sqlconn.Conn) error, most int, line chan *sqlconn.Member) error {
	if err := d.usable(ctx); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	m := sqlconn.NewMember(ctx, fn)
	select {
	case c := <-d.writer:
		d.lead(c, m, most)
	case line <- m:
	case <-ctx.Done():
		return fmt.Errorf("update: %w", ctx.Err())
	case <-d.closing:
		return fmt.Errorf("update: %w", sqlconn.ErrClosed)
	}
	return m.Answer()
}

// lead runs a group that begins with first and gives the writer back.
func (d *DB) lead(c *conn, first *sqlconn.Member, most int) {
	until := time.Now().Add(min(max(groupTime, d.commit), longGroupTime))
	g := sqlconn.NewGroup(&common{c}, d.opts.Log)
	defer d.leave(g, c)
	m := first
	for ran := 0; m != nil; m = d.next(ran < most && time.Now().Before(until)) {
		g.Run(m)
		ran++
	}
	begun := time.Now()
	g.Commit()
	d.commit = time.Since(begun)
}

// leave gives the writer back without a transaction.
func (d *DB) leave(g *sqlconn.Group, c *conn) {
	g.Leave()
	d.writer <- c
}

// next takes a caller that waits, if there is one: of UpdateFirst, else of Update
// if the group has room.
func (d *DB) next(room bool) *sqlconn.Member {
	select {
	case m := <-d.first:
		return m
	default:
	}
	if !room {
		return nil
	}
	select {
	case m := <-d.waiting:
		return m
	default:
		return nil
	}
}

// common is the writer as a transaction of many; it implements sqlconn.Common.
type common struct{ conn *conn }

// Attempt implements sqlconn.Common.
func (c *common) Attempt(ctx context.Context, fn func(sqlconn.Conn) error, behind bool) error {
	begin := beginUpdate
	if behind {
		begin = beginMember
	}
	return c.conn.guard(ctx, func(t *tx) error {
		if err := t.exec(begin); err != nil {
			return err
		}
		t.shared = behind
		return fn(t)
	})
}

// EndMember implements sqlconn.Common.
func (c *common) EndMember(keep bool) bool {
	t := c.conn.uninterrupted()
	if !keep && t.exec(undoMember) != nil {
		return false
	}
	return t.exec(endMember) == nil
}

// Commit implements sqlconn.Common.
func (c *common) Commit() error {
	err := c.conn.uninterrupted().exec(commitUpdate)
	if err != nil {
		c.conn.db.noteFailedCommit(err)
		return err
	}
	c.conn.db.wrote()
	return nil
}

// Rollback implements sqlconn.Common.
func (c *common) Rollback() { c.conn.rollback() }
