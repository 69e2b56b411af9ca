package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"reeve/internal/store/archive"
	"reeve/internal/store/sqlconn"
)

// backupRows bounds the rows that a backup reads, and a restore writes, at once.
const backupRows = 2000

// BackupOptions are the choices of a Backup.
type BackupOptions struct {
	Program   string             // version of this program, for people
	Database  string             // kind of database, for people
	MasterKey string             // goes into the backup; "" leaves it out
	Progress  func(CopyProgress) // may be nil
}

// Backup writes everything that a deployment has in its database, in the form
// of package archive: one consistent state, whatever is written meanwhile. A
// backup of either kind of database can be restored into either. The schema
// must be this program's.
func Backup(ctx context.Context, from sqlconn.DB, to io.Writer, o BackupOptions) (h *archive.Header, bytes int64, err error) {
	schema, err := readySchema(ctx, from)
	if err != nil {
		return nil, 0, err
	}
	if c, ok := from.(checker); ok { // a damaged database makes no good backup
		if err := c.Check(ctx, false); err != nil {
			return nil, 0, err
		}
	}
	err = from.View(ctx, func(c sqlconn.Conn) error {
		if h, err = backupHeader(c, o); err != nil {
			return err
		}
		h.Schema = schema
		w, err := archive.NewWriter(to, h)
		if err != nil {
			return err
		}
		if err := writeTables(c, w, h, o.Progress); err != nil {
			return err
		}
		bytes = w.Bytes
		return nil
	})
	return h, bytes, err
}

// readySchema returns the number of this program's schema if it is the
// database's too.
func readySchema(ctx context.Context, db sqlconn.DB) (int64, error) {
	steps, err := migrations()
	if err != nil {
		return 0, err
	}
	pending, err := db.Pending(ctx, steps)
	switch {
	case err != nil:
		return 0, err
	case len(pending) == len(steps):
		return 0, errors.New("the database holds no deployment: there is nothing to back up")
	case len(pending) > 0:
		return 0, errors.New("the database was made by an older Reeve: back it up with that one, or bring its schema up to date with reeve migrate first")
	}
	return steps[len(steps)-1].Number, nil
}

func backupHeader(c sqlconn.Conn, o BackupOptions) (*archive.Header, error) {
	if m, err := readMark(c); err != nil {
		return nil, err
	} else if m != nil {
		return nil, ErrUnfinishedCopy
	}
	now, err := c.Now()
	if err != nil {
		return nil, fmt.Errorf("read the clock: %w", err)
	}
	h := &archive.Header{Program: o.Program, Database: o.Database, MasterKey: o.MasterKey, Taken: time.UnixMicro(now).UTC()}
	if h.Ledgers, h.Heads, err = headsOf(c); err != nil {
		return nil, err
	}
	if h.Deployment, err = deploymentName(c); err != nil {
		return nil, err
	}
	for _, t := range copied {
		n, err := t.count(c)
		if err != nil {
			return nil, fmt.Errorf("count rows of %s: %w", t.name, err)
		}
		h.Tables = append(h.Tables, archive.Table{Name: t.name, Columns: columnNames(&t), Rows: n})
	}
	return h, nil
}

// deploymentName tells deployments apart for their whole life: it is made of
// what their first start sealed.
func deploymentName(c sqlconn.Conn) (name string, err error) {
	err = c.Query(selectMeta, []any{"iam.master-key-check"}, func(r sqlconn.Row) error {
		sum := sha256.Sum256(r.Bytes(0))
		name = hex.EncodeToString(sum[:8])
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("read which deployment it is: %w", err)
	}
	return name, nil
}

func columnNames(t *copyTable) []string {
	list := make([]string, len(t.columns))
	for i, c := range t.columns {
		list[i] = c.name
	}
	return list
}

func writeTables(c sqlconn.Conn, w *archive.Writer, h *archive.Header, progress func(CopyProgress)) error {
	for i := range copied {
		t, done := &copied[i], int64(0)
		for p := (pages{table: t, most: backupRows}); !p.ended; {
			rows, err := p.next(c)
			if err != nil {
				return fmt.Errorf("read %s: %w", t.name, err)
			}
			if len(rows) == 0 {
				continue
			}
			if err := w.Rows(i, rows); err != nil {
				return err
			}
			done += int64(len(rows))
			if progress != nil {
				progress(CopyProgress{Doing: "backing up", Table: t.name, Rows: done, Total: h.Tables[i].Rows})
			}
		}
	}
	return w.Close()
}
