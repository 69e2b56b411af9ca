package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"reeve/internal/store/sqlconn"
)

// markName is the row of meta that says how far a copy into this database is.
// It is never copied.
const markName = "store.copy"

// copyState is what a mark says. All tables before Table are complete; those
// behind it are empty.
type copyState struct {
	Schema     int64    // number of the newest migration
	Deployment string   // of the source, see deploymentOf
	Heads      string   // of the source's ledgers, see headsOf
	Table      string   // where the copy is; "" behind the last table
	After      []string // key of Table's last row that is there; nil for none
	Rows       int64    // how many rows of Table are there
}

// mark is a copyState and its stored form. Whoever moves a copy on replaces
// exactly the mark that it read or wrote last, so two copies into one target
// cannot mix.
type mark struct {
	state copyState
	text  string
}

func newMark(state copyState) (mark, error) {
	text, err := encode(state)
	return mark{state, text}, err
}

// readMark returns nil where there is no mark.
func readMark(c sqlconn.Conn) (*mark, error) {
	var found *mark
	err := c.Query(selectMeta, []any{markName}, func(r sqlconn.Row) error {
		found = &mark{text: string(r.Bytes(0))}
		return decode(found.text, &found.state)
	})
	if err != nil {
		return nil, fmt.Errorf("read how far the copy is: %w", err)
	}
	return found, nil
}

func (m mark) insert(target sqlconn.Conn) error {
	_, err := target.Exec(`INSERT INTO meta (name, value) VALUES ($1, $2)`, markName, []byte(m.text))
	return err
}

func (m mark) replace(target sqlconn.Conn, next mark) error {
	n, err := target.Exec(`UPDATE meta SET value = $1 WHERE name = $2 AND value = $3`,
		[]byte(next.text), markName, []byte(m.text))
	return stillOurs(n, err)
}

func (m mark) remove(target sqlconn.Conn) error {
	n, err := target.Exec(`DELETE FROM meta WHERE name = $1 AND value = $2`, markName, []byte(m.text))
	return stillOurs(n, err)
}

func stillOurs(changed int64, err error) error {
	if err == nil && changed != 1 {
		err = errors.New("another copy writes to this target: let one of them end")
	}
	return err
}

// refuseUnfinished is New's look at a database that is to be used.
func refuseUnfinished(ctx context.Context, db sqlconn.DB) error {
	return db.View(ctx, func(c sqlconn.Conn) error {
		m, err := readMark(c)
		if err == nil && m != nil {
			err = ErrUnfinishedCopy
		}
		return err
	})
}

// begin puts the first mark into an empty target, or takes up the mark of an
// earlier run.
func (c *copier) begin(schema int64) error {
	state := copyState{Schema: schema, Table: copied[0].name}
	own, err := readMark(c.source)
	if err != nil {
		return err
	}
	if own != nil {
		return fmt.Errorf("source: %w", ErrUnfinishedCopy)
	}
	if state.Deployment, err = deploymentOf(c.source); err != nil {
		return err
	}
	if _, state.Heads, err = headsOf(c.source); err != nil {
		return err
	}
	first, err := newMark(state)
	if err != nil {
		return err
	}
	return c.to.Update(c.ctx, func(target sqlconn.Conn) error {
		earlier, err := readMark(target)
		if err != nil {
			return err
		}
		if earlier != nil {
			c.mark, c.result.Resumed = *earlier, true
			return earlier.state.sameCopy(state)
		}
		c.mark, c.result.Resumed = first, false
		if err := refuseFull(target); err != nil {
			return err
		}
		return first.insert(target)
	})
}

// sameCopy says why the copy that began with one state cannot go on as the
// other one.
func (s copyState) sameCopy(now copyState) error {
	switch {
	case s.Deployment != now.Deployment:
		return errors.New("the target holds an unfinished copy of another deployment: name an empty database")
	case s.Schema != now.Schema:
		return errors.New("the target holds a copy that another version of Reeve has begun: copy again into an empty database")
	case s.Heads != now.Heads:
		return errors.New("the source was changed since this copy began: stop its servers, and copy again into an empty database")
	}
	return nil
}

// refuseFull refuses a target that holds anything.
func refuseFull(target sqlconn.Conn) error {
	for _, t := range copied {
		n, err := t.holdsRows(target)
		if err != nil {
			return fmt.Errorf("look into table %s of the target: %w", t.name, err)
		}
		if n {
			return errors.New("the target holds a deployment already: name an empty database or a new directory")
		}
	}
	return nil
}

// deploymentOf tells deployments apart by their named values, among which are
// the random ones of package iam.
func deploymentOf(c sqlconn.Conn) (string, error) {
	h := sha256.New()
	err := c.Query(`SELECT name, value FROM meta ORDER BY name`, nil, func(r sqlconn.Row) error {
		fmt.Fprintf(h, "%q %x\n", r.Text(0), r.Bytes(1))
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("read the deployment's named values: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// headsOf counts the ledgers and digests their heads.
func headsOf(c sqlconn.Conn) (ledgers int64, digest string, err error) {
	h := sha256.New()
	err = c.Query(`SELECT num, id, head, head_hash FROM configuration ORDER BY num`, nil, func(r sqlconn.Row) error {
		ledgers++
		fmt.Fprintf(h, "%d %q %d %x\n", r.Int(0), r.Text(1), r.Int(2), r.Bytes(3))
		return nil
	})
	if err != nil {
		return 0, "", fmt.Errorf("read heads of ledgers: %w", err)
	}
	return ledgers, hex.EncodeToString(h.Sum(nil)), nil
}
