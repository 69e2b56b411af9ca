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
