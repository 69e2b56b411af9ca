package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"reeve/internal/config"
	"reeve/internal/store"
	"reeve/internal/store/sqlconn"
)

type migrateOptions struct {
	serverDatabase
	check bool
}

// serverDatabase is the choice of a database by the settings of reeve serve.
type serverDatabase struct {
	file  string
	given map[string]string // settings that were given as flags
}

func (d *serverDatabase) flags(f *pflag.FlagSet) {
	d.given = make(map[string]string)
	f.StringVar(&d.file, "config", "", "configuration `file` (default REEVE_CONFIG)")
	for _, s := range config.Settings() {
		if s.Name == "data" || s.Name == "database" {
			f.VarP(&settingFlag{s, d.given}, s.Name, "", s.Help)
		}
	}
}

// choose reads the settings.
func (d *serverDatabase) choose(p *process) (storeOptions, config.Config, error) {
	cfg, err := config.Load(config.Sources{File: d.file, Env: p.lookupEnv, Flags: d.given})
	if err != nil {
		return storeOptions{}, cfg, &usageError{err}
	}
	where := databaseOptions(&cfg)
	if err := where.check(); err != nil {
		return storeOptions{}, cfg, &usageError{err}
	}
	where.replica, where.log = "", slog.New(slog.DiscardHandler)
	return where, cfg, nil
}

func newMigrate(p *process) *cobra.Command {
	var o migrateOptions
	c := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema up to date, and end",
		Long: `Bring the schema of a database up to date, say what was done, and end. reeve serve
does the same when it starts; this is for those who do it apart, such as before
several servers on one PostgreSQL database start.

The database is the one that reeve serve opens with the same flags, environment
(REEVE_DATA, REEVE_DATABASE) and configuration file. One with a newer schema than
this program's is refused.

With --check nothing is changed, and the exit code is 4 when there is something to
do.`,
		Example: `  reeve migrate --data ./reeve-data
  reeve migrate --database postgres://reeve@db.example/reeve
  reeve migrate --check`,
		Args: arguments(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error { return runMigrate(c.Context(), p, o) },
	}
	f := c.Flags()
	f.BoolVar(&o.check, "check", false, "only tell whether there is something to do")
	o.flags(f)
	return c
}

func runMigrate(ctx context.Context, p *process, o migrateOptions) error {
	where, _, err := o.choose(p)
	if err != nil {
		return err
	}
	if o.check {
		return checkSchema(ctx, p, where)
	}
	if where.postgres == "" {
		if err := makeDataDirectory(where.data); err != nil {
			return err
		}
	}
	stop := newProgress(p).spin("bringing the schema up to date")
	done, err := withDatabase(ctx, where, store.Migrate)
	stop()
	if err != nil {
		return err
	}
	return sayMigrated(p, &migrated{where.name(), done, nil})
}

// checkSchema fails when there is something to do.
func checkSchema(ctx context.Context, p *process, where storeOptions) error {
	if where.postgres == "" {
		_, err := os.Stat(filepath.Join(where.data, databaseFile))
		if errors.Is(err, fs.ErrNotExist) {
			return negative("%s does not exist yet: reeve migrate makes it", where.name())
		}
	}
	pending, err := withDatabase(ctx, where, store.Pending)
	if err != nil {
		return err
	}
	if err := sayMigrated(p, &migrated{where.name(), nil, pending}); err != nil {
		return err
	}
	if len(pending) > 0 {
		return negative("%s: the schema is not up to date (%s): run reeve migrate", where.name(), strings.Join(pending, ", "))
	}
	return nil
}

// migrated is what reeve migrate tells programs.
type migrated struct {
	Database string
	Done     []string
	Pending  []string
}

var migratedView = view[migrated]{
	[]column{{key: "Database"}, {key: "Done"}, {key: "Pending"}},
	func(m *migrated) []any { return []any{m.Database, m.Done, m.Pending} },
}

func sayMigrated(p *process, m *migrated) error {
	text := ""
	switch {
	case len(m.Done) > 0:
		text = fmt.Sprintf("%s: schema brought up to date (%s)\n", m.Database, strings.Join(m.Done, ", "))
	case len(m.Pending) == 0:
		text = fmt.Sprintf("%s: schema is up to date, nothing to do\n", m.Database)
	}
	return printSaid(p, migratedView, m, text)
}

// withDatabase opens a database for fn.
func withDatabase(ctx context.Context, where storeOptions, fn func(context.Context, sqlconn.DB) ([]string, error)) (names []string, err error) {
	db, err := openDatabase(ctx, where)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return fn(ctx, db)
}

// name is the database for people. Of a URL it shows no more than host and
// path: the rest may hold a password.
func (o storeOptions) name() string {
	if o.postgres == "" {
		return filepath.Join(o.data, databaseFile)
	}
	u, err := url.Parse(o.postgres)
	if err != nil {
		return "the PostgreSQL database"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
