package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"reeve/internal/api"
	"reeve/internal/client"
	"reeve/internal/source"
)

// shownBadLines bounds how many lines that cannot be read are printed.
const shownBadLines = 100

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
		Short: "Put machines of JSON, CSV or agents' XML files into the inventory",
		Long: `Put the resources of files into the inventory: JSON, JSON lines, CSV with a header
that names resource_arn, or the XML of GLPI and FusionInventory agents. "-" reads
standard input.

All files are read to the end before anything is sent. If a line cannot be read,
or names a resource that an earlier line of the same file has, nothing is
imported, unless --skip-bad says to leave such lines out. Files are sent in the
order in which they are given. Importing the same file again changes nothing.

Agents do not know whose their machine is: it becomes one of the account and
region that your access key asks in. --account puts machines of another account
into your own inventory.

--mode observe (the default) records what is: resources for which no licence is
free are recorded, listed, and counted as unlicensed. --mode admit asks first:
a request of up to 1000 resources is refused as a whole when a limit or a rule
forbids one of them, and the import ends there.`,
		Example: `  reeve import machines.csv
  reeve import --dry-run machines.csv hosts.json
  inventory-script | reeve import -
  reeve import --region eu-central-1 agents/*.xml
  reeve import --account 210987654321 their-agents/*.xml`,
		Args: arguments(1, -1, "FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			o.files = args
			return runImport(c.Context(), p, o)
		},
	}
	f := c.Flags()
	f.BoolVar(&o.dryRun, "dry-run", false, "change nothing and say what would happen")
	f.BoolVar(&o.skipBad, "skip-bad", false, "leave out lines that cannot be read")
	f.StringVar(&o.mode, "mode", "observe", "`how` resources come in: observe what is, or admit what limits allow")
	f.StringVar(&o.account, "account", "", "12 `digits` of the account that agents' machines belong to (default the key's own; XML only)")
	o.connection.flags(f)
	completeWith(c, "mode", "observe", "admit")
	return c
}

func runImport(ctx context.Context, p *process, o importOptions) error {
	if o.mode != "observe" && o.mode != "admit" {
		return misuse("--mode is %q: give observe or admit", o.mode)
	}
	if err := checkAccount("--account", o.account); err != nil {
		return err
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
	i := &importer{p: p, progress: newProgress(p), c: c, mode: o.mode, dryRun: o.dryRun, total: total}
	err = i.putAll(ctx, inputs, opts)
	return errors.Join(i.summary(err != nil), err)
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
		return fmt.Errorf("nothing was imported, because %s cannot be used: correct what is wrong, or leave it out with --skip-bad", counted(int64(len(bad)), "line"))
	}
	return nil
}
