package schedule_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reeve/internal/license"
	"reeve/internal/source/schedule"
)

func TestARunRecordsWhatThereIs(t *testing.T) {
	w := newWorld(t)
	p := w.add("cloud", "a", "b")
	w.serve(w.sources, "one")
	first := w.run("cloud")
	w.counts(first, schedule.Counts{Seen: 2, Created: 2})
	if first.Server != "one" || first.Ended < first.Started {
		t.Errorf("run %+v", first)
	}
	w.counts(w.run("cloud"), schedule.Counts{Seen: 2, Unchanged: 2})
	p.set("b", "c")
	w.counts(w.run("cloud"), schedule.Counts{Seen: 2, Created: 1, Unchanged: 1, Gone: 1})
	w.has("b", "c")
	if diff := cmp.Diff([]string{"", "after pull 1", "after pull 2"}, p.lasts); diff != "" {
		t.Errorf("what pulls remembered (-want +got):\n%s", diff)
	}
}

func TestWhoReleasesIsInTheLedger(t *testing.T) {
	w := newWorld(t)
	p := w.add("cloud", "a", "b", "c")
	w.serve(w.sources, "one")
	w.run("cloud")
	config, err := w.manager.CreateConfiguration(t.Context(), who, license.ConfigurationSpec{Terms: license.Terms{Name: "x", CountingType: license.VCPU}})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.manager.UpdateSpecifications(t.Context(), who, arn("a"), []license.Specification{{ConfigurationARN: config}}, nil); err != nil {
		t.Fatal(err)
	}
	p.set("b", "c")
	w.counts(w.run("cloud"), schedule.Counts{Seen: 2, Unchanged: 2, Gone: 1})
	err = w.store.View(t.Context(), func(tx license.Tx) error {
		c, err := tx.Configuration(config[strings.LastIndexByte(config, ':')+1:])
		if err != nil {
			return err
		}
		last, err := tx.Revision(c.Num, c.Head)
		if err != nil {
			return err
		}
		if c.Counters.Consumed != 0 || last.Caller != "source/cloud" || last.Cause != "RunSource" {
			t.Errorf("consumed %d, last revision by %s, %s", c.Counters.Consumed, last.Caller, last.Cause)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAFailedRunReleasesNothingAndIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	p := w.add("cloud", "a", "b")
	w.serve(w.sources, "one")
	w.run("cloud")
	p.pull = func(_ context.Context, each func([]license.Report) error) error {
		return errors.Join(each(reports("a", "c")), errors.New("the place went away; start it again"))
	}
	for failed := int64(1); failed <= 3; failed++ {
		r := w.run("cloud")
		if r.Status != schedule.Failed || r.Error != "the place went away; start it again" || r.Counts.Seen != 2 {
			t.Errorf("run %+v", r)
		}
		d := w.get("cloud")
		pause := (d.Due - r.Ended).Std().Sub(license.Time(0).Std())
		want := time.Minute << (failed - 1)
		if d.Failed != failed || pause < want*9/10 || pause > want*11/10 {
			t.Errorf("after %d failures the next run is in %v, want about %v", d.Failed, pause, want)
		}
	}
	w.has("a", "b", "c")
	p.pull = nil
	w.counts(w.run("cloud"), schedule.Counts{Seen: 2, Unchanged: 2, Gone: 1}) // c was reported, though by a failed run
	if d := w.get("cloud"); d.Failed != 0 || d.Troubled == nil || d.Troubled.Number != 4 || p.lasts[4] != "after pull 1" {
		t.Errorf("after success: %+v, remembered %q", d, p.lasts)
	}
}

func TestAShrunkenPlaceIsNotBelieved(t *testing.T) {
	w := newWorld(t)
	p := w.add("cloud", many(10)...)
	w.serve(w.sources, "one")
	w.run("cloud")
	for _, left := range []int{0, 4} {
		p.set(many(left)...)
		if left == 0 {
			p.pull = func(context.Context, func([]license.Report) error) error { return nil }
		}
		r := w.run("cloud")
		if r.Status != schedule.Refused || !strings.Contains(r.Error, "showed 10 before") || r.Counts.Gone != 0 {
			t.Errorf("with %d of 10 left: %+v", left, r)
		}
		p.pull = nil
	}
	w.has(many(10)...)
	p.set(many(5)...)
	w.counts(w.run("cloud"), schedule.Counts{Seen: 5, Unchanged: 5, Gone: 5})
	p.set("0")
	w.counts(w.runWith("cloud", true), schedule.Counts{Seen: 1, Unchanged: 1, Gone: 4})
	w.put(schedule.Definition{Name: "cloud", AllowShrink: new(true)})
	p.pull = func(context.Context, func([]license.Report) error) error { return nil }
	w.counts(w.run("cloud"), schedule.Counts{Gone: 1})
	w.has()
}

func TestWhatTwoSourcesReportGoesWhenNeitherHasIt(t *testing.T) {
	w := newWorld(t)
	one, two := w.add("one", "a", "b", "c"), w.add("two", "b", "c", "d")
	w.serve(w.sources, "server")
	w.run("one")
	w.run("two")
	one.set("a", "c")
	w.counts(w.run("one"), schedule.Counts{Seen: 2, Unchanged: 2})
	w.has("a", "b", "c", "d")
	two.set("c", "d")
	w.counts(w.run("two"), schedule.Counts{Seen: 2, Unchanged: 2, Gone: 1})
	w.has("a", "c", "d")
	if err := w.sources.Delete(t.Context(), "two"); err != nil {
		t.Fatal(err)
	}
	w.has("a", "c", "d") // deleting a source releases nothing
	one.set("a")
	w.counts(w.run("one"), schedule.Counts{Seen: 1, Unchanged: 1, Gone: 1})
	w.has("a", "d")
}

// Two sources lose the same machines at the same moment, again and again: the
// machines are gone after both, whoever was first.
func TestTwoSourcesLoseTheSameMachinesAtOnce(t *testing.T) {
	w := newWorld(t)
	machines := many(60)
	one, two := w.add("one", machines...), w.add("two", machines...)
	w.serve(w.sources, "first")
	second := w.another()
	w.serve(second, "second")
	w.run("one")
	w.run("two")
	for left := 50; left > 20; left -= 10 {
		one.set(many(left)...)
		two.set(many(left)...)
		a, err := w.sources.Ask(t.Context(), "one", true)
		if err != nil {
			t.Fatal(err)
		}
		b, err := second.Ask(t.Context(), "two", true)
		if err != nil {
			t.Fatal(err)
		}
		gone := w.ended("one", a).Counts.Gone + w.ended("two", b).Counts.Gone
		if gone != 10 {
			t.Errorf("%d were released, want 10", gone)
		}
		w.has(many(left)...)
	}
}

func TestAPlaceThatDoesNotListAllReleasesNothing(t *testing.T) {
	w := newWorld(t)
	p := w.add("drop", "a", "b")
	p.partial = true
	w.serve(w.sources, "one")
	w.run("drop")
	p.pull = func(context.Context, func([]license.Report) error) error { return nil }
	for range 3 {
		w.counts(w.run("drop"), schedule.Counts{})
	}
	w.has("a", "b")
	runs, more, err := w.sources.Runs(t.Context(), "drop", 0, 10)
	if err != nil || more || len(runs) != 2 || runs[0].Number != 4 || runs[1].Number != 1 {
		t.Errorf("runs with nothing to tell are not folded: %v, %v, %v", runs, more, err)
	}
}

func TestResourcesThatCannotBeRecordedStandAlone(t *testing.T) {
	w := newWorld(t)
	p := w.add("cloud", many(40)...)
	w.serve(w.sources, "one")
	w.run("cloud")
	p.pull = func(_ context.Context, each func([]license.Report) error) error {
		batch := reports(many(40)...)
		batch[7].Status, batch[21].ARN = new("sideways"), "no ARN"
		batch = append(batch, reports("39", "40")...)
		return each(batch)
	}
	r := w.run("cloud")
	w.counts(r, schedule.Counts{Seen: 40, Created: 1, Unchanged: 39, Failed: 2, Gone: 1})
	if len(r.Failures) != 2 || r.Failures[0].Place != arn("7") || !strings.Contains(r.Failures[0].Reason, "sideways") {
		t.Errorf("failures %+v", r.Failures)
	}
}

func TestOverTheLimitIsAFailureWithItsReason(t *testing.T) {
	w := newWorld(t)
	w.add("cloud", "a")
	w.serve(w.sources, "one")
	w.run("cloud")
	limit := int64(2)
	config, err := w.manager.CreateConfiguration(t.Context(), who, license.ConfigurationSpec{Terms: license.Terms{Name: "x", CountingType: license.VCPU, Count: &limit, HardLimit: true}})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.manager.UpdateSpecifications(t.Context(), who, arn("a"), []license.Specification{{ConfigurationARN: config}}, nil); err != nil {
		t.Fatal(err)
	}
	w.places["cloud"].pull = func(_ context.Context, each func([]license.Report) error) error {
		grown := reports("a")
		grown[0].VCPUs = new(int64(64))
		return each(grown)
	}
	r := w.run("cloud")
	w.counts(r, schedule.Counts{Seen: 1, Changed: 1, Failed: 1})
	if len(r.Failures) != 1 || r.Failures[0].Place != arn("a") || r.Failures[0].Reason == "" {
		t.Errorf("failures %+v", r.Failures)
	}
}

func TestAPanickingPullerIsAFailedRun(t *testing.T) {
	w := newWorld(t)
	w.add("cloud").pull = func(context.Context, func([]license.Report) error) error { panic("library") }
	w.serve(w.sources, "one")
	if r := w.run("cloud"); r.Status != schedule.Failed || !strings.Contains(r.Error, "failed inside") {
		t.Errorf("run %+v", r)
	}
}

func TestManyServersRunASourceOnce(t *testing.T) {
	w := newWorld(t)
	var mu sync.Mutex
	var now, most, pulls int
	w.add("cloud").pull = func(ctx context.Context, each func([]license.Report) error) error {
		mu.Lock()
		now, pulls = now+1, pulls+1
		most = max(most, now)
		mu.Unlock()
		err := each(reports("a"))
		mu.Lock()
		now--
		mu.Unlock()
		return err
	}
	for _, server := range []string{"one", "two", "three"} {
		w.serve(w.another(), server)
	}
	for range 10 {
		w.run("cloud")
	}
	mu.Lock()
	defer mu.Unlock()
	if most != 1 || pulls != 10 {
		t.Errorf("%d pulls, up to %d at once; want 10, one at a time", pulls, most)
	}
}
