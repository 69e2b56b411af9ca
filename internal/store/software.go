package store

import (
	"fmt"
	"strings"

	"reeve/internal/license"
	"reeve/internal/store/sqlconn"
)

// license.ResourceTx: installed applications.

func (t *tx) Software(num, version int64) ([]license.Application, error) {
	var found []license.Application
	err := t.query("read software", `SELECT applications FROM software
		WHERE resource = $1 AND version = $2`, []any{num, version},
		func(r sqlconn.Row) error { return decodeApplications(r.Text(0), &found) })
	if err != nil {
		return nil, err
	}
	return found, nil
}

// SoftwareOf implements license.ResourceTx.
func (t *tx) SoftwareOf(versions []license.Software) error {
	args := make([][]any, len(versions))
	for i, v := range versions {
		args[i] = []any{v.Resource, v.Version}
	}
	err := t.queryEach("read software", `SELECT applications FROM software
		WHERE resource = $1 AND version = $2`, args, func(i int, r sqlconn.Row) error {
		return decodeApplications(r.Text(0), &versions[i].Applications)
	})
	if err == nil {
		t.rememberSoftware(versions)
	}
	return err
}

// SaveSoftware needs the resources to be there already.
func (t *tx) SaveSoftware(vs []license.Software, at license.Time) error {
	changes, err := t.softwareChanges(vs)
	if err != nil {
		return err
	}
	rows := make([][]any, len(vs))
	versions := make([][]any, len(vs))
	for i, v := range vs {
		text := v.Text
		if text == "" {
			if text, err = encode(&v.Applications); err != nil {
				return err
			}
		}
		rows[i] = []any{v.Resource, v.Version, int64(at), text}
		versions[i] = []any{v.Resource, v.Version}
	}
	err = t.execEach("insert software", `INSERT INTO software (resource, version, at, applications)
		VALUES ($1, $2, $3, $4)`, rows)
	if err != nil {
		return err
	}
	err = t.execEach("save version of software",
		`UPDATE resource SET software = $2 WHERE num = $1`, versions)
	if err != nil {
		return err
	}
	t.rememberSoftware(vs)
	if err := t.uncount(eachOf(numsOf(vs))); err != nil {
		return err
	}
	return t.replaceAttributes(changes)
}

func numsOf(vs []license.Software) []int64 {
	nums := make([]int64, len(vs))
	for i, v := range vs {
		nums[i] = v.Resource
	}
	return nums
}

// uncount marks resources whose applications have to be counted again.
func (t *tx) uncount(nums [][]any) error {
	return t.execEach("mark software to count", `INSERT INTO software_uncounted (resource) VALUES ($1)
		ON CONFLICT (resource) DO NOTHING`, nums)
}

// softwareChanges is what new versions change for inventory searches.
func (t *tx) softwareChanges(vs []license.Software) ([]attributeChange, error) {
	var changes []attributeChange
	var unknown []license.Software
	for _, v := range vs {
		k := t.known[v.Resource]
		if old, ok := k.replacedBy(v); !ok {
			unknown = append(unknown, v)
		} else if !k.facts.Gone() { // nobody finds it when it is gone
			changes = append(changes, softwareChange(k.account, v, old))
		}
	}
	nums := make([]int64, len(unknown))
	for i, v := range unknown {
		nums[i] = v.Resource
	}
	found := 0
	err := t.queryEach("read current software", selectSearchable, eachOf(nums), func(i int, r sqlconn.Row) error {
		found++
		if r.Int(1) != 0 {
			return nil
		}
		var old []license.Application
		err := decodeApplications(r.Text(2), &old)
		changes = append(changes, softwareChange(r.Text(0), unknown[i], old))
		return err
	})
	if err == nil && found != len(unknown) {
		err = fmt.Errorf("read current software: %d of %d resources are not in the inventory", len(unknown)-found, len(unknown))
	}
	return changes, err
}

func softwareChange(account string, v license.Software, old []license.Application) attributeChange {
	return attributeChange{
		account: account, resource: v.Resource,
		from: applicationAttributes(old), to: applicationAttributes(v.Applications),
	}
}

const selectSearchable = `SELECT r.account, r.gone, s.applications
	FROM resource r LEFT JOIN software s ON s.resource = r.num AND s.version = r.software
	WHERE r.num = $1`

// decodeApplications reads a column that is NULL before the first report.
func decodeApplications(text string, apps *[]license.Application) error {
	if text == "" {
		return nil
	}
	if parsed, ok := parseApplications(text); ok {
		*apps = parsed
		return nil
	}
	return decode(text, apps)
}

// parseApplications reads what encode makes of applications, in a tenth of the
// time that decode takes: every report reads 200. It gives up on everything
// else, and on texts with escapes.
func parseApplications(text string) ([]license.Application, bool) {
	if strings.IndexByte(text, '\\') >= 0 {
		return nil, false
	}
	rest, ok := strings.CutPrefix(text, "[")
	apps := make([]license.Application, 0, strings.Count(text, "{"))
	for ok && rest != "]" {
		var a license.Application
		if rest, ok = strings.CutPrefix(rest, "{"); !ok {
			return nil, false
		}
		a.Name, rest = cutMember(rest, `"name":"`)
		a.Publisher, rest = cutMember(rest, `"publisher":"`)
		a.Version, rest = cutMember(rest, `"version":"`)
		rest, ok = strings.CutPrefix(rest, "}")
		rest = strings.TrimPrefix(rest, ",")
		apps = append(apps, a)
	}
	return apps, ok
}

// cutMember cuts off a member that begins as given, and the comma behind it.
func cutMember(text, begin string) (value, rest string) {
	after, has := strings.CutPrefix(text, begin)
	if !has {
		return "", text
	}
	value, after, _ = strings.Cut(after, `"`)
	return value, strings.TrimPrefix(after, ",")
}
