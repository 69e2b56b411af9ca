package notary_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"reeve/internal/evidence/notary"
	"reeve/internal/license"
	"reeve/internal/store/sqlconn"
	"reeve/internal/store/testdb"
)

// covered are the tables that docs/evidence.md says are covered: their keys, and
// the columns that are not, which it names too.
var covered = []struct {
	table, key string
	not        []string
}{
	{"configuration", "num", []string{"next_node", "discovers", "pass", "pass_account", "last_run", "settled"}},
	{"revision", "configuration, number", []string{"nodes"}},
	{"tree_leaf", "cfg, node, owner, id, from_rev", nil},
	{"association", "resource, configuration", nil},
	{"resource", "num", []string{"seen"}},
	{"resource_facts", "resource, version", nil},
	{"software", "resource, version", nil},
	{"exclusion", "configuration, resource, created", nil},
	{"unsealed", "account, first", nil},
	{"inventory_seal", "account, number", nil},
	{"checkpoint", "account, number", []string{"cosigned"}},
	{"checkpoint_ledger", "account, arn, number", nil},
	{"checkpoint_head", "account", []string{"signing_key"}},
	{"signing_key", "number", nil},
}

// TestEveryCoveredColumnThatIsAlteredIsFound alters one value after the other.
func TestEveryCoveredColumnThatIsAlteredIsFound(t *testing.T) {
	a := newInventoried(t)
	for _, table := range covered {
		t.Run(table.table, func(t *testing.T) {
			columns := a.columns(table.table)
			for _, column := range table.not {
				if !slices.ContainsFunc(columns, func(c columnOf) bool { return c.name == column }) {
					t.Errorf("there is no column %s", column)
				}
			}
			for _, column := range columns {
				if !slices.Contains(table.not, column.name) {
					a.alterEach(t, table.table, table.key, column)
				}
			}
		})
	}
	if found := a.faults(); found != "" {
		t.Errorf("after all was put back: %s", found)
	}
}

// newInventoried is a deployment with something in every covered table: what
// checkpoints cover, what only seals do, and what nothing does yet.
func newInventoried(t *testing.T) *world {
	w := newWorld(t, notary.Options{})
	arn, other := w.create("Oracle"), w.create("SQL Server")
	w.use(arn, 1, 8)
	w.installed(1, 3)
	w.exclude(arn, 7, 8)
	w.checkpoint()
	w.use(other, 1, 2)
	w.installed(2, 4)
	w.must(w.notary.Seal(t.Context()))
	w.checkpoint()
	w.installed(5, 6)
	if found := w.faults(); found != "" {
		t.Fatalf("before anything was altered: %s", found)
	}
	return w
}

func (w *world) machine(i int) string {
	return fmt.Sprintf("arn:aws:ec2:eu-west-1:%s:instance/i-%04d", account, i)
}

// installed reports other applications, and a tag, of machines.
func (w *world) installed(from, to int) {
	w.t.Helper()
	for i := from; i <= to; i++ {
		_, err := w.manager.PutResources(w.t.Context(), w.who, license.Put{Reports: []license.Report{{
			ARN: w.machine(i), Applications: []license.Application{{Name: "db", Version: fmt.Sprint(from)}}, Tags: []license.Tag{{Key: "owner", Value: fmt.Sprint(to)}},
		}}})
		w.must(err)
	}
}

// exclude excludes machines, and includes the last one again.
func (w *world) exclude(arn string, from, to int) {
	w.t.Helper()
	for i := from; i <= to; i++ {
		_, err := w.manager.ExcludeResource(w.t.Context(), w.who, arn, w.machine(i), license.ExclusionSpec{Reason: "a test", Owner: "somebody"})
		w.must(err)
	}
	_, err := w.manager.IncludeResource(w.t.Context(), w.who, arn, w.machine(to))
	w.must(err)
}

// columnOf is a column and the kind of its values.
type columnOf struct{ name, kind string }

func (w *world) columns(table string) (columns []columnOf) {
	w.t.Helper()
	sql := `SELECT name, lower(type) FROM pragma_table_info('` + table + `') ORDER BY cid`
	if testdb.Postgres() {
		sql = `SELECT CAST(column_name AS TEXT), CAST(data_type AS TEXT) FROM information_schema.columns
			WHERE table_schema = current_schema() AND table_name = '` + table + `' ORDER BY ordinal_position`
	}
	w.must(w.db.View(w.t.Context(), func(c sqlconn.Conn) error {
		return c.Query(sql, nil, func(r sqlconn.Row) error {
			columns = append(columns, columnOf{r.Text(0), r.Text(1)})
			return nil
		})
	}))
	return columns
}

// others are expressions for another value of a column.
func (c columnOf) others() []string {
	switch {
	case strings.Contains(c.kind, "int"):
		return []string{c.name + " + 1", c.name + " + 1000003"}
	case c.kind == "bytea" && testdb.Postgres():
		return []string{"NULL", "decode(repeat('00', 32), 'hex')"}
	case c.kind == "bytea":
		return []string{"NULL", "zeroblob(32)"}
	}
	return []string{"COALESCE(" + c.name + ", '') || 'x'"}
}

// alterEach alters a column of the first row and the last, and puts them back.
func (w *world) alterEach(t *testing.T, table, key string, column columnOf) {
	altered := false
	for _, order := range []string{"", " DESC"} {
		keys := strings.ReplaceAll(key, ",", order+",") + order
		for _, value := range column.others() {
			sql := fmt.Sprintf("UPDATE %s SET %s = %s WHERE (%s) IN (SELECT %s FROM %s ORDER BY %s LIMIT 1)", table, column.name, value, key, key, table, keys)
			if w.try("CREATE TABLE saved AS SELECT * FROM "+table) != nil {
				t.Fatal("a row cannot be put aside")
			}
			if w.try(sql) == nil { // else it clashes, or cannot be NULL
				altered = true
				if found, err := w.verify(); err == nil && found == "" { // an error says what cannot be read
					t.Errorf("nothing is found after %s", sql)
				}
			}
			w.must(w.try("DELETE FROM "+table, "INSERT INTO "+table+" SELECT * FROM saved", "DROP TABLE saved"))
		}
	}
	if !altered {
		t.Errorf("column %s could not be altered", column.name)
	}
}

// try runs statements in one transaction.
func (w *world) try(statements ...string) error {
	return w.db.Update(w.t.Context(), func(c sqlconn.Conn) error {
		for _, sql := range statements {
			if _, err := c.Exec(sql); err != nil {
				return err
			}
		}
		return nil
	})
}
