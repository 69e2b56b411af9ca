package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"reeve/internal/store/postgres"
	"reeve/internal/store/postgres/pgtest"
	"reeve/internal/store/sqlconn"
	"reeve/internal/store/sqlconn/sqlconntest"
)

var schema = []sqlconn.Migration{{Number: 1, Name: "counters", SQL: `
CREATE TABLE counter (id BIGINT NOT NULL PRIMARY KEY, n BIGINT NOT NULL, note TEXT, name KEYTEXT){{clustered}};
INSERT INTO counter (id, n) VALUES (1, 0);
INSERT INTO counter (id, n) VALUES (2, 0);
`}}

func TestConformance(t *testing.T) {
	sqlconntest.Run(t, func(t *testing.T) sqlconn.DB { return pgtest.Open(t) })
}

const maxConns = 4 // of a server

// openServers opens one database as so many servers would.
func openServers(t *testing.T, n int) []*postgres.DB {
	t.Helper()
	opts := postgres.Options{Schema: pgtest.Schema(t), MaxConns: maxConns, Log: slog.New(slog.DiscardHandler)}
	var servers []*postgres.DB
	for range n {
		db, err := postgres.Open(t.Context(), pgtest.URL(t), opts)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		servers = append(servers, db)
	}
	return servers
}

func openCounters(t *testing.T) *postgres.DB {
	t.Helper()
	db := pgtest.Open(t)
	if err := db.Migrate(t.Context(), schema); err != nil {
		t.Fatal(err)
	}
	return db
}

func increment(c sqlconn.Conn, id int64) error {
	_, err := c.Exec(`UPDATE counter SET n = n + 1 WHERE id = $1`, id)
	return err
}

func wantCounters(t *testing.T, db *postgres.DB, want string) {
	t.Helper()
	var got []int64
	err := db.View(t.Context(), func(c sqlconn.Conn) error {
		return c.Query(`SELECT n FROM counter ORDER BY id`, nil, func(r sqlconn.Row) error {
			got = append(got, r.Int(0))
			return nil
		})
	})
	if err != nil || fmt.Sprint(got) != want {
		t.Errorf("got counters %v (%v), want %s", got, err, want)
	}
}

// text returns the one value of a query.
func text(c sqlconn.Conn, sql string) (value string, err error) {
	err = c.Query(sql, nil, func(r sqlconn.Row) error {
		value = r.Text(0)
		return nil
	})
	return value, err
}

func TestServersMigrateAtOnce(t *testing.T) {
	servers := openServers(t, 4)
	var group sync.WaitGroup
	for _, db := range servers {
		group.Go(func() {
			if err := db.Migrate(t.Context(), schema); err != nil {
				t.Errorf("migrate: %v", err)
			}
		})
	}
	group.Wait()
	wantCounters(t, servers[0], "[0 0]")
}

// TestMigrationHoldsTheLock asks from inside a migration.
func TestMigrationHoldsTheLock(t *testing.T) {
	db := openCounters(t)
	err := db.Migrate(t.Context(), append(schema, sqlconn.Migration{Number: 2, Name: "look", SQL: `
INSERT INTO counter (id, n) SELECT 3, count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
`}))
	if err != nil {
		t.Fatal(err)
	}
	wantCounters(t, db, "[0 0 1]")
}

func TestServersCountExactly(t *testing.T) {
	servers := openServers(t, 3)
	if err := servers[0].Migrate(t.Context(), schema); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for i := range 12 {
		group.Go(func() {
			for range 10 {
				if err := servers[i%3].Update(t.Context(), readThenWrite); err != nil {
					t.Errorf("update: %v", err)
				}
			}
		})
	}
	group.Wait()
	wantCounters(t, servers[0], "[120 0]")
}

// TestUpdatesLeaveRoom for UpdateFirst and for reading, however many come.
func TestUpdatesLeaveRoom(t *testing.T) {
	db := openServers(t, 1)[0]
	if err := db.Migrate(t.Context(), schema); err != nil {
		t.Fatal(err)
	}
	var taken, all sync.WaitGroup
	end := make(chan struct{})
	const most = maxConns - 1
	var ran atomic.Int64
	taken.Add(most)
	for range 2 * maxConns {
		all.Go(func() {
			err := db.Update(t.Context(), func(c sqlconn.Conn) error {
				if ran.Add(1) <= most {
					taken.Done()
				}
				<-end
				return increment(c, 1)
			})
			if err != nil {
				t.Errorf("update: %v", err)
			}
		})
	}
	taken.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := db.UpdateFirst(ctx, func(c sqlconn.Conn) error { return increment(c, 2) }); err != nil {
		t.Errorf("first: %v", err)
	}
	if err := db.View(ctx, func(c sqlconn.Conn) error { _, err := text(c, `SELECT 'x'`); return err }); err != nil {
		t.Errorf("view: %v", err)
	}
	close(end)
	all.Wait()
	wantCounters(t, db, "[8 1]")
}

func readThenWrite(c sqlconn.Conn) error {
	var n int64
	err := c.Query(`SELECT n FROM counter WHERE id = $1`+c.ForUpdate(), []any{int64(1)}, func(r sqlconn.Row) error {
		n = r.Int(0)
		return nil
	})
	if err != nil {
		return err
	}
	_, err = c.Exec(`UPDATE counter SET n = $1 WHERE id = $2`, n+1, int64(1))
	return err
}

// TestDeadlock: of two transactions that wait for each other the server ends
// one, and Update runs it again.
func TestDeadlock(t *testing.T) {
	db := openCounters(t)
	var both, group sync.WaitGroup
	both.Add(2)
	for first := range int64(2) {
		group.Go(func() {
			met := false
			err := db.Update(t.Context(), func(c sqlconn.Conn) error {
				if err := increment(c, first+1); err != nil {
					return err
				}
				if !met {
					met = true
					both.Done()
					both.Wait()
				}
				return increment(c, 2-first)
			})
			if err != nil {
				t.Errorf("update: %v", err)
			}
		})
	}
	group.Wait()
	wantCounters(t, db, "[2 2]")
}

// TestConnectionLost: what was not committed runs again on another connection.
func TestConnectionLost(t *testing.T) {
	db := openCounters(t)
	runs := 0
	err := db.Update(t.Context(), func(c sqlconn.Conn) error {
		runs++
		if err := increment(c, 1); err != nil {
			return err
		}
		if runs == 1 {
			_, err := c.Exec(`SELECT pg_terminate_backend(pg_backend_pid())`)
			return err
		}
		return increment(c, 2)
	})
	if err != nil || runs != 2 {
		t.Errorf("got error %v after %d runs, want none after 2", err, runs)
	}
	wantCounters(t, db, "[1 1]")
}

// TestLostBeforeCommit: the session ends after the last statement.
func TestLostBeforeCommit(t *testing.T) {
	db := openCounters(t)
	runs := 0
	err := db.Update(t.Context(), func(c sqlconn.Conn) error {
		runs++
		if err := increment(c, 1); err != nil {
			return err
		}
		if runs > 1 {
			return nil
		}
		return terminate(t, db, c)
	})
	if err != nil || runs != 2 {
		t.Errorf("got error %v after %d runs, want none after 2", err, runs)
	}
	wantCounters(t, db, "[1 0]")
}

// terminate ends the session of c from another one.
func terminate(t *testing.T, db *postgres.DB, c sqlconn.Conn) error {
	var pid int64
	err := c.Query(`SELECT pg_backend_pid()`, nil, func(r sqlconn.Row) error {
		pid = r.Int(0)
		return nil
	})
	if err != nil {
		return err
	}
	return db.View(t.Context(), func(other sqlconn.Conn) error {
		_, err := other.Exec(`SELECT pg_terminate_backend(CAST($1 AS INTEGER), 10000)`, pid)
		return err
	})
}

// TestCommitIsDurable: a database, role or URL may have turned it off.
func TestCommitIsDurable(t *testing.T) {
	for option, want := range map[string]string{"off": "on", "on": "on", "local": "local"} {
		db, err := postgres.Open(t.Context(), with(pgtest.URL(t), "synchronous_commit="+option), postgres.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		err = db.View(t.Context(), func(c sqlconn.Conn) error {
			got, err := text(c, `SELECT current_setting('synchronous_commit')`)
			if got != want {
				t.Errorf("%s became %s, want %s", option, got, want)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func with(url, param string) string {
	if strings.Contains(url, "?") {
		return url + "&" + param
	}
	return url + "?" + param
}

func TestIsolation(t *testing.T) {
	db := pgtest.Open(t)
	for want, do := range map[string]func(context.Context, func(sqlconn.Conn) error) error{
		"repeatable read on": db.View, "read committed off": db.Update,
	} {
		err := do(t.Context(), func(c sqlconn.Conn) error {
			got, err := text(c, `SELECT current_setting('transaction_isolation') || ' ' || current_setting('transaction_read_only')`)
			if got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// TestNothingStaysOpen: a transaction left behind would keep the server from
// cleaning up.
func TestNothingStaysOpen(t *testing.T) {
	url := with(pgtest.URL(t), "application_name=reeve-leak-test")
	db, err := postgres.Open(t.Context(), url, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	look := func(c sqlconn.Conn) error { _, err := text(c, `SELECT 'x'`); return err }
	nothing := func(sqlconn.Conn) error { return nil }
	refuse := func(c sqlconn.Conn) error { return errors.Join(look(c), errors.New("refused")) }
	broken := func(c sqlconn.Conn) error { _, err := text(c, `SELECT none`); return err }
	wrongArgs := func(c sqlconn.Conn) error { _, err := c.Exec(`SELECT 1`, int64(1)); return err }
	for range 5 {
		for _, fn := range []func(sqlconn.Conn) error{look, nothing, refuse, broken, wrongArgs} {
			_ = db.View(t.Context(), fn)
			_ = db.Update(t.Context(), fn)
		}
	}
	const sql = `SELECT 'x' FROM pg_stat_activity WHERE application_name = 'reeve-leak-test' AND state LIKE 'idle in transaction%'`
	watch := pgtest.Open(t)
	limit := time.After(5 * time.Minute)
	for open := "?"; open != ""; {
		err := watch.View(t.Context(), func(c sqlconn.Conn) (err error) {
			open, err = text(c, sql)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-limit:
			t.Fatal("a transaction was left open")
		default:
		}
	}
}

// TestMistakenColumns: SQLite lets these pass, so they are found here.
func TestMistakenColumns(t *testing.T) {
	db := openCounters(t)
	for sql, read := range map[string]func(sqlconn.Row){
		`SELECT sum(n) FROM counter`: func(r sqlconn.Row) { r.Int(0) },
		`SELECT 1 = 1`:               func(r sqlconn.Row) { r.Int(0) },
		`SELECT 'a'`:                 func(r sqlconn.Row) { r.Int(0) },
		`SELECT n FROM counter`:      func(r sqlconn.Row) { r.Text(0) },
		`SELECT CAST('a' AS TEXT)`:   func(r sqlconn.Row) { r.Bytes(0) },
	} {
		err := db.View(t.Context(), func(c sqlconn.Conn) error {
			return c.Query(sql, nil, func(r sqlconn.Row) error { read(r); return nil })
		})
		if err == nil || !strings.Contains(err.Error(), "cast it") {
			t.Errorf("%s: got error %v, want one that says to cast", sql, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	url := pgtest.URL(t)
	for name, test := range map[string]struct{ url, want string }{
		"NoURL":       {"postgres://%zz", "parse"},
		"WrongMode":   {with(url, "default_query_exec_mode=simple_protocol"), "default_query_exec_mode must be"},
		"NoServer":    {"postgres://reeve:secret@127.0.0.1:1/reeve", "127.0.0.1"},
		"NoDatabase":  {"postgres://reeve@/none?host=/nowhere", "/nowhere"},
		"WrongWanted": {with(url, "work_mem=x"), "work_mem"},
	} {
		db, err := postgres.Open(t.Context(), test.url, postgres.Options{})
		if err == nil {
			db.Close()
		}
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got error %v, want one with %q and no password", name, err, test.want)
		}
	}
}

// TestAnUnreadableURLIsNotRepeated: what is wrong with a URL is said without any
// part of it, also where special characters of a password make two parts of it.
func TestAnUnreadableURLIsNotRepeated(t *testing.T) {
	for url, want := range map[string]string{
		"postgres://u:sec@ret%zz@h/d":                      "%40 is @",
		"postgres://u:sec/ret@h:5432/d":                    "port",
		"postgres://u:sec ret@h/d":                         "%XX",
		"postgres://u:secret@h/d?sslmode=bogus":            "sslmode",
		"postgres://u@h/d?password=secret&sslmode=nothing": "sslmode",
		"host=h password=secret port=x":                    "port",
	} {
		err := postgres.Check(url, postgres.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want one with %q", url, err, want)
			continue
		}
		if text := err.Error(); strings.Contains(text, "sec") || strings.Contains(text, "ret%") || strings.Contains(text, "ret@") {
			t.Errorf("%s: the error shows the password: %v", url, err)
		}
	}
}

// TestTwoSizesAreRefused: a pool is sized by its URL or by the option.
func TestTwoSizesAreRefused(t *testing.T) {
	for name, url := range map[string]string{"URL": "postgres://u@h/d?pool_max_conns=9", "Words": "host=h pool_max_conns=9"} {
		t.Run(name, func(t *testing.T) {
			_, err := postgres.Open(t.Context(), url, postgres.Options{MaxConns: maxConns, Late: true})
			if err == nil || !strings.Contains(err.Error(), "pool_max_conns") {
				t.Errorf("got error %v, want that there are two sizes", err)
			}
			db, err := postgres.Open(t.Context(), url, postgres.Options{Late: true})
			if err != nil {
				t.Fatalf("one size alone: %v", err)
			}
			db.Close()
		})
	}
}

func TestClock(t *testing.T) {
	db, err := postgres.Open(t.Context(), pgtest.URL(t), postgres.Options{Clock: func() int64 { return 42 }})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Update(t.Context(), func(c sqlconn.Conn) error {
		if now, err := c.Now(); now != 42 || err != nil {
			t.Errorf("got %d, %v, want 42", now, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
