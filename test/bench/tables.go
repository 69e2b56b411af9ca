package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// tables are the tables of a report; parts that were not measured have none.
func (r *report) tables() []table {
	var all []table
	for _, kind := range []string{"sqlite", "postgres"} {
		all = append(all, r.ratioTable(kind), r.timeTable(kind))
	}
	all = append(all, r.flatTable(), r.shapeTable("sqlite"), r.shapeTable("postgres"))
	all = append(all, r.writeTable(), r.startTable(), r.overloadTable(), r.peerTable(), r.goalTable())
	return slices.DeleteFunc(all, func(t table) bool { return len(t.rows) == 0 })
}

var kindNames = map[string]string{"sqlite": "SQLite", "postgres": "PostgreSQL"}

// count writes a number with commas.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func whole(x float64) string { return count(int(x + 0.5)) }

// pivot collects cells by row and column, in the order of their coming.
type pivot struct {
	columns []string
	names   [][]string // of rows
	cells   map[string]string
}

func (p *pivot) add(row []string, column, cell string) {
	if !slices.Contains(p.columns, column) {
		p.columns = append(p.columns, column)
	}
	if !slices.ContainsFunc(p.names, func(n []string) bool { return slices.Equal(n, row) }) {
		p.names = append(p.names, row)
	}
	if p.cells == nil {
		p.cells = map[string]string{}
	}
	p.cells[strings.Join(row, "\t")+"\n"+column] = cell
}

// rows are the names of each row and its cells; one that is not there is empty.
func (p *pivot) rows() [][]string {
	rows := make([][]string, len(p.names))
	for i, name := range p.names {
		rows[i] = slices.Clone(name)
		for _, column := range p.columns {
			rows[i] = append(rows[i], p.cells[strings.Join(name, "\t")+"\n"+column])
		}
	}
	return rows
}

func (r *report) ratioTable(kind string) table {
	var p pivot
	for _, l := range r.Lists {
		if l.Database == kind {
			p.add([]string{strconv.Itoa(l.Page), l.Case}, count(l.Records), l.Ratio.String())
		}
	}
	return table{
		title: "ListUsage on " + kindNames[kind] + ", beside the same bytes from memory",
		note:  "Answers a second divided by those of a handler that sends the same bytes from memory; in brackets the least and the most of the rounds. Columns: records.",
		left:  2, head: append([]string{"page", "case"}, p.columns...), rows: p.rows(),
	}
}

func (r *report) timeTable(kind string) table {
	var p pivot
	for _, l := range r.Lists {
		if l.Database == kind && l.Micros > 0 {
			p.add([]string{l.Case}, count(l.Records), whole(l.Micros))
		}
	}
	return table{
		title: "Time of a page of 50 on " + kindNames[kind],
		note:  "Microseconds from request to answer over one connection, client included. Columns: records.",
		left:  1, head: append([]string{"case"}, p.columns...), rows: p.rows(),
	}
}

// find returns a measured list.
func (r *report) find(kind string, records, page int, name string) *listRow {
	i := slices.IndexFunc(r.Lists, func(l listRow) bool {
		return l.Database == kind && l.Records == records && l.Page == page && l.Case == name
	})
	if i < 0 {
		return nil
	}
	return &r.Lists[i]
}

// sizes are the numbers of records that lists were measured with.
func (r *report) sizes(kind string) (sizes []int) {
	for _, l := range r.Lists {
		if l.Database == kind && !slices.Contains(sizes, l.Records) {
			sizes = append(sizes, l.Records)
		}
	}
	slices.Sort(sizes)
	return sizes
}

// compared are the lists whose page of 50 is compared with the first page of
// the list of all, among the most records.
var compared = []string{
	"all, " + deepPage, "all, " + randomPages, "type=RDS, " + randomPages, "account, " + randomPages,
	"rare type, " + firstPage, "rare account, " + firstPage,
	"asOf old, " + firstPage, "asOf old, " + deepPage, "asOf old, " + randomPages, "asOf old, type=RDS, " + randomPages,
}

// flatTable compares lists of the largest fleet with each other, and with the
// smallest fleet's.
func (r *report) flatTable() table {
	t := table{title: "No cost that grows", left: 2, head: []string{"database", "time of a page of 50", "measured", "goal"},
		note: "How much longer one page takes than another, with the most records, from the ratios above."}
	for _, kind := range []string{"sqlite", "postgres"} {
		sizes := r.sizes(kind)
		if len(sizes) == 0 {
			continue
		}
		small, large := sizes[0], sizes[len(sizes)-1]
		base := "all, " + firstPage
		for _, name := range compared {
			t.compare(kind, name+" / first page", r.find(kind, large, 50, name), r.find(kind, large, 50, base))
		}
		if random := "all, " + randomPages; small < large {
			t.compare(kind, fmt.Sprintf("random pages of %s records / of %s", count(large), count(small)),
				r.find(kind, large, 50, random), r.find(kind, small, 50, random))
		}
	}
	return t
}

// compare adds a row when both were measured.
func (t *table) compare(kind, name string, slow, fast *listRow) {
	if slow == nil || fast == nil || slow.Ratio.Median == 0 {
		return
	}
	t.rows = append(t.rows, []string{kindNames[kind], name, fmt.Sprintf("%.2f", fast.Ratio.Median/slow.Ratio.Median), "≤ 2"})
}

// shapeTable has a column for each shape of history.
func (r *report) shapeTable(kind string) table {
	var p pivot
	note := "Time of a page of 50 divided by that of the current first page of the same fleet, over one connection, in turns. Every page of every list had all its rows."
	for _, s := range r.Shapes {
		if s.Database != kind {
			continue
		}
		if p.add([]string{s.Case}, s.Shape, s.Ratio.String()); s.Case == "now, "+firstPage {
			note += fmt.Sprintf(" %s: %s records, %s machines that are gone, first page %.0f µs.", s.Shape, count(s.Records), count(s.Dead), s.Micros)
		}
	}
	return table{title: "Shapes of history on " + kindNames[kind], note: note, left: 1,
		head: append([]string{"page of 50"}, p.columns...), rows: p.rows()}
}

func (r *report) writeTable() table {
	t := table{title: "Writes", left: 2, head: []string{"database", "request", "resources", "clients", "changes/s", "requests/s", "ms", "synced appends/s", "requests / appends"},
		note: "Over HTTP, SigV4 verified, on disk before the answer; every changed resource is associated and counted again. A synced append adds the request's bytes to a file beside the database."}
	for _, w := range r.Writes {
		t.rows = append(t.rows, []string{kindNames[w.Database], w.Case, count(w.Batch), strconv.Itoa(w.Clients), whole(w.Changes), whole(w.Requests),
			fmt.Sprintf("%.1f", w.Millis), whole(w.Appends), w.Ratio.String()})
	}
	return t
}

func (r *report) startTable() table {
	t := table{title: "Start and memory", left: 1, head: []string{"database", "records", "settings", "first answer, s", "MiB then", "MiB after every list", "MiB at most"},
		note: fmt.Sprintf("reeve serve as make build makes it (%.1f MiB): from the start of the process to its first answered list; resident memory then, and after all cases of the lists.", r.BinaryMiB)}
	for _, s := range r.Starts {
		settings := s.Settings
		if settings == "" {
			settings = "default"
		}
		t.rows = append(t.rows, []string{kindNames[s.Database], count(s.Records), settings, s.Seconds.String(), whole(s.Idle), whole(s.Served), whole(s.Peak)})
	}
	return t
}

func (r *report) overloadTable() table {
	t := table{title: "Overload", left: 2, head: []string{"database", "request", "few/s", "sustained/s", "offered/s", "served/s", "served / sustained", "served / few", "slowest health, ms"},
		note: fmt.Sprintf("reeve serve, the program, when it is asked over few connections, on each as soon as the last answer came; over %[1]s connections at the highest rate of which %.0[2]f %% are served; and over these %[1]s at %[3]d times that rate, or as near to it as the same processors can ask and answer. In turns. Those that were not served were answered with ThrottlingException.", count(crowd), 100*nearlyAll, overload)}
	for _, o := range r.Overloads {
		t.rows = append(t.rows, []string{kindNames[o.Database], o.Case, whole(o.Few), whole(o.Sustained), whole(o.Offered), whole(o.Served), o.Ratio.String(), o.OfFew.String(), whole(o.Health)})
	}
	return t
}

func (r *report) peerTable() table {
	t := table{title: "Other servers with AWS's protocol", left: 2, head: []string{"server", "list of 100", "bytes", "answers/s", "µs", "ListUsage answers for each"},
		note: "A list of a hundred items in JSON; Reeve verifies SigV4 and puts each answer together anew."}
	for _, p := range r.Peers {
		t.rows = append(t.rows, []string{p.Server, p.List, count(p.Bytes), whole(p.Rate), whole(p.Micros), p.Ratio.String()})
	}
	return t
}
