package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"reeve/internal/api"
	"reeve/internal/client"
)

// runPoll is the time between two looks at a run that is waited for.
const runPoll = 300 * time.Millisecond

type sourceRunOptions struct {
	sourceOptions
	wait        bool
	allowShrink bool
}

func newSourceRun(p *process) *cobra.Command {
	var o sourceRunOptions
	c := o.command("run", "Run a source now, paused or not",
		`Ask for a run of a source now, whether it is paused or not. --wait shows how far it
is until it ends; the exit code is 4 unless it succeeded. --allow-shrink believes
this one run when it finds less than half of what the one before found.`,
		func(ctx context.Context) error { return runSourceRun(ctx, p, o) })
	c.Example = `  reeve source run prod --wait
  reeve source run prod --wait --allow-shrink`
	c.Flags().BoolVar(&o.wait, "wait", false, "wait until the run has ended")
	c.Flags().BoolVar(&o.allowShrink, "allow-shrink", false, "believe a run that finds far less than the one before")
	o.connection.flags(c.Flags())
	complete(c, p, &o.connection, sourceNames)
	return c
}

func runSourceRun(ctx context.Context, p *process, o sourceRunOptions) error {
	c, err := o.dial(p)
	if err != nil {
		return err
	}
	var out api.RunSourceOutput
	in := api.RunSourceInput{Name: &o.name, AllowShrink: optional(o.allowShrink)}
	if err := call(ctx, c, opRunSource, in, &out); err != nil {
		return err
	}
	if !o.wait {
		name := printable(o.name)
		return printSaid(p, askedRunView, &out, fmt.Sprintf("run %d of %s is asked for; see reeve source show %s\n", val(out.Run), name, name))
	}
	run, err := waitForRun(ctx, p, c, o.name, val(out.Run))
	if err != nil {
		return err
	}
	if err := printRun(p, o.name, &run); err != nil {
		return err
	}
	if val(run.Status) != "SUCCEEDED" {
		return negative("run %d of %s did not succeed: %s", val(run.Run), o.name, printable(val(run.Error)))
	}
	return nil
}

// waitForRun waits until a run has ended. A later one stands for a run that had
// nothing to tell and is not kept.
func waitForRun(ctx context.Context, p *process, c *client.Client, name string, number int64) (api.SourceRun, error) {
	g := newProgress(p)
	defer g.clear()
	tick := time.NewTicker(runPoll)
	defer tick.Stop()
	for {
		last, err := newestRun(ctx, c, name, number)
		if err != nil {
			return last, err
		}
		ended := val(last.Run) >= number && last.EndTime != nil
		g.show(0, 0, fmt.Sprintf("%s, %d failed", counted(val(last.Seen), "resource"), val(last.Failed)))
		if ended {
			return last, nil
		}
		select {
		case <-ctx.Done():
			return last, ctx.Err()
		case <-tick.C:
		}
	}
}

// newestRun returns the run of that number if it is among the newest, else the
// newest of all.
func newestRun(ctx context.Context, c *client.Client, name string, number int64) (api.SourceRun, error) {
	var out api.ListSourceRunsOutput
	size := int64(5)
	if err := call(ctx, c, opListSourceRuns, api.ListSourceRunsInput{Name: &name, MaxResults: &size}, &out); err != nil {
		return api.SourceRun{}, err
	}
	for _, r := range out.Runs {
		if val(r.Run) == number {
			return r, nil
		}
	}
	if len(out.Runs) == 0 || val(out.Runs[0].Run) < number {
		return api.SourceRun{}, nil
	}
	return out.Runs[0], nil
}

var askedRunView = view[api.RunSourceOutput]{
	[]column{{key: "Run"}},
	func(out *api.RunSourceOutput) []any { return []any{val(out.Run)} },
}

// printRun prints a run that has ended, with what failed.
func printRun(p *process, name string, r *api.SourceRun) error {
	if !p.forPeople() {
		return printRecord(p, runView, r)
	}
	fmt.Fprintf(p.stdout, "run %d of %s %s: %s\n", val(r.Run), printable(name), strings.ToLower(val(r.Status)), runCounts(*r))
	return printFailures(p, *r)
}

func runCounts(r api.SourceRun) string {
	return fmt.Sprintf("%d seen, %d created, %d changed, %d unchanged, %d failed, %d gone",
		val(r.Seen), val(r.Created), val(r.Changed), val(r.Unchanged), val(r.Failed), val(r.Gone))
}

var failureView = view[api.SourceFailure]{
	[]column{{key: "Place", title: "FAILED"}, {key: "Reason", title: "REASON"}},
	func(f *api.SourceFailure) []any { return []any{val(f.Place), val(f.Reason)} },
}

// printFailures lists for people what failed in a run.
func printFailures(p *process, r api.SourceRun) error {
	if err := printAll(p, failureView, r.Failures); err != nil {
		return err
	}
	if more := val(r.Failed) - int64(len(r.Failures)); more > 0 {
		fmt.Fprintf(p.stdout, "and %d more\n", more)
	}
	return nil
}

var runView = view[api.SourceRun]{
	[]column{
		{key: "Run", title: "RUN", right: true},
		{key: "Status", title: "STATUS"},
		{key: "StartTime", title: "BEGAN"},
		{key: "EndTime", title: "ENDED", spare: true},
		{key: "Seen", title: "SEEN", right: true},
		{key: "Created", title: "CREATED", right: true},
		{key: "Changed", title: "CHANGED", right: true},
		{key: "Unchanged", title: "UNCHANGED", right: true, spare: true},
		{key: "Failed", title: "FAILED", right: true},
		{key: "Gone", title: "GONE", right: true, spare: true},
		{key: "Server", title: "SERVER", spare: true},
		{key: "Error", title: "ERROR"},
	},
	func(r *api.SourceRun) []any {
		return []any{val(r.Run), val(r.Status), momentCell(r.StartTime), momentCell(r.EndTime), val(r.Seen), val(r.Created),
			val(r.Changed), val(r.Unchanged), val(r.Failed), val(r.Gone), val(r.Server), alarming(val(r.Error))}
	},
}

func newSourceRuns(p *process) *cobra.Command {
	var o sourceOptions
	c := o.command("runs", "List the runs of a source that are kept, the newest first",
		`List the runs of a source that are kept, the newest first: the last 100. Of runs in
a row that found nothing to do only the last is kept.`,
		func(ctx context.Context) error { return runSourceRuns(ctx, p, o) })
	o.connection.flags(c.Flags())
	complete(c, p, &o.connection, sourceNames)
	return c
}

func runSourceRuns(ctx context.Context, p *process, o sourceOptions) error {
	c, err := o.dial(p)
	if err != nil {
		return err
	}
	return printPages(p, runView, func(token *string) ([]api.SourceRun, *string, error) {
		var out api.ListSourceRunsOutput
		err := call(ctx, c, opListSourceRuns, api.ListSourceRunsInput{Name: &o.name, NextToken: token}, &out)
		return out.Runs, out.NextToken, err
	})
}
