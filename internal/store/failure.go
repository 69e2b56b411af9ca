package store

import (
	"reeve/internal/license"
	"reeve/internal/store/sqlconn"
)

// license.AssociationTx: the failures.

func (t *tx) SaveFailures(configuration int64, fs []license.Failure) error {
	rows := make([][]any, len(fs))
	for i, f := range fs {
		typ, err := typeNumber(f.Type)
		if err != nil {
			return err
		}
		rows[i] = []any{configuration, f.Owner, f.Resource, f.ResourceARN, typ, f.Message,
			int64(f.Time), f.Operation, f.RequestedBy}
	}
	return t.execEach("save failures", `INSERT INTO failure
		(configuration, owner, resource, arn, type, message, at, operation, requested_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (configuration, owner, resource) DO UPDATE SET
		  arn = excluded.arn, type = excluded.type, message = excluded.message, at = excluded.at,
		  operation = excluded.operation, requested_by = excluded.requested_by`, rows)
}

func (t *tx) DeleteFailures(configuration int64, keys []license.Key) error {
	rows := make([][]any, len(keys))
	for i, k := range keys {
		rows[i] = []any{configuration, k.Owner, k.Resource}
	}
	return t.execEach("delete failures", `DELETE FROM failure
		WHERE configuration = $1 AND owner = $2 AND resource = $3`, rows)
}

func (t *tx) Failures(configuration int64, after license.Key, limit int) ([]license.Failure, error) {
	var found []license.Failure
	err := t.query("list failures", `SELECT owner, resource, arn, type, message, at, operation, requested_by
		FROM failure WHERE configuration = $1 AND (owner, resource) > ($2, $3)
		ORDER BY owner, resource LIMIT $4`,
		[]any{configuration, after.Owner, after.Resource, int64(limit)}, func(r sqlconn.Row) error {
			f, err := scanFailure(r)
			found = append(found, f)
			return err
		})
	if err != nil {
		return nil, err
	}
	return found, nil
}

func scanFailure(r sqlconn.Row) (license.Failure, error) {
	typ, err := typeOf(r.Int(3))
	return license.Failure{
		Key:         license.Key{Owner: r.Int(0), Resource: r.Int(1)},
		ResourceARN: r.Text(2),
		Type:        typ,
		Message:     r.Text(4),
		Time:        license.Time(r.Int(5)),
		Operation:   r.Text(6),
		RequestedBy: r.Text(7),
	}, err
}
