package license_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"reeve/internal/license"
)

// What is explained for any resource at any revision is what its row said then.
func TestExplanationsEqualTheUsage(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn, clean := w.ledger()
	for _, arn := range []string{arn, clean} {
		for _, at := range w.moments(arn) {
			usage := w.usageAt(arn, at)
			for _, r := range []string{host("1"), host("2"), host("3"), instance("0"), instance("1"), instance("2"), instance("3"), instance("full"), image("1")} {
				e := w.explain(arn, r, &at)
				if n, ok := usage[short(r)]; ok && (e.Consumed != n || e.CountedOn != r) {
					t.Errorf("as of %s %s consumes %d, it is explained with %d on %s", at, r, n, e.Consumed, e.CountedOn)
				}
				if e.Consumed != 0 && usage[short(e.CountedOn)] != e.Consumed {
					t.Errorf("as of %s %s is explained with %d on %s, which consumes %d", at, r, e.Consumed, e.CountedOn, usage[short(e.CountedOn)])
				}
			}
		}
	}
	_, err := w.m.Explain(w.ctx, w.who, arn, instance("never"), nil)
	w.refused(err, license.InvalidParameter, "not in the inventory")
}

// moments lists the times of every revision of a configuration.
func (w *world) moments(arn string) (times []license.Time) {
	w.t.Helper()
	num := w.configuration(arn).Num
	w.must(w.store.View(w.ctx, func(tx license.Tx) error {
		revisions, err := tx.Revisions(num, 0, 10_000)
		for _, r := range revisions {
			times = append(times, r.At)
		}
		return err
	}))
	return times
}

// An explanation of the past uses the facts of the past, and names who ran on
// a host then.
func TestExplanationsUseTheFactsOfThatTime(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.Core, -1)
	w.put(sized(host("1")), sized(host("2")), onHost(sized(instance("a")), "h-1"), inStatus(onHost(sized(instance("b")), "h-1"), "stopped"))
	w.associate(arn, instance("a"), instance("b"))
	then := w.configuration(arn).HeadAt
	w.advance(time.Hour)
	w.put(onHost(license.Report{ARN: instance("a")}, "h-2"), license.Report{ARN: host("1"), Cores: new(int64(64))}, license.Report{ARN: instance("b"), Status: new("terminated")})

	e := w.explain(arn, host("1"), &then)
	if e.Consumed != 16 || !explains(e, "Cores", "16") || !explains(e, "AssociatedMachine", instance("a")) {
		t.Errorf("host 1 was explained as %+v", e)
	}
	if e := w.explain(arn, host("2"), &then); e.Consumed != 0 || explains(e, "AssociatedMachine", instance("a")) {
		t.Errorf("host 2 was explained as %+v", e)
	}
	if e := w.explain(arn, instance("a"), &then); e.CountedOn != host("1") || e.Consumed != 16 {
		t.Errorf("the machine was explained as %+v", e)
	}
	// A stopped machine holds nothing, though its host counts.
	if e := w.explain(arn, instance("b"), &then); !e.Associated || e.Consumed != 0 || e.CountedOn != "" || !explains(e, "Status", "stopped") {
		t.Errorf("the stopped machine was explained as %+v", e)
	}
}

func TestHistory(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, 10)
	from := w.now()
	vcpus := func(n int64) { w.put(license.Report{ARN: instance("a"), VCPUs: &n}) }
	vcpus(4)
	w.associate(arn, instance("a")) // a microsecond after the creation
	w.advance(time.Hour)
	vcpus(2) // at the very start of the second hour
	w.advance(time.Minute)
	vcpus(9)
	w.advance(time.Minute)
	vcpus(3)
	w.advance(3 * time.Hour) // two hours of nothing
	w.change(arn, license.ConfigurationChange{Count: new(int64(20)), HardLimit: new(false)})
	w.advance(time.Minute)

	before := from - license.Time(time.Hour.Microseconds())
	h, err := w.m.GetHistory(w.ctx, w.who, arn, &before, nil, time.Hour)
	w.must(err)
	var got [][3]int64
	for i, p := range h.Points {
		if p.From != before+license.Time(i)*license.Time(time.Hour.Microseconds()) {
			t.Errorf("point %d is at %s", i, p.From)
		}
		if (p.Count == nil) != (i == 0) || p.Hard != (i > 0 && i < 5) {
			t.Errorf("point %d has the limit %v, hard %v", i, p.Count, p.Hard)
		}
		limit := int64(-1)
		if p.Count != nil {
			limit = *p.Count
		}
		got = append(got, [3]int64{p.Consumed, p.Peak, limit})
	}
	want := [][3]int64{{0, 0, -1}, {4, 4, 10}, {3, 9, 10}, {3, 3, 10}, {3, 3, 10}, {3, 3, 20}}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("consumed, peak and limit (-want +got):\n%s", diff)
	}
	for i, p := range h.Points[:5] {
		end := h.Points[i+1].From - 1
		if used := w.usageAt(arn, end)["i-a"]; used != p.Consumed {
			t.Errorf("point %d ends with %d, the usage then is %d", i, p.Consumed, used)
		}
	}

	whole, err := w.m.GetHistory(w.ctx, w.who, arn, nil, nil, 0)
	w.must(err)
	if n := len(whole.Points); whole.From != from || whole.To < w.now() || n < 50 || n > 200 {
		t.Errorf("the whole history has %d points from %s to %s", n, whole.From, whole.To)
	}
	for name, ask := range map[string]func() (*license.History, error){
		"backwards":      func() (*license.History, error) { return w.m.GetHistory(w.ctx, w.who, arn, &from, &before, time.Hour) },
		"too many steps": func() (*license.History, error) { return w.m.GetHistory(w.ctx, w.who, arn, nil, nil, time.Second) },
		"too short":      func() (*license.History, error) { return w.m.GetHistory(w.ctx, w.who, arn, nil, nil, time.Millisecond) },
		"negative":       func() (*license.History, error) { return w.m.GetHistory(w.ctx, w.who, arn, nil, nil, -time.Hour) },
		"since ever": func() (*license.History, error) {
			return w.m.GetHistory(w.ctx, w.who, arn, new(license.Time(0)), nil, time.Hour)
		},
	} {
		if _, err := ask(); license.KindOf(err) != license.InvalidParameter || err == nil {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestCompare(t *testing.T) {
	w := newWorld(t, license.Settings{})
	before := w.now() - 1
	arn := w.create(license.VCPU, 100)
	for i := range 7 {
		w.put(license.Report{ARN: instance(fmt.Sprint(i)), VCPUs: new(int64(2))})
		w.associate(arn, instance(fmt.Sprint(i)))
	}
	from := w.configuration(arn).HeadAt
	w.advance(time.Hour)
	w.put(license.Report{ARN: instance("1"), VCPUs: new(int64(6))}, license.Report{ARN: instance("2"), Name: new("no difference")},
		license.Report{ARN: instance("3"), Status: new("stopped")}, license.Report{ARN: instance("5"), Status: new("terminated")},
		license.Report{ARN: instance("new"), VCPUs: new(int64(1))})
	w.associate(arn, instance("new"))
	w.change(arn, license.ConfigurationChange{Count: new(int64(50))})
	to := w.configuration(arn).HeadAt

	for limit := 1; limit <= 6; limit++ {
		got := map[string][2]int64{}
		pages := 0
		for after := (*license.Key)(nil); ; pages++ {
			c, err := w.m.Compare(w.ctx, w.who, arn, from, to, after, limit)
			w.must(err)
			if c.FromConsumed != 14 || c.ToConsumed != 15 || *c.FromCount != 100 || *c.ToCount != 50 || len(c.Differences) > limit {
				t.Fatalf("the comparison is %+v", c)
			}
			for _, d := range c.Differences {
				got[differing(d)] = [2]int64{consumedBy(d.From), consumedBy(d.To)}
			}
			if after = c.Next; after == nil {
				break
			}
		}
		want := map[string][2]int64{"i-1": {2, 6}, "i-3": {2, 0}, "i-5": {2, 0}, "i-new": {0, 1}}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("differences in pages of %d (-want +got):\n%s", limit, diff)
		}
		if pages > 4/limit {
			t.Errorf("4 differences in pages of %d took %d more pages", limit, pages)
		}
	}
	for _, c := range []struct {
		from, to license.Time
		want     int
	}{{before, from, 7}, {from, before, 7}, {before, before, 0}, {to, to, 0}} {
		got, err := w.m.Compare(w.ctx, w.who, arn, c.from, c.to, nil, 100)
		w.must(err)
		if len(got.Differences) != c.want || got.Next != nil {
			t.Errorf("from %s to %s there are %d differences, want %d", c.from, c.to, len(got.Differences), c.want)
		}
	}
}

func differing(d license.Difference) string {
	if d.From != nil {
		return short(d.From.ResourceARN)
	}
	return short(d.To.ResourceARN)
}

func consumedBy(u *license.Usage) int64 {
	if u == nil {
		return 0
	}
	return u.Consumed
}

// A page of a comparison ends when it has read very much, found or not, and
// the next one goes on there.
func TestCompareReadsABoundedPart(t *testing.T) {
	if testing.Short() {
		t.Skip("reports more than 20000 machines")
	}
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, -1)
	w.associate(arn, image("1"))
	for b := range 21 {
		reports := make([]license.Report, license.MaxReports)
		for i := range reports {
			reports[i] = launched(fmt.Sprint(b, "-", i), "1")
		}
		w.put(reports...)
	}
	from := w.configuration(arn).HeadAt
	for i := range 70 { // more than a comparison reads one by one
		w.put(license.Report{ARN: instance("20-999"), VCPUs: new(int64(5 + i))})
	}
	last := w.configuration(arn).HeadAt
	w.put(license.Report{ARN: instance("20-998"), VCPUs: new(int64(7))})
	few, err := w.m.Compare(w.ctx, w.who, arn, last, w.configuration(arn).HeadAt, nil, 10)
	w.must(err)
	if len(few.Differences) != 1 || few.Next != nil {
		t.Fatalf("of one change %d differences are found, and the next begins at %v", len(few.Differences), few.Next)
	}
	c, err := w.m.Compare(w.ctx, w.who, arn, from, w.configuration(arn).HeadAt, nil, 10)
	w.must(err)
	if len(c.Differences) != 0 || c.Next == nil {
		t.Fatalf("the first page has %d differences, and the next begins at %v", len(c.Differences), c.Next)
	}
	c, err = w.m.Compare(w.ctx, w.who, arn, from, w.configuration(arn).HeadAt, c.Next, 10)
	w.must(err)
	if len(c.Differences) != 2 || c.Next != nil {
		t.Errorf("the last page has %d differences, and the next begins at %v", len(c.Differences), c.Next)
	}
}

// However few or many revisions lie between two moments, what differs is what
// differs between the two lists of usage.
func TestComparisonsAreTheDifferencesOfTheLists(t *testing.T) {
	w := newWorld(t, license.Settings{})
	rapid.Check(t, func(r *rapid.T) {
		arn, at := w.changed(r)
		from, to := rapid.SampledFrom(at).Draw(r, "from"), rapid.SampledFrom(at).Draw(r, "to")
		want := map[string][2]int64{}
		for id, n := range w.usageAt(arn, from) {
			want[id] = [2]int64{n, want[id][1]}
		}
		for id, n := range w.usageAt(arn, to) {
			want[id] = [2]int64{want[id][0], n}
		}
		maps.DeleteFunc(want, func(_ string, n [2]int64) bool { return n[0] == n[1] })
		got := w.compared(arn, from, to, rapid.IntRange(1, 5).Draw(r, "limit"))
		maps.DeleteFunc(got, func(_ string, n [2]int64) bool { return n[0] == n[1] }) // of another status
		if diff := gocmp.Diff(want, got); diff != "" {
			r.Fatalf("from %s to %s (-want +got):\n%s", from, to, diff)
		}
	})
}

// changed makes a configuration whose machines come, go and change at random, and
// returns the moments of its revisions and one before the first.
func (w *world) changed(r *rapid.T) (arn string, at []license.Time) {
	at = []license.Time{w.now()}
	w.advance(time.Minute)
	arn = w.create(license.VCPU, -1)
	machines := make([]string, 8)
	for i := range machines {
		machines[i] = instance(fmt.Sprint("c", w.fresh()))
	}
	for range rapid.SampledFrom([]int{5, 20, 70}).Draw(r, "changes") {
		machine := rapid.SampledFrom(machines).Draw(r, "machine")
		w.put(license.Report{ARN: machine, VCPUs: new(rapid.Int64Range(1, 3).Draw(r, "vcpus")), Status: new(rapid.SampledFrom([]string{"running", "stopped"}).Draw(r, "status"))})
		if rapid.Bool().Draw(r, "associate") {
			w.associate(arn, machine)
		} else if slices.Contains(w.associated(arn), short(machine)) {
			w.dissociate(arn, machine)
		}
	}
	return arn, append(at, w.moments(arn)...)
}

// compared puts the pages of a comparison together.
func (w *world) compared(arn string, from, to license.Time, limit int) map[string][2]int64 {
	got := map[string][2]int64{}
	for after := (*license.Key)(nil); ; {
		c, err := w.m.Compare(w.ctx, w.who, arn, from, to, after, limit)
		w.must(err)
		for _, d := range c.Differences {
			got[differing(d)] = [2]int64{consumedBy(d.From), consumedBy(d.To)}
		}
		if after = c.Next; after == nil {
			return got
		}
	}
}
