package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"reeve/internal/api"
)

func newSourceShow(p *process) *cobra.Command {
	var o sourceOptions
	c := o.command("show", "Show a source: settings, last run, next run, and what failed",
		`Show a source: its settings, its last and its next run, and what failed in the
newest run in which something did.`,
		func(ctx context.Context) error { return runSourceShow(ctx, p, o) })
	c.Example = `  reeve source show prod
  reeve source show prod --output json`
	o.output.flags(c.Flags())
	o.connection.flags(c.Flags())
	return c
}

func runSourceShow(ctx context.Context, p *process, o sourceOptions) error {
	c, err := o.dial(p)
	if err != nil {
		return err
	}
	s, err := getSource(ctx, c, o.name)
	switch {
	case err != nil:
		return err
	case o.output == "json":
		return printJSON(p.stdout, s)
	case o.output == "csv":
		out := newRecords(p.stdout, o.output, sourceColumns)
		if err := out.row(sourceCells(s)...); err != nil {
			return err
		}
		return out.end()
	}
	return showSource(p, s)
}

// showSource prints a source for people.
func showSource(p *process, s api.Source) error {
	out := newRecords(p.stdout, "table", []column{{title: val(s.Name)}, {title: val(s.SourceId)}})
	for _, fact := range sourceFacts(s) {
		if fact[1] == "" {
			continue
		}
		if err := out.row(fact[0], fact[1]); err != nil {
			return err
		}
	}
	if err := out.end(); err != nil {
		return err
	}
	bad := s.TroubledRun
	if bad == nil || val(bad.Failed) == 0 {
		return nil
	}
	fmt.Fprintf(p.stdout, "\nrun %d of %s:\n", val(bad.Run), val(seconds(bad.StartTime)))
	return printFailures(p, *bad)
}

func sourceFacts(s api.Source) [][2]string {
	facts := [][2]string{
		{"kind", val(s.Kind)},
		{"settings", val(s.Settings)},
		{"feeds account", val(s.AccountId)},
		{"region", val(s.Region)},
		{"created", val(seconds(s.CreatedTime)) + " by " + val(s.CreatedBy)},
		{"runs every", (time.Duration(val(s.EverySeconds)) * time.Second).String()},
		{"state", sourceState(s)},
		{"next run", val(seconds(s.NextRunTime))},
		{"last success", val(seconds(s.LastSuccessTime))},
	}
	if val(s.AllowShrink) {
		facts = append(facts, [2]string{"allow shrink", "believes a run that finds far less than the one before"})
	}
	if n := val(s.FailedRuns); n > 0 {
		facts = append(facts, [2]string{"failing", counted(n, "run") + " in a row"})
	}
	if r := s.LastRun; r != nil {
		facts = append(facts,
			[2]string{"last run", fmt.Sprintf("%d, %s, began %s", val(r.Run), val(r.Status), val(seconds(r.StartTime)))},
			[2]string{"it did", runCounts(*r)}, [2]string{"on server", val(r.Server)}, [2]string{"error", val(r.Error)})
	}
	if r := s.TroubledRun; r != nil && val(r.Run) != val(val(s.LastRun).Run) {
		facts = append(facts, [2]string{"last trouble", fmt.Sprintf("run %d, %s, %s: %s", val(r.Run), val(r.Status), runCounts(*r), val(r.Error))})
	}
	return facts
}
