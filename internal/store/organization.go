package store

import (
	"fmt"
	"slices"

	"reeve/internal/license"
	"reeve/internal/store/sqlconn"
)

// license.OrganizationTx and license.SharingTx.

const selectOrganization = `SELECT o.id, o.management, o.delegated, o.created FROM organization o`

func (t *tx) organizations(doing, sql string, args ...any) ([]*license.Organization, error) {
	var found []*license.Organization
	err := t.query(doing, sql, args, func(r sqlconn.Row) error {
		found = append(found, &license.Organization{
			ID: r.Text(0), Management: r.Text(1), Delegated: r.Text(2), Created: license.Time(r.Int(3)),
		})
		return nil
	})
	return found, err
}

func (t *tx) organization(doing, sql string, args ...any) (*license.Organization, error) {
	found, err := t.organizations(doing, sql, args...)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

func (t *tx) Organization(account string) (*license.Organization, error) {
	return t.organization("read organization of account", selectOrganization+`
		JOIN organization_account a ON a.organization = o.id
		WHERE a.account = $1 AND a.ended = 0`, account)
}

func (t *tx) OrganizationByID(id string) (*license.Organization, error) {
	return t.organization("read organization", selectOrganization+` WHERE o.id = $1`, id)
}

func (t *tx) Organizations(limit int) ([]*license.Organization, error) {
	return t.organizations("list organizations", selectOrganization+` WHERE o.id > '' ORDER BY o.id LIMIT $1`, int64(limit))
}

func (t *tx) LockOrganization(id string, exclusive bool) error {
	lock := t.conn.ForUpdate()
	if lock == "" {
		return nil
	}
	if !exclusive {
		lock = " FOR SHARE"
	}
	return t.query("lock organization", `SELECT 1 FROM organization WHERE id = $1`+lock, []any{id},
		func(sqlconn.Row) error { return nil })
}

func (t *tx) AccountExists(account string) (exists bool, err error) {
	err = t.query("read account", `SELECT 1 FROM account WHERE id = $1`, []any{account}, func(sqlconn.Row) error {
		exists = true
		return nil
	})
	return exists, err
}

func (t *tx) SaveOrganization(o *license.Organization) error {
	return t.execOne("save organization", `INSERT INTO organization (id, management, delegated, created)
		VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE SET delegated = excluded.delegated`,
		o.ID, o.Management, o.Delegated, int64(o.Created))
}

// JoinOrganization lets who has left join later than it left, whatever the clock
// says.
func (t *tx) JoinOrganization(id, account string, at license.Time) error {
	joined := int64(at)
	err := t.query("read accounts that have left", `SELECT ended FROM organization_account
		WHERE organization = $1 AND account = $2`, []any{id, account}, func(r sqlconn.Row) error {
		joined = max(joined, r.Int(0)+1)
		return nil
	})
	if err != nil {
		return err
	}
	return t.execOne("join organization", `INSERT INTO organization_account (organization, account, joined, ended)
		VALUES ($1, $2, $3, 0)`, id, account, joined)
}

func (t *tx) LeaveOrganization(id, account string, at license.Time) error {
	return t.execOne("leave organization", `UPDATE organization_account SET ended = CASE WHEN joined > $3 THEN joined ELSE $3 END
		WHERE organization = $1 AND account = $2 AND ended = 0`, id, account, int64(at))
}

func (t *tx) OrganizationAccounts(id, after string, limit int) ([]license.OrganizationAccount, error) {
	var found []license.OrganizationAccount
	err := t.query("list accounts of organization", `SELECT m.account, m.joined, a.name
		FROM organization_account m LEFT JOIN account a ON a.id = m.account
		WHERE m.organization = $1 AND m.account > $2 AND m.ended = 0
		ORDER BY m.account LIMIT $3`, []any{id, after, int64(limit)}, func(r sqlconn.Row) error {
		found = append(found, license.OrganizationAccount{Account: r.Text(0), Joined: license.Time(r.Int(1)), Name: r.Text(2)})
		return nil
	})
	return found, err
}

func (t *tx) SaveShares(c *license.Configuration, principals []string) error {
	if _, err := t.conn.Exec(`DELETE FROM share WHERE configuration = $1`, c.Num); err != nil {
		return fmt.Errorf("delete shares: %w", err)
	}
	rows := make([][]any, len(principals))
	for i, p := range principals {
		rows[i] = []any{p, c.Region, int64(c.Created), c.Num, c.Account}
	}
	return t.execEach("save shares", `INSERT INTO share (principal, region, created, configuration, owner)
		VALUES ($1, $2, $3, $4, $5)`, rows)
}

func (t *tx) SharedConfigurations(principal, region string, created license.Time, num int64, limit int) ([]*license.Configuration, error) {
	return t.shared("list shared configurations", `WHERE s.principal = $1 AND s.region = $2
		AND (s.created, s.configuration) > ($3, $4) ORDER BY s.created, s.configuration LIMIT $5`,
		principal, region, int64(created), num, int64(limit))
}

func (t *tx) SharedInAnyRegion(principal string, after int64, limit int) ([]*license.Configuration, error) {
	return t.shared("list shared configurations of all regions",
		`WHERE s.principal = $1 AND s.configuration > $2 ORDER BY s.configuration LIMIT $3`, principal, after, int64(limit))
}

func (t *tx) SharedBy(account string, limit int) ([]*license.Configuration, error) {
	found, err := t.shared("list what an account shares", `WHERE s.owner = $1 ORDER BY s.configuration LIMIT $2`, account, int64(limit))
	return slices.CompactFunc(found, func(a, b *license.Configuration) bool { return a.Num == b.Num }), err
}

// shared reads the configurations of shares.
func (t *tx) shared(doing, where string, args ...any) ([]*license.Configuration, error) {
	return t.configurations(doing, `SELECT c.num, c.id, c.account, c.region, c.created, c.deleted, c.loading,
		c.head, c.head_at, c.head_hash, c.terms_rev, c.next_node, c.counters, c.terms, c.pass, c.last_run, c.settled, c.pass_account
		FROM share s JOIN configuration c ON c.num = s.configuration `+where, args...)
}

func (t *tx) SharesWith(principal, region string, limit int) (n int, err error) {
	err = t.query("count shares", `SELECT s.configuration FROM share s
		WHERE s.principal = $1 AND s.region = $2 LIMIT $3`, []any{principal, region, int64(limit)}, func(sqlconn.Row) error {
		n++
		return nil
	})
	return n, err
}

func (t *tx) ForeignAssociations(configuration int64, account string, after int64, limit int) ([]license.ForeignAssociation, error) {
	var found []license.ForeignAssociation
	err := t.query("list associations of other accounts", `SELECT a.resource, a.arn, r.account
		FROM association a JOIN resource r ON r.num = a.resource JOIN configuration c ON c.num = a.configuration
		WHERE a.configuration = $1 AND r.account <> c.account AND ($2 = '' OR r.account = $2) AND a.resource > $3
		ORDER BY a.resource LIMIT $4`, []any{configuration, account, after, int64(limit)}, func(r sqlconn.Row) error {
		found = append(found, license.ForeignAssociation{Resource: r.Int(0), ResourceARN: r.Text(1), Account: r.Text(2)})
		return nil
	})
	return found, err
}

// SharedImages implements license.SharingTx.
func (t *tx) SharedImages(organization string, arns []string) ([]*license.Resource, error) {
	return t.resourcesEach("read images of an organization", selectResource+`
		JOIN organization_account m ON m.account = r.account AND m.ended = 0
		WHERE m.organization = $1 AND r.type = 2 AND r.arn = $2 AND r.gone = 0 ORDER BY r.num`, eachIn(organization, arns))
}
