package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"reeve/internal/store/archive"
	"reeve/internal/store/sqlconn"
)

// ErrNotEmpty is why Restore refuses a database.
var ErrNotEmpty = errors.New("the database holds a deployment already")

// RestoreOptions are the choices of a Restore.
type RestoreOptions struct {
	Replace  bool               // what the database holds may go
	Progress func(CopyProgress) // may be nil

	// Check, which may be nil, looks at what was restored before it counts. When
	// it fails, everything is as it was. The Store is Restore's.
	Check func(context.Context, *Store) error
}

// Restore puts a backup into a database. It reads the backup twice: first all
// of it is checked, and then its rows take the place of what is there, in one
// transaction that is committed when the heads of the ledgers are the backup's
// and Check agrees. So there is the old state or the new one whatever happens,
// and who reads meanwhile reads the old one. The schema is brought up to date
// before.
func Restore(ctx context.Context, open func() (io.ReadCloser, error), to sqlconn.DB, o RestoreOptions) (*archive.Header, error) {
	if o.Progress == nil {
		o.Progress = func(CopyProgress) {}
	}
	h, err := CheckBackup(ctx, open, o.Progress)
	if err != nil {
		return nil, err
	}
	steps, err := migrations()
	if err != nil {
		return nil, err
	}
	if err := to.Migrate(ctx, steps); err != nil {
		return nil, fmt.Errorf("bring schema up to date: %w", err)
	}
	return h, to.Update(ctx, func(c sqlconn.Conn) error {
		if err := makeRoom(c, o.Replace); err != nil {
			return err
		}
		if err := load(ctx, open, c, o.Progress); err != nil {
			return err
		}
		return checkRestored(ctx, c, h, o.Check)
	})
}

// CheckBackup reads a backup to its end and returns its header, or says what
// is wrong with it.
func CheckBackup(ctx context.Context, open func() (io.ReadCloser, error), progress func(CopyProgress)) (*archive.Header, error) {
	return readBackup(ctx, open, func(h *archive.Header, table int, done int64, _ [][]any) error {
		progress(CopyProgress{Doing: "checking", Table: h.Tables[table].Name, Rows: done, Total: h.Tables[table].Rows})
		return nil
	})
}

// readBackup calls each for every page of rows; done counts those of its table.
func readBackup(ctx context.Context, open func() (io.ReadCloser, error), each func(h *archive.Header, table int, done int64, rows [][]any) error) (*archive.Header, error) {
	file, err := open()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	r, err := archive.NewReader(file)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if err := sameSchema(&r.Header); err != nil {
		return nil, err
	}
	done := make([]int64, len(copied))
	for {
		table, rows, err := r.Next()
		if errors.Is(err, io.EOF) {
			return &r.Header, nil
		}
		if err == nil {
			err = checkKinds(&copied[table], rows)
		}
		if err == nil {
			done[table] += int64(len(rows))
			err = each(&r.Header, table, done[table], rows)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
	}
}

// sameSchema refuses a backup whose tables are not this program's.
func sameSchema(h *archive.Header) error {
	steps, err := migrations()
	if err != nil {
		return err
	}
	ours := steps[len(steps)-1].Number
	if h.Schema != ours {
		return fmt.Errorf("the backup has the schema %d, written by %s, and this program knows %d: restore it with that Reeve into an empty database, and bring that up to date with reeve migrate", h.Schema, h.Program, ours)
	}
	same := slices.EqualFunc(h.Tables, copied, func(theirs archive.Table, t copyTable) bool {
		return theirs.Name == t.name && slices.Equal(theirs.Columns, columnNames(&t))
	})
	if !same {
		return fmt.Errorf("the backup's tables are not those of the schema %d: it was written by another Reeve, %s", ours, h.Program)
	}
	return nil
}

// checkKinds refuses values that are not of their column's kind, and gives
// missing bytes the type that the database asks for.
func checkKinds(t *copyTable, rows [][]any) error {
	for _, row := range rows {
		for i, c := range t.columns {
			ok := false
			switch row[i].(type) {
			case int64:
				ok = c.kind == copyInt
			case string:
				ok = c.kind == copyText || c.kind == copyNullText
			case []byte:
				ok = c.kind == copyBytes
			case nil:
				ok = c.kind == copyNullText || c.kind == copyBytes
			}
			if !ok {
				return fmt.Errorf("the backup has a %T in column %s of table %s", row[i], c.name, t.name)
			}
			if row[i] == nil && c.kind == copyBytes {
				row[i] = []byte(nil)
			}
		}
	}
	return nil
}

// makeRoom empties the tables, or refuses to. Where several servers may write
// it locks them out first; they may read what was there until the commit.
func makeRoom(c sqlconn.Conn, replace bool) error {
	names := make([]string, len(copied))
	for i, t := range copied {
		names[i] = t.name
	}
	if c.ForUpdate() != "" {
		if _, err := c.Exec("LOCK TABLE " + strings.Join(names, ", ") + " IN EXCLUSIVE MODE"); err != nil {
			return fmt.Errorf("lock tables: %w", err)
		}
	}
	for _, t := range copied {
		full, err := t.holdsRows(c)
		if err != nil {
			return fmt.Errorf("look into table %s: %w", t.name, err)
		}
		if full && !replace {
			return ErrNotEmpty
		}
		if !full && t.where == "" {
			continue
		}
		if _, err := c.Exec("DELETE FROM " + t.name); err != nil {
			return fmt.Errorf("empty table %s: %w", t.name, err)
		}
	}
	return nil
}

func load(ctx context.Context, open func() (io.ReadCloser, error), c sqlconn.Conn, progress func(CopyProgress)) error {
	_, err := readBackup(ctx, open, func(h *archive.Header, table int, done int64, rows [][]any) error {
		t := &copied[table]
		if err := c.ExecEach(t.insert(), rows); err != nil {
			return fmt.Errorf("restore table %s: %w", t.name, err)
		}
		progress(CopyProgress{Doing: "restoring", Table: t.name, Rows: done, Total: h.Tables[table].Rows})
		return nil
	})
	return err
}

// checkRestored holds what the transaction has written against the backup.
func checkRestored(ctx context.Context, c sqlconn.Conn, h *archive.Header, check func(context.Context, *Store) error) error {
	for i := range copied {
		n, err := copied[i].count(c)
		if err != nil {
			return fmt.Errorf("count rows of %s: %w", copied[i].name, err)
		}
		if n != h.Tables[i].Rows {
			return fmt.Errorf("table %s has %d rows after the restore, the backup %d", copied[i].name, n, h.Tables[i].Rows)
		}
	}
	ledgers, heads, err := headsOf(c)
	if err != nil {
		return err
	}
	if ledgers != h.Ledgers || heads != h.Heads {
		return errors.New("the heads of the ledgers are not those that the backup says it has")
	}
	if check == nil {
		return nil
	}
	return check(ctx, &Store{db: within{c}})
}

// within is a database whose every transaction is part of one that runs.
type within struct{ conn sqlconn.Conn }

var errWithin = errors.New("the schema cannot change within a transaction")

func (w within) View(_ context.Context, fn func(sqlconn.Conn) error) error   { return fn(w.conn) }
func (w within) Update(_ context.Context, fn func(sqlconn.Conn) error) error { return fn(w.conn) }
func (w within) UpdateTogether(_ context.Context, _ string, fn func(sqlconn.Conn) error) error {
	return fn(w.conn)
}
func (w within) UpdateFirst(_ context.Context, fn func(sqlconn.Conn) error) error {
	return fn(w.conn)
}
func (w within) Migrate(context.Context, []sqlconn.Migration) error { return errWithin }
func (w within) Pending(context.Context, []sqlconn.Migration) ([]sqlconn.Migration, error) {
	return nil, errWithin
}
func (w within) Close() error { return nil }
