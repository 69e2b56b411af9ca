package store

import (
	"context"
	"errors"
	"fmt"

	"reeve/internal/store/sqlconn"
)

// ErrUnfinishedCopy is why a database is refused that a Copy has begun to
// fill: what it holds so far is no deployment.
var ErrUnfinishedCopy = errors.New("a copy into this database is not finished: run the same reeve copy again, which goes on where it stopped, or begin with an empty database")

// CopyOptions are the choices of a Copy.
type CopyOptions struct {
	// BatchRows bounds the rows that one transaction writes; 0 means 2000.
	BatchRows int

	// Progress, which may be nil, is told of every batch.
	Progress func(CopyProgress)

	// Check, which may be nil, looks at the copy before any other may open
	// it. When it fails, the copy stays unfinished. The Store is Copy's.
	Check func(context.Context, *Store) error
}

// CopyProgress is how far a Copy, a Backup or a Restore is in the table that it
// is at.
type CopyProgress struct {
	Doing string // copying, comparing, backing up, checking or restoring
	Table string
	Rows  int64 // done
	Total int64
}

// CopyResult is what a Copy did.
type CopyResult struct {
	Tables  int
	Rows    int64 // in the copy, those of an interrupted run included
	Ledgers int64 // whose heads, the last hash of each chain, are the same on both sides
	Resumed bool  // it went on where an earlier run had stopped
}

// Copy moves a whole deployment into an empty database: every row of every
// table, in the order of primary keys. It reads the source in one snapshot and
// writes nothing to it; the source's schema must be this binary's. The target
// gets its schema first.
//
// Each batch is one transaction of the target with a record of how far the
// copy is, so that the same Copy after an interruption goes on there. Until
// Copy returns nil, [New] refuses the target with ErrUnfinishedCopy. Before
// that every row is read back and compared with the source, which also finds
// what was changed in the source between two runs.
func Copy(ctx context.Context, from, to sqlconn.DB, opts CopyOptions) (CopyResult, error) {
	if opts.BatchRows <= 0 {
		opts.BatchRows = 2000
	}
	if opts.Progress == nil {
		opts.Progress = func(CopyProgress) {}
	}
	schema, err := prepareCopy(ctx, from, to)
	if err != nil {
		return CopyResult{}, err
	}
	c := &copier{ctx: ctx, to: to, opts: opts, totals: map[string]int64{}}
	err = from.View(ctx, func(source sqlconn.Conn) error {
		c.source = source
		return c.run(schema)
	})
	if err != nil {
		return c.result, err
	}
	if opts.Check != nil {
		if err := opts.Check(ctx, &Store{db: to, cache: newCache(0)}); err != nil {
			return c.result, err
		}
	}
	return c.result, c.finish()
}

// prepareCopy brings both sides to the same schema, and returns its number.
func prepareCopy(ctx context.Context, from, to sqlconn.DB) (int64, error) {
	steps, err := migrations()
	if err != nil {
		return 0, err
	}
	pending, err := from.Pending(ctx, steps)
	switch {
	case err != nil:
		return 0, fmt.Errorf("source: %w", err)
	case len(pending) == len(steps):
		return 0, errNothingToCopy
	case len(pending) > 0:
		return 0, errors.New("the source was made by an older Reeve: bring its schema up to date with reeve migrate first")
	}
	if err := to.Migrate(ctx, steps); err != nil {
		return 0, fmt.Errorf("target: %w", err)
	}
	return steps[len(steps)-1].Number, nil
}

var errNothingToCopy = errors.New("the source holds no deployment: there is nothing to copy")

// copier is a Copy while the snapshot of its source is open.
type copier struct {
	ctx    context.Context
	source sqlconn.Conn
	to     sqlconn.DB
	opts   CopyOptions
	totals map[string]int64 // rows in the source, by table
	mark   mark
	result CopyResult
}

func (c *copier) run(schema int64) error {
	if err := c.count(); err != nil {
		return err
	}
	if err := c.begin(schema); err != nil {
		return err
	}
	if err := c.write(); err != nil {
		return err
	}
	return c.compare()
}

// count learns the size of every table of the source.
func (c *copier) count() error {
	for _, t := range copied {
		n, err := t.count(c.source)
		if err != nil {
			return fmt.Errorf("count rows of %s in the source: %w", t.name, err)
		}
		c.totals[t.name] = n
		c.result.Rows += n
	}
	c.result.Tables = len(copied)
	if c.result.Rows == 0 {
		return errNothingToCopy
	}
	return nil
}

// write copies what the mark says is left.
func (c *copier) write() error {
	for c.mark.state.Table != "" {
		t, err := tableNamed(c.mark.state.Table)
		if err != nil {
			return err
		}
		if err := c.writeTable(t); err != nil {
			return fmt.Errorf("copy table %s: %w", t.name, err)
		}
	}
	return nil
}

func (c *copier) writeTable(t *copyTable) error {
	after, err := t.parseKey(c.mark.state.After)
	if err != nil {
		return err
	}
	pages := pages{table: t, most: c.opts.BatchRows, after: after}
	for !pages.ended {
		rows, err := pages.next(c.source)
		if err != nil {
			return fmt.Errorf("read source: %w", err)
		}
		done := c.mark.state.Rows + int64(len(rows))
		if err := c.writeBatch(t, rows, pages.ended); err != nil {
			return fmt.Errorf("write target: %w", err)
		}
		c.opts.Progress(CopyProgress{Doing: "copying", Table: t.name, Rows: done, Total: c.totals[t.name]})
	}
	return nil
}

// writeBatch writes rows, and with them how far the copy is then.
func (c *copier) writeBatch(t *copyTable, rows [][]any, last bool) error {
	state := c.mark.state
	state.Rows += int64(len(rows))
	if len(rows) > 0 {
		state.After = t.formatKey(rows[len(rows)-1])
	}
	if last {
		state.Table, state.After, state.Rows = tableAfter(t), nil, 0
	}
	next, err := newMark(state)
	if err != nil {
		return err
	}
	err = c.to.Update(c.ctx, func(target sqlconn.Conn) error {
		if err := c.mark.replace(target, next); err != nil {
			return err
		}
		if len(rows) == 0 {
			return nil
		}
		return target.ExecEach(t.insert(), rows)
	})
	if err == nil {
		c.mark = next
	}
	return err
}

// compare reads both sides. It is the source's snapshot that counts: rows that
// an earlier run copied may have changed there since.
func (c *copier) compare() error {
	return c.to.View(c.ctx, func(target sqlconn.Conn) error {
		if err := c.compareHeads(target); err != nil {
			return err
		}
		for i := range copied {
			if err := c.compareTable(&copied[i], target); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *copier) compareHeads(target sqlconn.Conn) error {
	n, heads, err := headsOf(target)
	if err != nil {
		return err
	}
	if heads != c.mark.state.Heads {
		return fmt.Errorf("the heads of the ledgers are not the same on both sides: %w", errDiffers)
	}
	c.result.Ledgers = n
	return nil
}

// errDiffers is the end of every message about a copy that is not its source.
var errDiffers = errors.New("the source was changed between two runs of this copy, or something else wrote to the target; stop every server of both, and copy again into an empty database")

func (c *copier) compareTable(t *copyTable, target sqlconn.Conn) error {
	n, err := t.count(target)
	if err != nil {
		return fmt.Errorf("count rows of %s in the target: %w", t.name, err)
	}
	if want := c.totals[t.name]; n != want {
		return fmt.Errorf("table %s has %d rows in the target, %d in the source: %w", t.name, n, want, errDiffers)
	}
	read := int64(0)
	left, right := pages{table: t, most: c.opts.BatchRows}, pages{table: t, most: c.opts.BatchRows}
	for !left.ended {
		want, err := left.next(c.source)
		if err != nil {
			return fmt.Errorf("read %s of the source: %w", t.name, err)
		}
		got, err := right.next(target)
		if err != nil {
			return fmt.Errorf("read %s of the target: %w", t.name, err)
		}
		if i := firstDifference(want, got); i >= 0 {
			return fmt.Errorf("table %s differs in its row %d: %w", t.name, read+int64(i)+1, errDiffers)
		}
		read += int64(len(want))
		c.opts.Progress(CopyProgress{Doing: "comparing", Table: t.name, Rows: read, Total: c.totals[t.name]})
	}
	return nil
}

// finish makes the copy a database like any other.
func (c *copier) finish() error {
	return c.to.Update(c.ctx, func(target sqlconn.Conn) error { return c.mark.remove(target) })
}
