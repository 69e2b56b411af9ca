package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"reeve/internal/api"
	"reeve/internal/client"
)

// Operations on sources.
const (
	opPutSources     = api.Reeve + ".PutSources"
	opGetSource      = api.Reeve + ".GetSource"
	opListSources    = api.Reeve + ".ListSources"
	opDeleteSource   = api.Reeve + ".DeleteSource"
	opRunSource      = api.Reeve + ".RunSource"
	opListSourceRuns = api.Reeve + ".ListSourceRuns"
)

func newSource(p *process) *cobra.Command {
	c := group("source", "Keep the places that the server pulls machines from by itself",
		newSourceAdd(p), newSourceList(p), newSourceShow(p), newSourceRun(p), newSourceRuns(p),
		newSourcePause(p), newSourceResume(p), newSourceRemove(p))
	c.Long = `Keep the places that the server pulls machines from by itself: AWS accounts,
vCenters, and directories of files. One server of the deployment runs a source at
a time. What a complete run does not find any more is released. Sources read
files and credentials of the server, so all of this needs a key of the root
account.`
	return c
}

type sourceOptions struct {
	connection
	name   string
	output outputFlag
}

// command makes a subcommand that is about one source.
func (o *sourceOptions) command(use, short, long string, run func(context.Context) error) *cobra.Command {
	return &cobra.Command{
		Use: use + " NAME", Short: short, Long: long, Args: arguments(1, 1, "NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			o.name = args[0]
			return run(c.Context())
		},
	}
}

var sourceColumns = []column{
	{key: "Name", title: "NAME"},
	{key: "Kind", title: "KIND"},
	{key: "AccountId", title: "ACCOUNT"},
	{key: "State", title: "STATE"},
	{key: "LastRunTime", title: "LAST RUN"},
	{key: "LastRunStatus", title: "ENDED"},
	{key: "Seen", title: "SEEN", right: true},
	{key: "Failed", title: "FAILED", right: true},
	{key: "NextRunTime", title: "NEXT RUN"},
}

func newSourceList(p *process) *cobra.Command {
	var o sourceOptions
	c := &cobra.Command{
		Use: "list", Short: "List the sources with their last and next runs", Args: arguments(0, 0, ""),
		Example: `  reeve source list
  reeve source list --output json`,
		RunE: func(c *cobra.Command, _ []string) error { return runSourceList(c.Context(), p, o) },
	}
	o.output.flags(c.Flags())
	o.connection.flags(c.Flags())
	return c
}

func runSourceList(ctx context.Context, p *process, o sourceOptions) error {
	c, err := o.dial(p)
	if err != nil {
		return err
	}
	out := newRecords(p.stdout, o.output, sourceColumns)
	err = eachPage(func(token *string) (*string, error) {
		var page api.ListSourcesOutput
		if err := call(ctx, c, opListSources, api.ListSourcesInput{NextToken: token}, &page); err != nil {
			return nil, err
		}
		for _, s := range page.Sources {
			if err := out.row(sourceCells(s)...); err != nil {
				return nil, err
			}
		}
		return page.NextToken, nil
	})
	if err != nil {
		return err
	}
	return out.end()
}

func sourceCells(s api.Source) []any {
	last := val(s.LastRun)
	return []any{val(s.Name), val(s.Kind), val(s.AccountId), sourceState(s),
		cell(seconds(last.StartTime)), cell(last.Status), cellNumber(last.Seen), cellNumber(last.Failed), cell(seconds(s.NextRunTime))}
}

// sourceState says in a word what a source is about.
func sourceState(s api.Source) string {
	switch {
	case val(s.Running):
		return "running"
	case val(s.Asked):
		return "asked to run"
	case val(s.Paused):
		return "paused"
	case val(s.FailedRuns) > 0:
		return "failing"
	}
	return "waiting"
}

// cell is a text of a table, nil for none.
func cell(s *string) any {
	if s == nil {
		return nil
	}
	return *s
}

func cellNumber(n *int64) any {
	if n == nil {
		return nil
	}
	return *n
}

// seconds cuts what is finer than a second off a time of the server's.
func seconds(text *string) *string {
	if text == nil {
		return nil
	}
	t, err := time.Parse(time.RFC3339Nano, *text)
	if err != nil {
		return text
	}
	cut := moment(t.Truncate(time.Second))
	return &cut
}

func newSourceRemove(p *process) *cobra.Command {
	var o sourceOptions
	c := o.command("remove", "Remove a source; its machines stay in the inventory",
		"Remove a source and what is kept of its runs. Nothing is released: what it\nreported stays in the inventory until somebody deletes it there.",
		func(ctx context.Context) error {
			c, err := o.dial(p)
			if err != nil {
				return err
			}
			if err := call(ctx, c, opDeleteSource, api.DeleteSourceInput{Name: &o.name}, &api.DeleteSourceOutput{}); err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.stdout, "removed %s; its machines stay in the inventory\n", printable(o.name))
			return err
		})
	o.connection.flags(c.Flags())
	return c
}

func newSourcePause(p *process) *cobra.Command {
	return newSourceSwitch(p, "pause", "Stop running a source by the clock; reeve source run still works", true)
}

func newSourceResume(p *process) *cobra.Command {
	return newSourceSwitch(p, "resume", "Run a paused source by the clock again", false)
}

func newSourceSwitch(p *process, verb, short string, paused bool) *cobra.Command {
	var o sourceOptions
	c := o.command(verb, short, short+".\nA run that is going on is not interrupted.", func(ctx context.Context) error {
		c, err := o.dial(p)
		if err != nil {
			return err
		}
		source, err := getSource(ctx, c, o.name) // so that a mistyped name is not taken for a new one
		if err != nil {
			return err
		}
		var out api.PutSourcesOutput
		in := api.PutSourcesInput{Sources: []api.SourceDefinition{{Name: source.Name, Paused: &paused}}}
		if err := call(ctx, c, opPutSources, in, &out); err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.stdout, "%s is %s\n", o.name, sourceState(out.Sources[0]))
		return err
	})
	o.connection.flags(c.Flags())
	return c
}

func getSource(ctx context.Context, c *client.Client, name string) (api.Source, error) {
	var out api.GetSourceOutput
	err := call(ctx, c, opGetSource, api.GetSourceInput{Name: &name}, &out)
	return val(out.Source), err
}
