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
	o.connection.flags(c.Flags())
	complete(c, p, &o.connection, sourceNames)
	return c
}

func runSourceShow(ctx context.Context, p *process, o sourceOptions) error {
	c, err := o.dial(p)
	if err != nil {
		return err
	}
	s, err := getSource(ctx, c, o.name)
	if err != nil {
		return err
	}
	if !p.forPeople() {
		return printRecord(p, sourceView, &s)
	}
	return showSource(p, s)
}

// showSource prints a source for people.
func showSource(p *process, s api.Source) error {
	lines := [][]any{{val(s.Name), val(s.SourceId)}}
	for _, fact := range sourceFacts(s) {
		if fact[1] != "" {
			lines = append(lines, []any{fact[0], fact[1]})
		}
	}
	if err := printLines(p, lines); err != nil {
		return err
	}
	bad := s.TroubledRun
	if bad == nil || val(bad.Failed) == 0 {
		return nil
	}
	fmt.Fprintf(p.stdout, "\nrun %d of %s:\n", val(bad.Run), seconds(bad.StartTime))
	return printFailures(p, *bad)
}

func sourceFacts(s api.Source) [][2]string {
	facts := [][2]string{
		{"kind", val(s.Kind)},
		{"settings", val(s.Settings)},
		{"feeds account", val(s.AccountId)},
		{"region", val(s.Region)},
		{"created", seconds(s.CreatedTime) + " by " + val(s.CreatedBy)},
		{"runs every", (time.Duration(val(s.EverySeconds)) * time.Second).String()},
		{"state", sourceState(s)},
		{"next run", seconds(s.NextRunTime)},
		{"last success", seconds(s.LastSuccessTime)},
	}
	if val(s.AllowShrink) {
		facts = append(facts, [2]string{"allow shrink", "believes a run that finds far less than the one before"})
	}
	if n := val(s.FailedRuns); n > 0 {
		facts = append(facts, [2]string{"failing", counted(n, "run") + " in a row"})
	}
	if r := s.LastRun; r != nil {
		facts = append(facts,
			[2]string{"last run", fmt.Sprintf("%d, %s, began %s", val(r.Run), val(r.Status), seconds(r.StartTime))},
			[2]string{"it did", runCounts(*r)}, [2]string{"on server", val(r.Server)}, [2]string{"error", val(r.Error)})
	}
	if r := s.TroubledRun; r != nil && val(r.Run) != val(val(s.LastRun).Run) {
		facts = append(facts, [2]string{"last trouble", fmt.Sprintf("run %d, %s, %s: %s", val(r.Run), val(r.Status), runCounts(*r), val(r.Error))})
	}
	return facts
}

// seconds is a time of the server's in whole seconds, "" for none.
func seconds(text *string) string { return tableText(momentCell(text)) }
