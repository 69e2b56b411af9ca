package store

import (
	"reeve/internal/license"
	"reeve/internal/store/sqlconn"
)

// license.DiscoveryTx: exclusions.

const selectExclusion = `SELECT e.configuration, e.resource, e.created, e.until, e.ended, e.arn, e.reason,
	e.owner, e.created_by, e.ended_by, c.account FROM exclusion e JOIN configuration c ON c.num = e.configuration`

func scanExclusion(r sqlconn.Row) license.Exclusion {
	return license.Exclusion{
		Configuration: r.Int(0),
		Resource:      r.Int(1),
		Created:       license.Time(r.Int(2)),
		Until:         license.Time(r.Int(3)),
		Ended:         license.Time(r.Int(4)),
		ResourceARN:   r.Text(5),
		Reason:        r.Text(6),
		Owner:         r.Text(7),
		CreatedBy:     r.Text(8),
		EndedBy:       r.Text(9),
		Account:       r.Text(10),
	}
}

func (t *tx) ExclusionsOf(nums []int64) ([]license.Exclusion, error) {
	var found []license.Exclusion
	err := t.queryEach("read exclusions", selectExclusion+` WHERE e.resource = $1 AND e.ended = 0 ORDER BY e.configuration`,
		eachOf(nums), func(_ int, r sqlconn.Row) error {
			found = append(found, scanExclusion(r))
			return nil
		})
	return found, err
}

func (t *tx) exclusions(doing, sql string, args ...any) ([]license.Exclusion, error) {
	var found []license.Exclusion
	err := t.query(doing, sql, args, func(r sqlconn.Row) error {
		found = append(found, scanExclusion(r))
		return nil
	})
	return found, err
}

func (t *tx) Exclusions(configuration, resource int64, created license.Time, all bool, limit int) ([]license.Exclusion, error) {
	open := ` AND e.ended = 0`
	if all {
		open = ""
	}
	return t.exclusions("list exclusions", selectExclusion+`
		WHERE e.configuration = $1 AND (e.resource, e.created) > ($2, $3)`+open+`
		ORDER BY e.resource, e.created LIMIT $4`, configuration, resource, int64(created), int64(limit))
}

func (t *tx) SaveExclusion(e *license.Exclusion) error {
	err := t.execOne("save exclusion", `INSERT INTO exclusion
		(configuration, resource, created, until, ended, arn, reason, owner, created_by, ended_by, digest)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (configuration, resource, created) DO UPDATE SET ended = excluded.ended, ended_by = excluded.ended_by,
		  digest = excluded.digest`,
		e.Configuration, e.Resource, int64(e.Created), int64(e.Until), int64(e.Ended), e.ResourceARN, e.Reason,
		e.Owner, e.CreatedBy, e.EndedBy, e.Digest())
	if err != nil {
		return err
	}
	lines, entries := license.ExclusionEntries(e), unsealed{}
	entries.add(e.Account, lines[len(lines)-1])
	return t.unseal(entries)
}

func (t *tx) DueExclusions(at license.Time, limit int) ([]license.Exclusion, error) {
	return t.exclusions("list exclusions that are over", selectExclusion+`
		WHERE e.ended = 0 AND e.until > 0 AND e.until <= $1 ORDER BY e.until, e.configuration, e.resource LIMIT $2`, int64(at), int64(limit))
}
