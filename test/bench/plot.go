package main

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"slices"
)

// The plot's size and the frame of its axes, in pixels.
const (
	plotWidth, plotHeight = 880, 470
	plotLeft, plotRight   = 70, 560
	plotTop, plotBottom   = 60, 400
)

// series is one line of the plot.
type series struct {
	database, name string
	points         []point // by records
}

type point struct{ records, micros float64 }

// plotted are the cases that have a line, with their shape of point; the color
// is the database's.
var plotted = []string{"all, " + firstPage, "all, " + randomPages, "all, " + deepPage, "asOf old, " + randomPages}

// plotOf draws the time of a page of 50 against the number of records as a
// SVG that is readable on light and dark ground.
func plotOf(r *report) []byte {
	lines := seriesOf(r)
	if len(lines) == 0 {
		return []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><title>No list was measured</title></svg>` + "\n")
	}
	var b bytes.Buffer
	plotHead(&b, r, lines)
	a := axesOf(lines)
	a.draw(&b)
	for i, s := range lines {
		a.line(&b, s, i)
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

func seriesOf(r *report) (lines []series) {
	for _, kind := range []string{"sqlite", "postgres"} {
		for _, name := range plotted {
			s := series{database: kind, name: name}
			for _, records := range r.sizes(kind) {
				if l := r.find(kind, records, 50, name); l != nil && l.Micros > 0 {
					s.points = append(s.points, point{float64(records), l.Micros})
				}
			}
			if len(s.points) > 0 {
				lines = append(lines, s)
			}
		}
	}
	return lines
}

const plotStyle = `<style>
text{font:13px system-ui,sans-serif;fill:#24292f}
.axis{stroke:#57606a;fill:none}
.grid{stroke:#8c959f;stroke-opacity:.3;fill:none}
.sqlite{stroke:#0969da;fill:none;stroke-width:2}
.postgres{stroke:#bc4c00;fill:none;stroke-width:2}
.dot{fill:#ffffff}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}
.axis{stroke:#9198a1}
.sqlite{stroke:#58a6ff}
.postgres{stroke:#f0883e}
.dot{fill:#0d1117}
}
</style>
`

// plotHead writes the title, and in words what the lines show.
func plotHead(b *bytes.Buffer, r *report, lines []series) {
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-labelledby="title description">`+"\n", plotWidth, plotHeight)
	b.WriteString(`<title id="title">Time of a page of 50 usage records by number of records</title>` + "\n")
	b.WriteString(`<desc id="description">Microseconds over one connection, client included.`)
	for _, s := range lines {
		fmt.Fprintf(b, " %s, %s:", kindNames[s.database], html.EscapeString(s.name))
		for _, p := range s.points {
			fmt.Fprintf(b, " %.0f µs at %s records;", p.micros, count(int(p.records)))
		}
	}
	b.WriteString("</desc>\n" + plotStyle)
	fmt.Fprintf(b, `<text x="%d" y="26" style="font-size:16px;font-weight:600">Time of a page of 50, µs</text>`+"\n", plotLeft)
	fmt.Fprintf(b, `<text x="%d" y="46">one connection, client included; %s, %d cores, %s</text>`+"\n", plotLeft, html.EscapeString(r.Machine.CPU), r.Machine.Cores, r.Machine.Date)
}

// axes turn a point into a place: records logarithmic, time from zero.
type axes struct{ least, most, top, step float64 }

func axesOf(lines []series) axes {
	a := axes{least: math.Inf(1)}
	for _, s := range lines {
		for _, p := range s.points {
			a.least, a.most, a.top = min(a.least, p.records), max(a.most, p.records), max(a.top, p.micros)
		}
	}
	a.step = niceStep(a.top / 5)
	a.top = a.step * math.Ceil(a.top*1.05/a.step)
	if a.least == a.most {
		a.most *= 10
	}
	return a
}

// niceStep is the least of 1, 2 or 5 times a power of ten that is not below x.
func niceStep(x float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(max(x, 1))))
	for _, n := range []float64{1, 2, 5} {
		if n*power >= x {
			return n * power
		}
	}
	return 10 * power
}

func (a axes) x(records float64) float64 {
	share := (math.Log10(records) - math.Log10(a.least)) / (math.Log10(a.most) - math.Log10(a.least))
	return plotLeft + share*(plotRight-plotLeft)
}

func (a axes) y(micros float64) float64 { return plotBottom - micros/a.top*(plotBottom-plotTop) }

// draw draws the axes, their grid and their numbers.
func (a axes) draw(b *bytes.Buffer) {
	for v := 0.0; v <= a.top+a.step/2; v += a.step {
		y := a.y(v)
		fmt.Fprintf(b, `<path class="grid" d="M%d %.1fH%d"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n", plotLeft, y, plotRight, plotLeft-8, y+4, whole(v))
	}
	for n := math.Pow(10, math.Ceil(math.Log10(a.least))); n <= a.most*1.001; n *= 10 {
		x := a.x(n)
		fmt.Fprintf(b, `<path class="grid" d="M%.1f %dV%d"/><text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", x, plotTop, plotBottom, x, plotBottom+20, whole(n))
	}
	fmt.Fprintf(b, `<path class="axis" d="M%d %dV%dH%d"/><text x="%d" y="%d" text-anchor="middle">usage records (logarithmic)</text>`+"\n",
		plotLeft, plotTop, plotBottom, plotRight, (plotLeft+plotRight)/2, plotBottom+46)
}

// dashes tell the cases apart where colors cannot.
var dashes = []string{"", "6 4", "2 4", "10 4 2 4"}

// line draws a series and its line of the legend.
func (a axes) line(b *bytes.Buffer, s series, place int) {
	dash := dashes[max(0, slices.Index(plotted, s.name))]
	fmt.Fprintf(b, `<path class="%s" stroke-dasharray="%s" d="`, s.database, dash)
	for i, p := range s.points {
		fmt.Fprintf(b, "%c%.1f %.1f", "ML"[min(i, 1)], a.x(p.records), a.y(p.micros))
	}
	b.WriteString(`"/>`)
	for _, p := range s.points {
		fmt.Fprintf(b, `<circle class="%s dot" cx="%.1f" cy="%.1f" r="3.5"/>`, s.database, a.x(p.records), a.y(p.micros))
	}
	y := plotTop + 10 + 24*place
	fmt.Fprintf(b, `<path class="%s" stroke-dasharray="%s" d="M%d %dh34"/><text x="%d" y="%d">%s, %s</text>`+"\n",
		s.database, dash, plotRight+20, y, plotRight+62, y+4, kindNames[s.database], html.EscapeString(s.name))
}
