package store

import (
	"fmt"

	"reeve/internal/license"
	"reeve/internal/store/sqlconn"
)

// license.LedgerTx.

const (
	selectRevision = `SELECT number, at, recorded, terms_rev, hash, counters, caller, cause, nodes, consumed,
		terms, changes FROM revision`
	selectRevisionHead = `SELECT number, at, recorded, terms_rev, hash, counters, caller, cause, nodes, consumed
		FROM revision`
	selectRevisionTerms = `SELECT number, at, recorded, terms_rev, hash, counters, caller, cause, nodes, consumed,
		terms FROM revision`
)

// scanRevisionHead reads the columns of selectRevisionHead.
func scanRevisionHead(r sqlconn.Row) (*license.Revision, error) {
	v := &license.Revision{
		Number:   r.Int(0),
		At:       license.Time(r.Int(1)),
		Recorded: license.Time(r.Int(2)),
		TermsRev: r.Int(3),
		Hash:     r.Bytes(4),
		Caller:   r.Text(6),
		Cause:    r.Text(7),
	}
	if err := decode(r.Text(5), &v.Counters); err != nil {
		return nil, err
	}
	if r.Int(9) != v.Counters.Consumed { // which Peaks reads
		return nil, fmt.Errorf("revision %d: consumed is %d beside counters with %d", v.Number, r.Int(9), v.Counters.Consumed)
	}
	var err error
	v.Nodes, err = parseNodes(nil, r.Text(8))
	return v, err
}

// scanRevision reads the columns of selectRevision.
func scanRevision(r sqlconn.Row) (*license.Revision, error) {
	v, err := scanRevisionHead(r)
	if err != nil {
		return nil, err
	}
	v.Terms, v.Changes = bytesOf(r.Text(10)), bytesOf(r.Text(11))
	return v, nil
}

func (t *tx) AppendRevision(configuration int64, v *license.Revision) error {
	counters, err := encode(&v.Counters)
	if err != nil {
		return fmt.Errorf("append revision: %w", err)
	}
	var terms any
	if v.Terms != nil {
		terms = string(v.Terms)
	}
	return t.execOne("append revision", `INSERT INTO revision
		(configuration, number, at, recorded, consumed, terms_rev, hash, counters, caller, cause,
		 nodes, terms, changes)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		configuration, v.Number, int64(v.At), int64(v.Recorded), v.Counters.Consumed, v.TermsRev,
		v.Hash, counters, v.Caller, v.Cause, formatNodes(v.Nodes), terms, string(v.Changes))
}

func (t *tx) Revision(configuration, number int64) (*license.Revision, error) {
	var found *license.Revision
	err := t.query("read revision", selectRevision+` WHERE configuration = $1 AND number = $2`,
		[]any{configuration, number}, func(r sqlconn.Row) (err error) {
			found, err = scanRevision(r)
			return err
		})
	return found, err
}

func (t *tx) RevisionHead(configuration, number int64) (*license.Revision, error) {
	var found *license.Revision
	err := t.query("read head of revision", selectRevisionTerms+` WHERE configuration = $1 AND number = $2`,
		[]any{configuration, number}, func(r sqlconn.Row) (err error) {
			if found, err = scanRevisionHead(r); err == nil {
				found.Terms = bytesOf(r.Text(10))
			}
			return err
		})
	return found, err
}

func (t *tx) RevisionAt(configuration int64, at license.Time) (*license.Revision, error) {
	var found *license.Revision
	err := t.query("read revision at a time", selectRevisionHead+`
		WHERE configuration = $1 AND at <= $2 ORDER BY at DESC LIMIT 1`,
		[]any{configuration, int64(at)}, func(r sqlconn.Row) (err error) {
			found, err = scanRevisionHead(r)
			return err
		})
	return found, err
}

func (t *tx) Revisions(configuration, after int64, limit int) ([]*license.Revision, error) {
	var found []*license.Revision
	err := t.query("list revisions", selectRevision+`
		WHERE configuration = $1 AND number > $2 ORDER BY number LIMIT $3`,
		[]any{configuration, after, int64(limit)}, func(r sqlconn.Row) error {
			v, err := scanRevision(r)
			found = append(found, v)
			return err
		})
	return found, err
}

func (t *tx) Peaks(configuration int64, from, to license.Time, step int64) ([]license.Peak, error) {
	if step <= 0 {
		return nil, fmt.Errorf("read peaks: a step of %d microseconds", step)
	}
	var found []license.Peak
	err := t.query("read peaks", `SELECT (at - $2) / $4 AS step, max(consumed), max(number)
		FROM revision WHERE configuration = $1 AND at >= $2 AND at < $3
		GROUP BY 1 ORDER BY 1`,
		[]any{configuration, int64(from), int64(to), step}, func(r sqlconn.Row) error {
			found = append(found, license.Peak{Step: r.Int(0), Consumed: r.Int(1), Last: r.Int(2)})
			return nil
		})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found, t.endSteps(configuration, found)
}

// endSteps fills in what is consumed after each step.
func (t *tx) endSteps(configuration int64, steps []license.Peak) error {
	ends := make([][]any, len(steps))
	for i, s := range steps {
		ends[i] = []any{configuration, s.Last}
	}
	return t.queryEach("read ends of steps", `SELECT consumed FROM revision WHERE configuration = $1 AND number = $2`,
		ends, func(i int, r sqlconn.Row) error {
			steps[i].After = r.Int(0)
			return nil
		})
}

func (t *tx) LastWithin(configuration, after, last, consumed int64) (number int64, err error) {
	err = t.query("find revision by what it consumed", `SELECT number FROM revision
		WHERE configuration = $1 AND number > $2 AND number <= $3 AND consumed <= $4
		ORDER BY at DESC LIMIT 1`, []any{configuration, after, last, consumed},
		func(r sqlconn.Row) error {
			number = r.Int(0)
			return nil
		})
	return number, err
}

// NextLedger implements license.LedgerTx.
func (t *tx) NextLedger(after int64) (configuration int64, err error) {
	err = t.query("find ledger", `SELECT configuration FROM revision
		WHERE configuration > $1 ORDER BY configuration LIMIT 1`, []any{after},
		func(r sqlconn.Row) error {
			configuration = r.Int(0)
			return nil
		})
	return configuration, err
}
