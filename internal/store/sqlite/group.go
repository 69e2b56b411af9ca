package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"reeve/internal/store/sqlconn"
)

// Most of the time of a small Update is the wait for the disk at its COMMIT.
// Updates that come at once therefore share one: whoever gets the writer leads
// a group, which is one transaction of SQLite. The leader runs its own
// function and then those of callers that wait, each after the one before it
// and seeing what that wrote, each in a savepoint of its own. One COMMIT makes
// them all durable, and only then are they answered.
//
//   - A function that fails is rolled back to its savepoint; the others do not
//     notice. The first of a transaction has no savepoint: with it the
//     transaction goes. So an Update that is alone costs what it would cost
//     without groups.
//   - Even an error waits for the COMMIT when the function ran behind another
//     one: "the limit is reached" may rest on what is not durable yet.
//   - SQLite may drop a whole transaction because of one statement: the disk is
//     full, or the statement was interrupted. Whoever is not answered then runs
//     again, alone.
//   - When the COMMIT fails, those that had succeeded get its error, for they
//     may or may not be there after a crash. Those that had failed run again,
//     alone.
//   - A context that ends interrupts the statements of its own function only;
//     once that function has returned, the context no longer counts: for its
//     caller the commit has begun.
//
// That an Update "had the lock after t", which license.Manager makes answers
// for a moment final by, holds in a group too. A function ahead in the group
// read its clock earlier, and what it wrote is seen, uncommitted. One behind
// reads its clock later. The answer is given after the COMMIT that makes final
// what was seen; when that fails, there is no answer, and whoever runs again
// reads the clock again.
const (
	groupMembers = 64                   // functions that share a COMMIT
	groupTime    = 5 * time.Millisecond // after which none is started in a group: the first ones wait for the last
)

// member is one call of an Update's function, made by the leader of a group on
// behalf of the caller. Only the leader touches it before done is closed.
type member struct {
	ctx      context.Context
	fn       func(sqlconn.Conn) error
	done     chan struct{} // closed when the answer is final
	err      error
	panicked any // what fn panicked with, for its caller to go on with
}

var (
	// errAgain: nothing of this remains, through no fault of its own.
	errAgain = errors.New("the transaction was shared and is lost")

	errPanicked = errors.New("the function of the update panicked")
	errVanished = errors.New("the function of the update ended its goroutine")
)

// Update implements sqlconn.DB. It may share its transaction with others, see
// above; fn may then run on another goroutine than the caller's, never on two
// at once, and must not wait for another Update to return.
func (d *DB) Update(ctx context.Context, fn func(sqlconn.Conn) error) error {
	return sqlconn.Retry(ctx, func() error {
		err := d.turn(ctx, fn, groupMembers)
		if errors.Is(err, errAgain) {
			err = d.turn(ctx, fn, 1)
		}
		return err
	})
}

// turn runs fn once, in a group of at most that many members; a leader takes
// callers off d.waiting, so that whoever is not taken can still go away. The
// writer is given in the order in which it was asked for.
func (d *DB) turn(ctx context.Context, fn func(sqlconn.Conn) error, most int) error {
	if err := d.usable(ctx); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	waiting := d.waiting
	if most == 1 {
		waiting = nil // blocks for ever: no other leader may take this one
	}
	m := &member{ctx: ctx, fn: fn, done: make(chan struct{})}
	select {
	case c := <-d.writer:
		d.lead(c, m, most)
	case waiting <- m:
	case <-ctx.Done():
		return fmt.Errorf("update: %w", ctx.Err())
	case <-d.closing:
		return fmt.Errorf("update: %w", sqlconn.ErrClosed)
	}
	<-m.done
	if m.panicked != nil {
		panic(m.panicked)
	}
	return m.err
}

// group is what one holder of the writer runs: a transaction, and another one
// when that is lost.
type group struct {
	db      *DB
	conn    *conn
	most    int       // members it may run
	until   time.Time // when the last one may start
	ran     int
	running *member   // its function runs
	pending []*member // have run in the open transaction; there is one if there are any
}

// lead runs a group that begins with first and gives the writer back.
func (d *DB) lead(c *conn, first *member, most int) {
	g := &group{db: d, conn: c, most: most, until: time.Now().Add(groupTime)}
	defer g.leave()
	for m := first; m != nil; m = g.next() {
		g.run(m)
	}
	g.commit()
}

// next takes a caller that waits, if there is one and the group has room.
func (g *group) next() *member {
	if g.ran >= g.most || !time.Now().Before(g.until) {
		return nil
	}
	select {
	case m := <-g.db.waiting:
		return m
	default:
		return nil
	}
}

// run runs a member in the open transaction, or begins one with it.
func (g *group) run(m *member) {
	g.ran++
	g.running = m
	if len(g.pending) == 0 {
		g.runFirst(m)
	} else {
		g.runBehind(m)
	}
	g.running = nil
}

// runFirst answers at once when m fails: it saw nothing but what is committed.
func (g *group) runFirst(m *member) {
	m.err = g.attempt(m, beginUpdate)
	if m.err != nil {
		g.conn.rollback()
		close(m.done)
		return
	}
	g.pending = append(g.pending, m)
}

func (g *group) runBehind(m *member) {
	if m.err = m.ctx.Err(); m.err != nil { // it ended after m was taken
		m.err = fmt.Errorf("update: %w", m.err)
		close(m.done)
		return
	}
	m.err = g.attempt(m, beginMember)
	kept := g.endMember(m.err == nil)
	if m.gaveUp() {
		close(m.done)
	} else {
		g.pending = append(g.pending, m)
	}
	if !kept {
		g.lose()
	}
}

// attempt runs a member's function behind the statement that begins it.
func (g *group) attempt(m *member, begin string) (err error) {
	defer func() {
		if m.panicked = recover(); m.panicked != nil {
			// The caller goes on with the panic, on a stack of its own.
			g.db.opts.Log.Error("function of an update panicked", "panic", fmt.Sprint(m.panicked), "stack", string(debug.Stack()))
			err = errPanicked
		}
	}()
	shared := len(g.pending) > 0
	return g.conn.guard(m.ctx, func(t *tx) error {
		if err := t.exec(begin); err != nil {
			return err
		}
		t.shared = shared
		return m.fn(t)
	})
}

// gaveUp says whether m's error rests on nothing that it read.
func (m *member) gaveUp() bool {
	return m.panicked != nil || m.err != nil && m.ctx.Err() != nil && errors.Is(m.err, m.ctx.Err())
}

// endMember ends the savepoint of the member that ran last. It returns false
// when there is none, because SQLite has dropped the whole transaction.
func (g *group) endMember(keep bool) bool {
	t := g.conn.uninterrupted()
	if !keep && t.exec(undoMember) != nil {
		return false
	}
	return t.exec(endMember) == nil
}

// lose gives the transaction up; whoever ran in it runs again, alone.
func (g *group) lose() {
	g.conn.rollback()
	for _, m := range g.pending {
		m.err = errAgain
		close(m.done)
	}
	g.pending = nil
}

// commit makes durable what has succeeded, and answers everybody.
func (g *group) commit() {
	if len(g.pending) == 0 {
		return
	}
	failed := g.conn.uninterrupted().exec(commitUpdate)
	if failed != nil {
		g.conn.rollback()
	} else {
		g.db.wrote()
	}
	for _, m := range g.pending {
		switch {
		case failed == nil:
		case m.err == nil:
			m.err = failed
		default:
			m.err = errAgain
		}
		close(m.done)
	}
	g.pending = nil
}

// leave gives the writer back without a transaction. Something is left to do
// only when a function ended the leader's goroutine (runtime.Goexit).
func (g *group) leave() {
	g.lose()
	if g.running != nil {
		g.running.err = errVanished
		close(g.running.done)
	}
	g.db.writer <- g.conn
}
