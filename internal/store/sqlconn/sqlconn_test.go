package sqlconn_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"reeve/internal/store/sqlconn"

	"github.com/google/go-cmp/cmp"
)

func TestRetry(t *testing.T) {
	other := errors.New("other")
	for _, test := range []struct {
		name string
		errs []error // of one attempt after another; the last one of all the rest
		runs int
		want error
	}{
		{"Success", []error{nil}, 1, nil},
		{"OtherError", []error{other}, 1, other},
		{"ClashThenSuccess", []error{sqlconn.ErrClash, fmt.Errorf("insert: %w", sqlconn.ErrClash), nil}, 3, nil},
		{"ConflictThenSuccess", []error{sqlconn.ErrConflict, nil}, 2, nil},
		{"ConflictThenOther", []error{sqlconn.ErrConflict, other}, 2, other},
		{"ClashForEver", []error{sqlconn.ErrClash}, sqlconn.MaxAttempts, sqlconn.ErrClash},
	} {
		t.Run(test.name, func(t *testing.T) {
			runs := 0
			err := sqlconn.Retry(t.Context(), func() error {
				runs++
				return test.errs[min(runs, len(test.errs))-1]
			})
			if runs != test.runs || !errors.Is(err, test.want) {
				t.Errorf("got error %v after %d runs, want %v after %d", err, runs, test.want, test.runs)
			}
		})
	}
}

func TestRetryEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	runs := 0
	err := sqlconn.Retry(ctx, func() error {
		runs++
		cancel()
		return sqlconn.ErrConflict
	})
	if runs != 1 || !errors.Is(err, context.Canceled) || !errors.Is(err, sqlconn.ErrConflict) {
		t.Errorf("got error %v after %d runs, want both %v and %v after 1", err, runs, context.Canceled, sqlconn.ErrConflict)
	}
}

func TestStorableText(t *testing.T) {
	for text, want := range map[string]bool{
		"": true, "é\U0001F600\n": true, "a\x00": false, "\x00": false, "\xff": false, "\xed\xa0\x80": false,
	} {
		if got := sqlconn.StorableText(text); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

func TestStateNamesTheFirstFailure(t *testing.T) {
	var s sqlconn.State
	if err := s.Start("SELECT 1"); err != nil {
		t.Fatal(err)
	}
	long := "SELECT\n\tsomething\nFROM " + strings.Repeat("é", 100)
	first := s.Fail(long, errors.New("broken"))
	s.Stop()
	want := "SELECT something FROM " + strings.Repeat("é", 19) + "…: broken"
	if first.Error() != want {
		t.Errorf("got %q, want %q", first, want)
	}
	for _, err := range []error{s.Start("SELECT 2"), s.Fail("SELECT 3", errors.New("too")), s.Err(), s.End(nil)} {
		if err != first {
			t.Errorf("got %v, want the first error", err)
		}
	}
	if err := s.Start("SELECT 4"); err != sqlconn.ErrEnded {
		t.Errorf("got %v, want %v", err, sqlconn.ErrEnded)
	}
}

// recorder is a database that writes down what it is told to execute.
type recorder struct {
	sqlconn.DB
	sqlconn.Conn
	executed []string
}

func (r *recorder) Update(_ context.Context, fn func(sqlconn.Conn) error) error { return fn(r) }
func (r *recorder) Now() (int64, error)                                         { return 1, nil }
func (r *recorder) Query(string, []any, func(sqlconn.Row) error) error          { return nil }
func (r *recorder) Exec(sql string, _ ...any) (int64, error) {
	r.executed = append(r.executed, sql)
	if strings.HasPrefix(sql, "INSERT INTO schema_migration") {
		return 0, errors.New("enough")
	}
	return 1, nil
}

func TestMigrationIsCutIntoStatements(t *testing.T) {
	const text = `
-- Comments; even with
   -- a semicolon at the end;
CREATE TABLE a (x TEXT DEFAULT ';', y){{clustered}};  ` + "\r" + `
INSERT INTO a (x)
  VALUES ('b; c');

UPDATE a SET y = 1`
	var r recorder
	err := sqlconn.Upgrade(t.Context(), &r, []sqlconn.Migration{{Number: 1, Name: "one", SQL: text}}, sqlconn.Dialect{
		Clustered: " CLUSTERED",
		Prepare:   func(sqlconn.Conn) error { return nil },
	})
	if err == nil || !strings.Contains(err.Error(), "enough") {
		t.Fatalf("got error %v, want the one of the record", err)
	}
	want := []string{
		"CREATE TABLE a (x TEXT DEFAULT ';', y) CLUSTERED\n",
		"INSERT INTO a (x)\n  VALUES ('b; c')\n",
		"UPDATE a SET y = 1\n",
	}
	if diff := cmp.Diff(want, r.executed[1:len(r.executed)-1]); diff != "" {
		t.Errorf("statements (-want +got):\n%s", diff)
	}
}
