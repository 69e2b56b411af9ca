package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"reeve/internal/iam"
	"reeve/internal/store"
)

type copyOptions struct {
	from, to place
	noVerify bool
}

func newCopy(p *process) *cobra.Command {
	var o copyOptions
	c := &cobra.Command{
		Use:   "copy",
		Short: "Move a whole deployment to another database",
		Long: `Copy a whole deployment into an empty database: from SQLite to PostgreSQL, back,
or between two of a kind. A place is sqlite:DIR or just DIR, a server's data
directory, or a PostgreSQL URL. The source is not changed.

Stop the servers of both first. The lock of a SQLite directory enforces that; of a
PostgreSQL source, the copy is what it held when the copy began.

A copy that was interrupted goes on where it stopped when the same command runs
again. Until it is finished, no server starts on the target. In the end every row
is read back and compared, and every ledger of the copy is verified, as reeve
verify does.

The secrets of access keys stay sealed with the deployment's master key, which is
not in the database. Between two directories master.key is copied too; else take
it along yourself.`,
		Example: `  reeve copy --from ./reeve-data --to postgres://reeve@db.example/reeve
  reeve copy --from postgres://reeve@db.example/reeve --to sqlite:/srv/reeve`,
		Args: arguments(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error { return runCopy(c.Context(), p, o) },
	}
	f := c.Flags()
	f.Var(&o.from, "from", "data directory or `URL` of the deployment")
	f.Var(&o.to, "to", "data directory or `URL` of an empty database")
	f.BoolVar(&o.noVerify, "no-verify", false, "do not verify the ledgers of the copy; rows are compared all the same")
	return c
}

// place is where a deployment is: a data directory or a PostgreSQL URL.
type place struct{ storeOptions }

func (l *place) String() string { return "" } // a URL may hold a password
func (l *place) Type() string   { return "URL" }

func (l *place) Set(text string) error {
	l.storeOptions = storeOptions{log: slog.New(slog.DiscardHandler)}
	dir, named := strings.CutPrefix(text, "sqlite:")
	switch {
	case strings.HasPrefix(text, "postgres://"), strings.HasPrefix(text, "postgresql://"):
		l.postgres = text
	case dir == "" || !named && strings.Contains(text, "://"):
		return &flagValueError{errors.New("is neither sqlite:DIR nor a PostgreSQL URL such as postgres://user@host:5432/name")}
	default:
		l.data = dir
	}
	return nil
}

func runCopy(ctx context.Context, p *process, o copyOptions) error {
	if err := checkPlaces(o); err != nil {
		return err
	}
	if o.to.data != "" {
		if err := makeDataDirectory(o.to.data); err != nil {
			return err
		}
	}
	result, err := copyDatabase(ctx, p, o)
	if ctx.Err() != nil {
		fmt.Fprintln(p.stderr, "The copy is not finished. The same command goes on where it stopped.")
	}
	if err != nil {
		return err
	}
	text := ""
	if result.Resumed {
		text = "went on with a copy that had stopped\n"
	}
	text += fmt.Sprintf("copied %s of %s to %s; the heads of %s are the same on both sides\n%s\n",
		counted(result.Rows, "row"), counted(int64(result.Tables), "table"), o.to.name(), counted(result.Ledgers, "ledger"), keyAdvice(o))
	return printSaid(p, copiedView, &copied{o.from.name(), o.to.name(), result.Resumed, int64(result.Tables), result.Rows, result.Ledgers}, text)
}

// copied is what reeve copy tells programs.
type copied struct {
	From, To              string
	Resumed               bool
	Tables, Rows, Ledgers int64
}

var copiedView = view[copied]{
	[]column{{key: "From"}, {key: "To"}, {key: "Resumed"}, {key: "Tables"}, {key: "Rows"}, {key: "Ledgers"}},
	func(c *copied) []any { return []any{c.From, c.To, c.Resumed, c.Tables, c.Rows, c.Ledgers} },
}

// checkPlaces refuses what can be seen to be a mistake before anything is opened.
func checkPlaces(o copyOptions) error {
	from, to := o.from, o.to
	switch {
	case from.data == "" && from.postgres == "", to.data == "" && to.postgres == "":
		return misuse("--from and --to are needed")
	case from.postgres != "":
		if from.postgres == to.postgres {
			return errors.New("--from and --to are the same database")
		}
		return nil
	}
	if _, err := os.Stat(filepath.Join(from.data, databaseFile)); err != nil {
		return fmt.Errorf("there is no SQLite database in %s: name the data directory of a server that was started without --database", from.data)
	}
	if to.data == "" {
		return nil
	}
	if sameFile(from.data, to.data) {
		return errors.New("--from and --to are the same directory")
	}
	return checkMasterKeys(from.data, to.data)
}

// checkMasterKeys refuses a target directory with another deployment's key.
func checkMasterKeys(from, to string) error {
	theirs, err := os.ReadFile(filepath.Join(to, iam.MasterKeyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read master key of the target: %w", err)
	}
	ours, err := os.ReadFile(filepath.Join(from, iam.MasterKeyFile))
	if err != nil {
		return fmt.Errorf("read master key of the source, as the target has one: %w", err)
	}
	if string(ours) != string(theirs) {
		return fmt.Errorf("%s belongs to another deployment: name an empty directory", filepath.Join(to, iam.MasterKeyFile))
	}
	return nil
}

func copyDatabase(ctx context.Context, p *process, o copyOptions) (result store.CopyResult, err error) {
	from, err := openDatabase(ctx, o.from.storeOptions)
	if err != nil {
		return result, fmt.Errorf("source: %w", err)
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, err := openDatabase(ctx, o.to.storeOptions)
	if err != nil {
		return result, fmt.Errorf("target: %w", err)
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	progress := newProgress(p)
	defer progress.clear()
	return store.Copy(ctx, from, to, store.CopyOptions{
		Progress: copyProgress(progress),
		Check: func(ctx context.Context, s *store.Store) error {
			progress.clear()
			return checkCopy(ctx, p, o, s)
		},
	})
}

// copyProgress shows how far rows are.
func copyProgress(g *progress) func(store.CopyProgress) {
	return func(at store.CopyProgress) {
		g.show(at.Rows, at.Total, fmt.Sprintf("%s %s, %d of %s", at.Doing, at.Table, at.Rows, counted(at.Total, "row")))
	}
}

// checkCopy is what is done before a copy counts as finished.
func checkCopy(ctx context.Context, p *process, o copyOptions, s *store.Store) error {
	if !o.noVerify {
		if err := verifyCopy(ctx, p, s); err != nil {
			return err
		}
	}
	if o.from.data == "" || o.to.data == "" {
		return nil
	}
	for _, name := range []string{iam.MasterKeyFile, iam.CredentialsFile} {
		if err := copyPrivate(filepath.Join(o.from.data, name), filepath.Join(o.to.data, name)); err != nil {
			return fmt.Errorf("copy %s: %w", name, err)
		}
	}
	return nil
}

func verifyCopy(ctx context.Context, p *process, s *store.Store) error {
	v := newVerification(p)
	v.quiet = !p.forPeople() // what is printed is the copy
	if err := v.ledgersOf(ctx, s); err != nil {
		return err
	}
	err := v.conclude()
	if v.faults == 0 {
		return err
	}
	return negative("the copy is the same as its source, row by row, with a fault in %d of %s; verify the source too. "+
		"The copy stays unfinished; the same command with --no-verify finishes it as it is", v.faults, counted(v.ledgers, "ledger"))
}

// copyPrivate copies a small file for its owner alone, so that a crash leaves
// all of it or nothing. A missing one is passed over.
func copyPrivate(from, to string) error {
	data, err := os.ReadFile(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(to), "."+filepath.Base(to)+".*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), to)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// keyAdvice says where the master key must be now.
func keyAdvice(o copyOptions) string {
	if o.from.data != "" && o.to.data != "" {
		if _, err := os.Stat(filepath.Join(o.to.data, iam.MasterKeyFile)); err == nil {
			return "master.key was copied too: reeve serve --data " + o.to.data + " can start"
		}
	}
	const needed = "a server needs the deployment's master key: set REEVE_MASTER_KEY, or "
	switch {
	case o.to.data != "":
		return needed + "put master.key into " + o.to.data + " before it starts"
	case o.from.data != "":
		return needed + "start it with --data " + o.from.data + ", where master.key is"
	}
	return needed + "copy master.key into its data directory before it starts"
}
