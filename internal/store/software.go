package store

import (
	"fmt"

	"reeve/internal/license"
	"reeve/internal/store/sqlconn"
)

// license.ResourceTx: installed applications.

func (t *tx) Software(num, version int64) ([]license.Application, error) {
	var found []license.Application
	err := t.query("read software", `SELECT applications FROM software
		WHERE resource = $1 AND version = $2`, []any{num, version},
		func(r sqlconn.Row) error { return decode(r.Text(0), &found) })
	if err != nil {
		return nil, err
	}
	return found, nil
}

// SaveSoftware needs the resource to be there already.
func (t *tx) SaveSoftware(num, version int64, at license.Time, apps []license.Application) error {
	old, err := t.searchable(num)
	if err != nil {
		return err
	}
	text, err := encode(&apps)
	if err != nil {
		return err
	}
	err = t.execOne("insert software", `INSERT INTO software (resource, version, at, applications)
		VALUES ($1, $2, $3, $4)`, num, version, int64(at), text)
	if err != nil {
		return err
	}
	err = t.execOne("save version of software",
		`UPDATE resource SET software = $2 WHERE num = $1`, num, version)
	if err != nil || old.gone {
		return err
	}
	return t.replaceAttributes([]attributeChange{{
		account: old.account, resource: num,
		from: applicationAttributes(old.apps), to: applicationAttributes(apps),
	}})
}

// searchableResource is what inventory searches know of a resource's software.
type searchableResource struct {
	account string
	gone    bool
	apps    []license.Application
}

func (t *tx) searchable(num int64) (searchableResource, error) {
	var found searchableResource
	var exists bool
	err := t.query("read current software", selectSearchable, []any{num}, func(r sqlconn.Row) error {
		exists = true
		found.account, found.gone = r.Text(0), r.Int(1) != 0
		return decodeApplications(r.Text(2), &found.apps)
	})
	if err == nil && !exists {
		err = fmt.Errorf("read current software: no resource has the number %d", num)
	}
	return found, err
}

const selectSearchable = `SELECT r.account, r.gone, s.applications
	FROM resource r LEFT JOIN software s ON s.resource = r.num AND s.version = r.software
	WHERE r.num = $1`

// decodeApplications reads a column that is NULL before the first report.
func decodeApplications(text string, apps *[]license.Application) error {
	if text == "" {
		return nil
	}
	return decode(text, apps)
}
