package license_test

import (
	"context"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"reeve/internal/license"
)

// revisionsOf lists all revisions of a ledger, page by page.
func (w *world) revisionsOf(arn string, q license.RevisionQuery, limit int) (list []license.RevisionEntry) {
	w.t.Helper()
	var after *license.RevisionCursor
	for {
		page, err := w.m.ListRevisions(w.ctx, w.who, arn, q, after, limit)
		w.must(err)
		list = append(list, page.Revisions...)
		if after = page.Next; after == nil {
			return list
		}
	}
}

func numbersOf(list []license.RevisionEntry) (numbers []int64) {
	for _, e := range list {
		numbers = append(numbers, e.Number)
	}
	return numbers
}

func TestRevisionsSayWhatChanged(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, 10)
	w.put(sized(instance("a")), sized(instance("b")))
	w.advance(time.Hour)
	w.associate(arn, instance("a"))
	w.put(license.Report{ARN: instance("a"), VCPUs: new(int64(6))})
	w.change(arn, license.ConfigurationChange{Count: new(int64(5)), Name: new("fewer")})
	w.dissociate(arn, instance("a"))

	list := w.revisionsOf(arn, license.RevisionQuery{Changes: 10}, 100)
	if got := numbersOf(list); !slices.Equal(got, []int64{5, 4, 3, 2, 1}) {
		t.Fatalf("it has the revisions %d, want 5 to 1", got)
	}
	type row struct {
		kind     string
		arn      string
		from, to int64
	}
	var got [][]row
	for _, e := range list {
		var rows []row
		for _, ch := range e.Changes {
			r := row{kind: string(ch.Kind), arn: ch.ResourceARN}
			if ch.From != nil {
				r.from = ch.From.Consumed
			}
			if ch.To != nil {
				r.to = ch.To.Consumed
			}
			rows = append(rows, r)
		}
		got = append(got, rows)
	}
	a := instance("a")
	want := [][]row{{{"u", a, 6, 0}, {"a", a, 0, 0}}, nil, {{"u", a, 4, 6}, {"a", a, 0, 0}}, {{"u", a, 0, 4}, {"a", a, 0, 0}}, nil}
	if diff := gocmp.Diff(want, got, gocmp.AllowUnexported(row{})); diff != "" {
		t.Errorf("the rows of the revisions (-want +got):\n%s", diff)
	}
	for i, want := range [][2]int64{{6, 0}, {6, 6}, {4, 6}, {0, 4}, {0, 0}} {
		if e := list[i]; e.Before.Consumed != want[0] || e.Counters.Consumed != want[1] {
			t.Errorf("revision %d goes from %d to %d, want %d to %d", e.Number, e.Before.Consumed, e.Counters.Consumed, want[0], want[1])
		}
	}
	terms := map[string][2]string{}
	for _, ch := range list[1].TermChanges {
		terms[ch.Name] = [2]string{*ch.From, *ch.To}
	}
	if diff := gocmp.Diff(map[string][2]string{"Name": {"terms", "fewer"}, "LicenseCount": {"10", "5"}}, terms); diff != "" {
		t.Errorf("the terms of revision 4 (-want +got):\n%s", diff)
	}
	first := list[4]
	if !first.TermsSet || first.TermChanges[0].Name != "Name" || first.TermChanges[0].From != nil || *first.TermChanges[0].To != "terms" {
		t.Errorf("the first revision sets %+v", first.TermChanges)
	}
	if list[2].TermsSet || list[2].Cause == "" || list[2].Caller != w.who.Principal {
		t.Errorf("revision 3 is %+v", list[2])
	}
}

func TestRevisionsOfATime(t *testing.T) {
	w := newWorld(t, license.Settings{})
	var times []license.Time
	arn := w.create(license.VCPU, 10)
	times = append(times, w.now())
	for _, name := range []string{"b", "c", "d"} {
		w.advance(time.Hour)
		w.change(arn, license.ConfigurationChange{Name: &name})
		times = append(times, w.now())
	}
	for _, test := range []struct {
		from, to license.Time
		name     string
		want     []int64
	}{
		{0, w.now(), "d", []int64{4, 3, 2, 1}},
		{0, times[0] - 1, "", nil},
		{0, times[0], "terms", []int64{1}},
		{times[1], times[2], "c", []int64{3, 2}},
		{times[1] + 1, times[2] - 1, "", nil},
		{times[1] + 1, times[2], "c", []int64{3}},
		{times[3] + 1, w.now(), "", nil},
	} {
		q := license.RevisionQuery{From: &test.from, To: &test.to, Terms: true}
		page, err := w.m.ListRevisions(w.ctx, w.who, arn, q, nil, 10)
		w.must(err)
		if got := numbersOf(page.Revisions); !slices.Equal(got, test.want) {
			t.Errorf("from %s to %s: %d, want %d", test.from, test.to, got, test.want)
		}
		if page.Created != times[0] || page.Deleted != 0 {
			t.Errorf("it lived from %s to %s", page.Created, page.Deleted)
		}
		if (page.Terms == nil) != (test.name == "") || page.Terms != nil && page.Terms.Name != test.name {
			t.Errorf("from %s to %s the terms are %+v, want the name %q", test.from, test.to, page.Terms, test.name)
		}
		q.OldestFirst = true
		slices.Reverse(test.want)
		if got := numbersOf(w.revisionsOf(arn, q, 1)); !slices.Equal(got, test.want) {
			t.Errorf("oldest first, from %s to %s: %d, want %d", test.from, test.to, got, test.want)
		}
	}
	future := w.now() + 1
	_, err := w.m.ListRevisions(w.ctx, w.who, arn, license.RevisionQuery{To: &future}, nil, 1)
	w.refused(err, license.InvalidParameter, "in the future")

	w.must(w.m.DeleteConfiguration(w.ctx, w.who, arn))
	page, err := w.m.ListRevisions(w.ctx, w.who, arn, license.RevisionQuery{Terms: true}, nil, 1)
	w.must(err)
	if page.Deleted == 0 || page.Terms.Status != "DELETED" || len(page.Revisions) != 1 || page.Next == nil {
		t.Errorf("deleted, it answers %+v", page)
	}
}

// Whatever the pages' size and the order, pages put together are the ledger.
func TestPagesOfRevisionsAreTheLedger(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, -1)
	for i := range 40 {
		w.change(arn, license.ConfigurationChange{Count: new(int64(i))})
	}
	want := make([]int64, 41)
	for i := range want {
		want[i] = int64(i + 1)
	}
	rapid.Check(t, func(t *rapid.T) {
		q := license.RevisionQuery{OldestFirst: rapid.Bool().Draw(t, "oldest first"), Changes: rapid.IntRange(0, 3).Draw(t, "changes")}
		got := w.revisionsOf(arn, q, rapid.IntRange(1, 50).Draw(t, "limit"))
		for i, e := range got {
			n := want[i]
			if !q.OldestFirst {
				n = want[len(want)-1-i]
			}
			if len(got) != len(want) || e.Number != n {
				t.Fatalf("got %d", numbersOf(got))
			}
			if e.Number > 1 && (len(e.TermChanges) != 1 || *e.TermChanges[0].To == "") {
				t.Fatalf("revision %d changes %+v", e.Number, e.TermChanges)
			}
		}
	})
	_, err := w.m.ListRevisions(w.ctx, w.who, arn, license.RevisionQuery{}, &license.RevisionCursor{Number: 3, Mark: 1}, 1)
	w.refused(err, license.InvalidParameter, "lost")
}

func TestARevisionOfManyRowsIsCut(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.Instance, -1)
	for _, id := range []string{"a", "b", "c"} {
		w.put(sized(instance(id)))
		w.associate(arn, instance(id))
	}
	w.put(license.Report{ARN: instance("a"), Status: new("stopped")}, license.Report{ARN: instance("b"), Status: new("stopped")}, license.Report{ARN: instance("c"), Status: new("stopped")})
	for most, cut := range map[int]bool{0: true, 2: true, 6: false, 100: false} {
		e := w.revisionsOf(arn, license.RevisionQuery{Changes: most}, 1)[0]
		if e.Cut != cut || len(e.Changes) != min(most, 6) || e.Closed != 3 || e.Associated != 3 || e.Opened != 0 {
			t.Errorf("with %d rows: %d rows, cut %v, closed %d, associated %d", most, len(e.Changes), e.Cut, e.Closed, e.Associated)
		}
	}
}

// TestRevisionsStopWhenTheCallerDoes: a list ends with its request.
func TestRevisionsStopWhenTheCallerDoes(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, -1)
	ctx, cancel := context.WithCancel(w.ctx)
	cancel()
	if _, err := w.m.ListRevisions(ctx, w.who, arn, license.RevisionQuery{}, nil, 1); err == nil {
		t.Error("a request that has ended was answered")
	}
}
