package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"reeve/internal/license"
)

// list is one way to list usage.
type list struct {
	name    string
	filters []filter
	rows    int      // how many it has, -1 where that is not known beforehand
	tokens  []string // of every page of 50 rows
}

// listCase is one line of the tables.
type listCase struct {
	name string
	page int
	question
}

// The cases of a list.
const (
	firstPage     = "first page"
	deepPage      = "last full page"
	randomPages   = "random pages"
	repeatedPages = "repeated pages"
)

// Most places that the random pages ask for in turn, and the repeated ones.
const (
	positions = 20_000
	repeats   = 100
)

// step is the size of the pages by which places are learned.
const step = 50

// asOf is the filter for a moment.
func asOf(t license.Time) filter {
	return filter{"asOf", []string{strconv.FormatFloat(float64(t)/1e6, 'f', 6, 64)}}
}

func byType(t license.ResourceType) filter { return filter{"resourceType", []string{string(t)}} }
func byOwner(owner string) filter          { return filter{"resourceAccount", []string{owner}} }
func byARN(arn string) filter              { return filter{"resourceArn", []string{arn}} }

// plainLists are the lists of a fleet of any size.
func plainLists(f *fleet) []*list {
	lists := []*list{
		{name: "all", rows: f.Shape.Alive},
		{name: "type=RDS", filters: []filter{byType(license.RDS)}},
		{name: "account", filters: []filter{byOwner(owners[2])}},
		{name: "asOf old", filters: []filter{asOf(f.Old)}, rows: f.Shape.Alive},
		{name: "asOf old, type=RDS", filters: []filter{asOf(f.Old), byType(license.RDS)}},
		{name: "rare type", filters: []filter{byType(license.ManagedInstance)}},
		{name: "rare account", filters: []filter{byOwner(rareOwner)}},
	}
	for _, l := range lists[1:] {
		l.rows = f.count(l.filters)
	}
	return slices.DeleteFunc(lists, func(l *list) bool { return l.rows < step })
}

// count is how many records of a fleet filters select, by the fleet's making,
// now or when its first machines ran; -1 at any other moment.
func (f *fleet) count(filters []filter) (n int) {
	from, to := f.Shape.machines()-f.Shape.Alive, f.Shape.machines()
	for _, filter := range filters {
		if filter.Name != "asOf" {
			continue
		}
		if filter.Values[0] != asOf(f.Old).Values[0] {
			return -1
		}
		from, to = 0, f.Shape.Alive
	}
	for i := from; i < to; i++ {
		if selected(machineARN(i), filters) {
			n++
		}
	}
	return n
}

func selected(arn string, filters []filter) bool {
	name, err := license.ParseResourceARN(arn)
	for _, f := range filters {
		switch f.Name {
		case "resourceArn":
			err = orMismatch(err, arn, f.Values[0])
		case "resourceType":
			err = orMismatch(err, string(name.Type), f.Values[0])
		case "resourceAccount":
			err = orMismatch(err, name.Account, f.Values[0])
		}
	}
	return err == nil
}

func orMismatch(err error, got, want string) error {
	if err == nil && got != want {
		return fmt.Errorf("%s is not %s", got, want)
	}
	return err
}

// learn walks lists side by side and checks how many rows they have.
func learn(address string, f *fleet, lists []*list) error {
	errs := make([]error, len(lists))
	var wait sync.WaitGroup
	for i, l := range lists {
		wait.Go(func() { errs[i] = l.learn(address, f.ARN) })
	}
	wait.Wait()
	for i, err := range errs {
		if err != nil {
			return fmt.Errorf("list %s: %w", lists[i].name, err)
		}
	}
	return nil
}

func (l *list) learn(address, arn string) error {
	tokens, rows, err := walk(address, request{LicenseConfigurationArn: arn, MaxResults: step, Filters: l.filters})
	if err != nil {
		return err
	}
	if l.rows >= 0 && rows != l.rows {
		return fmt.Errorf("%d rows where the fleet has %d", rows, l.rows)
	}
	l.tokens, l.rows = tokens, rows
	return nil
}

// full are the places where a whole page begins; the first one in any case.
func (l *list) full(page int) []string {
	if l.rows < page {
		return l.tokens[:1]
	}
	return l.tokens[:(l.rows-page)/step+1]
}

// cases makes cases of a list at one page size.
func (l *list) cases(a addresses, arn string, page int, which ...string) (cases []listCase, err error) {
	full := l.full(page)
	random := slices.Clone(full)
	rand.Shuffle(len(random), func(i, j int) { random[i], random[j] = random[j], random[i] })
	r := request{LicenseConfigurationArn: arn, MaxResults: page, Filters: l.filters}
	for _, name := range which {
		address, tokens := a.Cold, full[:1]
		switch name {
		case deepPage:
			tokens = full[len(full)-1:]
		case randomPages:
			tokens = random[:min(len(random), positions)]
		case repeatedPages:
			address, tokens = a.Reeve, random[:min(len(random), repeats)]
		}
		q, err := ask(address, r, tokens)
		if err != nil {
			return nil, err
		}
		cases = append(cases, listCase{l.name + ", " + name, page, q})
	}
	return cases, nil
}

// plainCases are the cases of the lists by number of records.
func plainCases(a addresses, f *fleet) ([]listCase, error) {
	lists := plainLists(f)
	if err := learn(a.Cold, f, lists); err != nil {
		return nil, err
	}
	var cases []listCase
	for i, l := range lists {
		for _, page := range pagesOf(i, l) {
			which := []string{firstPage, deepPage, randomPages}
			switch {
			case i == 0:
				which = append(which, repeatedPages)
			case page > 50:
				which = which[2:]
			}
			more, err := l.cases(a, f.ARN, page, which...)
			if err != nil {
				return nil, err
			}
			cases = append(cases, more...)
		}
	}
	one := request{LicenseConfigurationArn: f.ARN, Filters: []filter{byARN(machineARN(f.Shape.machines() - f.Shape.Alive/2))}}
	q, err := ask(a.Cold, one, []string{""})
	return append(cases, listCase{"resourceArn", 1, q}), err
}

// pagesOf are the sizes of pages that a list is measured with: the list of all
// with three, the others with 50 and, where they have that many rows, 1,000.
func pagesOf(i int, l *list) []int {
	switch {
	case i == 0:
		return []int{50, 100, 1000}
	case l.rows < 1000:
		return []int{50}
	}
	return []int{50, 1000}
}

// listRow is a measured case.
type listRow struct {
	Database string
	Records  int
	Case     string
	Page     int
	Bytes    int     // of one answer
	Rate     float64 // answers a second, median of rounds
	Micros   float64 `json:",omitempty"` // time of an answer over one connection, median; 0: not measured
	Ratio    spread  // to the same bytes from memory
}

// measureLists measures every case in turn with the same bytes from memory,
// for a number of rounds.
func (b *bench) measureLists(kind string, f *fleet) ([]listRow, error) {
	server, err := b.startServer(kind, f.Shape)
	if err != nil {
		return nil, err
	}
	defer server.stop()
	cases, err := plainCases(server.addresses, f)
	if err != nil {
		return nil, err
	}
	cases = slices.DeleteFunc(cases, func(c listCase) bool { return !strings.Contains(c.name, b.only) })
	results := make([]samples, len(cases))
	for round := range b.rounds {
		for i, c := range cases {
			say("%s, %d records, round %d of %d: %s, pages of %d", kind, f.Shape.Alive, round+1, b.rounds, c.name, c.page)
			if err := b.measureOnce(server, c, &results[i]); err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
		}
	}
	rows := make([]listRow, len(cases))
	for i, c := range cases {
		r := &results[i]
		rows[i] = listRow{Database: kind, Records: f.Shape.Alive, Case: c.name, Page: c.page, Bytes: r.bytes,
			Rate: median(r.rates), Micros: median(r.micros), Ratio: spreadOf(r.ratios)}
	}
	return rows, nil
}

// samples are what the rounds of one case gave.
type samples struct {
	rates, ratios, micros []float64
	bytes                 int
}

func (b *bench) measureOnce(server *child, c listCase, s *samples) error {
	answers, err := c.answers()
	if err != nil {
		return err
	}
	s.bytes = len(answers[0])
	if err := keep(server.Bytes, answers); err != nil {
		return err
	}
	got, floor, err := b.duel(c.question, question{server.Bytes, c.requests})
	if err != nil {
		return err
	}
	s.rates, s.ratios = append(s.rates, got), append(s.ratios, got/floor)
	if c.page != 50 {
		return nil
	}
	took, err := c.latency(b.slice / 2)
	s.micros = append(s.micros, float64(took)/float64(time.Microsecond))
	return err
}

// duel measures a question against another one, which has half of its time
// before and half after, so that a machine that becomes busier meanwhile
// favours neither.
func (b *bench) duel(q, against question) (got, base float64, err error) {
	before, err := against.rate(b.clients, b.slice/2)
	if err != nil {
		return 0, 0, err
	}
	if got, err = q.rate(b.clients, b.slice); err != nil {
		return 0, 0, err
	}
	after, err := against.rate(b.clients, b.slice/2)
	return got, (before + after) / 2, err
}
