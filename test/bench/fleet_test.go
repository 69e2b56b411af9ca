package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"reeve/internal/license"
	"reeve/internal/store"
)

// small has all that the shapes have: changes, and dead machines.
var small = shape{Name: "small", Alive: 2500, Changes: 3, Dead: 3000}

// loadSmall loads the small fleet.
func loadSmall(t *testing.T) (*store.Store, *fleet) {
	t.Helper()
	s, err := database(filepath.Join(t.TempDir(), "reeve.db")).openToLoad(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	l := &loader{fleet: &fleet{Shape: small}, ctx: t.Context()}
	if err := l.run(s); err != nil {
		t.Fatal(err)
	}
	return s, l.fleet
}

// TestAFleetHoldsWhatItsShapeSays also lets the rules count everything again.
func TestAFleetHoldsWhatItsShapeSays(t *testing.T) {
	s, f := loadSmall(t)
	m := license.New(s, license.Settings{})
	who := license.Caller{Account: account, Region: region, Root: true}
	reports, _, err := m.Verify(t.Context(), who, 0, 10)
	if err != nil || len(reports) != 1 || reports[0].Fault != "" {
		t.Fatalf("verify: %+v, %v", reports, err)
	}
	// A usage interval and an association for each launch and each change.
	if want := int64(2 * (small.machines() + small.Alive*small.Changes)); reports[0].Intervals != want {
		t.Errorf("%d intervals, want %d", reports[0].Intervals, want)
	}
	for at, want := range map[license.Time]int64{0: 4, f.Old: 2} { // vCPUs of each machine
		var filter license.UsageFilter
		if at != 0 {
			filter.AsOf = &at
		}
		page, err := m.ListUsage(t.Context(), who, f.ARN, filter, nil, 1000)
		if err != nil || len(page.Usage) != 1000 || page.Usage[999].Consumed != want {
			t.Errorf("at %v: %d rows, the last %+v, %v; want one that consumes %d", at, len(page.Usage), page.Usage[999:], err, want)
		}
	}
}

func TestMachinesAreSpread(t *testing.T) {
	f := &fleet{Shape: plain(1_000_000)}
	for i := range 20_000 {
		if back, err := machineIndex(machineARN(i)); err != nil || back != i {
			t.Fatalf("machine %d is %s, which is machine %d (%v)", i, machineARN(i), back, err)
		}
	}
	for _, rare := range []filter{byType(license.ManagedInstance), byOwner(rareOwner)} {
		if n := f.count([]filter{rare}); n != 100 {
			t.Errorf("%v selects %d of a million machines, want 0.01 %%", rare, n)
		}
	}
}

// TestListsAreFull serves the small fleet and walks every list of it, which
// checks that every page is full and that nothing is missing.
func TestListsAreFull(t *testing.T) {
	s, f := loadSmall(t)
	address, err := listenAPI(context.Background(), s, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, lists := range [][]*list{plainLists(f), shapeLists(f)} {
		if err := learn(address, f, lists); err != nil {
			t.Error(err)
		}
	}
	broken := []*list{{name: "all", rows: small.Alive + 1}}
	if err := learn(address, f, broken); err == nil {
		t.Error("a list that lacks a row passes")
	}
}

func TestPagesThatAreNotFullAreFound(t *testing.T) {
	page := func(rows int, next string) []byte {
		text := strings.Repeat(`{"ResourceArn":"a"},`, rows)
		if next != "" {
			text += `"NextToken":"` + next + `"`
		}
		return []byte(text)
	}
	for _, c := range []struct {
		rows int
		next string
		full bool
	}{{50, "x", true}, {50, "", true}, {7, "", true}, {0, "", true}, {49, "x", false}, {0, "x", false}, {51, "", false}} {
		rows, next, err := readPage(page(c.rows, c.next), 50)
		if rows != c.rows || next != c.next || (err == nil) != c.full {
			t.Errorf("page of %d rows, token %q: got %d, %q, %v", c.rows, c.next, rows, next, err)
		}
	}
}

func TestTheLastFullPage(t *testing.T) {
	for _, c := range []struct{ rows, page, want int }{{2500, 50, 49}, {2499, 50, 48}, {2500, 1000, 30}, {1000, 1000, 0}, {50, 50, 0}, {500, 1000, 0}} {
		l := &list{rows: c.rows}
		for i := range (c.rows + step - 1) / step {
			l.tokens = append(l.tokens, fmt.Sprint(i))
		}
		full := l.full(c.page)
		if got := full[len(full)-1]; got != fmt.Sprint(c.want) {
			t.Errorf("%d rows by %d: the last full page is number %s, want %d", c.rows, c.page, got, c.want)
		}
	}
}
