package main

import (
	"context"
	"fmt"

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
	name string
}

// command makes a subcommand that is about one source.
func (o *sourceOptions) command(use, short, long string, run func(context.Context) error) *cobra.Command {
	return &cobra.Command{
		Use: use + " NAME", Short: short, Long: long, Example: "  reeve source " + use + " prod", Args: arguments(1, 1, "NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			o.name = args[0]
			return run(c.Context())
		},
	}
}

var sourceView = view[api.Source]{
	[]column{
		{key: "Name", title: "NAME"},
		{key: "Kind", title: "KIND"},
		{key: "AccountId", title: "ACCOUNT", spare: true},
		{key: "State", title: "STATE"},
		{key: "LastRunTime", title: "LAST RUN"},
		{key: "LastRunStatus", title: "ENDED"},
		{key: "Seen", title: "SEEN", right: true},
		{key: "Failed", title: "FAILED", right: true},
		{key: "NextRunTime", title: "NEXT RUN", spare: true},
	},
	func(s *api.Source) []any {
		last := val(s.LastRun)
		return []any{val(s.Name), val(s.Kind), val(s.AccountId), sourceState(*s),
			momentCell(last.StartTime), val(last.Status), number(last.Seen), number(last.Failed), momentCell(s.NextRunTime)}
	},
}

func newSourceList(p *process) *cobra.Command {
	var o sourceOptions
	c := &cobra.Command{
		Use: "list", Short: "List the sources with their last and next runs", Args: arguments(0, 0, ""),
		Example: `  reeve source list
  reeve source list --output json`,
		RunE: func(c *cobra.Command, _ []string) error { return runSourceList(c.Context(), p, o) },
	}
	o.connection.flags(c.Flags())
	return c
}

func runSourceList(ctx context.Context, p *process, o sourceOptions) error {
	c, err := o.dial(p)
	if err != nil {
		return err
	}
	return printPages(p, sourceView, func(token *string) ([]api.Source, *string, error) {
		var out api.ListSourcesOutput
		err := call(ctx, c, opListSources, api.ListSourcesInput{NextToken: token}, &out)
		return out.Sources, out.NextToken, err
	})
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
			return say(p, "removed %s; its machines stay in the inventory\n", printable(o.name))
		})
	o.connection.flags(c.Flags())
	complete(c, p, &o.connection, sourceNames)
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
		return printSaid(p, sourceView, &out.Sources[0], fmt.Sprintf("%s is %s\n", printable(o.name), sourceState(out.Sources[0])))
	})
	o.connection.flags(c.Flags())
	complete(c, p, &o.connection, sourceNames)
	return c
}

func getSource(ctx context.Context, c *client.Client, name string) (api.Source, error) {
	var out api.GetSourceOutput
	err := call(ctx, c, opGetSource, api.GetSourceInput{Name: &name}, &out)
	return val(out.Source), err
}
