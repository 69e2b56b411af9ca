// Command reeve is the licence ledger's server and its command line: one file
// of this directory a subcommand, wiring only.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// process is what commands may use of the process that they run in.
type process struct {
	stdin     io.Reader
	stdout    io.Writer
	stderr    io.Writer
	lookupEnv func(string) (string, bool)
	environ   []string   // all of it, as os.Environ has it
	output    outputFlag // --output; see output.go
}

func (p *process) getenv(name string) string {
	v, _ := p.lookupEnv(name)
	return v
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	p := &process{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, lookupEnv: os.LookupEnv, environ: os.Environ()}
	os.Exit(run(ctx, p, os.Args[1:]))
}

// run runs one command line and returns its exit code.
func run(ctx context.Context, p *process, args []string) int {
	root := newRoot(p)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	if ctx.Err() != nil {
		fmt.Fprintln(p.stderr, "reeve: interrupted")
		return exitFailed
	}
	code := exitCode(err)
	text := "reeve: " + inOneLine(err.Error())
	if code == exitMisuse {
		text += fmt.Sprintf("; see %s --help", cmd.CommandPath())
	}
	fmt.Fprintln(p.stderr, text)
	return code
}

// inOneLine makes one sentence of a text of several lines, as joined errors and
// those of PostgreSQL's driver are.
func inOneLine(text string) string {
	joined := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case joined == "" || line == "":
			joined += line
		case strings.HasSuffix(joined, ":"):
			joined += " " + line
		default:
			joined += "; " + line
		}
	}
	return joined
}

func newRoot(p *process) *cobra.Command {
	root := &cobra.Command{
		Use:   "reeve",
		Short: "Count the licences that machines really use",
		Long: `Reeve counts the licences that machines really use, enforces the limits that
were bought, and proves the count for any moment in the past. Its server speaks
the AWS License Manager API, so every AWS client works with it.

Look around in a sample company and its year. In one terminal:

  reeve serve --sample

In another one, in the same directory:

  eval "$(reeve env)"
  aws license-manager list-license-configurations --endpoint-url "$REEVE_ENDPOINT"
  reeve usage "Oracle Database EE"
  reeve history "Oracle Database EE"

Keep your own ledger: start with reeve serve and an empty directory, put machines
in with reeve import, and say with any AWS client what was bought and which
machines use it (create-license-configuration,
update-license-specifications-for-resource).

` + exitHelp,
		Version:       versionLine(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noSuchCommand,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.SetFlagErrorFunc(flagError)
	root.SetVersionTemplate("{{.Version}}\n")
	addOutput(root, p)
	addGroup(root, "server", "Run a server:", newServe(p), newHealth(p), newEnv(p), newAccount(p), newOrganization(p), newUser(p), newRole(p), newPolicy(p), newKey(p), newAgentToken(p), newMigrate(p), newCopy(p), newBackup(p), newRestore(p))
	addGroup(root, "fill", "Tell it what there is:", newImport(p), newSource(p))
	addGroup(root, "discovery", "Let rules find what uses a licence:", newDiscover(p), newExclude(p), newInclude(p), newExclusions(p), newSoftware(p))
	addGroup(root, "sharing", "Let other accounts use a configuration:", newShare(p), newUnshare(p), newShares(p))
	addGroup(root, "ask", "Ask what is used, and prove it:", newTop(p), newUsage(p), newExplain(p), newHistory(p), newWhatIf(p), newDiff(p), newVerify(p), newAudit(p), newExport(p), newCheckpoint(p))
	root.AddCommand(newCompletion(p), newMan(p), newDocs(p), newVersion(p))
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), "FlagUsages |", "FlagUsagesWrapped 80 |"))
	root.CompletionOptions.DisableDefaultCmd = true
	return root
}

// addGroup adds commands that help shows together, under a title.
func addGroup(root *cobra.Command, id, title string, commands ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: id, Title: title})
	for _, c := range commands {
		c.GroupID = id
		root.AddCommand(c)
	}
}

// flagError says what is wrong with a flag. Of the values that our own flags
// refuse it repeats no more than they do: a database's URL may hold a password.
func flagError(_ *cobra.Command, err error) error {
	var value *pflag.InvalidValueError
	var ours *flagValueError
	if errors.As(err, &value) && errors.As(err, &ours) {
		return misuse("--%s %w", value.GetFlag().Name, ours)
	}
	return &usageError{err}
}

// flagValueError is what a flag of ours says of a value; the flag's name goes
// before it.
type flagValueError struct{ error }

// group is a command that only holds others. Its examples are the first of each.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Args: noSuchCommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	var examples []string
	for _, sub := range commands {
		first, _, _ := strings.Cut(sub.Example, "\n")
		examples = append(examples, first)
	}
	c.Example = strings.Join(examples, "\n")
	c.AddCommand(commands...)
	return c
}

func noSuchCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			names = append(names, sub.Name())
		}
	}
	c.SuggestionsMinimumDistance = 2 // letters
	if meant := c.SuggestionsFor(args[0]); len(meant) > 0 {
		return misuse("there is no command %q: did you mean %s?", args[0], strings.Join(meant, " or "))
	}
	return misuse("there is no command %q: the commands are %s", args[0], strings.Join(names, ", "))
}

// arguments is a check of positional arguments whose errors are usage errors
// that say what is missing.
func arguments(least, most int, what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return misuse("%s is missing", what)
		case most >= 0 && len(args) > most:
			return misuse("%q is one argument too many", args[most])
		}
		return nil
	}
}
