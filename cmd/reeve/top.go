package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"reeve/internal/api"
	"reeve/internal/client"
)

type topOptions struct {
	connection
	interval time.Duration
	once     bool
}

// Bounds of what top reads and how often.
const (
	leastInterval = 500 * time.Millisecond
	mostInterval  = time.Hour
	mostPositions = 10_000
)

func newTop(p *process) *cobra.Command {
	var o topOptions
	c := &cobra.Command{
		Use:   "top",
		Short: "Show where all configurations stand, and keep showing it",
		Long: `Show where all configurations of the account and region stand, the fullest first:
what is in use, what was bought, what is beyond it, and how that has changed since
the start. q ends it.

--once prints that one time and ends, as do --output json and csv, and any output
that is no terminal. At most 10000 configurations are read.`,
		Example: `  reeve top
  reeve top --interval 10s
  reeve top --once --output csv > positions.csv`,
		Args: arguments(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error { return runTop(c.Context(), p, o) },
	}
	f := c.Flags()
	f.DurationVar(&o.interval, "interval", 2*time.Second, "`time` between two looks, 500ms to 1h")
	f.BoolVar(&o.once, "once", false, "print it one time and end")
	o.connection.flags(f)
	return c
}

func runTop(ctx context.Context, p *process, o topOptions) error {
	if o.interval < leastInterval || o.interval > mostInterval {
		return misuse("--interval is %s: give %s to %s", o.interval, leastInterval, mostInterval)
	}
	c, err := o.dial(p)
	if err != nil {
		return err
	}
	first, err := fetchPositions(ctx, c)
	if err != nil {
		return err
	}
	if o.once || !p.forPeople() || p.screen().width == 0 || !p.moves() {
		return printAll(p, positionView(p.screen(), nil), first)
	}
	return newTopScreen(p, c, o.interval, first).run(ctx)
}

// fetchPositions reads where all configurations stand, the fullest first.
func fetchPositions(ctx context.Context, c *client.Client) ([]api.Position, error) {
	var all []api.Position
	err := eachPage(func(token *string) (*string, error) {
		var out api.ListPositionsOutput
		if err := call(ctx, c, api.Reeve+".ListPositions", api.ListPositionsInput{NextToken: token}, &out); err != nil {
			return nil, err
		}
		if all = append(all, out.Positions...); len(all) >= mostPositions {
			return nil, nil
		}
		return out.NextToken, nil
	})
	slices.SortStableFunc(all, func(a, b api.Position) int {
		return cmp.Or(cmp.Compare(fullness(&b), fullness(&a)), cmp.Compare(val(b.ConsumedLicenses), val(a.ConsumedLicenses)), strings.Compare(val(a.Name), val(b.Name)))
	})
	return all[:min(len(all), mostPositions)], err
}

// fullness is what is in use of what was bought: 1 is all of it, and -1 stands
// for a number that is not limited.
func fullness(p *api.Position) float64 {
	used := float64(val(p.ConsumedLicenses))
	switch {
	case p.LicenseCount == nil:
		return -1
	case *p.LicenseCount > 0:
		return used / float64(*p.LicenseCount)
	}
	return used * 1e6 // more than anything that something was bought for
}

// percent is fullness as people read it.
func percent(p *api.Position) string {
	full := fullness(p)
	switch {
	case full < 0:
		return ""
	case full > 9.99:
		return ">999 %"
	}
	return fmt.Sprintf("%d %%", int(full*100))
}

// topBar is how wide the bars of top are; a wide terminal gives them more.
const topBar = 10

// positionView shows positions. With start, what was in use at the start by ARN,
// it says what has changed.
func positionView(s screen, start map[string]int64) view[api.Position] {
	width := max(topBar, min(4*topBar, s.width-84))
	return view[api.Position]{
		[]column{
			{key: "LicenseConfigurationArn"},
			{key: "Name", title: "CONFIGURATION"},
			{key: "LicenseCountingType", title: "COUNTS", spare: true},
			{key: "ConsumedLicenses", title: "IN USE", right: true},
			{key: "LicenseCount"},
			{title: "OF", right: true},
			{key: "LicenseCountHardLimit"},
			{title: "FULL", spread: true},
			{title: "", right: true},
			{key: "OverLicenses", title: "OVER", right: true},
			{key: "UnlicensedCount", title: "UNLICENSED", right: true, spare: true},
			{title: changeTitle(start), right: true},
		},
		func(p *api.Position) []any {
			bought := any("unlimited")
			if p.LicenseCount != nil {
				bought = *p.LicenseCount
			}
			over := val(p.OverLicenses)
			full := ""
			if p.LicenseCount != nil {
				full = meter(val(p.ConsumedLicenses), *p.LicenseCount, width, s.unicode)
			}
			return []any{val(p.LicenseConfigurationArn), warn(over, val(p.Name)), val(p.LicenseCountingType), val(p.ConsumedLicenses),
				number(p.LicenseCount), bought, val(p.LicenseCountHardLimit), warn(over, full), warn(over, percent(p)),
				warn(over, over), number(p.UnlicensedCount), change(p, start)}
		},
	}
}

func changeTitle(start map[string]int64) string {
	if start == nil {
		return ""
	}
	return "CHANGE"
}

// warn marks a cell of a configuration of which more is in use than was bought.
func warn(over int64, cell any) any {
	if over > 0 {
		return alarming(cell)
	}
	return cell
}

// change is how much more is in use than at the start.
func change(p *api.Position, start map[string]int64) string {
	before, known := start[val(p.LicenseConfigurationArn)]
	switch n := val(p.ConsumedLicenses) - before; {
	case start == nil:
		return ""
	case !known:
		return "new"
	case n != 0:
		return fmt.Sprintf("%+d", n)
	}
	return ""
}
