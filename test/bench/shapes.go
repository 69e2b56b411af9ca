package main

import (
	"fmt"
	"slices"

	"reeve/internal/license"
)

// shapes are histories that could make a list slow: many intervals for each
// record, and many records that are gone for each that is there. What one
// account or type owns of 0.01 % of the records is among the plain lists too.
var shapes = []shape{
	{Name: "5 intervals each", Alive: 100_000, Changes: 4},
	{Name: "100 intervals each", Alive: 10_000, Changes: 99},
	{Name: "100 dead for each alive", Alive: 10_000, Dead: 1_000_000},
}

// smaller divides the numbers of machines of a shape, for a quick look.
func (s shape) smaller(by int) shape {
	if by > 1 {
		s.Alive, s.Dead = max(s.Alive/by, 1000), s.Dead/by
		s.Name = fmt.Sprintf("%s (1/%d)", s.Name, by)
	}
	return s
}

// shapeRow says what a page costs beside the current first page of the same
// fleet.
type shapeRow struct {
	Database string
	Shape    string
	Records  int // alive now
	Dead     int
	Case     string
	Rows     int     // the whole list has; every page of it was full
	Micros   float64 // time of a page of 50 over one connection, median
	Ratio    spread  // time of the page divided by the current first page's
}

// shapeLists are the lists of a shape: now, at three moments of its past, and
// filtered at each.
func shapeLists(f *fleet) []*list {
	when := []struct {
		name string
		at   []filter
	}{{"now", nil}, {"as of 1/10", []filter{asOf(f.Moments[0])}}, {"as of 1/2", []filter{asOf(f.Moments[1])}}, {"as of 9/10", []filter{asOf(f.Moments[2])}}}
	what := []struct {
		name string
		by   []filter
	}{{"", nil}, {", type=RDS", []filter{byType(license.RDS)}}, {", account", []filter{byOwner(owners[2])}},
		{", rare type", []filter{byType(license.ManagedInstance)}}, {", rare account", []filter{byOwner(rareOwner)}}, {", one machine", []filter{byARN(machineARN(f.Shape.Dead + 1))}}}
	var lists []*list
	for _, w := range what {
		for _, t := range when {
			filters := slices.Concat(t.at, w.by)
			lists = append(lists, &list{name: t.name + w.name, filters: filters, rows: f.count(filters)})
		}
	}
	return lists
}

// shapeCases are the current first page, which all others are compared with,
// and the others.
func shapeCases(a addresses, f *fleet, lists []*list) (base listCase, cases []listCase, rows []int, err error) {
	for i, l := range lists {
		if i > 0 && l.rows == 0 {
			continue
		}
		which := []string{firstPage, deepPage, randomPages}
		if l.rows <= step {
			which = which[:1]
		}
		more, err := l.cases(a, f.ARN, step, which...)
		if err != nil {
			return base, nil, nil, err
		}
		if i == 0 {
			base = more[0] // and a case as well, which shows the noise
		}
		for _, c := range more {
			cases, rows = append(cases, c), append(rows, l.rows)
		}
	}
	return base, cases, rows, nil
}

// measureShape measures every case beside the current first page, in turns.
func (b *bench) measureShape(kind string, f *fleet) ([]shapeRow, error) {
	server, err := b.startServer(kind, f.Shape)
	if err != nil {
		return nil, err
	}
	defer server.stop()
	lists := shapeLists(f)
	if err := learn(server.Cold, f, lists); err != nil {
		return nil, err
	}
	base, cases, counts, err := shapeCases(server.addresses, f, lists)
	if err != nil {
		return nil, err
	}
	results := make([]samples, len(cases))
	for round := range b.rounds {
		for i, c := range cases {
			say("%s, %s, round %d of %d: %s", kind, f.Shape.Name, round+1, b.rounds, c.name)
			if err := b.measureBeside(c, base, &results[i]); err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
		}
	}
	rows := make([]shapeRow, len(cases))
	for i, c := range cases {
		rows[i] = shapeRow{Database: kind, Shape: f.Shape.Name, Records: f.Shape.Alive, Dead: f.Shape.Dead,
			Case: c.name, Rows: counts[i], Micros: median(results[i].micros), Ratio: spreadOf(results[i].ratios)}
	}
	return rows, nil
}

// measureBeside compares times over one connection: what a page costs, not how
// many fit beside each other.
func (b *bench) measureBeside(c, base listCase, s *samples) error {
	before, err := base.latency(b.slice / 4)
	if err != nil {
		return err
	}
	took, err := c.latency(b.slice / 2)
	if err != nil {
		return err
	}
	after, err := base.latency(b.slice / 4)
	s.micros = append(s.micros, float64(took.Nanoseconds())/1e3)
	s.ratios = append(s.ratios, float64(took)/(float64(before+after)/2))
	return err
}
