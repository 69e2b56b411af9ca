package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"reeve/internal/store/sqlconn"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Updates of one configuration take turns: each holds the lock of its row
// until its commit is on disk. Those of one process that come at once under
// one key therefore share a transaction, see sqlconn.Group. The first leads;
// whoever comes until its group is closed joins, and whoever then still waits
// leads the next one, which gets as far as the lock while this one commits.
//
// The documented order of locks, resources before configurations, cannot hold
// in a group: the second function locks its resources while the transaction
// has the configuration from the first. So nothing behind the first waits
// longer than groupLockTime for any lock. It is rolled back to its savepoint
// then, and runs again in a transaction of its own, in the documented order.
// No circle of waiting transactions lasts long enough to be a deadlock.
const (
	groupMembers  = 64                    // functions that share a COMMIT
	groupTime     = 20 * time.Millisecond // after which none is started in a group: the first ones wait for the last
	groupLockTime = "5ms"
	memberTime    = 30 * time.Second // of the statements of one function behind others
)

// The statements around a function behind others. SET holds for the rest of
// the transaction.
const (
	beginMember   = "SAVEPOINT member"
	endMember     = "RELEASE SAVEPOINT member"
	undoMember    = "ROLLBACK TO SAVEPOINT member"
	limitLockTime = "SET LOCAL lock_timeout = '" + groupLockTime + "'"
)

// queues are the Updates that wait to be taken along, by key.
type queues struct {
	mu   sync.Mutex
	open map[string]*queue // those that somebody leads
}

// queue is who waits for the leader of a key.
type queue struct{ waiting []*waiter }

// waiter is a caller of UpdateTogether that no group has taken yet.
type waiter struct {
	*sqlconn.Member
	lead chan struct{} // closed when it is to lead the rest of its queue
}

// UpdateTogether implements sqlconn.DB.
func (d *DB) UpdateTogether(ctx context.Context, key string, fn func(sqlconn.Conn) error) error {
	return d.outage().retry(ctx, func() error {
		return sqlconn.Retry(ctx, func() error {
			err := d.turn(ctx, key, fn)
			if errors.Is(err, sqlconn.ErrAgain) {
				err = d.updateOnce(ctx, &d.updates, fn)
			}
			return err
		})
	})
}

// turn runs fn once, in the group of its key.
func (d *DB) turn(ctx context.Context, key string, fn func(sqlconn.Conn) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	w := &waiter{sqlconn.NewMember(ctx, fn), make(chan struct{})}
	q, leads := d.queues.join(key, w)
	if !leads {
		select {
		case <-w.Done():
			return w.Answer()
		case <-w.lead:
		case <-ctx.Done():
			if d.queues.abandon(q, w) {
				return fmt.Errorf("update: %w", ctx.Err())
			}
			select { // it was taken, or is to lead
			case <-w.Done():
				return w.Answer()
			case <-w.lead:
			}
		}
	}
	d.lead(key, q, w)
	return w.Answer()
}

// join puts w into the queue of its key; leads means that nobody leads it yet.
func (s *queues) join(key string, w *waiter) (q *queue, leads bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q := s.open[key]; q != nil {
		q.waiting = append(q.waiting, w)
		return q, false
	}
	if s.open == nil {
		s.open = map[string]*queue{}
	}
	q = &queue{}
	s.open[key] = q
	return q, true
}

// abandon takes w out of its queue; false means that it is not there any more.
func (s *queues) abandon(q *queue, w *waiter) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(q.waiting, w)
	if i < 0 {
		return false
	}
	q.waiting = slices.Delete(q.waiting, i, i+1)
	return true
}

// take is the next to be run by the leader, nil when nobody waits.
func (s *queues) take(q *queue) *sqlconn.Member {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(q.waiting) == 0 {
		return nil
	}
	w := q.waiting[0]
	q.waiting = slices.Delete(q.waiting, 0, 1)
	return w.Member
}

// pass gives the queue to the next leader, or closes it.
func (s *queues) pass(key string, q *queue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(q.waiting) == 0 {
		delete(s.open, key)
		return
	}
	w := q.waiting[0]
	q.waiting = slices.Delete(q.waiting, 0, 1)
	close(w.lead)
}

// lead runs a group that begins with w, and passes the queue on before it
// commits.
func (d *DB) lead(key string, q *queue, w *waiter) {
	pass := sync.OnceFunc(func() { d.queues.pass(key, q) })
	defer pass()
	c := &common{db: d}
	defer c.leave()
	g := sqlconn.NewGroup(c, d.log())
	defer g.Leave()
	until := time.Now().Add(d.most)
	m := w.Member
	for ran := 1; m != nil; ran++ {
		if g.Run(m); ran == 1 {
			until = time.Now().Add(d.most) // the first may have waited for the lock
		}
		if m = nil; ran < groupMembers && time.Now().Before(until) && c.open() {
			m = d.queues.take(q)
		}
	}
	pass()
	g.Commit()
}

// common is the transaction of a group; it implements sqlconn.Common. It takes
// its connection from the pool with the first function.
type common struct {
	db     *DB
	ctx    context.Context // of the first function of the transaction
	conn   *pgxpool.Conn
	begun  bool     // BEGIN was sent
	member bool     // the savepoint of the last function was made
	before []string // what the next function has to send first
	wrote  bool
}

// open reports whether a function can be run behind those that have.
func (c *common) open() bool { return c.begun && !c.conn.Conn().IsClosed() }

// Attempt implements sqlconn.Common.
func (c *common) Attempt(ctx context.Context, fn func(sqlconn.Conn) error, behind bool) error {
	t := &tx{ctx: ctx, caller: ctx, begin: []string{beginUpdate}, clock: c.db.opts.Clock, shared: behind}
	if behind {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), memberTime)
		defer cancel()
		t.ctx, t.begin = limited, append(c.before, beginMember)
	} else if err := c.connect(ctx); err != nil {
		return err
	}
	t.pooled = c.conn
	defer func() {
		t.state.End(nil)
		c.wrote = c.wrote || t.wrote
		if begun := t.begin == nil; behind {
			c.member = begun
		} else {
			c.begun, c.before = begun, []string{limitLockTime}
		}
	}()
	err := t.state.End(fn(t))
	if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		return fmt.Errorf("transaction: %w", ctx.Err())
	}
	return err
}

// connect takes a connection for a transaction that begins.
func (c *common) connect(ctx context.Context) (err error) {
	c.ctx, c.wrote = ctx, false
	if c.conn == nil {
		if c.conn, err = c.db.enter(ctx, &c.db.updates); err != nil {
			return fmt.Errorf("update: %w", err)
		}
	}
	return nil
}

// EndMember implements sqlconn.Common. What was kept is released with the
// next function's first statement, or by COMMIT.
func (c *common) EndMember(keep bool) bool {
	switch {
	case c.conn.Conn().IsClosed():
		return false
	case !c.member:
		return true
	case keep:
		c.before = []string{endMember}
		return true
	}
	c.before = nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), endTimeout)
	defer cancel()
	_, err := c.conn.Exec(ctx, undoMember+"; "+endMember)
	return err == nil
}

// Commit implements sqlconn.Common. A lost commit is resolved when its own
// connection is back in the pool, or many that lost theirs together would wait
// for each other's.
func (c *common) Commit() error {
	if !c.begun {
		return nil
	}
	mark := ""
	if c.wrote {
		mark = newMark()
	}
	c.begun = false
	err := commit(c.ctx, c.conn, mark)
	if errors.Is(err, errUnknown) {
		c.leave()
		err = c.db.resolve(context.WithoutCancel(c.ctx), mark, err)
	}
	if mark != "" && err == nil {
		c.db.purgeNowAndThen()
	}
	return err
}

// Rollback implements sqlconn.Common. A connection that is lost goes.
func (c *common) Rollback() {
	c.begun, c.member, c.before = false, false, nil
	c.leave()
}

// leave gives the connection back.
func (c *common) leave() {
	if c.conn != nil {
		c.db.updates.leave(c.ctx, c.conn)
		c.conn = nil
	}
}
