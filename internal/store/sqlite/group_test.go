package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"reeve/internal/store/sqlconn"
	"reeve/internal/store/sqlite"

	"github.com/google/go-cmp/cmp"
	raw "zombiezen.com/go/sqlite"
)

var errRefused = errors.New("refused")

// call is one Update of a test and what came of it.
type call struct {
	ctx      context.Context
	fn       func(sqlconn.Conn) error
	runs     int
	shared   []bool // what Shared said at each run
	err      error
	panicked any
}

// together makes the calls in one group.
func together(t *testing.T, db *sqlite.DB, calls ...*call) {
	t.Helper()
	var callers []func()
	for _, c := range calls {
		if c.ctx == nil {
			c.ctx = t.Context()
		}
		callers = append(callers, func() {
			defer func() { c.panicked = recover() }()
			c.err = db.Update(c.ctx, c.run)
		})
	}
	sqlite.Together(db, callers...)
}

func (c *call) run(conn sqlconn.Conn) error {
	c.runs++
	c.shared = append(c.shared, conn.(sqlconn.Sharer).Shared())
	return c.fn(conn)
}

// adds is a call that adds an item and then returns err.
func adds(id int64, err error) *call {
	return &call{fn: func(c sqlconn.Conn) error {
		_, failed := c.Exec(insertItem, id, nil)
		return errors.Join(failed, err)
	}}
}

func wantAnswers(t *testing.T, want error, runs int, calls ...*call) {
	t.Helper()
	for i, c := range calls {
		if !errors.Is(c.err, want) || c.runs != runs || c.panicked != nil {
			t.Errorf("call %d: got error %v, panic %v after %d runs; want %v after %d", i, c.err, c.panicked, c.runs, want, runs)
		}
	}
}

func wantShared(t *testing.T, c *call, want ...bool) {
	t.Helper()
	if diff := cmp.Diff(want, c.shared); diff != "" {
		t.Errorf("Shared (-want +got):\n%s", diff)
	}
}

func TestGroupAnswersEachItsOwn(t *testing.T) {
	db := openItems(t, tempPath(t), sqlite.Options{})
	one, two, three := adds(1, nil), adds(2, errRefused), adds(3, nil)
	swallowed := &call{fn: func(c sqlconn.Conn) error {
		_, _ = c.Exec(insertItem, int64(1), nil)
		return nil
	}}
	next := int64(1)
	clash := &call{fn: func(c sqlconn.Conn) error {
		next += 2
		_, err := c.Exec(insertItem, next, nil)
		return err
	}}
	together(t, db, one, two, three, swallowed, clash)
	wantAnswers(t, nil, 1, one, three)
	wantAnswers(t, errRefused, 1, two)
	wantAnswers(t, sqlconn.ErrClash, sqlconn.MaxAttempts, swallowed)
	wantAnswers(t, nil, 2, clash)
	wantIDs(t, db, 1, 3, 5)
	wantShared(t, one, false)
	wantShared(t, three, true)
}

// TestGroupGoesOnAfterItsFirst: when the first fails, the next one begins anew.
func TestGroupGoesOnAfterItsFirst(t *testing.T) {
	db := openItems(t, tempPath(t), sqlite.Options{})
	one, two, three := adds(1, errRefused), adds(2, nil), adds(3, nil)
	together(t, db, one, two, three)
	wantAnswers(t, errRefused, 1, one)
	wantAnswers(t, nil, 1, two, three)
	wantIDs(t, db, 2, 3)
	wantShared(t, two, false)
	wantShared(t, three, true)
}

// TestGroupMembersSeeEachOther: each decides on what the ones before it wrote.
func TestGroupMembersSeeEachOther(t *testing.T) {
	db := openItems(t, tempPath(t), sqlite.Options{})
	var calls []*call
	for i := range int64(20) {
		calls = append(calls, &call{fn: func(c sqlconn.Conn) error {
			var n int64
			err := c.Query(`SELECT count(*) FROM item`, nil, func(r sqlconn.Row) error {
				n = r.Int(0)
				return nil
			})
			if err == nil && n == 3 {
				err = errRefused
			}
			_, failed := c.Exec(insertItem, i, nil)
			return errors.Join(failed, err)
		}})
	}
	together(t, db, calls...)
	wantAnswers(t, nil, 1, calls[:3]...)
	wantAnswers(t, errRefused, 1, calls[3:]...)
	wantIDs(t, db, 0, 1, 2)
}

// TestFirstGoesAheadOfAllThatWait, also where the time of the group is over.
func TestFirstGoesAheadOfAllThatWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := openItems(t, tempPath(t), sqlite.Options{})
		var order []int64
		var all sync.WaitGroup
		come := func(update func(context.Context, func(sqlconn.Conn) error) error, id int64, takes time.Duration) {
			all.Go(func() {
				err := update(t.Context(), func(c sqlconn.Conn) error {
					<-time.After(takes)
					order = append(order, id)
					_, err := c.Exec(insertItem, id, nil)
					return err
				})
				if err != nil {
					t.Errorf("item %d: %v", id, err)
				}
			})
			synctest.Wait()
		}
		come(db.Update, 1, time.Hour)
		come(db.Update, 2, 0)
		come(db.Update, 3, 0)
		come(db.UpdateFirst, 4, 0)
		all.Wait()
		if diff := cmp.Diff([]int64{1, 4, 2, 3}, order); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
		wantIDs(t, db, 1, 2, 3, 4)
	})
}

func TestGroupPanics(t *testing.T) {
	for place := range 3 {
		db := openItems(t, tempPath(t), sqlite.Options{Log: slog.New(slog.DiscardHandler)})
		calls := []*call{adds(0, nil), adds(1, nil), adds(2, nil)}
		broken := calls[place]
		inner := broken.fn
		broken.fn = func(c sqlconn.Conn) error {
			panic(fmt.Sprint("item ", place, " ", inner(c)))
		}
		together(t, db, calls...)
		if want := fmt.Sprint("item ", place, " <nil>"); broken.panicked != want {
			t.Errorf("the caller's panic is %v, want %q", broken.panicked, want)
		}
		others := slices.Delete(slices.Clone(calls), place, place+1)
		wantAnswers(t, nil, 1, others...)
		wantIDs(t, db, slices.Delete([]int64{0, 1, 2}, place, place+1)...)
	}
}

// interrupted are statements that end by an interrupt only. SQLite drops the
// whole transaction with one that writes.
var interrupted = map[string]struct {
	sql  string
	runs int // of those that ran in the same transaction before
}{
	"Reading": {endlessRows + ` SELECT count(*) FROM r`, 1},
	"Writing": {`INSERT INTO item (id) ` + endlessRows + ` SELECT x FROM r WHERE x < 0`, 2},
}

const endlessRows = `WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r WHERE x < 1000000000000)`

// TestGroupCancelled: a context that ends while a statement runs. It ends later
// where it ended before the machine had come to the statement.
func TestGroupCancelled(t *testing.T) {
	for name, test := range interrupted {
		t.Run(name, func(t *testing.T) {
			after := 20 * time.Millisecond
			runs := runsWithCancelled(t, test.sql, after)
			for runs != test.runs && after < time.Minute {
				after *= 4
				runs = runsWithCancelled(t, test.sql, after)
			}
			if runs != test.runs {
				t.Errorf("those that ran before were run %d times, want %d", runs, test.runs)
			}
		})
	}
}

// runsWithCancelled makes a group with an endless statement, which is cancelled
// some time after its function has begun, and returns how often those were run
// that were before it.
func runsWithCancelled(t *testing.T, sql string, after time.Duration) int {
	t.Helper()
	db := openItems(t, tempPath(t), sqlite.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	one, refused, behind := adds(1, nil), adds(2, errRefused), adds(4, nil)
	endless := &call{ctx: ctx, fn: func(c sqlconn.Conn) error {
		_, err := c.Exec(insertItem, int64(3), nil)
		time.AfterFunc(after, cancel)
		return errors.Join(err, c.Query(sql, nil, func(sqlconn.Row) error { return nil }))
	}}
	together(t, db, one, refused, endless, behind)
	wantAnswers(t, context.Canceled, 1, endless)
	wantAnswers(t, nil, one.runs, one)
	wantAnswers(t, errRefused, one.runs, refused)
	wantAnswers(t, nil, 1, behind)
	wantIDs(t, db, 1, 4)
	return one.runs
}

// TestGroupSkipsWhoIsGone: a context that ends before its function's turn.
func TestGroupSkipsWhoIsGone(t *testing.T) {
	db := openItems(t, tempPath(t), sqlite.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	one, gone, three := adds(1, nil), adds(2, nil), adds(3, nil)
	gone.ctx = ctx
	inner := one.fn
	one.fn = func(c sqlconn.Conn) error {
		cancel()
		return inner(c)
	}
	together(t, db, one, gone, three)
	wantAnswers(t, nil, 1, one, three)
	wantAnswers(t, context.Canceled, 0, gone)
	wantIDs(t, db, 1, 3)
}

// TestGroupCancelledAtItsEnd: the context ends when the function has nothing
// left to do; nothing remains of it, and the interrupt hits nobody else.
func TestGroupCancelledAtItsEnd(t *testing.T) {
	db := openItems(t, tempPath(t), sqlite.Options{})
	for id := int64(0); id < 30; id += 3 {
		ctx, cancel := context.WithCancel(t.Context())
		one, gone, three := adds(id, nil), adds(id+1, nil), adds(id+2, nil)
		inner := gone.fn
		gone.ctx, gone.fn = ctx, func(c sqlconn.Conn) error {
			defer cancel()
			return inner(c)
		}
		together(t, db, one, gone, three)
		wantAnswers(t, nil, 1, one, three)
		wantAnswers(t, context.Canceled, 1, gone)
	}
	if got := len(ids(t, db)); got != 20 {
		t.Errorf("got %d items, want 20", got)
	}
}

// TestGroupCommitFails: who had succeeded gets the error of the COMMIT; who
// had been refused, on account of what never came to be, is asked again.
func TestGroupCommitFails(t *testing.T) {
	db := openItems(t, tempPath(t), sqlite.Options{})
	deferForeignKeys(t, db)
	one, broken := adds(1, nil), &call{fn: addPart}
	taken := adds(1, nil)
	refused := &call{fn: func(c sqlconn.Conn) error {
		return c.Query(`SELECT id FROM item WHERE id = 1`, nil, func(sqlconn.Row) error { return errRefused })
	}}
	together(t, db, one, broken, refused)
	for _, c := range []*call{one, broken} {
		if raw.ErrCode(c.err) != raw.ResultConstraintForeignKey || !strings.Contains(c.err.Error(), "COMMIT") || c.runs != 1 {
			t.Errorf("got error %v after %d runs, want COMMIT to fail after one", c.err, c.runs)
		}
	}
	wantAnswers(t, nil, 2, refused)
	wantShared(t, refused, true, false)
	wantIDs(t, db)
	together(t, db, adds(2, nil), taken)
	wantAnswers(t, nil, 1, taken)
	wantIDs(t, db, 1, 2)
}

// deferForeignKeys makes every COMMIT behind addPart fail.
func deferForeignKeys(t *testing.T, db *sqlite.DB) {
	t.Helper()
	sqlite.EnforceForeignKeys(t, db)
	err := db.Migrate(t.Context(), append(schema, sqlconn.Migration{
		Number: 2, Name: "parts",
		SQL: `CREATE TABLE part (item BIGINT REFERENCES item (id) DEFERRABLE INITIALLY DEFERRED)`,
	}))
	if err != nil {
		t.Fatal(err)
	}
}

func addPart(c sqlconn.Conn) error {
	_, err := c.Exec(`INSERT INTO part (item) VALUES ($1)`, int64(77))
	return err
}

// TestGroupDiskFull: one that does not fit takes the others' transaction with
// it, but not their answers.
func TestGroupDiskFull(t *testing.T) {
	db := openItems(t, tempPath(t), sqlite.Options{})
	limitPages(t, db, 50)
	one, two, four := adds(1, nil), adds(2, errRefused), adds(4, nil)
	big := &call{fn: func(c sqlconn.Conn) error {
		_, err := c.Exec(insertItem, int64(3), make([]byte, 1<<20))
		return err
	}}
	together(t, db, one, two, big, four)
	if raw.ErrCode(big.err).ToPrimary() != raw.ResultFull {
		t.Errorf("got error %v, want that the disk is full", big.err)
	}
	for _, c := range []*call{one, four} {
		if c.err != nil {
			t.Errorf("got error %v of one that fits", c.err)
		}
	}
	if !errors.Is(two.err, errRefused) {
		t.Errorf("got error %v, want %v", two.err, errRefused)
	}
	wantIDs(t, db, 1, 4)
}

// TestGoroutineEnds: a function that ends the goroutine (t.Fatal of a test
// does) leaves a database that works.
func TestGoroutineEnds(t *testing.T) {
	db := openItems(t, tempPath(t), sqlite.Options{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = db.Update(t.Context(), func(c sqlconn.Conn) error {
			_, _ = c.Exec(insertItem, int64(1), nil)
			runtime.Goexit()
			return nil
		})
	}()
	<-ended
	mustAdd(t, db, 2, 0)
	wantIDs(t, db, 2)
}

// TestLeaderVanishes: the function of a member ends the leader's goroutine.
func TestLeaderVanishes(t *testing.T) {
	db := openItems(t, tempPath(t), sqlite.Options{})
	one, three := adds(1, nil), adds(3, nil)
	fatal := &call{fn: func(sqlconn.Conn) error {
		runtime.Goexit()
		return nil
	}}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		together(t, db, one, fatal)
	}()
	<-ended
	together(t, db, three)
	wantAnswers(t, nil, 2, one)
	if fatal.err == nil {
		t.Error("the one that ended the goroutine got no error")
	}
	wantIDs(t, db, 1, 3)
}

// TestGroupsAreBounded: no group has more members than it may have, and a
// function that takes long has no company.
func TestGroupsAreBounded(t *testing.T) {
	db := openItems(t, tempPath(t), sqlite.Options{})
	size, largest, afterLong := 0, 0, 0
	var began time.Time
	update := func(long bool) error {
		return db.Update(t.Context(), func(c sqlconn.Conn) error {
			if size++; !c.(sqlconn.Sharer).Shared() {
				size = 1
				began = time.Now()
			} else if time.Since(began) > time.Minute {
				afterLong++
			}
			largest = max(largest, size)
			for long && time.Since(began) <= sqlite.GroupTime {
				runtime.Gosched()
			}
			if long {
				began = began.Add(-time.Hour) // any company is now too late
			}
			return nil
		})
	}
	var group sync.WaitGroup
	for i := range 400 {
		group.Go(func() {
			if err := update(i%100 == 0); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if largest > sqlite.GroupMembers || afterLong > 0 {
		t.Errorf("the largest group had %d members, %d came too late", largest, afterLong)
	}
}

// TestManyWriters: whatever becomes of the others, what was answered is what
// is there.
func TestManyWriters(t *testing.T) {
	const writers, each = 12, 40
	db := openItems(t, tempPath(t), sqlite.Options{Log: slog.New(slog.DiscardHandler)})
	mustAdd(t, db, 0, 0)
	var mu sync.Mutex
	want := []int64{0}
	var group sync.WaitGroup
	for writer := range int64(writers) {
		group.Go(func() {
			for n := range int64(each) {
				id := 1 + writer*each + n
				if tryOneOfAll(t, db, id) {
					mu.Lock()
					want = append(want, id)
					mu.Unlock()
				}
			}
		})
	}
	group.Wait()
	slices.Sort(want)
	wantIDs(t, db, want...)
	wantCount(t, db, int64(len(want)-1))
}

// tryOneOfAll counts up in item 0 and adds an item, and then ends in one of
// the ways in which an Update can; it reports whether the item is to be there.
func tryOneOfAll(t *testing.T, db *sqlite.DB, id int64) (added bool) {
	way := ways[id%int64(len(ways))]
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	defer func() {
		if got := recover(); way.panics != (got != nil) {
			t.Errorf("item %d ended with panic %v", id, got)
		}
	}()
	runs := 0
	err := db.Update(ctx, func(c sqlconn.Conn) error {
		runs++
		if err := countAndAdd(c, id); err != nil {
			return err
		}
		return way.end(c, cancel, runs)
	})
	if !errors.Is(err, way.want) {
		t.Errorf("item %d: got error %v, want %v", id, err, way.want)
	}
	return err == nil
}

// ways are how a function can end.
var ways = []struct {
	end    func(c sqlconn.Conn, cancel func(), runs int) error
	want   error
	panics bool
}{
	{end: func(sqlconn.Conn, func(), int) error { return nil }},
	{end: func(sqlconn.Conn, func(), int) error { panic("as a broken rule would") }, panics: true},
	{end: func(sqlconn.Conn, func(), int) error { return errRefused }, want: errRefused},
	{end: func(_ sqlconn.Conn, _ func(), runs int) error {
		if runs < 3 {
			return sqlconn.ErrClash
		}
		return nil
	}},
	{end: func(c sqlconn.Conn, cancel func(), _ int) error {
		cancel()
		_, err := c.Exec(`UPDATE item SET body = NULL WHERE id > 0`)
		return err
	}, want: context.Canceled},
	{end: func(c sqlconn.Conn, cancel func(), _ int) error {
		time.AfterFunc(time.Millisecond, cancel)
		_, err := c.Exec(interrupted["Writing"].sql)
		return err
	}, want: context.Canceled},
	{end: func(sqlconn.Conn, func(), int) error { return nil }},
}

func countAndAdd(c sqlconn.Conn, id int64) error {
	n := ""
	err := c.Query(`SELECT body FROM item WHERE id = 0`, nil, func(r sqlconn.Row) error {
		n = strings.TrimLeft(r.Text(0), "\x00")
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := c.Exec(`UPDATE item SET body = $1 WHERE id = 0`, []byte(n+"x")); err != nil {
		return err
	}
	_, err = c.Exec(insertItem, id, nil)
	return err
}

func wantCount(t *testing.T, db *sqlite.DB, want int64) {
	t.Helper()
	err := db.View(t.Context(), func(c sqlconn.Conn) error {
		return c.Query(`SELECT length(body) FROM item WHERE id = 0`, nil, func(r sqlconn.Row) error {
			if got := r.Int(0); got != want {
				t.Errorf("counted %d, want %d", got, want)
			}
			return nil
		})
	})
	if err != nil {
		t.Error(err)
	}
}
