package sqlconn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
)

// Common is one transaction that Updates share, one after another.
type Common interface {
	// Attempt runs a function in the transaction. The first one begins it;
	// one behind others runs in a savepoint. The error is why nothing of it
	// may remain: the function's, a statement's, or that ctx has ended.
	Attempt(ctx context.Context, fn func(Conn) error, behind bool) error

	// EndMember keeps or undoes what the last function behind others did.
	// It returns false when the whole transaction is lost.
	EndMember(keep bool) bool

	// Commit makes durable what was kept. After an error that wraps
	// ErrUnavailable or ErrConflict nothing of it remains; after any other
	// one nobody knows.
	Commit() error

	// Rollback ends the transaction if there is one; another may begin.
	Rollback()
}

// Group runs the functions of concurrent Updates in a common transaction,
// each after the one before it and seeing what that wrote, each in a savepoint
// of its own. One COMMIT makes them all durable, and only then are they
// answered. It is used by one goroutine, on which the functions run.
//
//   - A function that fails is rolled back to its savepoint; the others do not
//     notice. The first of a transaction has no savepoint: with it the
//     transaction goes. So an Update that is alone costs what it would cost
//     without groups.
//   - Even an error waits for the COMMIT when the function ran behind another
//     one: "the limit is reached" may rest on what is not durable yet.
//   - A function behind others that meets a conflict runs again, alone.
//   - The whole transaction may be lost because of one function: the disk is
//     full, a connection is cut. Whoever is not answered then runs again, alone.
//   - When the COMMIT fails, those that had succeeded get its error. Those that
//     had failed run again, alone.
//   - A context that ends matters to its own function only; once that function
//     has returned, it no longer counts: for its caller the commit has begun.
//
// That an Update "had the lock after t", which license.Manager makes answers
// for a moment final by, holds in a group too. A function ahead in the group
// read its clock earlier, and what it wrote is seen, uncommitted. One behind
// reads its clock later. The answer is given after the COMMIT that makes final
// what was seen; when that fails, there is no answer, and whoever runs again
// reads the clock again.
type Group struct {
	common  Common
	log     *slog.Logger
	running *Member   // its function runs
	pending []*Member // have run in the open transaction; there is one if there are any
}

// NewGroup returns a group without a transaction.
func NewGroup(c Common, log *slog.Logger) *Group { return &Group{common: c, log: log} }

// Member is one call of an Update's function, made by a Group on behalf of
// the caller. Only the Group touches it before Done is closed.
type Member struct {
	ctx      context.Context
	fn       func(Conn) error
	done     chan struct{}
	err      error
	panicked any // what fn panicked with, for its caller to go on with
}

// NewMember is a call that was not made yet.
func NewMember(ctx context.Context, fn func(Conn) error) *Member {
	return &Member{ctx: ctx, fn: fn, done: make(chan struct{})}
}

// Done is closed when the answer is final.
func (m *Member) Done() <-chan struct{} { return m.done }

// Answer waits for Done and returns the error of the Update, or goes on with
// the panic of its function. ErrAgain asks for another run, alone.
func (m *Member) Answer() error {
	<-m.done
	if m.panicked != nil {
		panic(m.panicked)
	}
	return m.err
}

// Refuse answers a member that no group has run.
func (m *Member) Refuse(err error) { m.answer(err) }

func (m *Member) answer(err error) {
	m.err = err
	close(m.done)
}

var (
	// ErrAgain: nothing of an Update remains, through no fault of its own; it
	// is to run again in a transaction of its own.
	ErrAgain = errors.New("the transaction was shared and is lost")

	errPanicked = errors.New("the function of the update panicked")
	errVanished = errors.New("the function of the update ended its goroutine")
)

// Run runs a member in the open transaction, or begins one with it.
func (g *Group) Run(m *Member) {
	g.running = m
	if len(g.pending) == 0 {
		g.runFirst(m)
	} else {
		g.runBehind(m)
	}
	g.running = nil
}

// runFirst answers at once when m fails: it saw nothing but what is committed.
func (g *Group) runFirst(m *Member) {
	if m.err = g.attempt(m, false); m.err != nil {
		g.common.Rollback()
		close(m.done)
		return
	}
	g.pending = append(g.pending, m)
}

func (g *Group) runBehind(m *Member) {
	if err := m.ctx.Err(); err != nil { // it ended after m was taken
		m.answer(fmt.Errorf("update: %w", err))
		return
	}
	m.err = g.attempt(m, true)
	kept := g.common.EndMember(m.err == nil)
	switch {
	case m.gaveUp():
		close(m.done)
	case errors.Is(m.err, ErrConflict):
		m.answer(ErrAgain)
	default:
		g.pending = append(g.pending, m)
	}
	if !kept {
		g.Lose()
	}
}

func (g *Group) attempt(m *Member, behind bool) (err error) {
	defer func() {
		if m.panicked = recover(); m.panicked != nil {
			// The caller goes on with the panic, on a stack of its own.
			g.log.Error("function of an update panicked", "panic", fmt.Sprint(m.panicked), "stack", string(debug.Stack()))
			err = errPanicked
		}
	}()
	return g.common.Attempt(m.ctx, m.fn, behind)
}

// gaveUp says whether m's error rests on nothing that it read.
func (m *Member) gaveUp() bool {
	return m.panicked != nil || m.err != nil && m.ctx.Err() != nil && errors.Is(m.err, m.ctx.Err())
}

// Lose gives the transaction up; whoever ran in it runs again, alone.
func (g *Group) Lose() {
	g.common.Rollback()
	for _, m := range g.pending {
		m.answer(ErrAgain)
	}
	g.pending = nil
}

// Commit makes durable what has succeeded, and answers everybody.
func (g *Group) Commit() {
	if len(g.pending) == 0 {
		return
	}
	failed := g.common.Commit()
	if failed != nil {
		g.common.Rollback()
	}
	for _, m := range g.pending {
		switch {
		case failed == nil:
			close(m.done)
		case m.err == nil:
			m.answer(failed)
		default:
			m.answer(ErrAgain)
		}
	}
	g.pending = nil
}

// Leave ends the group. Something is left to do only when a function ended the
// goroutine (runtime.Goexit).
func (g *Group) Leave() {
	g.Lose()
	if g.running != nil {
		g.running.answer(errVanished)
	}
}
