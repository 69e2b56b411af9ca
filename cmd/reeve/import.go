package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"reeve/internal/api"
	"reeve/internal/client"
	"reeve/internal/source"
)

// The limits of one PutResources request.
const (
	batchResources = 1000
	batchBytes     = 4<<20 - 4096 // the API's 4 MiB less what surrounds the resources
)

// shownBadLines and shownFailures bound what is printed of either.
const (
	shownBadLines = 100
	shownFailures = 1000
)

type importOptions struct {
	connection
	files   []string
	dryRun  bool
	skipBad bool
	mode    string
	account string
}

func newImport(p *process) *cobra.Command {
	var o importOptions
	c := &cobra.Command{
		Use:   "import FILE…",
		Short: "Put the machines of JSON, CSV or agents' XML files into the inventory",
		Long: `Put the resources of files into the inventory: JSON, JSON lines, CSV with a header
that names resource_arn, or the XML of GLPI and FusionInventory agents. "-" reads
standard input.

All files are read to the end before anything is sent. If a line cannot be read
nothing is imported, unless --skip-bad says to leave such lines out. Importing
the same file again changes nothing.

--mode observe (the default) records what is: resources for which no licence is
free are recorded, listed, and counted as unlicensed. --mode admit asks first:
a request of up to 1000 resources is refused as a whole when a limit or a rule
forbids one of them, and the import ends there.`,
		Example: `  reeve import machines.csv
  reeve import --dry-run machines.csv hosts.json
  inventory-script | reeve import -
  reeve import --account 123456789012 --region eu-central-1 agents/*.xml`,
		Args: arguments(1, -1, "FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			o.files = args
			return runImport(c.Context(), p, o)
		},
	}
	f := c.Flags()
	f.BoolVar(&o.dryRun, "dry-run", false, "change nothing and say what would happen")
	f.BoolVar(&o.skipBad, "skip-bad", false, "leave out lines that cannot be read")
	f.StringVar(&o.mode, "mode", "observe", "observe or admit")
	f.StringVar(&o.account, "account", "", "12 `digits` of the account that agents' machines belong to (XML only)")
	o.connection.flags(f)
	return c
}

func runImport(ctx context.Context, p *process, o importOptions) error {
	if o.mode != "observe" && o.mode != "admit" {
		return misuse("--mode is %q: give observe or admit", o.mode)
	}
	c, err := o.dial(p)
	if err != nil {
		return err
	}
	inputs, done, err := openInputs(p, o.files)
	defer done()
	if err != nil {
		return err
	}
	opts, err := o.owner(ctx, c)
	if err != nil {
		return err
	}
	total, bad, err := checkInputs(ctx, inputs, opts)
	if err != nil {
		return err
	}
	if err := reportBad(p, bad, o.skipBad); err != nil {
		return err
	}
	i := &importer{p: p, c: c, mode: o.mode, dryRun: o.dryRun, total: total}
	err = i.putAll(ctx, inputs, opts)
	return errors.Join(i.summary(), err)
}

// owner says whose machines agents' inventories describe: those of the key's
// account, unless --account says otherwise. It asks before any file is read, so
// that credentials that do not work cost nothing.
func (o importOptions) owner(ctx context.Context, c *client.Client) (source.Options, error) {
	if o.account != "" {
		return source.Options{Region: c.Region(), Account: o.account}, nil
	}
	var who api.GetCallerIdentityOutput
	err := call(ctx, c, api.Reeve+".GetCallerIdentity", api.GetCallerIdentityInput{}, &who)
	return source.Options{Region: c.Region(), Account: val(who.AccountId)}, err
}

// input is one file that is read twice: to check it, and to send it.
type input struct {
	name string
	file *os.File
}

// openInputs opens every file before anything else happens, so that a
// mistyped name costs nothing. done closes them.
func openInputs(p *process, names []string) (inputs []input, done func(), err error) {
	done = func() {
		for _, in := range inputs {
			in.file.Close()
		}
	}
	for _, name := range names {
		f, err := openInput(p, name)
		if err != nil {
			return nil, done, err
		}
		inputs = append(inputs, input{name, f})
	}
	return inputs, done, nil
}

func openInput(p *process, name string) (*os.File, error) {
	if name == "-" {
		return spool(p.stdin)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = fmt.Errorf("%s is a directory: name the files in it", name)
	case !info.Mode().IsRegular():
		spooled, err := spool(f)
		return spooled, errors.Join(err, f.Close())
	default:
		return f, nil
	}
	f.Close()
	return nil, err
}

// spool keeps a stream in a nameless temporary file, so that it can be read
// twice.
func spool(r io.Reader) (*os.File, error) {
	f, err := os.CreateTemp("", "reeve-import-*")
	if err != nil {
		return nil, fmt.Errorf("keep input: %w", err)
	}
	_ = os.Remove(f.Name()) // where an open file cannot be removed, the system's own cleaning does
	if _, err := io.Copy(f, r); err != nil {
		f.Close()
		return nil, fmt.Errorf("keep input: %w", err)
	}
	return f, nil
}

// read passes every resource of the input to each, from its start.
func (in input) read(opts source.Options, each func(source.Item) error) ([]source.BadLine, error) {
	if _, err := in.file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return source.Read(in.name, in.file, opts, each)
}

// badLine is a line that cannot be read, with its file.
type badLine struct {
	file string
	source.BadLine
}

// checkInputs reads all inputs and returns how many resources they have and
// which lines are bad.
func checkInputs(ctx context.Context, inputs []input, opts source.Options) (total int, bad []badLine, err error) {
	for _, in := range inputs {
		lines, err := in.read(opts, func(source.Item) error {
			total++
			return ctx.Err()
		})
		if err != nil {
			return 0, nil, fmt.Errorf("%s: %w", in.name, err)
		}
		for _, l := range lines {
			bad = append(bad, badLine{in.name, l})
		}
	}
	return total, bad, nil
}

// reportBad lists bad lines and decides whether the import goes on.
func reportBad(p *process, bad []badLine, skip bool) error {
	for i, b := range bad {
		if i == shownBadLines {
			fmt.Fprintf(p.stderr, "and %d more\n", len(bad)-i)
			break
		}
		fmt.Fprintf(p.stderr, "%s:%d: %s\n", b.file, b.Line, printable(b.Reason))
	}
	if len(bad) > 0 && !skip {
		return fmt.Errorf("nothing was imported, because %s cannot be read: correct them, or leave them out with --skip-bad", counted(int64(len(bad)), "line"))
	}
	return nil
}

// importer sends resources in batches and adds up what the server says.
type importer struct {
	p      *process
	c      *client.Client
	mode   string
	dryRun bool
	total  int

	batch []api.Resource
	size  int
	from  string // file:line of the batch's first resource

	done, created, changed, unchanged int64
	failures                          int64
}

func (i *importer) putAll(ctx context.Context, inputs []input, opts source.Options) error {
	defer i.clearProgress()
	for _, in := range inputs {
		_, err := in.read(opts, func(item source.Item) error { return i.add(ctx, in.name, item) })
		if err != nil {
			return err
		}
	}
	return i.flush(ctx)
}

// add puts a resource into the batch, after sending the batch if it is full.
func (i *importer) add(ctx context.Context, file string, item source.Item) error {
	encoded, err := json.Marshal(item.Resource)
	if err != nil {
		return fmt.Errorf("%s:%d: %w", file, item.Line, err)
	}
	if len(i.batch) == batchResources || i.size+len(encoded)+1 > batchBytes {
		if err := i.flush(ctx); err != nil {
			return err
		}
	}
	if len(i.batch) == 0 {
		i.from = fmt.Sprintf("%s:%d", file, item.Line)
	}
	i.batch = append(i.batch, item.Resource)
	i.size += len(encoded) + 1
	return nil
}

func (i *importer) flush(ctx context.Context) error {
	if len(i.batch) == 0 {
		return nil
	}
	var out api.PutResourcesOutput
	in := api.PutResourcesInput{Resources: i.batch, Mode: &i.mode, DryRun: optional(i.dryRun)}
	if err := call(ctx, i.c, api.Reeve+".PutResources", in, &out); err != nil {
		return fmt.Errorf("the request of %s from %s on was refused: %w", counted(int64(len(i.batch)), "resource"), i.from, err)
	}
	i.done += int64(len(i.batch))
	i.created += val(out.Created)
	i.changed += val(out.Changed)
	i.unchanged += val(out.Unchanged)
	i.batch, i.size = i.batch[:0], 0
	i.clearProgress()
	i.listFailures(out.Failures)
	i.progress()
	return nil
}

func (i *importer) listFailures(failures []api.ResourceFailure) {
	for _, f := range failures {
		if i.failures++; i.failures <= shownFailures {
			fmt.Fprintf(i.p.stdout, "unlicensed: %s: %s\n", printable(val(f.ResourceArn)), printable(val(f.Message)))
		}
	}
}

func (i *importer) progress() {
	if i.p.watched() {
		fmt.Fprintf(i.p.stderr, "\r%d of %s", i.done, counted(int64(i.total), "resource"))
	}
}

func (i *importer) clearProgress() {
	if i.p.watched() {
		fmt.Fprint(i.p.stderr, "\r"+strings.Repeat(" ", 50)+"\r")
	}
}

// summary says what was done, also of an import that did not end.
func (i *importer) summary() error {
	verb := "imported"
	if i.dryRun {
		verb = "nothing was changed; an import would put"
	}
	line := fmt.Sprintf("%s %s: %d created, %d changed, %d unchanged", verb, counted(i.done, "resource"), i.created, i.changed, i.unchanged)
	if i.failures > 0 {
		line += "; " + counted(i.failures, "time") + " no licence was free or a rule forbade one"
	}
	_, err := fmt.Fprintln(i.p.stdout, line)
	return err
}
