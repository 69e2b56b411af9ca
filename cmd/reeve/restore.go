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

	"reeve/internal/iam"
	"reeve/internal/store"
	"reeve/internal/store/archive"
	"reeve/internal/store/sqlconn"
)

type restoreOptions struct {
	serverDatabase
	replace, check, noVerify bool
}

func newRestore(p *process) *cobra.Command {
	var o restoreOptions
	c := &cobra.Command{
		Use:   "restore FILE",
		Short: "Put a backup into a database",
		Long: `Put a backup of reeve backup (- for standard input) into the database that reeve
serve opens with the same flags, environment and configuration file, SQLite or
PostgreSQL, whichever the backup was made of. Stop all servers of it first.

A database that holds a deployment is refused, unless --replace says that what it
holds may go. Before anything is replaced the whole file is checked; then its rows
take the place of the old ones in one transaction, in which every ledger is
verified as by reeve verify. If anything is wrong, or the program is killed, the
database is as it was. Where there was no file of SQLite, none is left behind; only
a program that is killed may leave an empty one.

--check does all of that in a temporary directory and changes nothing. The exit code
is 4 when the file is no whole backup, or a ledger in it has a fault: use another
backup, and make a new one while the database is there.

If the backup holds the master key and the data directory has none, it is written
there. Else put master.key of the deployment into the data directory, or set
REEVE_MASTER_KEY. A master key of another deployment is refused.`,
		Example: `  reeve restore reeve-2026-11-23.backup --data /srv/new
  reeve restore --check reeve-2026-11-23.backup
  reeve restore reeve.backup --replace --database postgres://reeve@db.example/reeve`,
		Args: arguments(1, 1, "the backup"),
		RunE: func(c *cobra.Command, args []string) error { return runRestore(c.Context(), p, o, args[0]) },
	}
	f := c.Flags()
	f.BoolVar(&o.replace, "replace", false, "what the database holds may go")
	f.BoolVar(&o.check, "check", false, "only tell whether the backup is good")
	f.BoolVar(&o.noVerify, "no-verify", false, "do not verify the ledgers; checksums are checked all the same")
	o.flags(f)
	return c
}

func runRestore(ctx context.Context, p *process, o restoreOptions, path string) error {
	where, cfg, err := o.choose(p)
	if err != nil {
		return err
	}
	source, forget, err := backupSource(p, path)
	if err != nil {
		return err
	}
	defer forget()
	r := &restoring{p: p, o: o, keys: masterKeyOf(&cfg)}
	if o.check {
		return r.tryOut(ctx, source)
	}
	begun := time.Now()
	h, err := r.into(ctx, source, where)
	if errors.Is(err, store.ErrNotEmpty) {
		return fmt.Errorf("%s holds a deployment already: name an empty database or a new directory, or say --replace if what it holds may go", where.name())
	}
	if errors.Is(err, sqlconn.ErrDamaged) {
		return fmt.Errorf("%s is damaged itself, so nothing can be put into it: move it away with the files beside it that begin with its name, and restore again: %w", where.name(), err)
	}
	if err != nil {
		return err
	}
	advice, err := r.keepKey(h)
	if err != nil {
		return err
	}
	return printSaid(p, backedUpView, newBackedUp(where.name(), h),
		fmt.Sprintf("restored %s, the state of %s: %s, %s in %s\n%s\n", where.name(), h.Taken.Format(time.RFC3339),
			counted(h.Ledgers, "ledger"), counted(h.Rows(), "row"), time.Since(begun).Round(time.Millisecond), advice))
}

// backupSource returns what opens a backup, as often as it is read. Standard
// input is kept in a temporary file, until forget.
func backupSource(p *process, path string) (open func() (io.ReadCloser, error), forget func(), err error) {
	forget = func() {}
	if path == "-" {
		f, err := os.CreateTemp("", "reeve-restore-*") // 0600
		if err != nil {
			return nil, nil, err
		}
		path, forget = f.Name(), func() { _ = os.Remove(f.Name()) }
		_, err = io.Copy(f, p.stdin)
		if err = errors.Join(err, f.Close()); err != nil {
			forget()
			return nil, nil, fmt.Errorf("read standard input: %w", err)
		}
	}
	return func() (io.ReadCloser, error) { return os.Open(path) }, forget, nil
}

// restoring is one run of the command.
type restoring struct {
	p    *process
	o    restoreOptions
	keys iam.Options
}

// into restores into the database that was chosen.
func (r *restoring) into(ctx context.Context, source func() (io.ReadCloser, error), where storeOptions) (*archive.Header, error) {
	takeAway := whatIsNew(where)
	if where.postgres == "" {
		if err := makeDataDirectory(where.data); err != nil {
			return nil, err
		}
	}
	db, err := openDatabase(ctx, where)
	if err != nil {
		return nil, err
	}
	h, err := r.fill(ctx, source, db, r.verify)
	if err != nil {
		takeAway()
	}
	return h, err
}

// whatIsNew looks at a data directory before anything is put into it. It returns
// what takes away the database that was not there then, with the directories that
// were made for it.
func whatIsNew(where storeOptions) (takeAway func()) {
	path := filepath.Join(where.data, databaseFile)
	if where.postgres != "" || !isMissing(path) {
		return func() {}
	}
	var made []string
	for dir := filepath.Clean(where.data); isMissing(dir); dir = filepath.Dir(dir) {
		made = append(made, dir)
	}
	return func() {
		for _, end := range []string{"", "-wal", "-shm", ".lock"} {
			_ = os.Remove(path + end)
		}
		for _, dir := range made {
			_ = os.Remove(dir) // which stays if something else is in it by now
		}
	}
}

func isMissing(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// tryOut restores into a database that is thrown away.
func (r *restoring) tryOut(ctx context.Context, source func() (io.ReadCloser, error)) error {
	dir, err := os.MkdirTemp("", "reeve-restore-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	db, err := openDatabase(ctx, storeOptions{data: dir})
	if err != nil {
		return err
	}
	h, err := r.fill(ctx, source, db, r.verifyLedgers)
	if archive.IsBad(err) {
		return negative("the backup is not good: %w", err)
	}
	if err != nil {
		return err
	}
	return printSaid(r.p, backedUpView, newBackedUp("", h),
		fmt.Sprintf("the backup is good: the state of %s, %s, %s, written by %s on %s; %s\n",
			h.Taken.Format(time.RFC3339), counted(h.Ledgers, "ledger"), counted(h.Rows(), "row"), h.Program, h.Database, aboutKey(h)))
}

func (r *restoring) fill(ctx context.Context, source func() (io.ReadCloser, error), db sqlconn.DB, check func(context.Context, *store.Store) error) (h *archive.Header, err error) {
	defer func() { err = errors.Join(err, db.Close()) }()
	progress := newProgress(r.p)
	defer progress.clear()
	return store.Restore(ctx, source, db, store.RestoreOptions{
		Replace: r.o.replace, Progress: copyProgress(progress),
		Check: func(ctx context.Context, s *store.Store) error {
			progress.clear()
			return check(ctx, s)
		},
	})
}

// verify is what must be right before a restore counts.
func (r *restoring) verify(ctx context.Context, s *store.Store) error {
	err := iam.FitsMasterKey(ctx, s, r.keys)
	if err != nil && !errors.Is(err, iam.ErrNoMasterKey) {
		return fmt.Errorf("the backup is of a deployment with another master key, or: %w", err)
	}
	return r.verifyLedgers(ctx, s)
}

func (r *restoring) verifyLedgers(ctx context.Context, s *store.Store) error {
	if r.o.noVerify {
		return nil
	}
	v := newVerification(r.p)
	v.quiet = !r.p.forPeople() // what is printed is the restore
	if err := v.ledgersOf(ctx, s); err != nil {
		return err
	}
	err := v.conclude()
	if v.faults == 0 {
		return err
	}
	return negative("the backup has a fault in %d of %s, and so had the database that it was made of. Nothing was changed; --no-verify restores it as it is",
		v.faults, counted(v.ledgers, "ledger"))
}

// keepKey writes the master key of the backup where there is none, and says
// where the key must be now.
func (r *restoring) keepKey(h *archive.Header) (advice string, err error) {
	path := filepath.Join(r.keys.Dir, iam.MasterKeyFile)
	if _, err := os.Stat(path); err == nil || r.keys.MasterKey != "" {
		return "the master key is in place", nil
	}
	if h.MasterKey == "" {
		return "a server needs the deployment's master key: put master.key into " + r.keys.Dir + ", or set REEVE_MASTER_KEY", nil
	}
	if err := makeDataDirectory(r.keys.Dir); err != nil {
		return "", err
	}
	return "the master key of the backup is in " + path, iam.KeepMasterKey(r.keys.Dir, h.MasterKey)
}
