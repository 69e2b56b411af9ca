package store

import (
	"fmt"

	"reeve/internal/license"
	"reeve/internal/store/sqlconn"
)

// license.ConfigurationTx.

const (
	configurationColumns = `num, id, account, region, created, deleted, loading,
	head, head_at, head_hash, terms_rev, next_node, counters, terms, pass, last_run, settled, pass_account`
	selectConfiguration = `SELECT ` + configurationColumns + ` FROM configuration`

	selectConfigurationAt = `SELECT ` + configurationColumns + `,
		(SELECT number FROM revision WHERE configuration = num AND at <= $2 ORDER BY at DESC LIMIT 1),
		(SELECT hash FROM revision WHERE configuration = num AND at <= $2 ORDER BY at DESC LIMIT 1)
		FROM configuration WHERE id = $1`
)

// scanConfiguration reads a row. Where its counters or terms are damaged there
// is an error beside the rest.
func scanConfiguration(r sqlconn.Row) (*license.Configuration, error) {
	c := &license.Configuration{
		Num:      r.Int(0),
		ID:       r.Text(1),
		Account:  r.Text(2),
		Region:   r.Text(3),
		Created:  license.Time(r.Int(4)),
		Deleted:  license.Time(r.Int(5)),
		Loading:  r.Int(6) != 0,
		Head:     r.Int(7),
		HeadAt:   license.Time(r.Int(8)),
		HeadHash: r.Bytes(9),
		TermsRev: r.Int(10),
		NextNode: r.Int(11),
		Pass:     r.Int(14),
		LastRun:  license.Time(r.Int(15)),
		Settled:  license.Time(r.Int(16)),

		PassAccount: r.Text(17),
	}
	if err := decode(r.Text(12), &c.Counters); err != nil {
		return c, err
	}
	return c, decode(r.Text(13), &c.Terms)
}

func (t *tx) configurations(doing, sql string, args ...any) ([]*license.Configuration, error) {
	var found []*license.Configuration
	err := t.query(doing, sql, args, func(r sqlconn.Row) error {
		c, err := scanConfiguration(r)
		found = append(found, c)
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

func (t *tx) configuration(doing, sql string, arg any) (*license.Configuration, error) {
	found, err := t.configurations(doing, sql, arg)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

func (t *tx) Configuration(id string) (*license.Configuration, error) {
	return t.configuration("read configuration", selectConfiguration+` WHERE id = $1`, id)
}

func (t *tx) ConfigurationAt(id string, at license.Time) (c *license.Configuration, number, mark int64, err error) {
	err = t.query("read configuration and revision at a time", selectConfigurationAt, []any{id, int64(at)}, func(r sqlconn.Row) (err error) {
		if c, err = scanConfiguration(r); err == nil && r.Int(18) != 0 {
			number, mark = r.Int(18), license.MarkOf(r.Bytes(19))
		}
		return err
	})
	if err != nil || number == 0 {
		return c, 0, 0, err
	}
	if t.histories != nil {
		t.histories.beside(c.Num, c.Head, license.MarkOf(c.HeadHash), number, mark)
	}
	return c, number, mark, nil
}

func (t *tx) LockConfiguration(num int64) (*license.Configuration, error) {
	return t.configuration("lock configuration",
		selectConfiguration+` WHERE num = $1`+t.conn.ForUpdate(), num)
}

func (t *tx) InsertConfiguration(c *license.Configuration) error {
	counters, terms, err := encodeHead(c)
	if err != nil {
		return err
	}
	return t.execOne("insert configuration", `INSERT INTO configuration
		(num, id, account, region, created, deleted, loading, head, head_at, head_hash,
		 terms_rev, next_node, counters, terms, discovers, pass, last_run, pass_account)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
		c.Num, c.ID, c.Account, c.Region, int64(c.Created), int64(c.Deleted), bit(c.Loading),
		c.Head, int64(c.HeadAt), c.HeadHash, c.TermsRev, c.NextNode, counters, terms,
		bit(discovers(c)), c.Pass, int64(c.LastRun), c.PassAccount)
}

// discovers reports whether a configuration is found by its account's reports.
func discovers(c *license.Configuration) bool {
	return c.Deleted == 0 && !c.Loading && c.Terms.Status == license.Available && len(c.Terms.Products) > 0
}

func (t *tx) SaveConfiguration(c *license.Configuration) error {
	counters, terms, err := encodeHead(c)
	if err != nil {
		return err
	}
	return t.execOne("save configuration", `UPDATE configuration
		SET deleted = $2, loading = $3, head = $4, head_at = $5, head_hash = $6,
		    terms_rev = $7, next_node = $8, counters = $9, terms = $10,
		    discovers = $11, pass = $12, last_run = $13, pass_account = $14
		WHERE num = $1`,
		c.Num, int64(c.Deleted), bit(c.Loading), c.Head, int64(c.HeadAt), c.HeadHash,
		c.TermsRev, c.NextNode, counters, terms, bit(discovers(c)), c.Pass, int64(c.LastRun), c.PassAccount)
}

func (t *tx) SettleConfiguration(num int64, until license.Time) error {
	return t.execOne("settle configuration", `UPDATE configuration SET settled = $2 WHERE num = $1`, num, int64(until))
}

func encodeHead(c *license.Configuration) (counters, terms string, err error) {
	if counters, err = encode(&c.Counters); err != nil {
		return "", "", err
	}
	terms, err = encode(&c.Terms)
	return counters, terms, err
}

func (t *tx) Configurations(account, region string, created license.Time, num int64, limit int) ([]*license.Configuration, error) {
	return t.configurations("list configurations", selectConfiguration+`
		WHERE account = $1 AND region = $2 AND deleted = 0 AND loading = 0
		  AND (created, num) > ($3, $4)
		ORDER BY created, num LIMIT $5`,
		account, region, int64(created), num, int64(limit))
}

func (t *tx) ConfigurationsAt(account, region string, at, created license.Time, num int64, limit int) ([]*license.Configuration, error) {
	return t.configurations("list configurations of a time", selectConfiguration+`
		WHERE account = $1 AND region = $2 AND loading = 0
		  AND created <= $3 AND (deleted = 0 OR deleted > $3)
		  AND (created, num) > ($4, $5)
		ORDER BY created, num LIMIT $6`,
		account, region, int64(at), int64(created), num, int64(limit))
}

func (t *tx) EveryConfiguration(after int64, limit int) ([]*license.Configuration, error) {
	var found []*license.Configuration
	err := t.query("list every configuration", selectConfiguration+`
		WHERE num > $1 ORDER BY num LIMIT $2`, []any{after, int64(limit)}, func(r sqlconn.Row) error {
		c, err := scanConfiguration(r)
		c.Unreadable = err
		found = append(found, c)
		return nil
	})
	return found, err
}

func (t *tx) CountConfigurations(account, region string, since license.Time) (existing, created int64, err error) {
	err = t.query("count configurations", `SELECT
		(SELECT count(*) FROM configuration
		 WHERE account = $1 AND region = $2 AND deleted = 0 AND loading = 0),
		(SELECT count(*) FROM configuration
		 WHERE account = $1 AND region = $2 AND created >= $3)`,
		[]any{account, region, int64(since)}, func(r sqlconn.Row) error {
			existing, created = r.Int(0), r.Int(1)
			return nil
		})
	return existing, created, err
}

func (t *tx) Settings(account, region string) (license.ServiceSettings, error) {
	var s license.ServiceSettings
	err := t.query("read settings", `SELECT settings FROM settings WHERE account = $1 AND region = $2`,
		[]any{account, region}, func(r sqlconn.Row) error { return decode(r.Text(0), &s) })
	return s, err
}

func (t *tx) SaveSettings(account, region string, s license.ServiceSettings) error {
	text, err := encode(&s)
	if err != nil {
		return fmt.Errorf("save settings: %w", err)
	}
	return t.execOne("save settings", `INSERT INTO settings (account, region, settings)
		VALUES ($1, $2, $3)
		ON CONFLICT (account, region) DO UPDATE SET settings = excluded.settings`,
		account, region, text)
}
