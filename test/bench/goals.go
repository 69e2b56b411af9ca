package main

import (
	"fmt"
	"slices"
)

// goal is a promise about speed.
type goal struct {
	what     string
	measured float64
	most     bool // the bound is an upper one
	bound    float64
	unit     string
}

func (g goal) met() string {
	if g.most == (g.measured <= g.bound) || g.measured == g.bound {
		return "yes"
	}
	return "no"
}

// goalTable holds what was measured against what is promised.
func (r *report) goalTable() table {
	t := table{title: "Goals", left: 1, head: []string{"goal", "measured", "bound", "met"}, note: "Of the parts that this run measured."}
	for _, g := range slices.Concat(r.listGoals(), r.shapeGoals(), r.writeGoals(), r.startGoals(), r.overloadGoals()) {
		sign := "≥"
		if g.most {
			sign = "≤"
		}
		t.rows = append(t.rows, []string{g.what, fmt.Sprintf("%.4g%s", g.measured, g.unit), fmt.Sprintf("%s %.4g%s", sign, g.bound, g.unit), g.met()})
	}
	return t
}

// listGoals are about the fleet of a million records, or the largest below.
func (r *report) listGoals() (goals []goal) {
	for _, b := range []struct {
		kind  string
		page  int
		name  string
		bound float64
	}{
		{"sqlite", 50, randomPages, 0.45}, {"sqlite", 1000, randomPages, 0.30},
		{"sqlite", 50, repeatedPages, 0.80}, {"sqlite", 1000, repeatedPages, 0.85},
		{"postgres", 50, randomPages, 0.20}, {"postgres", 1000, randomPages, 0.12},
		{"postgres", 50, repeatedPages, 0.60}, {"postgres", 1000, repeatedPages, 0.80},
	} {
		records := 0
		for _, n := range r.sizes(b.kind) {
			if n <= 1e6 {
				records = n
			}
		}
		if l := r.find(b.kind, records, b.page, "all, "+b.name); l != nil {
			goals = append(goals, goal{what: fmt.Sprintf("%s, %s of %d, %s records, beside bytes from memory", kindNames[b.kind], b.name, b.page, count(records)),
				measured: l.Ratio.Median, bound: b.bound})
		}
	}
	return goals
}

// shapeGoals take the worst case of each shape.
func (r *report) shapeGoals() (goals []goal) {
	for _, s := range r.Shapes {
		what := fmt.Sprintf("%s, %s, slowest page / current first page", kindNames[s.Database], s.Shape)
		if len(goals) == 0 || goals[len(goals)-1].what != what {
			goals = append(goals, goal{what: what, most: true, bound: 2})
		}
		g := &goals[len(goals)-1]
		g.measured = max(g.measured, s.Ratio.Median)
	}
	return goals
}

func (r *report) writeGoals() (goals []goal) {
	for _, w := range r.Writes {
		if w.Batch == 1000 && w.Clients == 1 {
			goals = append(goals, goal{what: kindNames[w.Database] + ", PutResources of 1,000, changes a second",
				measured: w.Changes, bound: map[string]float64{"sqlite": 4000, "postgres": 6000}[w.Database]})
		}
	}
	return goals
}

func (r *report) overloadGoals() (goals []goal) {
	for _, o := range r.Overloads {
		goals = append(goals, goal{what: kindNames[o.Database] + ", served of " + o.Case + " at ten times the load", measured: o.Ratio.Median, bound: 0.8})
	}
	return goals
}

func (r *report) startGoals() (goals []goal) {
	for _, s := range r.Starts {
		if s.Records == 1e6 {
			goals = append(goals, goal{what: kindNames[s.Database] + ", start to first answer, 1,000,000 records",
				measured: s.Seconds.Median, most: true, bound: 2, unit: " s"})
		}
		if s.Records == 1e7 {
			goals = append(goals, goal{what: kindNames[s.Database] + ", memory after every list, 10,000,000 records",
				measured: s.Served, most: true, bound: 512, unit: " MiB"})
		}
	}
	return goals
}
