package console

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"time"
)

// The drawing of a chart, in units of its own: the browser stretches it to the
// width that there is.
const (
	chartWidth  = 1000
	chartHeight = 240
	chartSteps  = 120 // at most; more are drawn together, so that no peak is lost
	chartRows   = 4   // lines behind it, about
)

// chart is consumption over time against what was bought.
type chart struct {
	Title string // what it shows, for who does not see it
	Unit  string // vCPUs
	To    time.Time
	Mark  time.Time // a moment to point at; zero for none
	Zone  *time.Location
	Steps []chartStep // in the order of time, each until the next
}

// chartStep is what happened from one moment until the next step.
type chartStep struct {
	From  time.Time
	Used  int64  // as it ended
	Peak  int64  // at most
	Limit *int64 // as it ended; nil: unlimited
}

// over is how far a step went beyond its limit.
func (s *chartStep) over() int64 {
	if s.Limit == nil {
		return 0
	}
	return max(0, s.Peak-*s.Limit)
}

// chartView is a chart as the partial "chart" shows it.
type chartView struct {
	Title   string
	Summary string // what there is to see, in words
	YAxis   template.HTML
	Plot    template.HTML
	XAxis   template.HTML
	Rows    []chartRow
}

// chartRow is a step in the table beside the chart.
type chartRow struct {
	From             stamp
	Used, Peak, Over int64
	Limit            *int64
}

// view draws a chart; nil when there is nothing to draw.
func (c chart) view() *chartView {
	c.Steps = merged(c.Steps, chartSteps)
	if len(c.Steps) == 0 || !c.To.After(c.Steps[0].From) {
		return nil
	}
	top, lines := c.scale()
	d := &drawing{chart: &c, top: top}
	out := &chartView{Title: c.Title, Summary: c.summary(), YAxis: d.yAxis(lines), Plot: d.plot(lines), XAxis: d.xAxis()}
	for _, s := range c.Steps {
		out.Rows = append(out.Rows, chartRow{(&visit{zone: c.Zone}).at(s.From), s.Used, s.Peak, s.over(), s.Limit})
	}
	return out
}

// merged draws neighbours together until there are at most so many: the peak is
// the highest of them, and the limit that of the worst over-use, else the last.
func merged(steps []chartStep, most int) []chartStep {
	if len(steps) <= most {
		return steps
	}
	each := (len(steps) + most - 1) / most
	out := make([]chartStep, 0, most)
	for at := 0; at < len(steps); at += each {
		group := steps[at:min(at+each, len(steps))]
		one, worst := group[len(group)-1], int64(0)
		one.From = group[0].From
		for i := range group {
			one.Peak = max(one.Peak, group[i].Peak)
			if over := group[i].over(); over > worst {
				worst, one.Limit = over, group[i].Limit
			}
		}
		out = append(out, one)
	}
	return out
}

// scale returns where the chart ends above, and its lines: round numbers.
func (c *chart) scale() (top int64, lines []int64) {
	most := int64(1)
	for i := range c.Steps {
		most = max(most, c.Steps[i].Peak, c.Steps[i].Used)
		if limit := c.Steps[i].Limit; limit != nil {
			most = max(most, *limit)
		}
	}
	step := roundStep(most)
	for n := int64(0); ; n += step {
		lines = append(lines, n)
		if n >= most || n > math.MaxInt64-step {
			return max(n, most), lines
		}
	}
}

// roundStep is the smallest of 1, 2, 5, 10, 20 … that cuts a number into few
// parts.
func roundStep(most int64) int64 {
	for unit := int64(1); ; unit *= 10 {
		for _, n := range []int64{1, 2, 5} {
			if step := n * unit; step*chartRows >= most || unit > math.MaxInt64/100 {
				return step
			}
		}
	}
}

// summary says what there is to see.
func (c *chart) summary() string {
	var peak chartStep
	over := 0
	for _, s := range c.Steps {
		if s.Peak > peak.Peak || peak.From.IsZero() {
			peak = s
		}
		if s.over() > 0 {
			over++
		}
	}
	last := c.Steps[len(c.Steps)-1]
	text := fmt.Sprintf("At the end %s %s in use", grouped(last.Used), c.Unit)
	if last.Limit != nil {
		text += " of " + grouped(*last.Limit)
	}
	text += fmt.Sprintf(". The most was %s, in the step of %s.", grouped(peak.Peak), peak.From.In(c.Zone).Format("2 January 2006"))
	if over > 0 {
		text += fmt.Sprintf(" More than was bought in %d of %d steps.", over, len(c.Steps))
	}
	return text
}

// drawing writes the parts of a chart.
type drawing struct {
	*chart
	top int64
	b   strings.Builder
}

// x and y are where a moment and a number are.
func (d *drawing) x(t time.Time) string {
	span := d.To.Sub(d.Steps[0].From)
	return coordinate(clamp(float64(t.Sub(d.Steps[0].From))/float64(span)) * chartWidth)
}

func (d *drawing) y(n int64) string {
	return coordinate((1 - clamp(float64(n)/float64(d.top))) * chartHeight)
}

// clamp keeps what is no number, or beyond the drawing, within it.
func clamp(part float64) float64 {
	if math.IsNaN(part) || part < 0 {
		return 0
	}
	return min(part, 1)
}

// coordinate writes a place with one decimal at most.
func coordinate(f float64) string {
	return strconv.FormatFloat(math.Round(f*10)/10, 'f', -1, 64)
}

func (d *drawing) end(i int) time.Time {
	if i+1 < len(d.Steps) {
		return d.Steps[i+1].From
	}
	return d.To
}

func (d *drawing) path(class, data string) {
	if data != "" {
		fmt.Fprintf(&d.b, `<path class="%s" d="%s"/>`, class, data)
	}
}

func (d *drawing) plot(lines []int64) template.HTML {
	for _, n := range lines {
		fmt.Fprintf(&d.b, `<path class="chart-grid" d="M0 %sH%d"/>`, d.y(n), chartWidth)
	}
	peak, used := func(s *chartStep) int64 { return s.Peak }, func(s *chartStep) int64 { return s.Used }
	d.path("chart-peak", d.area(peak))
	d.path("chart-used", d.area(used))
	d.path("chart-over", d.overArea())
	d.path("chart-line", d.line(used))
	d.path("chart-limit", d.limitLine())
	if !d.Mark.IsZero() && !d.Mark.Before(d.Steps[0].From) && !d.Mark.After(d.To) {
		d.path("chart-mark", "M"+d.x(d.Mark)+" 0V"+strconv.Itoa(chartHeight))
	}
	d.targets()
	return template.HTML(d.b.String()) // #nosec: numbers and escaped text alone
}

// line goes along the steps.
func (d *drawing) line(of func(*chartStep) int64) string {
	var b strings.Builder
	for i := range d.Steps {
		if i == 0 {
			b.WriteString("M0 " + d.y(of(&d.Steps[0])))
		} else {
			b.WriteString("V" + d.y(of(&d.Steps[i])))
		}
		b.WriteString("H" + d.x(d.end(i)))
	}
	return b.String()
}

func (d *drawing) area(of func(*chartStep) int64) string {
	return d.line(of) + "V" + strconv.Itoa(chartHeight) + "H0Z"
}

// overArea is what lies between the limit and the peak above it.
func (d *drawing) overArea() string {
	var b strings.Builder
	for i := range d.Steps {
		if s := &d.Steps[i]; s.over() > 0 {
			fmt.Fprintf(&b, "M%s %sH%sV%sH%sZ", d.x(s.From), d.y(s.Peak), d.x(d.end(i)), d.y(*s.Limit), d.x(s.From))
		}
	}
	return b.String()
}

// limitLine is broken where there is no limit.
func (d *drawing) limitLine() string {
	var b strings.Builder
	drawn := false
	for i := range d.Steps {
		s := &d.Steps[i]
		if s.Limit == nil {
			drawn = false
			continue
		}
		if drawn {
			b.WriteString("V" + d.y(*s.Limit))
		} else {
			b.WriteString("M" + d.x(s.From) + " " + d.y(*s.Limit))
		}
		b.WriteString("H" + d.x(d.end(i)))
		drawn = true
	}
	return b.String()
}

// targets are where the pointer finds what a step says.
func (d *drawing) targets() {
	for i := range d.Steps {
		s := &d.Steps[i]
		left, right := clampedX(d, s.From), clampedX(d, d.end(i))
		fmt.Fprintf(&d.b, `<rect class="chart-step" x="%s" width="%s" height="%d"><title>%s</title></rect>`,
			coordinate(left), coordinate(max(0, right-left)), chartHeight, template.HTMLEscapeString(d.tell(s)))
	}
}

func clampedX(d *drawing, t time.Time) float64 {
	return clamp(float64(t.Sub(d.Steps[0].From))/float64(d.To.Sub(d.Steps[0].From))) * chartWidth
}

// tell says in words what a step says.
func (d *drawing) tell(s *chartStep) string {
	text := s.From.In(d.Zone).Format("2 Jan 2006 15:04") + ": " + grouped(s.Used)
	if s.Limit != nil {
		text += " of " + grouped(*s.Limit)
	}
	if s.Peak != s.Used {
		text += ", at most " + grouped(s.Peak)
	}
	if over := s.over(); over > 0 {
		text += ", " + grouped(over) + " over"
	}
	return text
}

func (d *drawing) yAxis(lines []int64) template.HTML {
	var b strings.Builder
	for _, n := range lines {
		if n > d.top {
			continue
		}
		fmt.Fprintf(&b, `<text x="100%%" y="%s" dy="0.35em">%s</text>`, d.y(n), grouped(n))
	}
	return template.HTML(b.String()) // #nosec: numbers alone
}

// xAxis names days or months where they begin, each by its place in percent.
func (d *drawing) xAxis() template.HTML {
	var b strings.Builder
	for i, t := range d.ticks() {
		part := clamp(float64(t.at.Sub(d.Steps[0].From)) / float64(d.To.Sub(d.Steps[0].From)))
		anchor := "middle"
		switch {
		case part < 0.03:
			anchor = "start"
		case part > 0.97:
			anchor = "end"
		}
		class := ""
		if i%2 == 1 {
			class = ` class="chart-minor"`
		}
		fmt.Fprintf(&b, `<text%s x="%s%%" y="14" text-anchor="%s">%s</text>`, class, coordinate(part*100), anchor, template.HTMLEscapeString(t.text))
	}
	return template.HTML(b.String()) // #nosec: dates and numbers alone
}

// sparkline is a small chart without words; nil numbers draw nothing.
func sparkline(numbers []int64, limit *int64, label string) template.HTML {
	if len(numbers) == 0 {
		return ""
	}
	const height = 24.0
	most := int64(1)
	for _, n := range numbers {
		most = max(most, n)
	}
	if limit != nil {
		most = max(most, *limit)
	}
	y := func(n int64) string { return coordinate((1 - clamp(float64(n)/float64(most))) * height) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="sparkline" viewBox="0 -1 %d 26" preserveAspectRatio="none" role="img" aria-label="%s">`, len(numbers), template.HTMLEscapeString(label))
	line, over := "", ""
	for i, n := range numbers {
		if i == 0 {
			line = "M0 " + y(n)
		} else {
			line += "V" + y(n)
		}
		line += "H" + strconv.Itoa(i+1)
		if limit != nil && n > *limit {
			over += fmt.Sprintf("M%d %sh1V%sh-1Z", i, y(n), y(*limit))
		}
	}
	fmt.Fprintf(&b, `<path class="chart-used" d="%sV24H0Z"/>`, line)
	if over != "" {
		fmt.Fprintf(&b, `<path class="chart-over" d="%s"/>`, over)
	}
	fmt.Fprintf(&b, `<path class="chart-line" d="%s"/>`, line)
	if limit != nil {
		fmt.Fprintf(&b, `<path class="chart-limit" d="M0 %sH%d"/>`, y(*limit), len(numbers))
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) // #nosec: numbers and escaped text alone
}

// meter is a bar of what is in use of what was bought; what is beyond that is
// a part of its own. Without a limit there is none.
func meter(used int64, limit *int64) template.HTML {
	if limit == nil {
		return ""
	}
	whole := max(used, *limit, 1)
	within, bought := clamp(float64(min(used, *limit))/float64(whole))*100, clamp(float64(*limit)/float64(whole))*100
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="meter" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label="%s">`, template.HTMLEscapeString(share(used, *limit)))
	fmt.Fprintf(&b, `<rect class="meter-free" width="%s" height="8"/><rect class="meter-used" width="%s" height="8"/>`, coordinate(bought), coordinate(within))
	if used > *limit {
		fmt.Fprintf(&b, `<rect class="meter-over" x="%s" width="%s" height="8"/>`, coordinate(bought), coordinate(100-bought))
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) // #nosec: numbers alone
}

// share is how much of a limit is in use, rounded so that 100 % is all of it and
// 0 % nothing.
func share(used, limit int64) string {
	switch {
	case limit == 0 && used > 0:
		return "none was bought"
	case limit == 0:
		return "0 % in use"
	}
	part := float64(used) / float64(limit) * 100
	text := math.Round(part)
	switch {
	case used > limit:
		text = math.Max(text, 101)
	case used < limit:
		text = math.Min(text, 99)
	}
	if used > 0 && text < 1 {
		return "under 1 % in use"
	}
	return strconv.FormatFloat(text, 'f', 0, 64) + " % in use"
}
