package sqlconntest

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"reeve/internal/store/sqlconn"

	"github.com/google/go-cmp/cmp"
)

// with is the suite's schema and more.
func with(more ...sqlconn.Migration) []sqlconn.Migration {
	return append(slices.Clone(schema), more...)
}

// recorded is the history as the database tells it.
func recorded(t *testing.T, db sqlconn.DB) []int64 {
	t.Helper()
	var numbers []int64
	view(t, db, func(c sqlconn.Conn) error {
		numbers = nil
		return c.Query(`SELECT number FROM schema_migration WHERE applied > 0 ORDER BY number`, nil, func(r sqlconn.Row) error {
			numbers = append(numbers, r.Int(0))
			return nil
		})
	})
	return numbers
}

func wantRecorded(t *testing.T, db sqlconn.DB, want ...int64) {
	t.Helper()
	if diff := cmp.Diff(want, recorded(t, db)); diff != "" {
		t.Errorf("migrations (-want +got):\n%s", diff)
	}
}

func wantRefusal(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("got error %v, want one that says %q", err, text)
	}
}

func testMigrateTwice(t *testing.T, db sqlconn.DB) {
	update(t, db, func(c sqlconn.Conn) error { return addItem(c, 1, "a") })
	for range 2 {
		if err := db.Migrate(t.Context(), schema); err != nil {
			t.Fatalf("migrate again: %v", err)
		}
	}
	wantItems(t, db, 1)
	wantRecorded(t, db, 1, 3)
}

func testMigrateAtOnce(t *testing.T, db sqlconn.DB) {
	more := with(
		sqlconn.Migration{Number: 4, Name: "four", SQL: "CREATE TABLE four (id BIGINT NOT NULL PRIMARY KEY);\nINSERT INTO four (id) VALUES (4);\n"},
		sqlconn.Migration{Number: 5, Name: "five", SQL: "UPDATE four SET id = id + 1"},
	)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if err := db.Migrate(t.Context(), more); err != nil {
				t.Errorf("migrate: %v", err)
			}
		})
	}
	group.Wait()
	wantRecorded(t, db, 1, 3, 4, 5)
	view(t, db, func(c sqlconn.Conn) error {
		return c.Query(`SELECT id FROM four`, nil, func(r sqlconn.Row) error {
			if r.Int(0) != 5 {
				t.Errorf("got %d, want 5: each migration once", r.Int(0))
			}
			return nil
		})
	})
}

func testMigrateFails(t *testing.T, db sqlconn.DB) {
	broken := with(
		sqlconn.Migration{Number: 4, Name: "four", SQL: "CREATE TABLE four (id BIGINT NOT NULL PRIMARY KEY)"},
		sqlconn.Migration{Number: 5, Name: "five", SQL: "CREATE TABLE five (id BIGINT NOT NULL PRIMARY KEY);\nINSERT INTO none VALUES (1);\n"},
	)
	wantRefusal(t, db.Migrate(t.Context(), broken), `migration 5 "five"`)
	wantRecorded(t, db, 1, 3, 4)
	broken[3].SQL = "CREATE TABLE five (id BIGINT NOT NULL PRIMARY KEY)"
	if err := db.Migrate(t.Context(), broken); err != nil {
		t.Errorf("migrate after the repair: %v", err)
	}
	wantRecorded(t, db, 1, 3, 4, 5)
}

func testMigrateNewer(t *testing.T, db sqlconn.DB) {
	newer := with(sqlconn.Migration{Number: 7, Name: "seven", SQL: "CREATE TABLE seven (id BIGINT NOT NULL PRIMARY KEY)"})
	if err := db.Migrate(t.Context(), newer); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	wantRefusal(t, db.Migrate(t.Context(), schema), "made by a newer Reeve: schema 7, this binary knows 3")
	wantRecorded(t, db, 1, 3, 7)
}

func testMigrateOther(t *testing.T, db sqlconn.DB) {
	other := with(sqlconn.Migration{Number: 4, Name: "four", SQL: "SELECT 1"})
	other[1].Name = "something else"
	wantRefusal(t, db.Migrate(t.Context(), other), "made by another Reeve")
	other[1].Number = 2
	wantRefusal(t, db.Migrate(t.Context(), other), "made by another Reeve")
	slices.Reverse(other)
	wantRefusal(t, db.Migrate(t.Context(), other), "not in order")
	wantRecorded(t, db, 1, 3)
}

// pending is the numbers of what Migrate would run.
func pending(t *testing.T, db sqlconn.DB, migrations []sqlconn.Migration) []int64 {
	t.Helper()
	found, err := db.Pending(t.Context(), migrations)
	if err != nil {
		t.Fatalf("pending: %v", err)
	}
	var numbers []int64
	for _, m := range found {
		numbers = append(numbers, m.Number)
	}
	return numbers
}

// testPendingOfNothing asks a database that no migration has seen.
func testPendingOfNothing(t *testing.T, db sqlconn.DB) {
	for range 2 { // the first question changes nothing
		if diff := cmp.Diff([]int64{1, 3}, pending(t, db, schema)); diff != "" {
			t.Errorf("pending (-want +got):\n%s", diff)
		}
	}
	if err := db.Migrate(t.Context(), schema); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	if got := pending(t, db, schema); got != nil {
		t.Errorf("pending after Migrate: %v", got)
	}
}

func testPending(t *testing.T, db sqlconn.DB) {
	more := with(
		sqlconn.Migration{Number: 4, Name: "four", SQL: "CREATE TABLE four (id BIGINT NOT NULL PRIMARY KEY)"},
		sqlconn.Migration{Number: 9, Name: "nine", SQL: "DROP TABLE four"},
	)
	if diff := cmp.Diff([]int64{4, 9}, pending(t, db, more)); diff != "" {
		t.Errorf("pending (-want +got):\n%s", diff)
	}
	wantRecorded(t, db, 1, 3)
	_, err := db.Pending(t.Context(), schema[:1])
	wantRefusal(t, err, "made by a newer Reeve: schema 3, this binary knows 1")
	more[1].Name = "something else"
	_, err = db.Pending(t.Context(), more)
	wantRefusal(t, err, "made by another Reeve")
}
