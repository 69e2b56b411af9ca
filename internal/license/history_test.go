package license_test

import (
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"reeve/internal/license"
)

func TestHistoryIsLoaded(t *testing.T) {
	w := newWorld(t, license.Settings{})
	load := w.m.NewHistory(w.who)
	year := w.now() - license.Time((365 * day).Microseconds())
	at := func(days int) license.Time { return year + license.Time((time.Duration(days) * day).Microseconds()) }
	arn, err := load.Create(w.ctx, at(0), license.ConfigurationSpec{Terms: limited(license.VCPU, 8)})
	w.must(err)
	w.must(load.Put(w.ctx, at(1), []license.Report{sized(instance("a")), sized(instance("b")), sized(instance("c"))}))
	w.must(load.Associate(w.ctx, at(2), arn, []string{instance("a"), instance("b"), instance("c")})) // c is one too many
	w.must(load.Put(w.ctx, at(3), []license.Report{{ARN: instance("a"), VCPUs: new(int64(2))}}))
	w.must(load.Change(w.ctx, at(4), arn, license.ConfigurationChange{Count: new(int64(20))}))
	w.must(load.Associate(w.ctx, at(4), arn, []string{instance("c")}))
	w.must(load.Dissociate(w.ctx, at(5), arn, []string{instance("b")}))

	// Until it is sealed, nobody but the evidence knows of it.
	w.invisible(arn)
	w.refused(load.Put(w.ctx, at(4), []license.Report{sized(instance("d"))}), license.InvalidParameter, "in order")
	w.refused(load.Put(w.ctx, w.now()+1, []license.Report{sized(instance("d"))}), license.InvalidParameter, "in the past")
	w.refused(load.Associate(w.ctx, at(6), arn, []string{instance("never")}), license.InvalidParameter, "not in the inventory")
	w.refused(load.Associate(w.ctx, at(6), arn+"0", []string{instance("a")}), license.NotFound)
	w.verifyClean()

	w.must(load.Seal(w.ctx))
	for days, want := range map[int]map[string]int64{
		-1: {}, 0: {}, 1: {}, 2: {"i-a": 4, "i-b": 4}, 3: {"i-a": 2, "i-b": 4}, 4: {"i-a": 2, "i-b": 4, "i-c": 4}, 5: {"i-a": 2, "i-c": 4}, 300: {"i-a": 2, "i-c": 4},
	} {
		if diff := gocmp.Diff(want, w.usageAt(arn, at(days)+1000)); diff != "" {
			t.Errorf("usage of day %d (-want +got):\n%s", days, diff)
		}
	}
	w.consumes(arn, map[string]int64{"i-a": 2, "i-c": 4})
	if c := w.configuration(arn); c.Created != at(0) {
		t.Errorf("it was created at %s, want %s", c.Created, at(0))
	}
	w.recorded(arn)
	w.put(license.Report{ARN: instance("a"), VCPUs: new(int64(7))}) // live from here on
	w.consumes(arn, map[string]int64{"i-a": 7, "i-c": 4})

	// What is sealed stays as it is.
	for name, err := range map[string]error{
		"put":        load.Put(w.ctx, at(7), []license.Report{{ARN: instance("a"), VCPUs: new(int64(1))}}),
		"associate":  load.Associate(w.ctx, at(7), arn, []string{instance("b")}),
		"dissociate": load.Dissociate(w.ctx, at(7), arn, []string{instance("a")}),
		"change":     load.Change(w.ctx, at(7), arn, license.ConfigurationChange{Count: new(int64(1))}),
	} {
		if err == nil {
			t.Errorf("%s changed a sealed configuration", name)
		}
	}
	w.consumes(arn, map[string]int64{"i-a": 7, "i-c": 4})
}

// invisible fails the test if anything answers for a configuration.
func (w *world) invisible(arn string) {
	w.t.Helper()
	at := w.now() - 1
	for name, err := range map[string]error{
		"get":       errorOf2(w.m.Configuration(w.ctx, w.who, arn)),
		"usage":     errorOf2(w.m.ListUsage(w.ctx, w.who, arn, license.UsageFilter{}, nil, 1)),
		"as of":     errorOf2(w.m.ListUsage(w.ctx, w.who, arn, license.UsageFilter{AsOf: &at}, nil, 1)),
		"history":   errorOf2(w.m.GetHistory(w.ctx, w.who, arn, nil, nil, 0)),
		"explain":   errorOf2(w.m.Explain(w.ctx, w.who, arn, instance("a"), nil)),
		"update":    w.m.UpdateConfiguration(w.ctx, w.who, arn, license.ConfigurationChange{Name: new("x")}),
		"delete":    w.m.DeleteConfiguration(w.ctx, w.who, arn),
		"associate": w.specify(instance("a"), []string{arn}, nil),
	} {
		if license.KindOf(err) != license.NotFound || err == nil {
			w.t.Errorf("%s of a configuration that is being loaded answers %v", name, err)
		}
	}
	list, _, err := w.m.ListConfigurations(w.ctx, w.who, license.ConfigurationFilter{}, nil, 10)
	w.must(err)
	if len(list) != 0 {
		w.t.Errorf("the list has %d configurations", len(list))
	}
}

// recorded checks that every revision but the last, which sealed it, says that
// it was recorded later than it took effect.
func (w *world) recorded(arn string) {
	w.t.Helper()
	c := w.configuration(arn)
	w.must(w.store.View(w.ctx, func(tx license.Tx) error {
		revisions, err := tx.Revisions(c.Num, 0, 100)
		for i, r := range revisions {
			if sealing := i == len(revisions)-1; sealing != (r.At == r.Recorded) || r.Recorded != w.now() || sealing != (r.Cause == "SealHistory") {
				w.t.Errorf("revision %d of %s is recorded at %s as %s", r.Number, r.At, r.Recorded, r.Cause)
			}
		}
		return err
	}))
}

// History cannot be put under what answers already.
func TestHistoryDoesNotTouchLiveLedgers(t *testing.T) {
	w := newWorld(t, license.Settings{})
	live := w.create(license.VCPU, -1)
	w.put(sized(instance("a")))
	w.associate(live, instance("a"))
	w.advance(time.Hour)
	load := w.m.NewHistory(w.who)
	at := w.now() - 1000
	w.unchanged(func() {
		w.refused(load.Put(w.ctx, at, []license.Report{{ARN: instance("a"), VCPUs: new(int64(9))}}), license.Conflict, "being loaded too")
		w.refused(load.Associate(w.ctx, at, live, []string{instance("a")}), license.NotFound)
		w.refused(load.Dissociate(w.ctx, at, live, []string{instance("a")}), license.NotFound)
	})
	other := w.who
	other.Account = "210987654321"
	arn, err := load.Create(w.ctx, at, license.ConfigurationSpec{Terms: limited(license.VCPU, -1)})
	w.must(err)
	w.refused(w.m.NewHistory(other).Change(w.ctx, at, arn, license.ConfigurationChange{Name: new("x")}), license.NotFound)
	w.must(load.Seal(w.ctx))
}

// A sweep leaves alone what history is being loaded for: by its reports it was
// not seen for long, and yet the load goes on.
func TestSweepWaitsForTheEndOfALoad(t *testing.T) {
	w := newWorld(t, license.Settings{})
	load := w.m.NewHistory(w.who)
	at := w.now() - license.Time((100 * day).Microseconds())
	arn, err := load.Create(w.ctx, at, license.ConfigurationSpec{Terms: limited(license.VCPU, -1)})
	w.must(err)
	w.must(load.Put(w.ctx, at, []license.Report{sized(managed("a"))}))
	w.must(load.Associate(w.ctx, at, arn, []string{managed("a")}))
	if n := w.sweep(); n != 0 {
		t.Errorf("the sweep changed %d", n)
	}
	w.must(load.Put(w.ctx, at+1e6, []license.Report{{ARN: managed("a"), VCPUs: new(int64(8))}}))
	w.must(load.Seal(w.ctx))
	w.consumes(arn, map[string]int64{"mi-a": 8})
	if n := w.sweep(); n != 1 {
		t.Errorf("the sweep after the load changed %d, want the machine that was not seen for 100 days", n)
	}
	w.consumes(arn, map[string]int64{})
}

// A machine that reports now is not made older by history.
func TestHistoryDoesNotHideThatAMachineWasSeen(t *testing.T) {
	w := newWorld(t, license.Settings{})
	w.put(sized(managed("a")))
	load := w.m.NewHistory(w.who)
	at := w.now() - license.Time((100 * day).Microseconds())
	w.must(load.Put(w.ctx, at, []license.Report{{ARN: managed("a"), VCPUs: new(int64(1))}}))
	if n := w.sweep(); n != 0 {
		t.Errorf("the sweep changed %d: the machine was seen today", n)
	}
}
