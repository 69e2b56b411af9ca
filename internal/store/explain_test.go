package store_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"reeve/internal/license"
	"reeve/internal/store"
	"reeve/internal/store/sqlconn"
)

// recorder is a database that remembers each text it has run, with arguments.
type recorder struct {
	sqlconn.DB
	mu   sync.Mutex
	seen map[string][]any
}

func record(db sqlconn.DB) *recorder { return &recorder{DB: db, seen: map[string][]any{}} }

func (r *recorder) View(ctx context.Context, fn func(sqlconn.Conn) error) error {
	return r.DB.View(ctx, func(c sqlconn.Conn) error { return fn(recorderConn{c, r}) })
}

func (r *recorder) Update(ctx context.Context, fn func(sqlconn.Conn) error) error {
	return r.DB.Update(ctx, func(c sqlconn.Conn) error { return fn(recorderConn{c, r}) })
}

func (r *recorder) note(sql string, args []any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen[sql] = args
}

// statements returns the texts that have a plan.
func (r *recorder) statements() []string {
	all := slices.Sorted(maps.Keys(r.seen))
	return slices.DeleteFunc(all, func(sql string) bool {
		verb, _, _ := strings.Cut(strings.TrimSpace(sql), " ")
		return verb != "SELECT" && verb != "UPDATE" && verb != "DELETE" && verb != "WITH"
	})
}

type recorderConn struct {
	sqlconn.Conn
	to *recorder
}

func (c recorderConn) Query(sql string, args []any, each func(sqlconn.Row) error) error {
	c.to.note(sql, args)
	return c.Conn.Query(sql, args, each)
}

func (c recorderConn) QueryEach(sql string, args [][]any, each func(int, sqlconn.Row) error) error {
	c.to.note(sql, args[0])
	return c.Conn.QueryEach(sql, args, each)
}

func (c recorderConn) Exec(sql string, args ...any) (int64, error) {
	c.to.note(sql, args)
	return c.Conn.Exec(sql, args...)
}

func (c recorderConn) ExecEach(sql string, args [][]any) error {
	c.to.note(sql, args[0])
	return c.Conn.ExecEach(sql, args)
}

// mayReadAll are the statements that no index needs to serve.
var mayReadAll = []string{
	"FROM schema_migration", // one row for each release
}

// planned asks for the plan of every statement that a test has run.
type planned struct{ texts int }

// plans is how a database explains a statement and what is wrong with a plan.
type plans struct {
	explain func(c sqlconn.Conn, sql string, args []any) (plan []string, err error)
	fault   func(plan []string) string
}

// open returns a store whose statements are explained when the test ends.
func (p *planned) open(t *testing.T, db sqlconn.DB, plans plans) license.Store {
	t.Helper()
	r := record(db)
	s := open(t, r, store.Options{})
	t.Cleanup(func() { // before the one that closes
		for _, sql := range r.statements() {
			p.texts++
			plans.check(t, db, sql, r.seen[sql])
		}
	})
	return s
}

// check fails the test when nothing was explained.
func (p *planned) check(t *testing.T) {
	t.Helper()
	if !t.Failed() && p.texts == 0 {
		t.Error("no statement was explained")
	}
}

func (p plans) check(t *testing.T, db sqlconn.DB, sql string, args []any) {
	t.Helper()
	if slices.ContainsFunc(mayReadAll, func(part string) bool { return strings.Contains(sql, part) }) {
		return
	}
	var plan []string
	err := db.Update(context.Background(), func(c sqlconn.Conn) (err error) {
		plan, err = p.explain(c, sql, args)
		return err
	})
	if err != nil {
		t.Errorf("explain: %v\n%s", err, sql)
		return
	}
	if fault := p.fault(plan); fault != "" {
		t.Errorf("%s\n%s\n%s", fault, sql, strings.Join(plan, "\n"))
	}
}

// column returns one column of a statement's rows.
func column(c sqlconn.Conn, number int, sql string, args []any) ([]string, error) {
	var found []string
	err := c.Query(sql, args, func(r sqlconn.Row) error {
		found = append(found, r.Text(number))
		return nil
	})
	return found, err
}

var sqlitePlans = plans{
	explain: func(c sqlconn.Conn, sql string, args []any) ([]string, error) {
		return column(c, 3, "EXPLAIN QUERY PLAN "+sql, args)
	},
	fault: func(plan []string) string {
		for _, line := range plan {
			switch {
			case line == "SCAN CONSTANT ROW":
			case strings.HasPrefix(line, "SCAN "):
				return "reads a whole table or index"
			case strings.HasPrefix(line, "USE TEMP B-TREE FOR ORDER BY"):
				return "sorts what it reads"
			}
		}
		return ""
	},
}

var postgresPlans = plans{
	explain: func(c sqlconn.Conn, sql string, args []any) ([]string, error) {
		// On a table of a few rows everything else is cheaper than an index.
		for _, set := range []string{"enable_seqscan", "enable_sort", "enable_bitmapscan"} {
			if _, err := c.Exec("SET LOCAL " + set + " = off"); err != nil {
				return nil, err
			}
		}
		return column(c, 0, "EXPLAIN (COSTS OFF) "+sql, args)
	},
	fault: func(plan []string) string {
		for i, line := range plan {
			node := strings.TrimPrefix(strings.TrimSpace(line), "->  ")
			next := strings.Join(plan[i+1:min(i+3, len(plan))], "\n")
			switch {
			case strings.HasPrefix(node, "Seq Scan"):
				return "reads a whole table"
			case strings.HasPrefix(node, "Sort") && !strings.HasPrefix(node, "Sort Key") && !strings.Contains(next, "Aggregate"):
				return "sorts what it reads"
			case strings.HasPrefix(node, "Index") && strings.Contains(node, " Scan") && !strings.Contains(next, "Index Cond:"):
				return "reads a whole index"
			}
		}
		return ""
	},
}
