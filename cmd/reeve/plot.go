package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"reeve/internal/api"
)

// plot draws a history for people: an area of what was in use, a line at what
// was bought, and another fill where the area is beyond it.
type plot struct {
	screen screen
	points []api.UsageHistoryPoint
	from   time.Time
	to     time.Time
	name   string
	about  string // the line below the name

	columns, rows int
	top           int64 // the value at the upper edge
	tick          int64 // between two numbers of the axis
}

// The size of a plot without a terminal, and its bounds on one.
const (
	plotColumns = usualWidth
	plotRows    = 16
	leastRows   = 5
	mostRows    = 30
	mostColumns = 500 // the server gives at most 1000 steps
)

// plotSize is how many columns and rows the area of a plot has. Around it are a
// title, numbers, dates and a legend.
func plotSize(s screen) (columns, rows int) {
	if s.width == 0 {
		return plotColumns - axisRoom, plotRows
	}
	return max(10, min(s.width-axisRoom, mostColumns)), max(leastRows, min(s.height-7, mostRows))
}

// axisRoom is what numbers and axis take, at the least of what they need.
const axisRoom = 12

// print draws the plot as large as its screen allows.
func (d *plot) print(w io.Writer) error {
	d.columns, d.rows = plotSize(d.screen)
	return d.write(w)
}

func (d *plot) write(w io.Writer) error {
	d.scale()
	var b strings.Builder
	b.WriteString(d.screen.paint(bold, printable(d.name)) + "\n" + d.about + "\n")
	labels := d.numbers()
	for r := d.rows - 1; r >= 0; r-- {
		edge := d.char("│", "|")
		if labels[r] != "" {
			edge = d.char("┤", "+")
		}
		fmt.Fprintf(&b, "%*s %s%s\n", axisRoom-3, labels[r], edge, strings.TrimRight(d.line(r), " "))
	}
	b.WriteString(d.dates())
	b.WriteString(d.legend() + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (d *plot) char(unicode, ascii string) string {
	if d.screen.unicode {
		return unicode
	}
	return ascii
}

// scale chooses round numbers for the axis: four to eight of them.
func (d *plot) scale() {
	most := max(largest(d.points), 1)
	for d.tick = 1; most > 8*d.tick; {
		switch leading(d.tick) {
		case 2:
			d.tick = d.tick / 2 * 5
		default:
			d.tick *= 2
		}
	}
	d.top = (most + d.tick - 1) / d.tick * d.tick
}

// leading is the first digit of a number.
func leading(n int64) int64 {
	for n >= 10 {
		n /= 10
	}
	return n
}

// numbers are the labels of the rows, each at the row that ends at its value.
func (d *plot) numbers() map[int]string {
	labels := make(map[int]string)
	for v := d.tick; v <= d.top; v += d.tick {
		labels[d.rowOf(v)] = fmt.Sprint(v)
	}
	return labels
}

// rowOf is the row in which a value ends, from 0 at the bottom.
func (d *plot) rowOf(value int64) int {
	row := int((float64(value)*float64(d.rows) + float64(d.top) - 1) / float64(d.top))
	return max(0, min(row, d.rows)-1)
}

// point is what a column shows, or nil where there is no step for it.
func (d *plot) point(column int) *api.UsageHistoryPoint {
	at := column * len(d.points) / d.columns
	if at >= len(d.points) {
		return nil
	}
	return &d.points[at]
}

// line draws a row of the area. Neighbours of a style are painted together.
func (d *plot) line(row int) string {
	var line, run strings.Builder
	style := ""
	flush := func(next string) {
		line.WriteString(d.screen.paint(style, run.String()))
		run.Reset()
		style = next
	}
	for c := range d.columns {
		text, s := d.cell(d.point(c), row)
		if s != style {
			flush(s)
		}
		run.WriteString(text)
	}
	flush("")
	return line.String()
}

// eighths fill a cell from its bottom.
var eighths = []string{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}

// cell draws one character of the area, and says in which style.
func (d *plot) cell(p *api.UsageHistoryPoint, row int) (text, style string) {
	if p == nil {
		return " ", ""
	}
	filled := d.filled(val(p.PeakLicenses), row)
	atLimit, over := false, false
	if p.LicenseCount != nil {
		limit, peak := d.rowOf(*p.LicenseCount), val(p.PeakLicenses)
		atLimit = row == limit
		unseen := row == limit && d.filled(peak, row+1) == 0 // what is too little for the row above shows here
		over = peak > *p.LicenseCount && (row > limit || unseen)
	}
	switch {
	case filled == 0 && atLimit:
		return d.char("─", "-"), yellow
	case filled == 0:
		return " ", ""
	case over:
		return d.char(d.beyond(filled), "!"), red
	case filled < len(eighths)/2:
		return d.char(eighths[filled], "_"), green
	}
	return d.char(eighths[filled], "#"), green
}

// beyond fills a cell with what is more than was bought. Without colours another
// pattern says so, which has no eighths.
func (d *plot) beyond(filled int) string {
	switch {
	case d.screen.colours && filled < 8:
		return eighths[filled]
	case filled < 4:
		return "░"
	}
	return "▓"
}

// filled is how many eighths of a row a value fills. A value that is not 0 is
// seen at the bottom.
func (d *plot) filled(value int64, row int) int {
	height := float64(value) * float64(d.rows) / float64(d.top)
	n := int((height-float64(row))*8 + 0.5)
	if row == 0 && value > 0 {
		n = max(n, 1)
	}
	return max(0, min(n, 8))
}

// dates draws the axis of time: a mark, and below it the moment that it stands
// for.
func (d *plot) dates() string {
	layout := d.layout()
	width := len(layout) + 3
	axis, labels := strings.Builder{}, strings.Builder{}
	for c := 0; c < d.columns; c++ {
		if c%width != 0 || c+len(layout) > d.columns {
			axis.WriteString(d.char("─", "-"))
			continue
		}
		axis.WriteString(d.char("┬", "+"))
		at := d.from.Add(time.Duration(float64(d.to.Sub(d.from)) * float64(c) / float64(d.columns)))
		labels.WriteString(at.UTC().Format(layout) + "   ")
	}
	margin := strings.Repeat(" ", axisRoom-1)
	return fmt.Sprintf("%*d %s%s\n%s%s\n", axisRoom-3, 0, d.char("┼", "+"), axis.String(), margin, strings.TrimRight(labels.String(), " "))
}

// layout is how moments are written, so that two neighbours differ.
func (d *plot) layout() string {
	span := d.to.Sub(d.from)
	switch {
	case span > 30*day*time.Second:
		return time.DateOnly
	case span > 2*time.Hour:
		return "01-02 15:04"
	}
	return time.TimeOnly
}

// legend says what is drawn, and what was bought last.
func (d *plot) legend() string {
	parts := []string{d.char("█", "#") + " most in use"}
	if len(d.points) > 0 {
		last := d.points[len(d.points)-1]
		if last.LicenseCount != nil {
			parts = append(parts, d.char("─", "-")+" bought: "+limitText(last.LicenseCount, val(last.LicenseCountHardLimit)), d.char("▓", "!")+" beyond it")
		}
	}
	text := strings.Join(parts, "   ")
	pad := max(0, min(axisRoom-1, d.columns+axisRoom-utf8.RuneCountInString(text)))
	return strings.Repeat(" ", pad) + text
}
