package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// table lines columns up. It looks at the first rows to choose the widths and
// then streams; a later cell that is wider moves only its own line. On a
// terminal, what does not fit a line is cut, and the last column goes on below
// itself; a pipe or a file gets all of it as it is.
type table struct {
	w       io.Writer
	screen  screen
	columns []column
	held    [][]tableCell
	widths  []int // chosen when not nil; -1 for a column that is left out
}

// tableCell is the text of a cell, and whether it is to be noticed.
type tableCell struct {
	text  string
	alarm bool
}

// tableLook is how many rows a table looks at.
const tableLook = 1000

// gap is what is between two columns.
const gap = "  "

// The least that columns of text are cut to: first all of them a little, then
// those that matter, when the others are left out.
const (
	comfortable = 30
	tight       = 12
)

func newTable(p *process, columns []column) *table {
	return &table{w: p.stdout, screen: p.screen(), columns: columns}
}

func (t *table) row(_ any, cells []any) error {
	out := make([]tableCell, len(cells))
	for i, c := range cells {
		out[i] = tableCellOf(c)
	}
	if t.widths != nil {
		return t.print(out, "")
	}
	t.held = append(t.held, out)
	if len(t.held) < tableLook {
		return nil
	}
	return t.release()
}

func tableCellOf(cell any) tableCell {
	if a, ok := cell.(alarm); ok {
		return tableCell{tableText(a.cell), true}
	}
	return tableCell{text: tableText(cell)}
}

// tableText is a cell as people read it.
func tableText(cell any) string {
	switch c := cell.(type) {
	case nil:
		return ""
	case bool:
		if c {
			return "yes"
		}
		return "no"
	case instant:
		return wholeSeconds(string(c))
	case []string:
		if len(c) > 1 {
			return printable(fmt.Sprintf("%s and %d more", c[0], len(c)-1))
		}
		return printable(strings.Join(c, ""))
	}
	return printable(fmt.Sprint(cell))
}

// wholeSeconds cuts what is finer than a second off a moment.
func wholeSeconds(text string) string {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return printable(text)
	}
	return moment(t.Truncate(time.Second))
}

func (t *table) end() error {
	if t.widths != nil || len(t.held) == 0 {
		return nil
	}
	return t.release()
}

// release chooses the widths and prints what was held.
func (t *table) release() error {
	titles := make([]tableCell, len(t.columns))
	for i, c := range t.columns {
		titles[i].text = c.title
	}
	t.measure(append([][]tableCell{titles}, t.held...))
	held := t.held
	t.held = nil
	if err := t.print(titles, bold); err != nil {
		return err
	}
	for _, row := range held {
		if err := t.print(row, ""); err != nil {
			return err
		}
	}
	return nil
}

// measure chooses the widths of columns.
func (t *table) measure(rows [][]tableCell) {
	t.widths = make([]int, len(t.columns))
	for i, c := range t.columns {
		if c.title == "" && c.key != "" {
			t.widths[i] = -1
			continue
		}
		for _, row := range rows {
			t.widths[i] = max(t.widths[i], utf8.RuneCountInString(row[i].text))
		}
	}
	if t.screen.width > 0 {
		t.fit()
	}
}

// fit makes the lines as short as the terminal is wide, if that can be: long
// texts get shorter, then spare columns go, the last one first.
func (t *table) fit() {
	t.squeeze(comfortable)
	for i := len(t.columns) - 1; i >= 0 && t.excess() > 0; i-- {
		if t.columns[i].spare {
			t.widths[i] = -1
		}
	}
	t.squeeze(tight)
}

// squeeze takes from the widest column of text until all fits or the widest is
// least wide.
func (t *table) squeeze(least int) {
	for over := t.excess(); over > 0; over-- {
		widest := -1
		for i, c := range t.columns {
			if !c.right && !c.spread && t.widths[i] > max(least, len(c.title)) && (widest < 0 || t.widths[i] > t.widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		t.widths[widest]--
	}
}

// excess is how much wider than the terminal a line is.
func (t *table) excess() int {
	total := -len(gap)
	for _, w := range t.widths {
		if w >= 0 {
			total += w + len(gap)
		}
	}
	return total - t.screen.width
}

func (t *table) print(row []tableCell, style string) error {
	var line strings.Builder
	last := t.lastText()
	rest, indent, blank := "", 0, 0 // blank spaces are owed, as none end a line
	for i, cell := range row {
		width := t.widths[i]
		if width < 0 {
			continue
		}
		text := cell.text
		switch {
		case t.screen.width == 0 || t.columns[i].right:
		case i == last:
			text, rest = breakText(text, width)
			indent = t.before(i)
		default:
			text = t.screen.cut(text, width)
		}
		pad := max(0, width-utf8.RuneCountInString(text))
		if t.columns[i].right {
			blank, pad = blank+pad, 0
		}
		if text != "" {
			line.WriteString(strings.Repeat(" ", blank) + t.screen.paint(cellStyle(cell, style), text))
			blank = 0
		}
		blank += pad + len(gap)
	}
	for piece := ""; rest != ""; {
		piece, rest = breakText(rest, t.widths[last])
		line.WriteString("\n" + strings.Repeat(" ", indent) + t.screen.paint(cellStyle(row[last], style), piece))
	}
	_, err := fmt.Fprintln(t.w, line.String())
	return err
}

// lastText is the last column that is shown if it is one of text, which goes on
// in further lines and is not cut; else -1.
func (t *table) lastText() int {
	for i := len(t.columns) - 1; i >= 0; i-- {
		if t.widths[i] >= 0 {
			if t.columns[i].right || t.columns[i].spread {
				return -1
			}
			return i
		}
	}
	return -1
}

// before is how much of a line is before a column.
func (t *table) before(column int) int {
	sum := 0
	for _, w := range t.widths[:column] {
		if w >= 0 {
			sum += w + len(gap)
		}
	}
	return sum
}

// breakText takes as many words off a text as fit a line, or a part of the first
// one.
func breakText(text string, width int) (line, rest string) {
	runes := []rune(text)
	if len(runes) <= width {
		return text, ""
	}
	for at := width; at > 0; at-- {
		if runes[at] == ' ' {
			return string(runes[:at]), strings.TrimLeft(string(runes[at:]), " ")
		}
	}
	return string(runes[:width]), string(runes[width:])
}

func cellStyle(cell tableCell, style string) string {
	if cell.alarm {
		return red
	}
	return style
}

// cut shortens a text to so many characters. What tells ARNs apart is at their
// end.
func (s screen) cut(text string, width int) string {
	runes, mark := []rune(text), "~"
	if s.unicode {
		mark = "…"
	}
	switch {
	case len(runes) <= width:
		return text
	case width < 2:
		return string(runes[:width])
	case strings.HasPrefix(text, "arn:") && !strings.Contains(text, " "):
		return mark + wholeParts(string(runes[len(runes)-width+1:]))
	}
	return string(runes[:width-1]) + mark
}

// wholeParts leaves out the part of an ARN that its end begins in the middle of.
func wholeParts(end string) string {
	if at := strings.IndexAny(end, ":/"); at >= 0 {
		return end[at:]
	}
	return end
}

// printFields prints the fields of one object that have a value, a line each.
func printFields(p *process, columns []column, cells []any) error {
	var lines [][]any
	for i, c := range columns {
		if c.title != "" && tableCellOf(cells[i]).text != "" {
			lines = append(lines, []any{c.title, cells[i]})
		}
	}
	return printLines(p, lines)
}

// printLines prints pairs of a name and a value, a line each.
func printLines(p *process, lines [][]any) error {
	widest := 0
	for _, l := range lines {
		widest = max(widest, utf8.RuneCountInString(fmt.Sprint(l[0])))
	}
	screen := p.screen()
	for _, l := range lines {
		name, value := fmt.Sprint(l[0]), tableCellOf(l[1])
		pad := strings.Repeat(" ", widest-utf8.RuneCountInString(name))
		if _, err := fmt.Fprintln(p.stdout, screen.paint(bold, name)+pad+gap+screen.paint(cellStyle(value, ""), value.text)); err != nil {
			return err
		}
	}
	return nil
}

// printable keeps what machines reported from moving a terminal's cursor.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError || unicode.Is(unicode.Bidi_Control, r) {
			return '?'
		}
		return r
	}, s)
}
