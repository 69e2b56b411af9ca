package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"reeve/internal/store/mvtree"
	"reeve/internal/store/sqlconn"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// treesNumber is the migration that also makes the tables of package mvtree.
const treesNumber = 1

// migrations returns the steps of the schema in order. A file is named by its
// number and what it does (0001_first.sql) and never changes once released.
func migrations() ([]sqlconn.Migration, error) {
	files, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	steps := make([]sqlconn.Migration, 0, len(files))
	for _, file := range files {
		step, err := readMigration(file)
		if err != nil {
			return nil, err
		}
		steps = append(steps, step)
	}
	return steps, nil
}

// Pending names the steps of the schema that a database lacks, such as
// "1 first", and changes nothing. A schema that is newer than this binary's is
// an error.
func Pending(ctx context.Context, db sqlconn.DB) ([]string, error) {
	steps, err := migrations()
	if err != nil {
		return nil, err
	}
	pending, err := db.Pending(ctx, steps)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(pending))
	for i, m := range pending {
		names[i] = fmt.Sprintf("%d %s", m.Number, m.Name)
	}
	return names, nil
}

// Migrate brings the schema of a database up to date and names the steps that
// it took, as Pending does. It takes none when nothing is to be done.
func Migrate(ctx context.Context, db sqlconn.DB) ([]string, error) {
	names, err := Pending(ctx, db)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	steps, err := migrations()
	if err != nil {
		return nil, err
	}
	return names, db.Migrate(ctx, steps)
}

func readMigration(file string) (sqlconn.Migration, error) {
	text, err := migrationFiles.ReadFile(file)
	if err != nil {
		return sqlconn.Migration{}, fmt.Errorf("read migration: %w", err)
	}
	base := strings.TrimSuffix(strings.TrimPrefix(file, "migrations/"), ".sql")
	digits, name, _ := strings.Cut(base, "_")
	number, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return sqlconn.Migration{}, fmt.Errorf("read number of migration %s: %w", file, err)
	}
	sql := string(text)
	if number == treesNumber {
		sql += "\n" + mvtree.Schema
	}
	return sqlconn.Migration{Number: number, Name: name, SQL: sql}, nil
}
