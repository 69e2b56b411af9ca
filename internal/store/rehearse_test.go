package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"reeve/internal/license"
	"reeve/internal/store"
	"reeve/internal/store/sqlconn"
)

// TestASimulationLeavesNoRow compares every row of every table before a
// simulation and after it.
func TestASimulationLeavesNoRow(t *testing.T) {
	for name, open := range map[string]func(*testing.T) func() (map[string][]string, *store.Store){
		"SQLite":   func(t *testing.T) func() (map[string][]string, *store.Store) { return dumped(t, false) },
		"Postgres": func(t *testing.T) func() (map[string][]string, *store.Store) { return dumped(t, true) },
	} {
		t.Run(name, func(t *testing.T) {
			look := open(t)
			before, s := look()
			who := license.Caller{Account: "123456789012", Region: "eu-west-1", Root: true, Operation: "Test"}
			m := license.New(s, license.Settings{})
			arn, err := m.CreateConfiguration(t.Context(), who, license.ConfigurationSpec{Terms: license.Terms{Name: "n", CountingType: license.VCPU, Count: new(int64(5)), HardLimit: true}})
			if err != nil {
				t.Fatal(err)
			}
			if after, _ := look(); cmp.Equal(before, after) {
				t.Fatal("the dump does not show a change")
			}
			before, _ = look()
			r, err := m.SimulateUsage(t.Context(), who, license.Simulation{Actions: []license.SimulatedAction{
				{Configure: &license.SimulatedTerms{Configuration: arn, AddCount: new(int64(3))}},
				{Launch: &license.Launch{Machines: 9, Configurations: []string{arn}, Report: license.Report{
					VCPUs: new(int64(2)), Name: new("unheard-of"), Applications: []license.Application{{Name: "db"}}}}},
			}})
			if err != nil || r.Actions[1].Fit != 4 {
				t.Fatalf("simulate: %+v, %v", r, err)
			}
			after, _ := look()
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("rows (-before +after):\n%s", diff)
			}
			ledgers, _, err := m.Verify(t.Context(), license.Caller{Root: true}, 0, 10)
			if err != nil || len(ledgers) != 1 || ledgers[0].Fault != "" {
				t.Errorf("verify: %+v, %v", ledgers, err)
			}
		})
	}
}

// dumped opens a database and returns what reads it whole.
func dumped(t *testing.T, postgres bool) func() (map[string][]string, *store.Store) {
	t.Helper()
	db, read := openSQLite, dump
	if postgres {
		db, read = func(testing.TB) sqlconn.DB { return openPostgres(t) }, dumpPostgres
	}
	opened := db(t)
	s := open(t, opened, store.Options{})
	return func() (map[string][]string, *store.Store) { return read(t, opened), s }
}

// dumpPostgres is dump for PostgreSQL.
func dumpPostgres(t *testing.T, db sqlconn.DB) map[string][]string {
	t.Helper()
	rows := map[string][]string{}
	err := db.View(t.Context(), func(c sqlconn.Conn) error {
		var tables []string
		err := c.Query(`SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema()`, nil, func(r sqlconn.Row) error {
			tables = append(tables, r.Text(0))
			return nil
		})
		for _, table := range tables {
			if err == nil {
				err = c.Query("SELECT t::text FROM "+table+" t ORDER BY 1", nil, func(r sqlconn.Row) error {
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
