// Package sqlconntest is the conformance suite of sqlconn.DB: what the
// packages over it rely on, whichever database is below.
package sqlconntest

import (
	"errors"
	"testing"

	"reeve/internal/store/sqlconn"
)

// Run runs the suite. open returns an empty database of its own that is
// closed at the end of the test it was opened for.
func Run(t *testing.T, open func(t *testing.T) sqlconn.DB) {
	tests := []struct {
		name string
		run  func(*testing.T, sqlconn.DB)
	}{
		{"ParametersInAnyOrder", testParameters},
		{"ArgumentsAreChecked", testArguments},
		{"ValuesComeBack", testValues},
		{"AnyValuesComeBack", testAnyValues},
		{"KeysOrderByByte", testKeyOrder},
		{"ExecCountsRows", testExecCount},
		{"EachElementHasItsRows", testQueryEach},
		{"EachElementIsWritten", testExecEach},
		{"EachElementInOrder", testExecEachInOrder},
		{"EachEndsItsStatementOnly", testEachError},
		{"NoStatementInsideAnother", testNested},
		{"NothingAfterTheEnd", testEnded},
		{"ErrorRollsBack", testRollback},
		{"PanicRollsBack", testPanic},
		{"FailedStatementIsNotForgotten", testSwallowed},
		{"ClashRunsAgain", testClash},
		{"ClashGivesUp", testClashForEver},
		{"ViewIsOneSnapshot", testSnapshot},
		{"ViewCannotWrite", testReadOnly},
		{"CountersAreExact", testCounter},
		{"CancelledWhileWorking", testCancelWork},
		{"CancelledBeforeCommit", testCancelCommit},
		{"CancelledWhileWaiting", testCancelWait},
		{"ClosedIsClosed", testClosed},
		{"ManyStatements", testManyStatements},
		{"ClockRuns", testNow},
		{"MigrateTwice", testMigrateTwice},
		{"MigrateAtOnce", testMigrateAtOnce},
		{"MigrateFails", testMigrateFails},
		{"MigrateRefusesNewer", testMigrateNewer},
		{"MigrateRefusesOther", testMigrateOther},
		{"Pending", testPending},
	}
	t.Run("PendingOfNothing", func(t *testing.T) { testPendingOfNothing(t, open(t)) })
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			db := open(t)
			if err := db.Migrate(t.Context(), schema); err != nil {
				t.Fatalf("migrate: %v", err)
			}
			test.run(t, db)
		})
	}
}

// schema is the table that the tests write to.
var schema = []sqlconn.Migration{
	{Number: 1, Name: "items", SQL: `
-- A comment may end with a semicolon;
CREATE TABLE item (
	id   BIGINT NOT NULL PRIMARY KEY,
	name KEYTEXT UNIQUE,
	note TEXT,
	body BYTEA
){{clustered}};
CREATE INDEX item_note ON item (note, id);
`},
	{Number: 3, Name: "counters", SQL: `CREATE TABLE counter (id BIGINT NOT NULL PRIMARY KEY, n BIGINT NOT NULL){{clustered}}`},
}

const insertItem = `INSERT INTO item (id, name, note, body) VALUES ($1, $2, $3, $4)`

var errStop = errors.New("stop")

func update(t *testing.T, db sqlconn.DB, fn func(sqlconn.Conn) error) {
	t.Helper()
	if err := db.Update(t.Context(), fn); err != nil {
		t.Fatalf("update: %v", err)
	}
}

func view(t *testing.T, db sqlconn.DB, fn func(sqlconn.Conn) error) {
	t.Helper()
	if err := db.View(t.Context(), fn); err != nil {
		t.Fatalf("view: %v", err)
	}
}

// count is the number of items that a transaction sees.
func count(c sqlconn.Conn) (n int64, err error) {
	err = c.Query(`SELECT count(*) FROM item`, nil, func(r sqlconn.Row) error {
		n = r.Int(0)
		return nil
	})
	return n, err
}

func wantItems(t *testing.T, db sqlconn.DB, want int64) {
	t.Helper()
	view(t, db, func(c sqlconn.Conn) error {
		got, err := count(c)
		if err == nil && got != want {
			t.Errorf("got %d items, want %d", got, want)
		}
		return err
	})
}

func addItem(c sqlconn.Conn, id int64, name string) error {
	_, err := c.Exec(insertItem, id, name, nil, nil)
	return err
}

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got error %v, want %v", err, want)
	}
}
