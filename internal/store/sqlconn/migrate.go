package sqlconn

import (
	"context"
	"fmt"
	"strings"
)

// Dialect is what Upgrade and Pending must know of a database.
type Dialect struct {
	Clustered string           // stands for {{clustered}}
	Prepare   func(Conn) error // runs first in every transaction: takes the lock of migrations
	Migrated  string           // a SELECT that has a row when the table schema_migration is there
}

const createMigrations = `CREATE TABLE IF NOT EXISTS schema_migration (
	number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied BIGINT NOT NULL)`

// Upgrade is DB.Migrate, written over Update: each missing migration runs in
// one transaction with the row of schema_migration that records it, so a
// failure leaves the schema at a whole number.
func Upgrade(ctx context.Context, db DB, migrations []Migration, d Dialect) error {
	if err := checkOrder(migrations); err != nil {
		return err
	}
	for range len(migrations) + 1 {
		done, err := upgradeOne(ctx, db, migrations, d)
		if err != nil {
			return fmt.Errorf("migrate database: %w", err)
		}
		if done {
			return nil
		}
	}
	return fmt.Errorf("migrate database: schema_migration did not keep what was written to it")
}

// Pending is DB.Pending, written over View.
func Pending(ctx context.Context, db DB, migrations []Migration, d Dialect) ([]Migration, error) {
	if err := checkOrder(migrations); err != nil {
		return nil, err
	}
	var have []Migration
	err := db.View(ctx, func(c Conn) error {
		there := false
		err := c.Query(d.Migrated, nil, func(Row) error {
			there = true
			return nil
		})
		if err != nil || !there {
			return err
		}
		have, err = history(c)
		return err
	})
	if err == nil {
		err = checkHistory(have, migrations)
	}
	if err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	return migrations[len(have):], nil
}

func checkOrder(migrations []Migration) error {
	last := int64(0)
	for _, m := range migrations {
		if m.Number <= last {
			return fmt.Errorf("migration %d %q: not in order", m.Number, m.Name)
		}
		last = m.Number
	}
	return nil
}

// upgradeOne applies the first missing migration; done means there was none.
func upgradeOne(ctx context.Context, db DB, migrations []Migration, d Dialect) (done bool, err error) {
	err = db.Update(ctx, func(c Conn) error {
		n, err := applied(c, migrations, d)
		if err != nil {
			return err
		}
		if done = n == len(migrations); done {
			return nil
		}
		return apply(c, migrations[n], d)
	})
	return done, err
}

// applied returns how many of the migrations the database has, and refuses one
// whose history is not theirs.
func applied(c Conn, migrations []Migration, d Dialect) (int, error) {
	if err := d.Prepare(c); err != nil {
		return 0, err
	}
	if _, err := c.Exec(createMigrations); err != nil {
		return 0, err
	}
	have, err := history(c)
	if err != nil {
		return 0, err
	}
	return len(have), checkHistory(have, migrations)
}

// history is what the database says of its migrations.
func history(c Conn) (have []Migration, err error) {
	err = c.Query(`SELECT number, name FROM schema_migration ORDER BY number`, nil, func(r Row) error {
		have = append(have, Migration{Number: r.Int(0), Name: r.Text(1)})
		return nil
	})
	return have, err
}

func checkHistory(have, migrations []Migration) error {
	if len(have) == 0 {
		return nil
	}
	known := int64(0)
	if len(migrations) > 0 {
		known = migrations[len(migrations)-1].Number
	}
	if newest := have[len(have)-1].Number; newest > known {
		return fmt.Errorf("made by a newer Reeve: schema %d, this binary knows %d; start that newer Reeve", newest, known)
	}
	for i, h := range have {
		if m := migrations[i]; m.Number != h.Number || m.Name != h.Name {
			return fmt.Errorf("made by another Reeve: it has migration %d %q where this binary has %d %q",
				h.Number, h.Name, m.Number, m.Name)
		}
	}
	return nil
}

func apply(c Conn, m Migration, d Dialect) error {
	for _, sql := range statements(strings.ReplaceAll(m.SQL, "{{clustered}}", d.Clustered)) {
		if _, err := c.Exec(sql); err != nil {
			return fmt.Errorf("migration %d %q: %w", m.Number, m.Name, err)
		}
	}
	now, err := c.Now()
	if err != nil {
		return err
	}
	_, err = c.Exec(`INSERT INTO schema_migration (number, name, applied) VALUES ($1, $2, $3)`, m.Number, m.Name, now)
	return err
}

// statements cuts a migration at the semicolons that end a line. Lines that
// are only a comment are left out, so they may end as they like.
func statements(sql string) []string {
	var all []string
	var b strings.Builder
	for line := range strings.Lines(sql) {
		line = strings.TrimRight(line, " \t\r\n")
		if s := strings.TrimSpace(line); s == "" || strings.HasPrefix(s, "--") {
			continue
		}
		rest, ends := strings.CutSuffix(line, ";")
		b.WriteString(rest + "\n")
		if ends {
			all = append(all, b.String())
			b.Reset()
		}
	}
	if b.Len() > 0 {
		all = append(all, b.String())
	}
	return all
}
