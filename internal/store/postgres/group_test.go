package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"reeve/internal/store/postgres"
	"reeve/internal/store/postgres/pgtest"
	"reeve/internal/store/sqlconn"
)

var errRefused = errors.New("refused")

// call is one UpdateTogether of a test and what came of it.
type call struct {
	ctx      context.Context
	fn       func(sqlconn.Conn) error
	runs     int
	shared   bool // at the last run
	err      error
	panicked any
}

func (c *call) run(conn sqlconn.Conn) error {
	c.runs++
	c.shared = conn.(sqlconn.Sharer).Shared()
	return c.fn(conn)
}

// together makes the calls in one group, in their order: the first one leads,
// and does not go on before the others wait for it.
func together(t *testing.T, db *postgres.DB, calls ...*call) {
	t.Helper()
	db.LastingGroups()
	const key = "key"
	var all sync.WaitGroup
	defer all.Wait()
	led := calls[0].fn
	calls[0].fn = func(c sqlconn.Conn) error {
		if calls[0].runs == 1 {
			for i, behind := range calls[1:] {
				all.Go(func() { behind.update(t, db, key) })
				for db.Waiting(key) <= i {
					runtime.Gosched()
				}
			}
		}
		return led(c)
	}
	calls[0].update(t, db, key)
}

func (c *call) update(t *testing.T, db *postgres.DB, key string) {
	defer func() { c.panicked = recover() }()
	if c.ctx == nil {
		c.ctx = t.Context()
	}
	c.err = db.UpdateTogether(c.ctx, key, c.run)
}

// takes is a call that takes a licence: it counts up in row 1, unless that has
// reached the limit.
func takes(limit int64) *call {
	return &call{fn: func(c sqlconn.Conn) error { return take(c, limit) }}
}

func take(c sqlconn.Conn, limit int64) error {
	n, err := count(c)
	if err != nil {
		return err
	}
	if n >= limit {
		return errRefused
	}
	return increment(c, 1)
}

// count locks row 1 and returns what it counts.
func count(c sqlconn.Conn) (n int64, err error) {
	err = c.Query(`SELECT n FROM counter WHERE id = 1`+c.ForUpdate(), nil, func(r sqlconn.Row) error {
		n = r.Int(0)
		return nil
	})
	return n, err
}

func wantAnswers(t *testing.T, want error, runs int, calls ...*call) {
	t.Helper()
	for i, c := range calls {
		if !errors.Is(c.err, want) || runs > 0 && c.runs != runs || c.panicked != nil {
			t.Errorf("call %d: got error %v, panic %v after %d runs; want %v after %d", i, c.err, c.panicked, c.runs, want, runs)
		}
	}
}

func TestGroupAnswersEachItsOwn(t *testing.T) {
	db := openCounters(t)
	one, three := takes(9), takes(9)
	refused := &call{fn: func(c sqlconn.Conn) error { return errors.Join(increment(c, 1), errRefused) }}
	swallowed := &call{fn: func(c sqlconn.Conn) error {
		_, _ = c.Exec(`INSERT INTO counter (id, n) VALUES (1, 0)`)
		return nil
	}}
	mistaken := &call{fn: func(c sqlconn.Conn) error {
		_, err := c.Exec(`SELECT nothing FROM nowhere`)
		return err
	}}
	idle := &call{fn: func(sqlconn.Conn) error { return nil }}
	last := takes(9)
	together(t, db, one, refused, three, swallowed, idle, mistaken, last)
	wantAnswers(t, nil, 0, one, three, idle, last)
	wantAnswers(t, errRefused, 0, refused)
	wantAnswers(t, sqlconn.ErrClash, 0, swallowed)
	if mistaken.err == nil {
		t.Error("a mistaken statement was no error")
	}
	wantCounters(t, db, "[3 0]")
	if keys := db.Keys(); keys != 0 {
		t.Errorf("%d keys still have a leader", keys)
	}
}

// TestGroupMembersSeeEachOther: each decides on what the ones before it wrote,
// in one transaction.
func TestGroupMembersSeeEachOther(t *testing.T) {
	db := openCounters(t)
	var calls []*call
	for range 20 {
		calls = append(calls, takes(5))
	}
	together(t, db, calls...)
	wantAnswers(t, nil, 1, calls[:5]...)
	wantAnswers(t, errRefused, 1, calls[5:]...)
	wantCounters(t, db, "[5 0]")
	if calls[0].shared || !calls[1].shared {
		t.Errorf("the first shared: %v, the second: %v", calls[0].shared, calls[1].shared)
	}
}

// TestGroupLeaderFails: when the first fails, those who wait go on without it.
func TestGroupLeaderFails(t *testing.T) {
	db := openCounters(t)
	leader := &call{fn: func(c sqlconn.Conn) error { return errors.Join(increment(c, 1), errRefused) }}
	two, three := takes(9), takes(9)
	together(t, db, leader, two, three)
	wantAnswers(t, errRefused, 1, leader)
	wantAnswers(t, nil, 1, two, three)
	wantCounters(t, db, "[2 0]")
}

func TestGroupPanics(t *testing.T) {
	for place := range 3 {
		db := openServers(t, 1)[0]
		if err := db.Migrate(t.Context(), schema); err != nil {
			t.Fatal(err)
		}
		calls := []*call{takes(9), takes(9), takes(9)}
		calls[place].fn = func(c sqlconn.Conn) error { panic(fmt.Sprint("broken ", increment(c, 1))) }
		together(t, db, calls...)
		for i, c := range calls {
			if want := i == place; want != (c.panicked != nil) || c.err != nil {
				t.Errorf("place %d, call %d: got error %v, panic %v", place, i, c.err, c.panicked)
			}
		}
		wantCounters(t, db, "[2 0]")
	}
}

// TestGroupCancelled: whose context ends while the function runs is undone
// alone; whose context ends before its turn is not run.
func TestGroupCancelled(t *testing.T) {
	db := openCounters(t)
	ctx, cancel := context.WithCancel(t.Context())
	one, four := takes(9), takes(9)
	running := &call{ctx: ctx, fn: func(c sqlconn.Conn) error {
		err := increment(c, 1)
		cancel()
		return errors.Join(err, increment(c, 1))
	}}
	atItsEnd := &call{fn: func(c sqlconn.Conn) error { return increment(c, 1) }}
	ended, end := context.WithCancel(t.Context())
	atItsEnd.ctx = ended
	inner := atItsEnd.fn
	atItsEnd.fn = func(c sqlconn.Conn) error {
		defer end()
		return inner(c)
	}
	gone := &call{ctx: ctx, fn: func(c sqlconn.Conn) error { return increment(c, 1) }}
	together(t, db, one, running, atItsEnd, gone, four)
	wantAnswers(t, nil, 1, one, four)
	wantAnswers(t, context.Canceled, 1, running, atItsEnd)
	wantAnswers(t, context.Canceled, 0, gone)
	wantCounters(t, db, "[2 0]")
}

// TestWaitingIsCancelled: who waits for a leader can go away at once.
func TestWaitingIsCancelled(t *testing.T) {
	db := openCounters(t)
	ctx, cancel := context.WithCancel(t.Context())
	gone := takes(9)
	gone.ctx = ctx
	leader := takes(9)
	inner := leader.fn
	leader.fn = func(c sqlconn.Conn) error {
		cancel()
		for db.Waiting("key") > 0 {
			runtime.Gosched()
		}
		return inner(c)
	}
	together(t, db, leader, gone)
	wantAnswers(t, nil, 1, leader)
	if !errors.Is(gone.err, context.Canceled) || gone.runs != 0 {
		t.Errorf("got error %v after %d runs", gone.err, gone.runs)
	}
}

// TestGroupLosesItsConnection: everybody runs again, and once.
func TestGroupLosesItsConnection(t *testing.T) {
	for place := range 3 {
		db := openCounters(t)
		calls := []*call{takes(9), takes(9), takes(9)}
		broken, inner := calls[place], calls[place].fn
		broken.fn = func(c sqlconn.Conn) error {
			if broken.runs == 1 {
				_, _ = c.Exec(`SELECT pg_terminate_backend(pg_backend_pid())`)
			}
			return inner(c)
		}
		refused := &call{fn: func(c sqlconn.Conn) error { return errors.Join(increment(c, 2), errRefused) }}
		together(t, db, append(calls, refused)...)
		wantAnswers(t, nil, 0, calls...)
		wantAnswers(t, errRefused, 0, refused)
		wantCounters(t, db, "[3 0]")
	}
}

// TestGroupCommitIsCut: what became of the common commit is found out for all.
// Three take two licences, so one of them is refused by what the others wrote.
func TestGroupCommitIsCut(t *testing.T) {
	for _, cut := range []pgtest.Cut{pgtest.CutBefore, pgtest.CutMiddle, pgtest.CutAfter, pgtest.CutAnswer, pgtest.CutLate} {
		t.Run(fmt.Sprint(cut), func(t *testing.T) {
			t.Parallel()
			var commits atomic.Int64
			db, _ := openCut(t, postgres.Options{}, func() pgtest.Cut {
				if commits.Add(1) == 1 {
					return cut
				}
				return pgtest.CutNone
			})
			calls := []*call{takes(2), takes(2), takes(2)}
			together(t, db, calls...)
			taken := 0
			for _, c := range calls {
				if c.err == nil {
					taken++
				} else if !errors.Is(c.err, errRefused) {
					t.Errorf("got error %v", c.err)
				}
			}
			if taken != 2 {
				t.Errorf("%d took a licence, want 2", taken)
			}
			wantCounters(t, db, "[2 0]")
		})
	}
}

// TestGroupWaitsForNoLock: one that another transaction is in the way of
// leaves the group, whose others are answered meanwhile.
func TestGroupWaitsForNoLock(t *testing.T) {
	db := openCounters(t)
	locked, answered := make(chan struct{}), make(chan struct{})
	var other sync.WaitGroup
	other.Go(func() {
		err := db.Update(t.Context(), func(c sqlconn.Conn) error {
			err := increment(c, 2)
			close(locked)
			<-answered
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-locked
	one, three := takes(9), takes(9)
	blocked := &call{fn: func(c sqlconn.Conn) error { return increment(c, 2) }}
	var group sync.WaitGroup
	group.Go(func() { together(t, db, one, blocked, three) })
	for n := int64(0); n < 2; {
		err := db.View(t.Context(), func(c sqlconn.Conn) error {
			return c.Query(`SELECT n FROM counter WHERE id = 1`, nil, func(r sqlconn.Row) error {
				n = r.Int(0)
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	close(answered)
	group.Wait()
	other.Wait()
	wantAnswers(t, nil, 1, one, three)
	wantAnswers(t, nil, 2, blocked)
	wantCounters(t, db, "[2 2]")
}

// TestGroupsOfServersCountExactly: racers of three servers for some licences,
// each of whom also locks a row of its own choice, in whatever order.
func TestGroupsOfServersCountExactly(t *testing.T) {
	const racers, each, limit = 24, 5, 50
	servers := openServers(t, 3)
	if err := servers[0].Migrate(t.Context(), schema); err != nil {
		t.Fatal(err)
	}
	var taken atomic.Int64
	var group sync.WaitGroup
	for i := range racers {
		group.Go(func() {
			for range each {
				err := servers[i%3].UpdateTogether(t.Context(), "key", func(c sqlconn.Conn) error {
					if i%4 == 0 {
						if err := increment(c, 2); err != nil {
							return err
						}
					}
					return take(c, limit)
				})
				switch {
				case err == nil:
					taken.Add(1)
				case !errors.Is(err, errRefused):
					t.Errorf("update: %v", err)
				}
			}
		})
	}
	group.Wait()
	if taken.Load() != limit {
		t.Errorf("%d licences were given, want %d", taken.Load(), limit)
	}
	err := servers[0].Update(t.Context(), func(c sqlconn.Conn) error {
		n, err := count(c)
		if n != limit {
			t.Errorf("%d licences are taken, want %d", n, limit)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestGroupsAreBounded: a leader takes only so many along, and the others'
// turn comes all the same.
func TestGroupsAreBounded(t *testing.T) {
	db := openCounters(t)
	var calls []*call
	var size, largest int
	for range 150 {
		c := takes(1000)
		inner := c.fn
		c.fn = func(conn sqlconn.Conn) error {
			if size++; !conn.(sqlconn.Sharer).Shared() {
				size = 1
			}
			largest = max(largest, size)
			return inner(conn)
		}
		calls = append(calls, c)
	}
	together(t, db, calls...)
	wantAnswers(t, nil, 0, calls...)
	wantCounters(t, db, "[150 0]")
	if largest > 64 {
		t.Errorf("a group had %d members", largest)
	}
}
