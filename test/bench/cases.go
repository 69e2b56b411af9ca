package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
)

// measuredCase is one line of the table: requests that are asked in turn.
type measuredCase struct {
	name     string
	page     int
	address  string // what is asked
	requests [][]byte
}

// row is a measured case.
type row struct {
	records int
	name    string
	page    int
	bytes   int     // of one answer
	rate    float64 // answers a second, median
	ratio   float64 // to the same bytes from memory, median of rounds
	least   float64
	most    float64
	memory  int // MiB of the measured process
}

// most positions that a cold case asks for in turn.
const positions = 20000

var pageSizes = []int{50, 1000}

type filter struct {
	Name   string
	Values []string
}

type request struct {
	LicenseConfigurationArn string
	MaxResults              int      `json:",omitempty"`
	NextToken               string   `json:",omitempty"`
	Filters                 []filter `json:",omitempty"`
}

// makeCases walks the lists once to learn where every page begins, and signs
// what will be asked.
func makeCases(server *child, f *fleet) ([]measuredCase, error) {
	old := strconv.FormatFloat(float64(f.Old)/1e6, 'f', 6, 64)
	lists := []struct {
		name    string
		filters []filter
	}{
		{"", nil},
		{"type=RDS", []filter{{"resourceType", []string{"RDS"}}}},
		{"account", []filter{{"resourceAccount", []string{owners[2]}}}},
		{"asOf old", []filter{{"asOf", []string{old}}}},
		{"asOf old, type=RDS", []filter{{"asOf", []string{old}}, {"resourceType", []string{"RDS"}}}},
	}
	var cases []measuredCase
	for _, list := range lists {
		tokens, err := walk(server, request{LicenseConfigurationArn: f.ARN, MaxResults: 50, Filters: list.filters})
		if err != nil {
			return nil, fmt.Errorf("list %q: %w", list.name, err)
		}
		for _, page := range pageSizes {
			more, err := listCases(server, f, list.name, list.filters, page, tokens)
			if err != nil {
				return nil, err
			}
			cases = append(cases, more...)
		}
	}
	one := request{LicenseConfigurationArn: f.ARN, Filters: []filter{{"resourceArn", []string{f.Sample}}}}
	signed, err := signAll(server.Cold, one, []string{""})
	return append(cases, measuredCase{"arn", 1, server.Cold, signed}), err
}

// walk returns the tokens of every page of 50.
func walk(server *child, r request) ([]string, error) {
	c, err := dial(server.Cold)
	if err != nil {
		return nil, err
	}
	defer c.conn.Close()
	tokens := []string{""}
	for {
		body, err := json.Marshal(r)
		if err != nil {
			return nil, err
		}
		signed, err := sign(server.Cold, string(body))
		if err != nil {
			return nil, err
		}
		answer, err := c.ask(signed)
		if err != nil {
			return nil, err
		}
		var page struct{ NextToken string }
		if err := json.Unmarshal(answer, &page); err != nil {
			return nil, err
		}
		if page.NextToken == "" {
			return tokens, nil
		}
		tokens = append(tokens, page.NextToken)
		r.NextToken = page.NextToken
	}
}

// listCases makes the cases of one list and page size: its first page, its
// last full one, and random pages among all.
func listCases(server *child, f *fleet, name string, filters []filter, page int, tokens []string) ([]measuredCase, error) {
	full := tokens[:max(1, len(tokens)-page/50)] // the places where a whole page begins
	r := request{LicenseConfigurationArn: f.ARN, MaxResults: page, Filters: filters}
	random := slices.Clone(full)
	rand.Shuffle(len(random), func(i, j int) { random[i], random[j] = random[j], random[i] })
	random = random[:min(len(random), positions)]
	var cases []measuredCase
	for _, c := range []struct {
		name    string
		address string
		tokens  []string
	}{
		{"first page", server.Cold, full[:1]},
		{"last page", server.Cold, full[len(full)-1:]},
		{"random pages", server.Cold, random},
		{"repeated pages", server.Reeve, random[:min(len(random), 100)]},
	} {
		signed, err := signAll(c.address, r, c.tokens)
		if err != nil {
			return nil, err
		}
		cases = append(cases, measuredCase{trimmed(name + ", " + c.name), page, c.address, signed})
	}
	return cases, nil
}

func trimmed(name string) string {
	if name[:2] == ", " {
		return name[2:]
	}
	return name
}

func signAll(address string, r request, tokens []string) ([][]byte, error) {
	signed := make([][]byte, len(tokens))
	for i, token := range tokens {
		r.NextToken = token
		body, err := json.Marshal(r)
		if err != nil {
			return nil, err
		}
		if signed[i], err = sign(address, string(body)); err != nil {
			return nil, err
		}
	}
	return signed, nil
}

// measureCases runs every case in turn with the same bytes from memory, for a
// number of rounds.
func measureCases(o options, server *child, f *fleet, cases []measuredCase) ([]row, error) {
	cases = slices.DeleteFunc(cases, func(c measuredCase) bool { return !strings.Contains(c.name, o.only) })
	rows := make([]row, len(cases))
	rates := make([][]float64, len(cases))
	ratios := make([][]float64, len(cases))
	for round := range o.rounds {
		for i, c := range cases {
			fmt.Fprintf(os.Stderr, "\r%d records, round %d of %d: %-50s", f.Records, round+1, o.rounds, c.name)
			got, floor, size, err := measureOnce(o, server, c)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			rates[i], ratios[i] = append(rates[i], got), append(ratios[i], got/floor)
			rows[i].bytes = size
		}
	}
	fmt.Fprintln(os.Stderr)
	for i, c := range cases {
		slices.Sort(ratios[i])
		slices.Sort(rates[i])
		rows[i].records, rows[i].name, rows[i].page = f.Records, c.name, c.page
		rows[i].rate, rows[i].ratio = rates[i][len(rates[i])/2], ratios[i][len(ratios[i])/2]
		rows[i].least, rows[i].most = ratios[i][0], ratios[i][len(ratios[i])-1]
		rows[i].memory = server.memory()
	}
	return rows, nil
}

func measureOnce(o options, server *child, c measuredCase) (got, floor float64, size int, err error) {
	conn, err := dial(c.address)
	if err != nil {
		return 0, 0, 0, err
	}
	defer conn.conn.Close()
	answer, err := conn.ask(c.requests[0])
	if err != nil {
		return 0, 0, 0, err
	}
	if err := keep(server.Bytes, answer); err != nil {
		return 0, 0, 0, err
	}
	// Half of the floor before and half after, so that a machine that becomes
	// busier meanwhile does not favour either.
	before, err := rate(server.Bytes, c.requests, o.clients, o.slice/2)
	if err != nil {
		return 0, 0, 0, err
	}
	if got, err = rate(c.address, c.requests, o.clients, o.slice); err != nil {
		return 0, 0, 0, err
	}
	after, err := rate(server.Bytes, c.requests, o.clients, o.slice/2)
	return got, (before + after) / 2, len(answer), err
}
