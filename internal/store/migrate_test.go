package store

import (
	"context"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reeve/internal/license"
	"reeve/internal/store/postgres/pgtest"
	"reeve/internal/store/sqlconn"
	"reeve/internal/store/sqlite"
)

// An inventory that was written before values had numbers is found as before.
func TestMigrationNumbersValues(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		db, err := sqlite.Open(filepath.Join(t.TempDir(), "reeve.db"), sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		numberValues(t, db)
	})
	t.Run("Postgres", func(t *testing.T) {
		pgtest.URL(t)
		numberValues(t, pgtest.Open(t))
	})
}

func numberValues(t *testing.T, db sqlconn.DB) {
	steps, err := migrations()
	if err != nil {
		t.Fatal(err)
	}
	before := slices.IndexFunc(steps, func(m sqlconn.Migration) bool { return m.Number == 6 })
	if err := db.Migrate(t.Context(), steps[:before]); err != nil {
		t.Fatal(err)
	}
	insertUnnumbered(t, db)
	s, err := New(t.Context(), db, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, want := range []struct {
		name, value string
		found       []int64
	}{
		{"application_name", "db", []int64{1, 2}}, {"application_name", "é", []int64{2}}, {"resource_id", "i-1", []int64{1}},
		{"platform", "Linux", []int64{1, 2}}, {"account_id", "9", []int64{1}}, {"account_id", "1", []int64{2}}, {"platform", "Windows", nil},
	} {
		var found []int64
		err := s.View(context.Background(), func(tx license.Tx) error {
			page, _, err := tx.Inventory("1", []license.InventoryFilter{{Name: want.name, Condition: license.Equals, Value: want.value}}, 0, 10)
			for _, r := range page {
				found = append(found, r.Num)
			}
			return err
		})
		if diff := cmp.Diff(want.found, found); err != nil || diff != "" {
			t.Errorf("%s %s: %v (-want +got):\n%s", want.name, want.value, err, diff)
		}
	}
}

// insertUnnumbered writes two resources, one that is gone, and one of another
// account, in the tables that there were.
func insertUnnumbered(t *testing.T, db sqlconn.DB) {
	t.Helper()
	err := db.Update(t.Context(), func(c sqlconn.Conn) error {
		for _, r := range [][]any{
			{int64(1), "1", "9", "arn:aws:ec2:eu:9:instance/i-1", int64(0), "Linux"}, {int64(2), "1", "1", "arn:aws:ec2:eu:1:instance/i-2", int64(0), "Linux"},
			{int64(3), "1", "9", "arn:aws:ec2:eu:9:instance/i-3", int64(1), "Windows"}, {int64(4), "2", "9", "arn:aws:ec2:eu:9:instance/i-1", int64(0), "Linux"},
		} {
			_, err := c.Exec(`INSERT INTO resource (num, account, owner, arn, type, created, seen, version, software, gone, inactive, host, platform, facts)
				VALUES ($1, $2, $3, $4, 0, 1, 1, 1, 0, $5, 0, '', $6, '{}')`, r...)
			if err != nil {
				return err
			}
		}
		return c.ExecEach(`INSERT INTO resource_attribute (account, attribute, value, resource) VALUES ($1, $2, $3, $4)`, [][]any{
			{"1", "application_name", "db", int64(1)}, {"1", "application_name", "db", int64(2)}, {"1", "application_name", "é", int64(2)},
			{"1", "resource_id", "i-1", int64(1)}, {"1", "resource_id", "i-2", int64(2)}, {"2", "application_name", "db", int64(4)},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Facts that were written before there were digests get theirs, and a reader of
// both says that all is as it was.
func TestOlderFactsGetDigests(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		db, err := sqlite.Open(filepath.Join(t.TempDir(), "reeve.db"), sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		digestOlderDatabase(t, db)
	})
	t.Run("Postgres", func(t *testing.T) {
		pgtest.URL(t)
		digestOlderDatabase(t, pgtest.Open(t))
	})
}

func digestOlderDatabase(t *testing.T, db sqlconn.DB) {
	steps, err := migrations()
	if err != nil {
		t.Fatal(err)
	}
	before := slices.IndexFunc(steps, func(m sqlconn.Migration) bool { return m.Number == 12 })
	if err := db.Migrate(t.Context(), steps[:before]); err != nil {
		t.Fatal(err)
	}
	insertUndigested(t, db)
	s, err := New(t.Context(), db, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m := license.New(s, license.Settings{})
	who := license.Caller{Account: "1", Root: true, Operation: "PutResources"}
	if _, err := m.PutResources(t.Context(), who, license.Put{Reports: []license.Report{{ARN: "arn:aws:ec2:eu-west-1:123456789012:instance/i-2", Name: new("new")}}}); err != nil {
		t.Fatal(err)
	}
	faults := func() (all []string) {
		reports, _, err := m.VerifyInventory(t.Context(), who, "", 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range reports {
			all = append(all, r.Fault)
		}
		return all
	}
	if diff := cmp.Diff([]string{""}, faults()); diff != "" {
		t.Errorf("after the migration (-want +got):\n%s", diff)
	}
	err = db.Update(t.Context(), func(c sqlconn.Conn) error {
		_, err := c.Exec(`UPDATE resource_facts SET facts = '{"status":"stopped"}' WHERE resource = 2 AND version = 1`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"version 1 of the facts of arn:aws:ec2:eu-west-1:123456789012:instance/i-2 does not match its digest: it was altered"}, faults()); diff != "" {
		t.Errorf("after one was altered (-want +got):\n%s", diff)
	}
}

// insertUndigested writes resources with versions of facts and applications,
// and an exclusion, as a program without digests did.
func insertUndigested(t *testing.T, db sqlconn.DB) {
	t.Helper()
	const resource = `INSERT INTO resource (num, account, owner, arn, type, created, seen, version, software, gone, inactive, lost, host, platform, facts)
		VALUES ($1, '1', '1', $2, 0, 1, 1, $3, $4, 0, 0, 0, '', '', $5)`
	err := db.Update(t.Context(), func(c sqlconn.Conn) error {
		for _, each := range []struct {
			sql  string
			args [][]any
		}{
			{resource, [][]any{
				{int64(1), "arn:aws:ec2:eu-west-1:123456789012:instance/i-1", int64(1), int64(0), `{"status":"running"}`},
				{int64(2), "arn:aws:ec2:eu-west-1:123456789012:instance/i-2", int64(2), int64(1), `{"status":"running","software":1}`},
			}},
			{`INSERT INTO resource_facts (resource, version, at, facts) VALUES ($1, $2, $3, $4)`, [][]any{
				{int64(1), int64(1), int64(1), `{"status":"running"}`}, {int64(2), int64(1), int64(1), `{"status":"running"}`},
				{int64(2), int64(2), int64(5), `{"status":"running","software":1}`}, {int64(9), int64(1), int64(1), `{}`},
			}},
			{`INSERT INTO software (resource, version, at, applications) VALUES ($1, $2, $3, $4)`, [][]any{{int64(2), int64(1), int64(5), `[{"name":"db"}]`}}},
			{`INSERT INTO configuration (num, id, account, region, created, deleted, loading, head, head_at, terms_rev, next_node, counters, terms)
				VALUES ($1, 'lic-1', '1', 'eu', 1, 0, 0, 0, 0, 0, 0, '{}', '{}')`, [][]any{{int64(7)}}},
			{`INSERT INTO exclusion (configuration, resource, created, until, ended, arn, reason, owner, created_by, ended_by)
				VALUES ($1, 1, 2, 0, $2, 'arn:aws:ec2:eu-west-1:123456789012:instance/i-1', 'why', 'who', 'me', '')`, [][]any{{int64(7), int64(0)}}},
		} {
			if err := c.ExecEach(each.sql, each.args); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
