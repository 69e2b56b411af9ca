package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reeve/internal/iam"
	"reeve/internal/license"
	"reeve/internal/store"
	"reeve/internal/store/postgres/pgtest"
	"reeve/internal/store/sqlconn"
)

// deployment fills an empty database with what every table has a row for, and
// closes nothing.
func deployment(t *testing.T, db sqlconn.DB) {
	t.Helper()
	s, err := store.New(t.Context(), db, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	d, err := iam.Open(t.Context(), s, iam.Options{Dir: t.TempDir()})
	must(err)
	_, err = d.Bootstrap(t.Context(), iam.RootOptions{Account: "111122223333"})
	must(err)
	_, err = d.TokenKey(t.Context())
	must(err)
	m := license.New(s, license.Settings{})
	who := license.Caller{Account: "111122223333", Region: "us-east-1", Principal: "arn:aws:iam::111122223333:root", Operation: "Prüfung 测试"}
	two := int64(2)
	arns := make([]string, 3)
	for i, terms := range []license.Terms{
		{Name: "Müller's \"EE\" \U0001F600", CountingType: license.VCPU, Tags: []license.Tag{{Key: "käse", Value: ""}}},
		{Name: "全部", CountingType: license.Instance, Count: &two, HardLimit: true},
		{Name: "gone", CountingType: license.Core},
	} {
		arns[i], err = m.CreateConfiguration(t.Context(), who, license.ConfigurationSpec{Terms: terms})
		must(err)
	}
	must(m.DeleteConfiguration(t.Context(), who, arns[2]))
	put := func(vcpus int64) {
		t.Helper()
		_, err := m.PutResources(t.Context(), who, license.Put{Reports: machines(vcpus)})
		must(err)
	}
	put(4)
	for i := range 150 {
		must(m.UpdateSpecifications(t.Context(), who, machineARN(i), []license.Specification{{ConfigurationARN: arns[0]}}, nil))
	}
	must(m.UpdateSpecifications(t.Context(), who, machineARN(0), []license.Specification{{ConfigurationARN: arns[1]}}, nil))
	put(8)
	must(m.UpdateServiceSettings(t.Context(), who, license.ServiceSettingsChange{SNSTopicARN: new("arn:aws:sns:us-east-1:111122223333:aws-license-manager-service-u")}))
	must(db.Update(t.Context(), oddRows))
}

func machineARN(i int) string {
	return fmt.Sprintf("arn:aws:ec2:us-east-1:111122223333:instance/i-%04d", i)
}

func machines(vcpus int64) []license.Report {
	list := make([]license.Report, 200)
	for i := range list {
		name := fmt.Sprintf("wëb-%d\n\U0001F600", i)
		list[i] = license.Report{ARN: machineARN(i), VCPUs: &vcpus, Name: &name, Status: new("running"), Tags: []license.Tag{{Key: "töam", Value: "ж"}}}
		if i%10 == 0 {
			list[i].Applications = []license.Application{{Name: fmt.Sprint("Oracle ", vcpus), Version: "19"}}
		}
	}
	return list
}

// oddRows are rows that package license would not write, of a configuration
// that is none: NULL, empty and zero, and keys beyond ASCII.
func oddRows(c sqlconn.Conn) error {
	const revision = `INSERT INTO revision (configuration, number, at, recorded, consumed, terms_rev, hash, counters, caller, cause, nodes, terms, changes)
		VALUES ($1, $2, 0, -1, 9223372036854775807, -9223372036854775808, $3, '', '', '', '', $4, '')`
	if err := c.ExecEach(revision, [][]any{
		{int64(-5), int64(-1), nil, nil}, {int64(-5), int64(0), []byte{}, ""}, {int64(-5), int64(1), []byte{0, 255}, "ž\n"},
	}); err != nil {
		return err
	}
	return c.ExecEach(`INSERT INTO failure (configuration, owner, resource, arn, type, message, at, operation, requested_by)
		VALUES ($1, 0, $2, 'arn:ü', 0, '', 0, $3, '')`, [][]any{{int64(-5), int64(0), "a"}, {int64(-5), int64(-7), "\U0001F600"}})
}

// dump writes every row of every table but the history of migrations as SQLite
// literals, which tell NULL, text, numbers and bytes apart.
func dump(t *testing.T, db sqlconn.DB) map[string][]string {
	t.Helper()
	rows := map[string][]string{}
	err := db.View(t.Context(), func(c sqlconn.Conn) error {
		literals := map[string][]string{}
		err := c.Query(`SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c
			WHERE t.type = 'table' AND t.name <> 'schema_migration' ORDER BY t.name, c.cid`, nil, func(r sqlconn.Row) error {
			literals[r.Text(0)] = append(literals[r.Text(0)], "quote("+r.Text(1)+")")
			return nil
		})
		for table, columns := range literals {
			if err == nil {
				err = c.Query("SELECT "+strings.Join(columns, "||' '||")+" FROM "+table+" ORDER BY 1", nil, func(r sqlconn.Row) error {
					rows[table] = append(rows[table], r.Text(0))
					return nil
				})
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// openNew is openSQLite that ends with the test.
func openNew(t *testing.T) sqlconn.DB {
	t.Helper()
	db := openSQLite(t)
	t.Cleanup(func() { db.Close() })
	return db
}

// source is a database with a deployment.
func source(t *testing.T) sqlconn.DB {
	t.Helper()
	db := openNew(t)
	deployment(t, db)
	return db
}

func wantSame(t *testing.T, from, to sqlconn.DB) {
	t.Helper()
	if diff := cmp.Diff(dump(t, from), dump(t, to)); diff != "" {
		t.Errorf("the copy differs (-source +copy):\n%s", diff)
	}
}

func wantRefused(t *testing.T, err error, words string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("got error %v, want one that says %q", err, words)
	}
}

// verify is a CopyOptions.Check: every ledger is as it says.
func verify(ctx context.Context, s *store.Store) error {
	reports, _, err := license.New(s, license.Settings{}).Verify(ctx, license.Caller{Root: true}, 0, 10)
	for _, r := range reports {
		if err == nil && r.Fault != "" {
			err = errors.New(r.Fault)
		}
	}
	if err == nil && len(reports) != 3 {
		err = fmt.Errorf("%d ledgers instead of 3", len(reports))
	}
	return err
}

func TestCopyThereAndBack(t *testing.T) {
	pgtest.URL(t)
	first, middle, last := source(t), openPostgres(t), openNew(t)
	before := dump(t, first)
	for table, rows := range before {
		if len(rows) == 0 {
			t.Errorf("the deployment has nothing in %s", table)
		}
	}
	there, err := store.Copy(t.Context(), first, middle, store.CopyOptions{Check: verify})
	if err != nil {
		t.Fatal(err)
	}
	back, err := store.Copy(t.Context(), middle, last, store.CopyOptions{Check: verify, BatchRows: 33})
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, first, last)
	if diff := cmp.Diff(before, dump(t, first)); diff != "" {
		t.Errorf("the source was written to:\n%s", diff)
	}
	if there != back || there.Ledgers != 3 || there.Resumed || there.Rows == 0 {
		t.Errorf("there: %+v, back: %+v", there, back)
	}
	open(t, last, store.Options{})
}

// unreliable fails some of its updates, before the commit or behind it, as a
// process does that is killed there.
type unreliable struct {
	sqlconn.DB
	updates int
	left    int // updates until the next failure
}

var errKilled = errors.New("killed")

func (u *unreliable) Update(ctx context.Context, fn func(sqlconn.Conn) error) error {
	u.updates++
	u.left--
	if u.left > 0 {
		return u.DB.Update(ctx, fn)
	}
	if u.updates%2 == 0 {
		if err := u.DB.Update(ctx, fn); err != nil {
			return err
		}
		return errKilled
	}
	return u.DB.Update(ctx, func(c sqlconn.Conn) error {
		if err := fn(c); err != nil {
			return err
		}
		return errKilled
	})
}

func TestCopyGoesOnWhereItStopped(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { copyInPieces(t, openNew(t), 3) })
	t.Run("Postgres", func(t *testing.T) {
		pgtest.URL(t)
		copyInPieces(t, openPostgres(t), 11)
	})
}

// copyInPieces copies into a database that fails every few updates.
func copyInPieces(t *testing.T, target sqlconn.DB, every int) {
	from := source(t)
	to := &unreliable{DB: target}
	var seen []string
	note := func(p store.CopyProgress) {
		if p.Doing == "copying" && p.Rows < p.Total {
			seen = append(seen, fmt.Sprint(p.Table, p.Rows))
		}
	}
	runs := 0
	for to.left = 1; ; runs++ {
		result, err := store.Copy(t.Context(), from, to, store.CopyOptions{BatchRows: 40, Progress: note})
		if err == nil {
			if !result.Resumed || runs < 5 {
				t.Errorf("after %d failures: %+v", runs, result)
			}
			break
		}
		if !errors.Is(err, errKilled) || runs > 500 {
			t.Fatalf("run %d: %v", runs, err)
		}
		if runs > 0 && finished(t, target) {
			break // only the answer was lost
		}
		if _, err := store.New(t.Context(), target, store.Options{}); runs > 0 && !errors.Is(err, store.ErrUnfinishedCopy) {
			t.Fatalf("after run %d an unfinished copy was opened: %v", runs, err)
		}
		to.left = every
	}
	slices.Sort(seen)
	if twice := len(seen) - len(slices.Compact(seen)); twice > 0 {
		t.Errorf("%d batches were copied twice", twice)
	}
	last := openNew(t)
	if _, err := store.Copy(t.Context(), target, last, store.CopyOptions{}); err != nil {
		t.Fatal(err)
	}
	wantSame(t, from, last)
}

// finished tells whether the copy's last update was committed.
func finished(t *testing.T, db sqlconn.DB) bool {
	t.Helper()
	marks := int64(0)
	err := db.View(t.Context(), func(c sqlconn.Conn) error {
		return c.Query(`SELECT COUNT(*) FROM meta WHERE name = 'store.copy'`, nil, func(r sqlconn.Row) error {
			marks = r.Int(0)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return marks == 0
}

// stopAt runs a copy whose context ends once a table is reached.
func stopAt(t *testing.T, from, to sqlconn.DB, table string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := store.Copy(ctx, from, to, store.CopyOptions{BatchRows: 50, Progress: func(p store.CopyProgress) {
		if p.Table == table {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want %v", err, context.Canceled)
	}
}

func TestInterruptedCopyIsNoDeployment(t *testing.T) {
	from, to := source(t), openNew(t)
	stopAt(t, from, to, "resource")
	if _, err := store.New(t.Context(), to, store.Options{}); !errors.Is(err, store.ErrUnfinishedCopy) {
		t.Errorf("open: %v", err)
	}
	_, err := store.Copy(t.Context(), to, openNew(t), store.CopyOptions{})
	wantRefused(t, err, "source: a copy into this database is not finished")
	result, err := store.Copy(t.Context(), from, to, store.CopyOptions{Check: verify})
	if err != nil || !result.Resumed {
		t.Fatalf("the second run: %+v, %v", result, err)
	}
	wantSame(t, from, to)
}

func TestCopyThatFailsItsCheckIsUnfinished(t *testing.T) {
	from, to := source(t), openNew(t)
	bad := errors.New("a fault")
	_, err := store.Copy(t.Context(), from, to, store.CopyOptions{Check: func(context.Context, *store.Store) error { return bad }})
	if !errors.Is(err, bad) {
		t.Fatal(err)
	}
	if _, err := store.New(t.Context(), to, store.Options{}); !errors.Is(err, store.ErrUnfinishedCopy) {
		t.Errorf("open: %v", err)
	}
	if _, err := store.Copy(t.Context(), from, to, store.CopyOptions{}); err != nil {
		t.Errorf("copy again: %v", err)
	}
}

func TestCopyRefuses(t *testing.T) {
	from := source(t)
	t.Run("a target that is in use", func(t *testing.T) {
		_, err := store.Copy(t.Context(), from, source(t), store.CopyOptions{})
		wantRefused(t, err, "holds a deployment already")
	})
	t.Run("a source without schema", func(t *testing.T) {
		_, err := store.Copy(t.Context(), openNew(t), openNew(t), store.CopyOptions{})
		wantRefused(t, err, "nothing to copy")
	})
	t.Run("a source without rows", func(t *testing.T) {
		empty := openNew(t)
		if _, err := store.Migrate(t.Context(), empty); err != nil {
			t.Fatal(err)
		}
		_, err := store.Copy(t.Context(), empty, openNew(t), store.CopyOptions{})
		wantRefused(t, err, "nothing to copy")
	})
	t.Run("the unfinished copy of another deployment", func(t *testing.T) {
		to := openNew(t)
		stopAt(t, from, to, "resource")
		_, err := store.Copy(t.Context(), source(t), to, store.CopyOptions{})
		wantRefused(t, err, "of another deployment")
	})
	t.Run("a newer schema", func(t *testing.T) {
		newer := openNew(t)
		if _, err := store.Migrate(t.Context(), newer); err != nil {
			t.Fatal(err)
		}
		change(t, newer, `INSERT INTO schema_migration (number, name, applied) VALUES (9999, 'later', 1)`)
		_, err := store.Copy(t.Context(), from, newer, store.CopyOptions{})
		wantRefused(t, err, "target: migrate database: made by a newer Reeve")
		_, err = store.Copy(t.Context(), newer, openNew(t), store.CopyOptions{})
		wantRefused(t, err, "source: read schema: made by a newer Reeve")
	})
}

// change runs a statement behind the store's back.
func change(t *testing.T, db sqlconn.DB, sql string) {
	t.Helper()
	err := db.Update(t.Context(), func(c sqlconn.Conn) error {
		n, err := c.Exec(sql)
		if err == nil && n == 0 {
			err = errors.New("nothing was changed")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A copy of two moments would be a ledger that never was.
func TestCopySeesWhatWasChangedBetweenItsRuns(t *testing.T) {
	for name, c := range map[string]struct{ source, target, words string }{
		"a new revision":        {`UPDATE configuration SET head = head + 1 WHERE deleted = 0`, "", "changed since this copy began"},
		"a row that was copied": {`UPDATE resource_facts SET facts = 'x' WHERE version > 1`, "", "table resource_facts differs in its row"},
		"a row more":            {`INSERT INTO tree_root (cfg, tree, from_rev, node, height) VALUES (-9, 0, 0, 0, 0)`, "", "table tree_root has"},
		"NULL and nothing":      {`UPDATE revision SET terms = '' WHERE configuration = -5 AND number = -1`, "", "table revision differs in its row 1:"},
		"bytes and none":        {`UPDATE revision SET hash = NULL WHERE configuration = -5 AND number = 0`, "", "table revision differs in its row 2:"},
		"the target":            {"", `UPDATE tree_leaf SET value = value || ' ' WHERE from_rev > 1`, "table tree_leaf differs in its row"},
	} {
		t.Run(name, func(t *testing.T) {
			from, to := source(t), openNew(t)
			stopAt(t, from, to, "resource")
			if c.source != "" {
				change(t, from, c.source)
			}
			if c.target != "" {
				change(t, to, c.target)
			}
			_, err := store.Copy(t.Context(), from, to, store.CopyOptions{})
			wantRefused(t, err, c.words)
			if _, err := store.New(t.Context(), to, store.Options{}); !errors.Is(err, store.ErrUnfinishedCopy) {
				t.Errorf("open: %v", err)
			}
		})
	}
}

// Two copies into one target do not mix: the one that is behind stops.
func TestTwoCopiesIntoOneTarget(t *testing.T) {
	from, to := source(t), openNew(t)
	var inner error
	batches := 0
	_, err := store.Copy(t.Context(), from, to, store.CopyOptions{BatchRows: 50, Progress: func(store.CopyProgress) {
		if batches++; batches == 3 {
			_, inner = store.Copy(t.Context(), from, to, store.CopyOptions{BatchRows: 50})
		}
	}})
	if inner != nil {
		t.Fatalf("the second copy: %v", inner)
	}
	wantRefused(t, err, "another copy writes to this target")
	wantSame(t, from, to)
}

func TestMigrateSaysWhatItDid(t *testing.T) {
	db := openNew(t)
	pending, err := store.Pending(t.Context(), db)
	if err != nil || len(pending) == 0 || pending[0] != "1 first" {
		t.Fatalf("pending: %q, %v", pending, err)
	}
	done, err := store.Migrate(t.Context(), db)
	if err != nil || !slices.Equal(done, pending) {
		t.Errorf("did %q, %v; pending was %q", done, err, pending)
	}
	if again, err := store.Migrate(t.Context(), db); err != nil || len(again) != 0 {
		t.Errorf("again: %q, %v", again, err)
	}
}
