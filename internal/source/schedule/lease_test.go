package schedule_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"reeve/internal/license"
	"reeve/internal/source/schedule"
)

// stuck makes a place's next pull wait: for ctx if heed, and at the latest for
// release. It hands machines over when it goes on.
func stuck(w *world, p *place, heed bool, machines ...string) (begun chan struct{}, release func(), outcome chan error) {
	begun, outcome = make(chan struct{}), make(chan error, 1)
	ended := make(chan struct{})
	release = sync.OnceFunc(func() { close(ended) })
	w.releases = append(w.releases, release)
	p.pull = func(ctx context.Context, each func([]license.Report) error) error {
		p.mu.Lock()
		p.pull = nil
		p.mu.Unlock()
		close(begun)
		heeded := ctx.Done()
		if !heed {
			heeded = nil
		}
		select {
		case <-heeded:
		case <-ended:
		}
		err := each(reports(machines...))
		outcome <- err
		return err
	}
	return begun, release, outcome
}

// A server that is silent for longer than its lease loses the source to
// another one, and what it then still wants to write is refused.
func TestAServerThatLostItsLeaseWritesNothing(t *testing.T) {
	w := newWorld(t)
	p := w.add("cloud", "a")
	begun, release, outcome := stuck(w, p, false, "stale")
	w.serve(w.sources, "slow")
	if _, err := w.sources.Ask(t.Context(), "cloud", false); err != nil {
		t.Fatal(err)
	}
	<-begun
	w.advance(time.Hour)
	second := w.another()
	w.serve(second, "quick")
	if _, err := second.Ask(t.Context(), "cloud", false); err != nil {
		t.Fatal(err)
	}
	r := w.ended("cloud", 2)
	w.counts(r, schedule.Counts{Seen: 1, Created: 1})
	release()
	if err := <-outcome; err == nil {
		t.Error("a server without the lease recorded a batch")
	}
	w.has("a")
	runs, _, err := w.sources.Runs(t.Context(), "cloud", 2, 10)
	if err != nil || len(runs) != 1 || runs[0].Status != schedule.Lost || runs[0].Ended == 0 || runs[0].Server != "slow" {
		t.Errorf("the lost run: %+v, %v", runs, err)
	}
}

// What kill -9 leaves is a run that nobody renews: it ends with its lease, and
// the source runs again at once, but not at once again and again.
func TestAKilledServersRunIsTakenOver(t *testing.T) {
	w := newWorld(t)
	w.add("cloud", "a")
	w.put(schedule.Definition{Name: "cloud", Paused: new(false)})
	kill := func() *schedule.Source {
		var left *schedule.Source
		err := w.store.Sources().Update(t.Context(), func(tx schedule.Tx) error {
			s, err := tx.SourceNamed("cloud")
			if err != nil {
				return err
			}
			now, err := tx.Now()
			if err != nil {
				return err
			}
			s.Run, s.Lease, s.Due = s.Run+1, now+1, now
			left = s
			if err := tx.SaveSource(s); err != nil {
				return err
			}
			return tx.SaveRun(s.Num, &schedule.Run{Number: s.Run, Status: schedule.Running, Server: "killed", Started: now})
		})
		if err != nil {
			t.Fatal(err)
		}
		return left
	}
	kill()
	stop := w.serve(w.sources, "heir")
	w.counts(w.ended("cloud", 2), schedule.Counts{Seen: 1, Created: 1})
	stop()

	err := w.store.Sources().Update(t.Context(), func(tx schedule.Tx) error {
		s, err := tx.SourceNamed("cloud")
		s.Failed = 3 // it has ended its servers before
		if err == nil {
			err = tx.SaveSource(s)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	last := kill().Run
	w.serve(w.another(), "second heir")
	w.wait("end of the lease", func() bool { return !w.get("cloud").Running() })
	d := w.get("cloud")
	if d.LastRun.Number != last || d.LastRun.Status != schedule.Lost || d.Failed != 4 || time.Duration(d.Due-d.LastRun.Ended)*time.Microsecond < time.Minute {
		t.Errorf("after a server was ended for the fourth time: %+v, %+v", d.Source, d.LastRun)
	}
}

func TestAStoppingServerGivesItsRunBack(t *testing.T) {
	w := newWorld(t)
	p := w.add("cloud", "a")
	begun, _, _ := stuck(w, p, true, "b")
	stop := w.serve(w.sources, "one")
	if _, err := w.sources.Ask(t.Context(), "cloud", false); err != nil {
		t.Fatal(err)
	}
	<-begun
	stop()
	d := w.get("cloud")
	if d.LastRun.Status != schedule.Stopped || !strings.Contains(d.LastRun.Error, "server") || d.Failed != 0 || d.Running() {
		t.Errorf("after the stop: %+v, %+v", d.Source, d.LastRun)
	}
	w.serve(w.another(), "two")
	w.counts(w.ended("cloud", 2), schedule.Counts{Seen: 1, Created: 1})
}

func TestNewSettingsEndTheRunWithTheOldOnes(t *testing.T) {
	w := newWorld(t)
	p := w.add("cloud", "a")
	w.places["other"] = &place{machines: []string{"c"}}
	begun, release, outcome := stuck(w, p, false, "b")
	w.serve(w.sources, "one")
	if _, err := w.sources.Ask(t.Context(), "cloud", false); err != nil {
		t.Fatal(err)
	}
	<-begun
	w.put(schedule.Definition{Name: "cloud", Settings: new(`{"place": "other"}`)})
	release()
	if err := <-outcome; err == nil {
		t.Error("a run with settings of before recorded a batch")
	}
	w.counts(w.run("cloud"), schedule.Counts{Seen: 1, Created: 1})
	w.has("c")
	if lasts := w.places["other"].lasts; lasts[0] != "" {
		t.Errorf("the new place was asked with the memory of the old one: %q", lasts)
	}
}

func TestADeletedSourceStops(t *testing.T) {
	w := newWorld(t)
	p := w.add("cloud", "a")
	begun, release, outcome := stuck(w, p, false, "b")
	w.serve(w.sources, "one")
	if _, err := w.sources.Ask(t.Context(), "cloud", false); err != nil {
		t.Fatal(err)
	}
	<-begun
	if err := w.sources.Delete(t.Context(), "cloud"); err != nil {
		t.Fatal(err)
	}
	release()
	if err := <-outcome; err == nil {
		t.Error("a deleted source recorded a batch")
	}
	w.has()
}

func TestARunThatTakesTooLongFails(t *testing.T) {
	w := newWorld(t)
	p := w.add("cloud", "a")
	stuck(w, p, true, "b")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := w.options("one")
	o.Timeout = 50 * time.Millisecond
	done := make(chan struct{})
	go func() { w.sources.Scheduler(o).Run(ctx); close(done) }()
	r := w.run("cloud")
	if r.Status != schedule.Failed || !strings.Contains(r.Error, "longer than it may") {
		t.Errorf("run %+v", r)
	}
	cancel()
	<-done
	w.has()
}

func TestALongRunKeepsItsLease(t *testing.T) {
	const lease, step = 40 * time.Millisecond, 30 * time.Millisecond
	w := newWorld(t)
	w.stopClock()
	p := w.add("cloud", "a")
	begun, release, _ := stuck(w, p, false, "b")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := w.options("one")
	o.Lease = lease
	done := make(chan struct{})
	go func() { w.sources.Scheduler(o).Run(ctx); close(done) }()
	if _, err := w.sources.Ask(t.Context(), "cloud", false); err != nil {
		t.Fatal(err)
	}
	<-begun
	for range 5 {
		w.advance(step)
		renewed := license.TimeOf(w.now().Add(lease))
		w.wait("the renewal", func() bool { return w.get("cloud").Lease >= renewed })
	}
	release()
	w.counts(w.ended("cloud", 1), schedule.Counts{Seen: 1, Created: 1})
	cancel()
	<-done
}
