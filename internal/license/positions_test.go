package license_test

import (
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"reeve/internal/license"
)

func (w *world) positions(q license.PositionQuery) []license.Position {
	w.t.Helper()
	list, next, err := w.m.ListPositions(w.ctx, w.who, q, nil, 100)
	w.must(err)
	if next != nil {
		w.t.Error("there is another page")
	}
	return list
}

func (w *world) position(arn string, asOf *license.Time) license.Position {
	w.t.Helper()
	list := w.positions(license.PositionQuery{ARNs: []string{arn}, AsOf: asOf, History: true})
	if len(list) != 1 {
		w.t.Fatalf("%d positions, want one", len(list))
	}
	return list[0]
}

// days moves the clock to a whole number of days after the start.
func (w *world) days(n int) {
	w.clock.Store(worldBegins.Add(time.Duration(n) * day).UnixMicro())
}

func TestPeaksOfAPosition(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, -1)
	w.put(license.Report{ARN: instance("a"), Status: new("running"), VCPUs: new(int64(1))})
	w.associate(arn, instance("a"))
	for _, at := range []struct {
		day   int
		vcpus int64
	}{{10, 90}, {11, 40}, {300, 60}, {301, 50}, {350, 7}} {
		w.days(at.day)
		w.put(license.Report{ARN: instance("a"), VCPUs: &at.vcpus})
	}
	for _, test := range []struct {
		day  int
		want [3]int64
	}{
		{350, [3]int64{50, 60, 90}}, {370, [3]int64{50, 60, 90}},
		{375, [3]int64{50, 60, 90}}, // in use as the time began
		{376, [3]int64{50, 60, 60}}, // 40 from then on, and 60 later
		{381, [3]int64{7, 60, 60}}, {400, [3]int64{7, 50, 60}},
	} {
		w.days(test.day)
		now := w.position(arn, nil)
		if *now.Peaks != test.want {
			t.Errorf("day %d: the peaks are %d, want %d", test.day, *now.Peaks, test.want)
		}
		if n := len(now.Trend); n != 73 {
			t.Fatalf("day %d: the trend has %d steps", test.day, n)
		}
	}
	w.days(400)
	past := license.TimeOf(worldBegins.Add(350*day)) + 5
	before := w.position(arn, &past)
	if *before.Peaks != [3]int64{50, 60, 90} || before.Consumed != 7 || before.Failures != nil || before.Trend[72] != 50 {
		t.Errorf("as of day 350: %+v", before)
	}
}

func TestATrendCarriesWhatIsInUse(t *testing.T) {
	w := newWorld(t, license.Settings{})
	w.days(0)
	arn := w.create(license.VCPU, -1)
	w.put(license.Report{ARN: instance("a"), Status: new("running"), VCPUs: new(int64(5))})
	w.associate(arn, instance("a"))
	w.days(20)
	w.put(license.Report{ARN: instance("a"), VCPUs: new(int64(9))})
	w.put(license.Report{ARN: instance("a"), VCPUs: new(int64(2))})
	w.days(39)
	got := w.position(arn, nil).Trend[73-9:]
	if diff := gocmp.Diff([]int64{0, 5, 5, 5, 5, 9, 2, 2, 2}, got); diff != "" {
		t.Errorf("the last steps (-want +got):\n%s", diff)
	}
}

func TestSinceWhenItIsOver(t *testing.T) {
	w := newWorld(t, license.Settings{})
	size := func(n int64) { w.put(license.Report{ARN: instance("a"), VCPUs: &n}) }
	bought := func(arn string, n int64) { w.change(arn, license.ConfigurationChange{Count: &n}) }
	count := int64(10)
	arn := w.createTerms(license.Terms{Name: "soft", CountingType: license.VCPU, Count: &count})
	since := func(want int, doing string) {
		t.Helper()
		p := w.position(arn, nil)
		if want < 0 {
			if p.OverSince != 0 || p.Over() != 0 {
				t.Errorf("%s: over by %d since %s", doing, p.Over(), p.OverSince)
			}
			return
		}
		if at := license.TimeOf(worldBegins.Add(time.Duration(want) * day)); p.OverSince/1e6 != at/1e6 || p.Over() == 0 {
			t.Errorf("%s: over by %d since %s, want since day %d", doing, p.Over(), p.OverSince, want)
		}
	}
	w.put(license.Report{ARN: instance("a"), Status: new("running"), VCPUs: new(int64(8))})
	w.associate(arn, instance("a"))
	since(-1, "within")
	w.days(2)
	size(12)
	since(2, "above")
	w.days(3)
	size(9)
	w.days(4)
	size(11)
	since(4, "above again")
	w.days(5)
	bought(arn, 15)
	since(-1, "more was bought")
	w.days(6)
	size(16)
	w.days(7)
	bought(arn, 12)
	since(6, "less was bought while above")
	w.days(8)
	bought(arn, 16)
	w.days(9)
	bought(arn, 14)
	since(9, "the limit came down to below")
	w.days(10)
	w.change(arn, license.ConfigurationChange{Name: new("renamed")})
	size(20)
	since(9, "renamed")
	past := license.TimeOf(worldBegins.Add(4*day + time.Hour))
	if p := w.position(arn, &past); p.OverSince/1e6 != license.TimeOf(worldBegins.Add(4*day))/1e6 || p.Over() != 1 || p.Terms.Name != "soft" {
		t.Errorf("as of day 4: %+v", p)
	}

	w.days(11)
	lower := w.createTerms(license.Terms{Name: "unlimited at first", CountingType: license.VCPU})
	w.associate(lower, instance("a"))
	w.days(12)
	bought(lower, 1)
	if p := w.position(lower, nil); p.OverSince/1e6 != license.TimeOf(worldBegins.Add(12*day))/1e6 {
		t.Errorf("once it is limited: over since %s", p.OverSince)
	}
}

func TestPositionsOfATime(t *testing.T) {
	w := newWorld(t, license.Settings{})
	first := w.createTerms(license.Terms{Name: "first", CountingType: license.VCPU})
	w.days(1)
	second := w.createTerms(license.Terms{Name: "second", CountingType: license.VCPU})
	w.days(2)
	w.must(w.m.DeleteConfiguration(w.ctx, w.who, first))
	w.days(3)
	third := w.createTerms(license.Terms{Name: "third", CountingType: license.VCPU})
	w.change(second, license.ConfigurationChange{Name: new("renamed")})
	names := func(q license.PositionQuery) (names []string) {
		for _, p := range w.positions(q) {
			names = append(names, p.Terms.Name)
		}
		return names
	}
	for at, want := range map[int][]string{-1: nil, 0: {"first"}, 1: {"first", "second"}, 2: {"second"}, 3: {"renamed", "third"}} {
		moment := license.TimeOf(worldBegins.Add(time.Duration(at)*day)) + 1000
		w.days(4)
		if diff := gocmp.Diff(want, names(license.PositionQuery{AsOf: &moment})); diff != "" {
			t.Errorf("as of day %d (-want +got):\n%s", at, diff)
		}
		if diff := gocmp.Diff(want, names(license.PositionQuery{AsOf: &moment, ARNs: []string{first, "arn:aws:nothing", second, third}, History: true})); diff != "" {
			t.Errorf("as of day %d, by ARN (-want +got):\n%s", at, diff)
		}
	}
	if diff := gocmp.Diff([]string{"renamed", "third"}, names(license.PositionQuery{})); diff != "" {
		t.Errorf("now (-want +got):\n%s", diff)
	}
	page, next, err := w.m.ListPositions(w.ctx, w.who, license.PositionQuery{}, nil, 1)
	w.must(err)
	rest, end, err := w.m.ListPositions(w.ctx, w.who, license.PositionQuery{}, next, 1)
	w.must(err)
	if len(page) != 1 || len(rest) != 1 || page[0].ARN != second || rest[0].ARN != third || end != nil {
		t.Errorf("the pages are %+v and %+v", page, rest)
	}
}

func TestUnlicensedMachinesOfAPosition(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, 8)
	for _, id := range []string{"a", "b"} {
		w.put(sized(instance(id)))
		w.associate(arn, instance(id))
	}
	w.put(license.Report{ARN: instance("b"), VCPUs: new(int64(9))}) // more than there is
	p := w.position(arn, nil)
	if *p.Failures != 1 || *p.Unlicensed != 1 || p.Consumed != 4 {
		t.Errorf("%d failures, %d unlicensed, %d in use", *p.Failures, *p.Unlicensed, p.Consumed)
	}
}
