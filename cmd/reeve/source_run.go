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
is until it ends; the exit code is 1 unless it succeeded. --allow-shrink believes
this one run when it finds less than half of what the one before found.`,
		func(ctx context.Context) error { return runSourceRun(ctx, p, o) })
	c.Example = `  reeve source run prod --wait
  reeve source run prod --wait --allow-shrink`
	c.Flags().BoolVar(&o.wait, "wait", false, "wait until the run has ended")
	c.Flags().BoolVar(&o.allowShrink, "allow-shrink", false, "believe a run that finds far less than the one before")
	o.connection.flags(c.Flags())
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
		_, err = fmt.Fprintf(p.stdout, "run %d of %s is asked for; see reeve source show %s\n", val(out.Run), o.name, o.name)
		return err
	}
	run, err := waitForRun(ctx, p, c, o.name, val(out.Run))
	if err != nil {
		return err
	}
	if err := printRun(p, o.name, run); err != nil {
		return err
	}
	if val(run.Status) != "SUCCEEDED" {
		return fmt.Errorf("run %d of %s did not succeed: %s", val(run.Run), o.name, printable(val(run.Error)))
	}
	return nil
}

// waitForRun waits until a run has ended. A later one stands for a run that had
// nothing to tell and is not kept.
func waitForRun(ctx context.Context, p *process, c *client.Client, name string, number int64) (api.SourceRun, error) {
	tick := time.NewTicker(runPoll)
	defer tick.Stop()
	for {
		last, err := newestRun(ctx, c, name, number)
		if err != nil {
			return last, err
		}
		ended := val(last.Run) >= number && last.EndTime != nil
		if p.watched() {
			fmt.Fprintf(p.stderr, "\r%s, %d failed ", counted(val(last.Seen), "resource"), val(last.Failed))
			if ended {
				fmt.Fprintf(p.stderr, "\r%40s\r", "")
			}
		}
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

// printRun prints a run that has ended, with what failed.
func printRun(p *process, name string, r api.SourceRun) error {
	fmt.Fprintf(p.stdout, "run %d of %s %s: %s\n", val(r.Run), name, strings.ToLower(val(r.Status)), runCounts(r))
	return printFailures(p, r)
}

func runCounts(r api.SourceRun) string {
	return fmt.Sprintf("%d seen, %d created, %d changed, %d unchanged, %d failed, %d gone",
		val(r.Seen), val(r.Created), val(r.Changed), val(r.Unchanged), val(r.Failed), val(r.Gone))
}

var failureColumns = []column{{key: "Place", title: "FAILED"}, {key: "Reason", title: "REASON"}}

func printFailures(p *process, r api.SourceRun) error {
	out := newRecords(p.stdout, "table", failureColumns)
	for _, f := range r.Failures {
		if err := out.row(val(f.Place), val(f.Reason)); err != nil {
			return err
		}
	}
	if err := out.end(); err != nil {
		return err
	}
	if more := val(r.Failed) - int64(len(r.Failures)); more > 0 {
		fmt.Fprintf(p.stdout, "and %d more\n", more)
	}
	return nil
}

var runColumns = []column{
	{key: "Run", title: "RUN", right: true},
	{key: "Status", title: "STATUS"},
	{key: "StartTime", title: "BEGAN"},
	{key: "EndTime", title: "ENDED"},
	{key: "Seen", title: "SEEN", right: true},
	{key: "Created", title: "CREATED", right: true},
	{key: "Changed", title: "CHANGED", right: true},
	{key: "Unchanged", title: "UNCHANGED", right: true},
	{key: "Failed", title: "FAILED", right: true},
	{key: "Gone", title: "GONE", right: true},
	{key: "Server", title: "SERVER"},
	{key: "Error", title: "ERROR"},
}

func newSourceRuns(p *process) *cobra.Command {
	var o sourceOptions
	c := o.command("runs", "List the runs of a source that are kept, the newest first",
		`List the runs of a source that are kept, the newest first: the last 100. Of runs in
a row that found nothing to do only the last is kept.`,
		func(ctx context.Context) error { return runSourceRuns(ctx, p, o) })
	o.output.flags(c.Flags())
	o.connection.flags(c.Flags())
	return c
}

func runSourceRuns(ctx context.Context, p *process, o sourceOptions) error {
	c, err := o.dial(p)
	if err != nil {
		return err
	}
	out := newRecords(p.stdout, o.output, runColumns)
	err = eachPage(func(token *string) (*string, error) {
		var page api.ListSourceRunsOutput
		if err := call(ctx, c, opListSourceRuns, api.ListSourceRunsInput{Name: &o.name, NextToken: token}, &page); err != nil {
			return nil, err
		}
		for _, r := range page.Runs {
			err := out.row(val(r.Run), val(r.Status), cell(seconds(r.StartTime)), cell(seconds(r.EndTime)), val(r.Seen), val(r.Created),
				val(r.Changed), val(r.Unchanged), val(r.Failed), val(r.Gone), val(r.Server), cell(r.Error))
			if err != nil {
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
