package sqlconntest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"reeve/internal/store/sqlconn"
)

// endless runs until it is interrupted.
const endless = `WITH RECURSIVE r(x) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT x + 1 FROM r WHERE x < 1000000000000)
	SELECT CAST(count(*) AS BIGINT) FROM r`

func ignore(sqlconn.Row) error { return nil }

func testNested(t *testing.T, db sqlconn.DB) {
	for name, inner := range map[string]func(sqlconn.Conn) error{
		"Query": func(c sqlconn.Conn) error { return c.Query(`SELECT id FROM item`, nil, ignore) },
		"Exec":  func(c sqlconn.Conn) error { return addItem(c, 2, "b") },
		"ExecEach": func(c sqlconn.Conn) error {
			return c.ExecEach(insertItem, [][]any{{int64(2), "b", nil, nil}})
		},
	} {
		err := db.Update(t.Context(), func(c sqlconn.Conn) error {
			if err := addItem(c, 1, "a"); err != nil {
				return err
			}
			return c.Query(`SELECT id FROM item`, nil, func(sqlconn.Row) error { return inner(c) })
		})
		if !errors.Is(err, sqlconn.ErrNested) {
			t.Errorf("%s: got error %v, want %v", name, err, sqlconn.ErrNested)
		}
	}
	wantItems(t, db, 0)
}

func testEnded(t *testing.T, db sqlconn.DB) {
	var kept sqlconn.Conn
	update(t, db, func(c sqlconn.Conn) error {
		kept = c
		return nil
	})
	wantError(t, addItem(kept, 1, "late"), sqlconn.ErrEnded)
	wantError(t, kept.Query(`SELECT id FROM item`, nil, ignore), sqlconn.ErrEnded)
	_, err := kept.Now()
	wantError(t, err, sqlconn.ErrEnded)
	wantItems(t, db, 0)
}

func testRollback(t *testing.T, db sqlconn.DB) {
	runs := 0
	err := db.Update(t.Context(), func(c sqlconn.Conn) error {
		runs++
		if err := addItem(c, 1, "a"); err != nil {
			return err
		}
		return errStop
	})
	wantError(t, err, errStop)
	if runs != 1 {
		t.Errorf("fn ran %d times, want once", runs)
	}
	wantItems(t, db, 0)
}

func testPanic(t *testing.T, db sqlconn.DB) {
	for range 20 { // more than there are connections
		for _, do := range []func(context.Context, func(sqlconn.Conn) error) error{db.Update, db.View} {
			func() {
				defer func() {
					if recover() == nil {
						t.Error("the panic was swallowed")
					}
				}()
				_ = do(t.Context(), func(c sqlconn.Conn) error {
					if _, err := count(c); err != nil {
						return err
					}
					panic("as a broken rule would")
				})
			}()
		}
	}
	wantItems(t, db, 0)
	update(t, db, func(c sqlconn.Conn) error { return addItem(c, 1, "a") })
}

// testSwallowed: a transaction in which something failed is never committed,
// since databases differ in what is left of it.
func testSwallowed(t *testing.T, db sqlconn.DB) {
	var first, second error
	err := db.Update(t.Context(), func(c sqlconn.Conn) error {
		if err := addItem(c, 1, "a"); err != nil {
			return err
		}
		_, first = c.Exec(`INSERT INTO no_such_table (id) VALUES ($1)`, int64(1))
		second = addItem(c, 2, "b")
		return nil
	})
	if first == nil || !errors.Is(second, first) || !errors.Is(err, first) {
		t.Errorf("got errors %v, %v and %v, want the same one three times", first, second, err)
	}
	wantItems(t, db, 0)
}

func testClash(t *testing.T, db sqlconn.DB) {
	update(t, db, func(c sqlconn.Conn) error {
		return errors.Join(addItem(c, 1, "one"), addItem(c, 2, "two"))
	})
	key := int64(0)
	update(t, db, func(c sqlconn.Conn) error {
		key++
		before, err := count(c)
		if err != nil || before != 2 {
			return fmt.Errorf("run %d: %d items (%v), want the 2 of before", key, before, err)
		}
		if err := addItem(c, 100+key, fmt.Sprint("left over? ", key)); err != nil {
			return err
		}
		return addItem(c, key, fmt.Sprint("new ", key))
	})
	if key != 3 {
		t.Errorf("fn ran %d times, want 3", key)
	}
	wantItems(t, db, 4)
}

func testClashForEver(t *testing.T, db sqlconn.DB) {
	update(t, db, func(c sqlconn.Conn) error { return addItem(c, 1, "a") })
	for name, fn := range map[string]func(sqlconn.Conn) error{
		"PrimaryKey": func(c sqlconn.Conn) error { return addItem(c, 1, "b") },
		"Unique":     func(c sqlconn.Conn) error { return addItem(c, 2, "a") },
		"Batch": func(c sqlconn.Conn) error {
			return c.ExecEach(insertItem, [][]any{{int64(3), "c", nil, nil}, {int64(1), "d", nil, nil}})
		},
		"OfTheCaller": func(c sqlconn.Conn) error { return fmt.Errorf("chosen twice: %w", sqlconn.ErrClash) },
	} {
		runs := 0
		err := db.Update(t.Context(), func(c sqlconn.Conn) error {
			runs++
			return fn(c)
		})
		if !errors.Is(err, sqlconn.ErrClash) || runs != sqlconn.MaxAttempts {
			t.Errorf("%s: got error %v after %d runs, want %v after %d", name, err, runs, sqlconn.ErrClash, sqlconn.MaxAttempts)
		}
	}
	wantItems(t, db, 1)
}

func testSnapshot(t *testing.T, db sqlconn.DB) {
	update(t, db, func(c sqlconn.Conn) error { return addItem(c, 1, "a") })
	view(t, db, func(c sqlconn.Conn) error {
		for i := range int64(3) {
			if got, err := count(c); err != nil || got != 1 {
				return fmt.Errorf("got %d items (%v), want the 1 of the start", got, err)
			}
			update(t, db, func(c sqlconn.Conn) error { return addItem(c, 10+i, fmt.Sprint(i)) })
		}
		return nil
	})
	wantItems(t, db, 4)
}

func testReadOnly(t *testing.T, db sqlconn.DB) {
	err := db.View(t.Context(), func(c sqlconn.Conn) error { return addItem(c, 1, "a") })
	if err == nil {
		t.Error("a View could write")
	}
	wantItems(t, db, 0)
}

// testCounter reads, adds in Go and writes, as the rules do under the lock of
// a configuration.
func testCounter(t *testing.T, db sqlconn.DB) {
	const workers, each = 8, 25
	update(t, db, func(c sqlconn.Conn) error {
		_, err := c.Exec(`INSERT INTO counter (id, n) VALUES ($1, $2)`, int64(1), int64(0))
		return err
	})
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for range each {
				if err := db.Update(t.Context(), increment); err != nil {
					t.Errorf("increment: %v", err)
				}
			}
		})
	}
	group.Wait()
	view(t, db, func(c sqlconn.Conn) error {
		return c.Query(`SELECT n FROM counter`, nil, func(r sqlconn.Row) error {
			if r.Int(0) != workers*each {
				t.Errorf("counter is %d, want %d", r.Int(0), workers*each)
			}
			return nil
		})
	})
}

func increment(c sqlconn.Conn) error {
	var n int64
	err := c.Query(`SELECT n FROM counter WHERE id = $1`+c.ForUpdate(), []any{int64(1)}, func(r sqlconn.Row) error {
		n = r.Int(0)
		return nil
	})
	if err != nil {
		return err
	}
	_, err = c.Exec(`UPDATE counter SET n = $1 WHERE id = $2`, n+1, int64(1))
	return err
}

func testCancelWork(t *testing.T, db sqlconn.DB) {
	for name, do := range map[string]func(context.Context, func(sqlconn.Conn) error) error{"Update": db.Update, "View": db.View} {
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			err := do(ctx, func(c sqlconn.Conn) error { return c.Query(endless, nil, ignore) })
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: got error %v, want %v", name, err, context.DeadlineExceeded)
			}
		}
	}
	update(t, db, func(c sqlconn.Conn) error { return addItem(c, 1, "a") })
	wantItems(t, db, 1)
}

func testCancelCommit(t *testing.T, db sqlconn.DB) {
	for i := range int64(3) {
		ctx, cancel := context.WithCancel(t.Context())
		err := db.Update(ctx, func(c sqlconn.Conn) error {
			defer cancel()
			return addItem(c, i, fmt.Sprint(i))
		})
		wantError(t, err, context.Canceled)
	}
	wantItems(t, db, 0)
	update(t, db, func(c sqlconn.Conn) error { return addItem(c, 1, "a") })
}

// testCancelWait: whoever waits for another transaction can be called off.
func testCancelWait(t *testing.T, db sqlconn.DB) {
	update(t, db, func(c sqlconn.Conn) error {
		_, err := c.Exec(`INSERT INTO counter (id, n) VALUES ($1, $2)`, int64(1), int64(0))
		return err
	})
	update(t, db, func(c sqlconn.Conn) error {
		if err := increment(c); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		wantError(t, db.Update(ctx, increment), context.DeadlineExceeded)
		return nil
	})
	update(t, db, increment)
}

func testClosed(t *testing.T, db sqlconn.DB) {
	wantItems(t, db, 0)
	if err := db.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	nothing := func(sqlconn.Conn) error { return nil }
	wantError(t, db.View(t.Context(), nothing), sqlconn.ErrClosed)
	wantError(t, db.Update(t.Context(), nothing), sqlconn.ErrClosed)
	if err := db.Close(); err != nil {
		t.Errorf("close again: %v", err)
	}
}
