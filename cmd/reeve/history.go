package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"reeve/internal/api"
)

type historyOptions struct {
	connection
	configuration string
	from, to      string
	step          string
	plot          bool
}

func newHistory(p *process) *cobra.Command {
	var o historyOptions
	c := &cobra.Command{
		Use:   "history CONFIG",
		Short: "Show how many licences were in use over time",
		Long: `Show how many licences of a configuration were in use over time, in equal steps:
at the end of each step, the most during it, and what was bought then. The bar
shows the most; | marks what was bought and ! what is beyond it. --plot draws the
most as a chart as wide as the terminal, in ASCII where the locale is not UTF-8.

` + configurationHelp + "\n" + momentHelp,
		Example: `  reeve history "Oracle Database EE"
  reeve history "Oracle Database EE" --from 2026-01-01 --to 2026-02-01 --step 1d
  reeve history "Oracle Database EE" --plot --from 2026-01-01
  reeve history "Oracle Database EE" --output csv > history.csv`,
		Args: arguments(1, 1, "CONFIG"),
		RunE: func(c *cobra.Command, args []string) error {
			o.configuration = args[0]
			return runHistory(c.Context(), p, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.from, "from", "", "`TIME` to begin at (default the configuration's creation)")
	f.StringVar(&o.to, "to", "", "`TIME` to end at (default now)")
	f.StringVar(&o.step, "step", "", "`length` of a step, such as 15m, 6h or 1d (default a round one that makes at most 54)")
	o.connection.flags(f)
	f.BoolVar(&o.plot, "plot", false, "draw a chart; a step is as long as a column needs, unless --step says otherwise")
	complete(c, p, &o.connection, configurations)
	return c
}

// pointView shows the points of a history. People get a bar, which takes what the
// other columns leave of the terminal.
func pointView(p *process, points []api.UsageHistoryPoint) view[api.UsageHistoryPoint] {
	scale, width := largest(points), barWidth
	if screen := p.screen(); screen.width > 0 {
		width = max(8, min(2*barWidth, screen.width-historyWidth))
	}
	return view[api.UsageHistoryPoint]{
		[]column{
			{key: "From"},
			{title: "FROM"},
			{key: "ConsumedLicenses", title: "IN USE", right: true},
			{key: "PeakLicenses", title: "MOST", right: true},
			{key: "LicenseCount"},
			{title: "BOUGHT", right: true},
			{key: "LicenseCountHardLimit"},
			{title: "HARD"},
			{title: "MOST IN USE", spread: true},
		},
		func(point *api.UsageHistoryPoint) []any {
			bought, hard := any("unlimited"), ""
			if point.LicenseCount != nil {
				bought = *point.LicenseCount
			}
			if val(point.LicenseCountHardLimit) {
				hard = "yes"
			}
			return []any{momentCell(point.From), plainTime(val(point.From)), val(point.ConsumedLicenses), val(point.PeakLicenses),
				number(point.LicenseCount), bought, val(point.LicenseCountHardLimit), hard,
				barCell(val(point.PeakLicenses), point.LicenseCount, scale, width)}
		},
	}
}

// historyWidth is what the columns beside the bar take, with a limit in the
// millions.
const historyWidth = 58

// barCell is a bar that is noticed where it goes beyond what was bought.
func barCell(value int64, bought *int64, scale int64, width int) any {
	text := bar(value, bought, scale, width)
	if bought != nil && value > *bought {
		return alarming(text)
	}
	return text
}

func runHistory(ctx context.Context, p *process, o historyOptions) error {
	if o.plot && !p.forPeople() {
		return misuse("--plot draws for people: leave out --output %s, or --plot", p.output)
	}
	h, err := fetchHistory(ctx, p, o)
	if err != nil {
		return err
	}
	if o.plot {
		return printPlot(p, o.configuration, h)
	}
	return printAll(p, pointView(p, h.Points), h.Points)
}

func fetchHistory(ctx context.Context, p *process, o historyOptions) (*api.GetUsageHistoryOutput, error) {
	in := api.GetUsageHistoryInput{}
	var err error
	if in.From, err = parseOptionalMoment("--from", o.from); err != nil {
		return nil, err
	}
	if in.To, err = parseOptionalMoment("--to", o.to); err != nil {
		return nil, err
	}
	if in.StepSeconds, err = parseStep(o.step); err != nil {
		return nil, err
	}
	c, err := o.dial(p)
	if err != nil {
		return nil, err
	}
	arn, err := resolveConfiguration(ctx, c, o.configuration)
	if err != nil {
		return nil, err
	}
	in.LicenseConfigurationArn = &arn
	h := new(api.GetUsageHistoryOutput)
	err = call(ctx, c, api.Reeve+".GetUsageHistory", in, h)
	if err != nil || in.StepSeconds != nil {
		return h, err
	}
	if o.plot {
		columns, _ := plotSize(p.screen())
		columnSteps(&in, h, columns)
	} else {
		roundSteps(&in, h)
	}
	*h = api.GetUsageHistoryOutput{}
	return h, call(ctx, c, api.Reeve+".GetUsageHistory", in, h)
}

// roundLengths are the steps that people think in, in seconds.
var roundLengths = []int64{
	1, 5, 15, 60, 5 * 60, 15 * 60, 3600, 3 * 3600, 6 * 3600, 12 * 3600,
	day, 2 * day, 7 * day, 14 * day, 28 * day, 91 * day, 364 * day, 3640 * day,
}

const day = 24 * 3600

// mostSteps is how many steps fit on a screen, more or less.
const mostSteps = 54

// roundSteps chooses the shortest round step that makes few of them, now that
// the server has said what it would show. Where the start was its to choose,
// steps begin on the hour, at midnight, or on a Monday.
func roundSteps(in *api.GetUsageHistoryInput, h *api.GetUsageHistoryOutput) {
	from, errFrom := time.Parse(time.RFC3339Nano, val(h.From))
	to, errTo := time.Parse(time.RFC3339Nano, val(h.To))
	if errFrom != nil || errTo != nil {
		return // the server's own steps will do
	}
	in.To = h.To
	for _, seconds := range roundLengths {
		step := time.Duration(seconds) * time.Second
		start := from
		if in.From == nil {
			start = from.Truncate(step)
		}
		if to.Sub(start) < mostSteps*step {
			in.StepSeconds, in.From = &seconds, new(moment(start))
			return
		}
	}
}

// columnSteps makes at most so many steps of equal length.
func columnSteps(in *api.GetUsageHistoryInput, h *api.GetUsageHistoryOutput, columns int) {
	from, errFrom := time.Parse(time.RFC3339Nano, val(h.From))
	to, errTo := time.Parse(time.RFC3339Nano, val(h.To))
	if errFrom != nil || errTo != nil {
		return // the server's own steps will do
	}
	in.From, in.To = h.From, h.To
	per := time.Duration(columns) * time.Second
	in.StepSeconds = new(max(1, int64((to.Sub(from)+per-1)/per)))
}

// printPlot draws a history.
func printPlot(p *process, name string, h *api.GetUsageHistoryOutput) error {
	from, err := time.Parse(time.RFC3339Nano, val(h.From))
	if err != nil {
		return fmt.Errorf("read the start of the history: %w", err)
	}
	step := time.Duration(val(h.StepSeconds)) * time.Second
	to := from.Add(step * time.Duration(len(h.Points)))
	d := &plot{screen: p.screen(), name: name, points: h.Points, from: from, to: to}
	d.about = fmt.Sprintf("the most in each %s, %s to %s UTC", stepText(step), plainTime(val(h.From)), plainTime(val(h.To)))
	return d.print(p.stdout)
}

// stepText is a length of time as a person says it.
func stepText(d time.Duration) string {
	if hours := d.Hours(); hours >= 48 {
		return strconv.FormatFloat(hours/24, 'g', 3, 64) + " days"
	}
	if d > time.Hour {
		d = d.Round(time.Minute)
	}
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// parseStep reads a duration in whole seconds, with days beside Go's units.
func parseStep(text string) (*int64, error) {
	if text == "" {
		return nil, nil
	}
	days, isDays := strings.CutSuffix(text, "d")
	if n, err := strconv.ParseInt(days, 10, 32); isDays && err == nil && n > 0 {
		return optional(n * 24 * 60 * 60), nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second || d%time.Second != 0 {
		return nil, misuse("--step is %q: give whole seconds, such as 30s, 15m, 6h or 1d", text)
	}
	return optional(int64(d / time.Second)), nil
}

// barWidth is how many characters the largest value of a history has where no
// terminal says how many it may have.
const barWidth = 40

// largest is the largest value that the bars must show.
func largest(points []api.UsageHistoryPoint) int64 {
	var most int64
	for _, p := range points {
		most = max(most, val(p.PeakLicenses), val(p.LicenseCount))
	}
	return most
}

// bar draws a value: # up to what was bought, ! beyond, and | at what was
// bought.
func bar(value int64, bought *int64, scale int64, width int) string {
	if scale == 0 {
		return ""
	}
	length := func(n int64) int { return int((float64(n)*float64(width) + float64(scale)/2) / float64(scale)) }
	line := []byte(strings.Repeat("#", length(value)))
	if bought == nil {
		return string(line)
	}
	mark := length(*bought)
	for len(line) < mark {
		line = append(line, ' ')
	}
	for i := mark; i < len(line); i++ {
		line[i] = '!'
	}
	if value > *bought && len(line) == mark {
		line = append(line, '!') // too little to round up, and still too much
	}
	return string(line[:mark]) + "|" + string(line[mark:])
}

// plainTime is a moment as people read it in a column of them.
func plainTime(text string) string {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return text
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}
