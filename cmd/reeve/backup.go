package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"reeve/internal/config"
	"reeve/internal/iam"
	"reeve/internal/store"
	"reeve/internal/store/archive"
	"reeve/internal/store/sqlconn"
	"reeve/internal/store/sqlite"
)

type backupOptions struct {
	serverDatabase
	masterKey bool
}

func newBackup(p *process) *cobra.Command {
	var o backupOptions
	c := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write everything in the database to a file, while servers run",
		Long: `Write everything that the database holds to a file (- for standard output): one
consistent state, while servers run and write. The database is the one that reeve
serve opens with the same flags, environment and configuration file. reeve restore
puts the file into a database of either kind, SQLite or PostgreSQL.

Each block of the file has a checksum that covers everything before it, and the
end says that nothing is missing; reeve restore --check looks at all of it.

The master key is not in the file, unless --with-master-key puts it there: the
secrets of access keys are sealed with it, so who has the file alone can read the
ledgers and sign nothing. Keep master.key in another place. A file with the key
opens everything.`,
		Example: `  reeve backup reeve-2026-11-23.backup
  reeve backup --data /srv/reeve /media/usb/reeve.backup
  reeve backup --database postgres://reeve@db.example/reeve - | ssh vault 'cat >reeve.backup'`,
		Args: arguments(1, 1, "the file to write"),
		RunE: func(c *cobra.Command, args []string) error { return runBackup(c.Context(), p, o, args[0]) },
	}
	c.Flags().BoolVar(&o.masterKey, "with-master-key", false, "put the master key into the file too: who has it can open every secret")
	o.flags(c.Flags())
	return c
}

func runBackup(ctx context.Context, p *process, o backupOptions, path string) error {
	where, cfg, err := o.choose(p)
	if err != nil {
		return err
	}
	progress := newProgress(p)
	options := store.BackupOptions{Program: versionLine(), Database: where.kind(), Progress: copyProgress(progress)}
	if o.masterKey {
		if options.MasterKey, err = iam.MasterKeyText(masterKeyOf(&cfg)); err != nil {
			return err
		}
	}
	begun := time.Now()
	var h *archive.Header
	var size int64
	write := func(to io.Writer) error {
		h, size, err = backupTo(ctx, where, to, options)
		progress.clear()
		return err
	}
	if err := checkOutput(p, path); err != nil {
		return err
	}
	if err := writeFile(p, path, write); err != nil {
		return err
	}
	text := fmt.Sprintf("backed up %s of %s: %s, %s, %s in %s\n%s\n", where.name(), h.Taken.Format(time.RFC3339),
		counted(h.Ledgers, "ledger"), counted(h.Rows(), "row"), sizeText(size), time.Since(begun).Round(time.Millisecond), aboutKey(h))
	if path == "-" { // standard output is the backup
		_, err := io.WriteString(p.stderr, text)
		return err
	}
	return printSaid(p, backedUpView, newBackedUp(where.name(), h), text)
}

// backedUp is what backup and restore tell programs.
type backedUp struct {
	Database      string
	Taken         instant
	Ledgers, Rows int64
	MasterKey     bool // whether it is in the file
}

func newBackedUp(database string, h *archive.Header) *backedUp {
	return &backedUp{database, instant(moment(h.Taken)), h.Ledgers, h.Rows(), h.MasterKey != ""}
}

var backedUpView = view[backedUp]{
	[]column{{key: "Database"}, {key: "Taken"}, {key: "Ledgers"}, {key: "Rows"}, {key: "MasterKey"}},
	func(b *backedUp) []any { return []any{b.Database, b.Taken, b.Ledgers, b.Rows, b.MasterKey} },
}

// masterKeyOf says where a server with these settings has its master key.
func masterKeyOf(cfg *config.Config) iam.Options {
	return iam.Options{Dir: cfg.Data, MasterKey: string(cfg.MasterKey)}
}

func aboutKey(h *archive.Header) string {
	if h.MasterKey != "" {
		return "the master key is in it: who has the file can open every secret of the deployment"
	}
	return "the master key is not in it: keep master.key too, in another place"
}

func sizeText(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// kind is the database's kind for people.
func (o storeOptions) kind() string {
	if o.postgres != "" {
		return "PostgreSQL"
	}
	return "SQLite"
}

func backupTo(ctx context.Context, where storeOptions, to io.Writer, o store.BackupOptions) (h *archive.Header, size int64, err error) {
	db, err := openToRead(ctx, where)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return store.Backup(ctx, db, to, o)
}

// openToRead opens a database beside the servers that run on it.
func openToRead(ctx context.Context, where storeOptions) (sqlconn.DB, error) {
	if where.postgres != "" {
		return openDatabase(ctx, where)
	}
	path := filepath.Join(where.data, databaseFile)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("there is no SQLite database in %s: name the data directory of a server with --data, or a PostgreSQL database with --database", where.data)
	}
	return sqlite.OpenBeside(path, sqlite.Options{Log: where.log})
}

// checkOutput refuses to overwrite a file, and to fill a terminal.
func checkOutput(p *process, path string) error {
	if path == "-" {
		if terminalOf(p.stdout) != nil {
			return misuse("standard output is a terminal: send it to a file or a program")
		}
		return nil
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s exists: choose another name, or remove it first", path)
	}
	return nil
}
