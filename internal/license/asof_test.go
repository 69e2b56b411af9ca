package license_test

import (
	"fmt"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"reeve/internal/license"
)

func TestAnyMomentOfThePast(t *testing.T) {
	w := newWorld(t, license.Settings{})
	created := w.now()
	arn := w.create(license.VCPU, -1)
	w.put(sized(instance("a")))
	w.advance(time.Hour)
	associated := w.now()
	w.associate(arn, instance("a"))
	w.advance(time.Hour)
	resized := w.now()
	w.put(license.Report{ARN: instance("a"), VCPUs: new(int64(8))})
	w.advance(time.Hour)
	w.put(license.Report{ARN: instance("a"), VCPUs: new(int64(2))})

	for at, want := range map[license.Time]map[string]int64{
		0: {}, created - 1: {}, created: {}, associated - 1: {},
		associated: {"i-a": 4}, resized - 1: {"i-a": 4},
		resized: {"i-a": 8}, w.now() - 1: {"i-a": 8},
		w.now(): {"i-a": 2},
	} {
		if diff := gocmp.Diff(want, w.usageAt(arn, at)); diff != "" {
			t.Errorf("usage as of %s (-want +got):\n%s", at, diff)
		}
		e := w.explain(arn, instance("a"), &at)
		if e.Consumed != want["i-a"] || e.AsOf != at || e.Associated != (at >= associated) {
			t.Errorf("as of %s it is explained as %+v", at, e)
		}
		if e.Revision > 0 && e.RevisionAt > at || (e.Revision == 0) != (at < created) {
			t.Errorf("as of %s it is explained by revision %d of %s", at, e.Revision, e.RevisionAt)
		}
	}
	future := w.now() + 1000
	_, err := w.m.ListUsage(w.ctx, w.who, arn, license.UsageFilter{AsOf: &future}, nil, 1)
	w.refused(err, license.InvalidParameter, "in the future", future.String(), "the server's time is 2026-03-01T15:00:00")
	_, err = w.m.Explain(w.ctx, w.who, arn, instance("a"), &future)
	w.refused(err, license.InvalidParameter, "in the future")
	_, err = w.m.Compare(w.ctx, w.who, arn, created, future, nil, 1)
	w.refused(err, license.InvalidParameter, "in the future")
	_, err = w.m.GetHistory(w.ctx, w.who, arn, nil, &future, 0)
	w.refused(err, license.InvalidParameter, "in the future")
}

// A clock that steps back an hour stops nobody: times go on increasing, what
// was answered stays, and new machines find their numbers.
func TestTheClockStepsBack(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, -1)
	w.put(sized(instance("a")))
	w.associate(arn, instance("a"))
	w.advance(time.Minute)
	for _, restart := range []bool{false, true} {
		w.advance(-time.Hour)
		if restart {
			w.must(w.store.Close())
			w.open()
		}
		for i := range 5 {
			before := w.configuration(arn)
			w.put(license.Report{ARN: instance("a"), VCPUs: new(int64(10 + i))})
			after := w.configuration(arn)
			if after.Head != before.Head+1 || after.HeadAt <= before.HeadAt {
				t.Fatalf("revision %d of %s follows revision %d of %s", after.Head, after.HeadAt, before.Head, before.HeadAt)
			}
			for at, want := range map[license.Time]int64{after.HeadAt: int64(10 + i), before.HeadAt: w.consumedAt(arn, before.Head)} {
				if got := w.usageAt(arn, at)["i-a"]; got != want {
					t.Errorf("as of %s %d are consumed, want %d", at, got, want)
				}
			}
		}
		for range 6 { // a microsecond has room for three such batches
			reports := make([]license.Report, license.MaxReports)
			for i := range reports {
				reports[i].ARN = instance(fmt.Sprint(w.fresh(), "-", i))
			}
			w.put(reports...)
		}
	}
}

// consumedAt is what the ledger says was consumed at a revision.
func (w *world) consumedAt(arn string, revision int64) (consumed int64) {
	w.t.Helper()
	w.must(w.store.View(w.ctx, func(tx license.Tx) error {
		c, err := tx.Configuration(arn[len(arn)-len("lic-")-32:])
		if err != nil {
			return err
		}
		r, err := tx.Revision(c.Num, revision)
		if err == nil {
			consumed = r.Counters.Consumed
		}
		return err
	}))
	return consumed
}

// What was answered for the very moment of asking stays the answer, also when
// the clock shows that moment again to who writes next.
func TestAnswersAreFinal(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, -1)
	w.put(sized(instance("a")))
	w.advance(time.Second)
	for i := range 5 {
		at := w.now() // the clock stands still
		before := w.usageAt(arn, at)
		w.put(license.Report{ARN: instance("a"), VCPUs: new(int64(10 + i))})
		w.associate(arn, instance("a"))
		if diff := gocmp.Diff(before, w.usageAt(arn, at)); diff != "" {
			t.Errorf("the answer for %s changed (-first +second):\n%s", at, diff)
		}
		w.advance(time.Duration(i-2) * time.Second) // back, and on again
	}
}

// What was answered for a moment stays, also when the clock steps back an hour
// and another process is the next to write: after a restart, or a second server
// of the deployment.
func TestAnswersAreFinalForEveryServer(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, -1)
	w.put(sized(instance("a")))
	w.associate(arn, instance("a"))
	for round, other := range []func(){
		func() { w.m = license.New(w.store, w.settings) },
		func() { w.must(w.store.Close()); w.open() },
		func() { w.must(w.store.Close()); w.open(); w.m = license.New(w.store, w.settings) },
	} {
		w.advance(2 * time.Hour)
		at := w.now()
		before := w.usageAt(arn, at)
		w.advance(-time.Hour)
		other()
		if diff := gocmp.Diff(before, w.usageAt(arn, at)); diff != "" {
			t.Errorf("round %d: the clock that stepped back changed the answer (-first +second):\n%s", round, diff)
		}
		w.put(license.Report{ARN: instance("a"), VCPUs: new(int64(100 + round))})
		w.associate(arn, instance("a"))
		c := w.configuration(arn)
		if c.HeadAt <= at {
			t.Errorf("round %d: revision %d takes effect at %s, which was answered for up to %s", round, c.Head, c.HeadAt, at)
		}
		if diff := gocmp.Diff(before, w.usageAt(arn, at)); diff != "" {
			t.Errorf("round %d: the answer for %s changed (-first +second):\n%s", round, at, diff)
		}
		if got := w.usageAt(arn, c.HeadAt)["i-a"]; got != int64(100+round) {
			t.Errorf("round %d: what was written behind the answer is %d", round, got)
		}
	}
}

// A moment that a writer may still be about to write at is answered only after
// that writer is done.
func TestAnswersWaitForTheWriter(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, -1)
	w.put(sized(instance("a")))
	w.advance(time.Minute)
	at := w.now()
	num := w.configuration(arn).Num
	inside, leave := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- w.store.Update(w.ctx, func(tx license.Tx) error {
			_, err := tx.LockConfiguration(num)
			close(inside)
			<-leave
			return err
		})
	}()
	<-inside
	answered := make(chan map[string]int64, 1)
	go func() { answered <- w.usageAt(arn, at) }()
	select {
	case <-answered:
		close(leave)
		t.Fatal("the moment was answered while a writer was at work")
	case <-time.After(20 * time.Millisecond): // no answer is expected however long this is
	}
	close(leave)
	w.must(<-done)
	if got := <-answered; len(got) != 0 {
		t.Errorf("the answer is %v", got)
	}
}

// Pages go on at the revision of the first, whatever is written meanwhile.
func TestPagesAreOfOneRevision(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, -1)
	for _, id := range []string{"a", "b", "c"} {
		w.put(sized(instance(id)))
		w.associate(arn, instance(id))
	}
	page, err := w.m.ListUsage(w.ctx, w.who, arn, license.UsageFilter{}, nil, 1)
	w.must(err)
	associations, next, err := w.m.ListAssociations(w.ctx, w.who, arn, nil, 1)
	w.must(err)
	w.dissociate(arn, instance("b"))
	w.put(license.Report{ARN: instance("c"), VCPUs: new(int64(9))})
	rest, err := w.m.ListUsage(w.ctx, w.who, arn, license.UsageFilter{}, page.Next, 10)
	w.must(err)
	if usage, _ := usageMap(append(page.Usage, rest.Usage...)); len(usage) != 3 || usage["i-c"] != 4 || rest.Next != nil {
		t.Errorf("the pages have %v", usage)
	}
	more, last, err := w.m.ListAssociations(w.ctx, w.who, arn, next, 10)
	w.must(err)
	if len(associations) != 1 || len(more) != 2 || last != nil {
		t.Errorf("the pages have %v and %v", associations, more)
	}
}
