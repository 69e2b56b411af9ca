package store

import (
	"slices"

	"reeve/internal/license"
	"reeve/internal/store/sqlconn"
)

// license.ResourceTx: the resources and their facts. What filters look for is
// in attribute.go, the filters are in inventory.go.

const selectResource = `SELECT r.num, r.account, r.owner, r.arn, r.type, r.created, r.seen,
	r.version, r.facts, r.digest FROM resource r`

// The states of a managed instance that was not seen for a while, or for long.
const (
	connectionLost = "ConnectionLost"
	inactive       = "Inactive"
)

func scanResource(r sqlconn.Row) (*license.Resource, error) {
	typ, err := typeOf(r.Int(4))
	if err != nil {
		return nil, err
	}
	found := &license.Resource{
		Num:     r.Int(0),
		Account: r.Text(1),
		Owner:   r.Text(2),
		ARN:     r.Text(3),
		Type:    typ,
		Created: license.Time(r.Int(5)),
		Seen:    license.Time(r.Int(6)),
		Version: r.Int(7),
		Digest:  r.Bytes(9),
	}
	return found, decode(r.Text(8), &found.Facts)
}

func (t *tx) resources(doing, sql string, args ...any) ([]*license.Resource, error) {
	var found []*license.Resource
	err := t.query(doing, sql, args, func(r sqlconn.Row) error {
		one, err := scanResource(r)
		found = append(found, one)
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// resourcesEach runs a statement once per element of args, in one round trip.
func (t *tx) resourcesEach(doing, sql string, args [][]any) ([]*license.Resource, error) {
	var found []*license.Resource
	err := t.queryEach(doing, sql, args, func(_ int, r sqlconn.Row) error {
		one, err := scanResource(r)
		found = append(found, one)
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

func (t *tx) Resource(account, arn string) (*license.Resource, error) {
	found, err := t.resources("read resource",
		selectResource+` WHERE r.account = $1 AND r.arn = $2`, account, arn)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// Namesakes implements license.ResourceTx.
func (t *tx) Namesakes(arn string, accounts []string) ([]*license.Resource, error) {
	args := make([][]any, len(accounts))
	for i, account := range accounts {
		args[i] = []any{account, arn}
	}
	return t.resourcesEach("read resources of a name", selectResource+` WHERE r.account = $1 AND r.arn = $2`, args)
}

// ResourcesByARN implements license.ResourceTx.
func (t *tx) ResourcesByARN(account string, arns []string) (map[string]*license.Resource, error) {
	found, err := t.resourcesEach("read resources by ARN",
		selectResource+` WHERE r.account = $1 AND r.arn = $2`, eachIn(account, arns))
	if err != nil {
		return nil, err
	}
	return byARN(found), nil
}

func byARN(rs []*license.Resource) map[string]*license.Resource {
	all := make(map[string]*license.Resource, len(rs))
	for _, r := range rs {
		all[r.ARN] = r
	}
	return all
}

// LockResources finds the resources first and locks them in a second step,
// because rows are locked in the order in which they are met.
func (t *tx) LockResources(account string, arns []string) (map[string]*license.Resource, error) {
	lock := t.conn.ForUpdate()
	if lock == "" {
		found, err := t.ResourcesByARN(account, arns)
		for _, r := range found {
			t.remember(r)
		}
		return found, err
	}
	var nums []int64
	err := t.queryEach("find resources", `SELECT r.num FROM resource r WHERE r.account = $1 AND r.arn = $2`,
		eachIn(account, arns), func(_ int, r sqlconn.Row) error {
			nums = append(nums, r.Int(0))
			return nil
		})
	if err != nil {
		return nil, err
	}
	slices.Sort(nums)
	found, err := t.resourcesEach("lock resources", selectResource+` WHERE r.num = $1`+lock, eachOf(nums))
	if err != nil {
		return nil, err
	}
	t.remember(found...)
	return byARN(found), nil
}

func (t *tx) ResourcesByNum(nums []int64) (map[int64]*license.Resource, error) {
	found, err := t.resourcesEach("read resources by number",
		selectResource+` WHERE r.num = $1`, eachOf(nums))
	if err != nil {
		return nil, err
	}
	byNum := make(map[int64]*license.Resource, len(found))
	for _, r := range found {
		byNum[r.Num] = r
	}
	return byNum, nil
}

// ResourcesOnHosts returns those of one host in the order of their numbers.
func (t *tx) ResourcesOnHosts(account string, hosts []string) ([]*license.Resource, error) {
	return t.resourcesEach("read resources on hosts", selectResource+`
		WHERE r.account = $1 AND r.host = $2 AND r.host <> '' ORDER BY r.num`, eachIn(account, hosts))
}

func (t *tx) InsertResources(rs []*license.Resource) error {
	rows := make([][]any, len(rs))
	facts := make([]license.FactsRow, len(rs))
	added := make([]attributeChange, len(rs))
	for i, r := range rs {
		typ, err := typeNumber(r.Type)
		if err != nil {
			return err
		}
		if facts[i], err = digested(r, r.Created, nil); err != nil {
			return err
		}
		gone, idle, lost := stateColumns(&r.Facts)
		rows[i] = []any{r.Num, r.Account, r.Owner, r.ARN, typ, int64(r.Created), int64(r.Seen),
			r.Version, gone, idle, lost, r.Facts.Host, r.Facts.Platform, facts[i].Text, r.Digest}
		added[i] = attributeChange{account: r.Account, resource: r.Num, to: factAttributes(r, &r.Facts)}
	}
	err := t.execEach("insert resources", `INSERT INTO resource
		(num, account, owner, arn, type, created, seen, version, software, gone, inactive, lost,
		 host, platform, facts, digest)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10, $11, $12, $13, $14, $15)`, rows)
	if err != nil {
		return err
	}
	if err := t.insertFacts(rs, facts); err != nil {
		return err
	}
	t.remember(rs...)
	return t.replaceAttributes(added)
}

// stateColumns are the columns that indexes leave resources out by.
func stateColumns(f *license.Facts) (gone, idle, lost int64) {
	return bit(f.Gone()), bit(f.Status == inactive), bit(f.Status == connectionLost)
}

// digested makes the row of a resource's newest facts behind those with the
// digest before, and gives the resource its digest.
func digested(r *license.Resource, at license.Time, before []byte) (row license.FactsRow, err error) {
	row = license.FactsRow{Version: r.Version, At: at, Installed: r.Installed}
	if row.Text, err = encode(&r.Facts); err != nil {
		return row, err
	}
	row.Digest = row.DigestAfter(r, before)
	r.Digest, r.Installed = row.Digest, nil
	return row, nil
}

// insertFacts adds versions of facts, each of the resource in the same place.
func (t *tx) insertFacts(rs []*license.Resource, facts []license.FactsRow) error {
	rows := make([][]any, len(rs))
	entries := unsealed{}
	for i, r := range rs {
		f := &facts[i]
		rows[i] = []any{r.Num, f.Version, int64(f.At), f.Text, f.Digest}
		entries.add(r.Account, license.FactsEntry(r.Num, f.Version, f.Digest))
	}
	err := t.execEach("insert facts", `INSERT INTO resource_facts (resource, version, at, facts, digest)
		VALUES ($1, $2, $3, $4, $5)`, rows)
	if err != nil {
		return err
	}
	return t.unseal(entries)
}

func (t *tx) SaveResources(rs []*license.Resource, at license.Time) error {
	if err := t.reindex(rs); err != nil {
		return err
	}
	rows := make([][]any, len(rs))
	facts := make([]license.FactsRow, len(rs))
	for i, r := range rs {
		var err error
		if facts[i], err = digested(r, at, t.known[r.Num].digest); err != nil {
			return err
		}
		gone, idle, lost := stateColumns(&r.Facts)
		rows[i] = []any{r.Num, int64(r.Seen), r.Version, gone, idle, lost, r.Facts.Host, r.Facts.Platform, facts[i].Text, r.Digest}
	}
	err := t.execEach("save resources", `UPDATE resource SET seen = $2, version = $3, gone = $4,
		inactive = $5, lost = $6, host = $7, platform = $8, facts = $9, digest = $10 WHERE num = $1`, rows)
	if err != nil {
		return err
	}
	t.remember(rs...)
	return t.insertFacts(rs, facts)
}

func (t *tx) TouchResources(rs []*license.Resource) error {
	rows := make([][]any, len(rs))
	for i, r := range rs {
		rows[i] = []any{r.Num, int64(r.Seen)}
	}
	return t.execEach("touch resources", `UPDATE resource SET seen = $2 WHERE num = $1`, rows)
}

func (t *tx) FactsOf(num, version int64) (*license.Facts, error) {
	var found *license.Facts
	err := t.query("read facts", `SELECT facts FROM resource_facts WHERE resource = $1 AND version = $2`,
		[]any{num, version}, func(r sqlconn.Row) error {
			found = new(license.Facts)
			return decode(r.Text(0), found)
		})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// FactsVersions implements license.ResourceTx.
func (t *tx) FactsVersions(num, before int64, limit int) ([]license.FactsVersion, error) {
	var found []license.FactsVersion
	err := t.query("list versions of facts", `SELECT version, at, facts FROM resource_facts
		WHERE resource = $1 AND version < $2 ORDER BY version DESC LIMIT $3`, []any{num, before, int64(limit)},
		func(r sqlconn.Row) error {
			found = append(found, license.FactsVersion{Version: r.Int(0), At: license.Time(r.Int(1))})
			return decode(r.Text(2), &found[len(found)-1].Facts)
		})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// GuestsOf implements license.ResourceTx.
func (t *tx) GuestsOf(account, host string, limit int) ([]*license.Resource, error) {
	return t.resources("read guests of host", selectResource+`
		WHERE r.account = $1 AND r.host = $2 AND r.host <> '' AND r.gone = 0 ORDER BY r.num LIMIT $3`,
		account, host, int64(limit))
}

func (t *tx) UnseenResources(before license.Time, limit int) ([]*license.Resource, error) {
	return t.watched("list unseen resources", "", before, limit)
}

func (t *tx) OverdueResources(before license.Time, limit int) ([]*license.Resource, error) {
	return t.watched("list overdue resources", " AND r.lost = 0", before, limit)
}

func (t *tx) watched(doing, condition string, before license.Time, limit int) ([]*license.Resource, error) {
	return t.resources(doing, selectResource+`
		WHERE r.type = 4 AND r.gone = 0 AND r.inactive = 0`+condition+` AND r.seen < $1
			AND NOT EXISTS (SELECT 1 FROM association a JOIN configuration c ON c.num = a.configuration
				WHERE a.resource = r.num AND c.loading = 1)
		ORDER BY r.seen, r.num LIMIT $2`, int64(before), int64(limit))
}

// eachIn makes an argument list of each name in an account.
func eachIn(account string, names []string) [][]any {
	args := make([][]any, len(names))
	for i, name := range names {
		args[i] = []any{account, name}
	}
	return args
}

// eachOf makes an argument list of each number.
func eachOf(nums []int64) [][]any {
	args := make([][]any, len(nums))
	for i, n := range nums {
		args[i] = []any{n}
	}
	return args
}
