package store

import (
	"reeve/internal/license"
	"reeve/internal/store/sqlconn"
)

// license.AssociationTx: the associations as they are now.

const selectAssociation = `SELECT a.configuration, c.id, c.region, c.account, a.owner, a.resource,
	a.arn, a.type, a.at, a.scope, a.origin, a.unlicensed, a.facts, a.until
	FROM association a JOIN configuration c ON c.num = a.configuration`

func scanAssociation(r sqlconn.Row) (license.OpenAssociation, error) {
	typ, err := typeOf(r.Int(7))
	return license.OpenAssociation{
		Configuration:   r.Int(0),
		ConfigurationID: r.Text(1),
		Region:          r.Text(2),
		Account:         r.Text(3),
		Association: license.Association{
			Key:             license.Key{Owner: r.Int(4), Resource: r.Int(5)},
			ResourceARN:     r.Text(6),
			Type:            typ,
			AssociationTime: license.Time(r.Int(8)),
			Scope:           r.Text(9),
			Origin:          r.Text(10),
			Unlicensed:      r.Int(11) != 0,
			Facts:           r.Int(12),
			Until:           license.Time(r.Int(13)),
		},
	}, err
}

func (t *tx) associations(doing, sql string, args ...any) ([]license.OpenAssociation, error) {
	var found []license.OpenAssociation
	err := t.query(doing, sql, args, func(r sqlconn.Row) error {
		a, err := scanAssociation(r)
		found = append(found, a)
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// AssociationsOf returns them in the order of nums, and those of one resource
// in the order of configuration numbers.
func (t *tx) AssociationsOf(nums []int64) ([]license.OpenAssociation, error) {
	return t.associationsEach("read associations",
		selectAssociation+` WHERE a.resource = $1 ORDER BY a.configuration`, eachOf(nums))
}

// associationsEach runs a statement once per element of args.
func (t *tx) associationsEach(doing, sql string, args [][]any) ([]license.OpenAssociation, error) {
	var found []license.OpenAssociation
	err := t.queryEach(doing, sql, args,
		func(_ int, r sqlconn.Row) error {
			a, err := scanAssociation(r)
			found = append(found, a)
			return err
		})
	if err != nil {
		return nil, err
	}
	return found, nil
}

func (t *tx) CountAssociations(configuration int64) (n int64, err error) {
	err = t.query("count associations", `SELECT count(*) FROM association WHERE configuration = $1`,
		[]any{configuration}, func(r sqlconn.Row) error {
			n = r.Int(0)
			return nil
		})
	return n, err
}

func (t *tx) SaveAssociations(as []license.OpenAssociation) error {
	rows := make([][]any, len(as))
	for i, a := range as {
		typ, err := typeNumber(a.Type)
		if err != nil {
			return err
		}
		rows[i] = []any{a.Resource, a.Configuration, a.Owner, a.ResourceARN, typ,
			int64(a.AssociationTime), a.Scope, a.Origin, bit(a.Unlicensed), a.Facts, int64(a.Until)}
	}
	return t.execEach("save associations", `INSERT INTO association
		(resource, configuration, owner, arn, type, at, scope, origin, unlicensed, facts, until)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (resource, configuration) DO UPDATE SET
		  owner = excluded.owner, arn = excluded.arn, type = excluded.type, at = excluded.at,
		  scope = excluded.scope, origin = excluded.origin, unlicensed = excluded.unlicensed,
		  facts = excluded.facts, until = excluded.until`, rows)
}

func (t *tx) DeleteAssociations(as []license.OpenAssociation) error {
	rows := make([][]any, len(as))
	for i, a := range as {
		rows[i] = []any{a.Resource, a.Configuration}
	}
	return t.execEach("delete associations",
		`DELETE FROM association WHERE resource = $1 AND configuration = $2`, rows)
}

func (t *tx) SpecificationsOf(num, after int64, limit int) ([]license.OpenAssociation, error) {
	return t.associations("read specifications", selectAssociation+`
		WHERE a.resource = $1 AND a.configuration > $2 AND a.origin <> 'affinity'
		ORDER BY a.configuration LIMIT $3`, num, after, int64(limit))
}

// AssociationsOnHosts returns those of one host in the order of the resources'
// numbers.
func (t *tx) AssociationsOnHosts(configuration int64, account string, hosts []string) ([]license.OpenAssociation, error) {
	args := make([][]any, len(hosts))
	for i, host := range hosts {
		args[i] = []any{configuration, account, host}
	}
	return t.associationsEach("read associations on hosts", selectAssociation+`
		JOIN resource r ON r.num = a.resource
		WHERE r.account = $2 AND r.host = $3 AND r.host <> '' AND a.configuration = $1
		ORDER BY r.num`, args)
}

// ExpiredHolds returns those that ended first, first.
func (t *tx) ExpiredHolds(at license.Time, limit int) ([]license.OpenAssociation, error) {
	return t.associations("list expired holds", selectAssociation+`
		WHERE a.origin = 'affinity' AND a.until <= $1 AND c.loading = 0
		ORDER BY a.until, a.resource, a.configuration LIMIT $2`, int64(at), int64(limit))
}
