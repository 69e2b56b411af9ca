package store

import (
	"fmt"

	"reeve/internal/license"
	"reeve/internal/store/sqlconn"
)

// license.DiscoveryTx: the rules of accounts, and passes.

// DiscoveryGeneration adds the row where it has to be held and is not there,
// so that there is something to hold.
func (t *tx) DiscoveryGeneration(account string, hold bool) (int64, error) {
	lock := ""
	if hold && t.conn.ForUpdate() != "" {
		lock = " FOR SHARE"
	}
	generation, exists, err := t.generation(account, lock)
	if err != nil || exists || lock == "" {
		return generation, err
	}
	_, err = t.conn.Exec(`INSERT INTO discovery_rules (account, generation) VALUES ($1, 0)
		ON CONFLICT (account) DO NOTHING`, account)
	if err != nil {
		return 0, fmt.Errorf("add discovery rules: %w", err)
	}
	generation, _, err = t.generation(account, lock)
	return generation, err
}

func (t *tx) generation(account, lock string) (generation int64, exists bool, err error) {
	err = t.query("read generation of discovery rules", `SELECT generation FROM discovery_rules WHERE account = $1`+lock,
		[]any{account}, func(r sqlconn.Row) error {
			generation, exists = r.Int(0), true
			return nil
		})
	return generation, exists, err
}

func (t *tx) SetDiscoveryGeneration(account string, generation int64) error {
	return t.execOne("save generation of discovery rules", `INSERT INTO discovery_rules (account, generation)
		VALUES ($1, $2) ON CONFLICT (account) DO UPDATE SET generation = excluded.generation`, account, generation)
}

func (t *tx) Discovering(account string) ([]license.Discovering, error) {
	var found []license.Discovering
	err := t.query("list discovering configurations", `SELECT c.num, c.region, c.terms_rev, s.settings
		FROM configuration c LEFT JOIN settings s ON s.account = c.account AND s.region = c.region
		WHERE c.account = $1 AND c.discovers = 1 ORDER BY c.num`, []any{account}, func(r sqlconn.Row) error {
		d := license.Discovering{Configuration: r.Int(0), Region: r.Text(1), TermsRev: r.Int(2)}
		if text := r.Text(3); text != "" {
			var s license.ServiceSettings
			if err := decode(text, &s); err != nil {
				return err
			}
			d.SourceRegions = s.SourceRegions
		}
		found = append(found, d)
		return nil
	})
	return found, err
}

func (t *tx) DuePasses(after int64, limit int) ([]*license.Configuration, error) {
	return t.configurations("list due passes", selectConfiguration+`
		WHERE pass > 0 AND num > $1 AND deleted = 0 AND loading = 0 ORDER BY num LIMIT $2`, after, int64(limit))
}

func (t *tx) FailuresOf(nums []int64) ([]license.OpenFailure, error) {
	var found []license.OpenFailure
	err := t.queryEach("read failures of resources", `SELECT owner, resource, arn, type, message, at, operation, requested_by, configuration
		FROM failure WHERE resource = $1 ORDER BY configuration`, eachOf(nums), func(_ int, r sqlconn.Row) error {
		f, err := scanFailure(r)
		found = append(found, license.OpenFailure{Configuration: r.Int(8), Failure: f})
		return err
	})
	return found, err
}
