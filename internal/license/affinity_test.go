package license_test

import (
	"testing"
	"time"

	"reeve/internal/license"
)

const day = 24 * time.Hour

// sweep does what is due and returns how much it was.
func (w *world) sweep() int {
	w.t.Helper()
	n, err := w.m.Sweep(w.ctx)
	w.must(err)
	return n
}

// held makes a configuration of 16 cores with the affinity rule, whose only
// user on host 1 has just stopped.
func held(w *world, days string) (arn string) {
	w.t.Helper()
	arn = w.create(license.Core, 16, "#licenseAffinityToHost="+days)
	w.put(sized(host("1")), sized(host("2")), onHost(sized(instance("a")), "h-1"), onHost(sized(instance("b")), "h-2"))
	w.associate(arn, instance("a"))
	w.advance(time.Minute)
	w.put(license.Report{ARN: instance("a"), Status: new("stopped")})
	return arn
}

func TestAReleasedLicenceStaysOnItsHost(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := held(w, "30")
	began := w.now()
	w.consumes(arn, map[string]int64{"h-1": 16})
	w.wantAssociated(arn, "i-a") // the hold is no association
	w.refused(w.specify(instance("b"), []string{arn}, nil), license.LicenseUsage)
	e := w.explain(arn, host("1"), nil)
	if e.Associated || e.Consumed != 16 || e.CountedOn != host("1") || !explains(e, "licenseAffinityToHost", "30") {
		t.Errorf("the hold is explained as %+v", e)
	}
	if list, _, err := w.m.ListSpecifications(w.ctx, w.who, host("1"), 0, 10); err != nil || len(list) != 0 {
		t.Errorf("the host's specifications are %v, %v", list, err)
	}
	w.dissociate(arn, host("1")) // it is not associated: the hold stays

	w.advance(30*day - time.Microsecond)
	if n := w.sweep(); n != 0 {
		t.Errorf("a sweep before the end changed %d", n)
	}
	w.consumes(arn, map[string]int64{"h-1": 16})
	w.verifyClean()
	w.advance(time.Second)
	if n := w.sweep(); n != 1 {
		t.Errorf("the sweep changed %d, want the one hold", n)
	}
	w.consumes(arn, map[string]int64{})
	if n := w.sweep(); n != 0 {
		t.Errorf("a second sweep changed %d", n)
	}
	w.associate(arn, instance("b"))
	w.consumes(arn, map[string]int64{"h-2": 16})
	for at, want := range map[time.Duration]int64{time.Microsecond: 16, 29 * day: 16, 30*day + time.Second: 0} {
		if got := w.usageAt(arn, began+license.Time(at.Microseconds()))["h-1"]; got != want {
			t.Errorf("after %s, %d were held, want %d", at, got, want)
		}
	}
}

func explains(e *license.Explanation, name, value string) bool {
	for _, s := range e.Steps {
		if s.Name == name && s.Value == value {
			return true
		}
	}
	return false
}

func TestAHeldLicenceIsUsedAgain(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := held(w, "1")
	w.advance(time.Hour)
	w.put(license.Report{ARN: instance("a"), Status: new("running")}) // all 16 are in use, by this hold
	w.consumes(arn, map[string]int64{"h-1": 16})
	w.wantFailures(arn)
	w.advance(2 * day)
	if n := w.sweep(); n != 0 {
		t.Errorf("the sweep changed %d: the licence is in use", n)
	}
	w.consumes(arn, map[string]int64{"h-1": 16})
	w.put(onHost(license.Report{ARN: instance("b")}, "h-1"))
	w.associate(arn, instance("b")) // another machine of the host
	w.dissociate(arn, instance("a"))
	w.consumes(arn, map[string]int64{"h-1": 16})
	w.dissociate(arn, instance("b"))
	w.consumes(arn, map[string]int64{"h-1": 16})
	w.wantAssociated(arn)
}

func TestADissociatedHostHoldsItsLicence(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.Socket, 2, "#licenseAffinityToHost=7")
	w.put(sized(host("1")))
	w.associate(arn, host("1"))
	w.dissociate(arn, host("1"))
	w.consumes(arn, map[string]int64{"h-1": 2})
	w.wantAssociated(arn)
	w.refused(w.m.DeleteConfiguration(w.ctx, w.who, arn), license.InvalidParameter, "in use", "licenseAffinityToHost")
	w.advance(time.Hour)
	w.associate(arn, host("1"))
	w.wantAssociated(arn, "h-1")
	if got := w.associations(arn)[0].AssociationTime; got != w.now() {
		t.Errorf("associated since %s, want %s: a hold is no association", got, w.now())
	}
	w.dissociate(arn, host("1"))
	w.advance(8 * day)
	w.sweep()
	w.consumes(arn, map[string]int64{})
	w.must(w.m.DeleteConfiguration(w.ctx, w.who, arn))
}

func TestAHoldEndsWithItsHost(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := held(w, "30")
	w.put(license.Report{ARN: host("1"), Status: new("released")})
	w.consumes(arn, map[string]int64{})
	w.wantFailures(arn, "i-a")
	w.advance(31 * day)
	w.sweep()
}

// A hold follows the size of its host. One that outgrows the limit ends, as
// nobody uses it.
func TestAHostThatGrowsUnderItsHold(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := held(w, "30")
	w.put(license.Report{ARN: host("1"), Cores: new(int64(8))})
	w.consumes(arn, map[string]int64{"h-1": 8})
	w.refused(w.admit(license.Report{ARN: host("1"), Cores: new(int64(32))}), license.LicenseUsage)
	w.put(license.Report{ARN: host("1"), Cores: new(int64(32))})
	w.consumes(arn, map[string]int64{})
	w.wantFailures(arn)
	w.dissociate(arn, instance("a"))
	w.must(w.m.DeleteConfiguration(w.ctx, w.who, arn))
	w.advance(31 * day)
	if n := w.sweep(); n != 0 {
		t.Errorf("a sweep after all changed %d", n)
	}
}

// A host may change in the same report that releases it.
func TestAHostThatChangesAsItIsReleased(t *testing.T) {
	for cores, want := range map[int64]map[string]int64{8: {"h-1": 8}, 32: {}} {
		w := newWorld(t, license.Settings{})
		arn := w.create(license.Core, 16, "#licenseAffinityToHost=30")
		w.put(sized(host("1")), onHost(sized(instance("a")), "h-1"))
		w.associate(arn, instance("a"))
		w.put(license.Report{ARN: instance("a"), Status: new("stopped")}, license.Report{ARN: host("1"), Cores: &cores})
		w.consumes(arn, want)
		w.wantFailures(arn)
		w.wantAssociated(arn, "i-a")
	}
}

// The rule may be added later: it holds what is released from then on.
func TestAffinityIsAddedLater(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.Core, -1, "#minimumCores=1")
	w.put(sized(host("1")), sized(host("2")))
	w.associate(arn, host("1"), host("2"))
	w.dissociate(arn, host("1"))
	w.change(arn, license.ConfigurationChange{Rules: []string{"#minimumCores=1", "#licenseAffinityToHost=3"}})
	w.dissociate(arn, host("2"))
	w.consumes(arn, map[string]int64{"h-2": 16})
}

// Every account's holds end, also while another account's loaded history,
// sealed or forgotten, has holds that ended long ago.
func TestLoadedHistoryDoesNotStopTheSweep(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := held(w, "30")
	other := w.who
	other.Account, other.Root = "210987654321", false
	load := w.m.NewHistory(other)
	at := w.now() - license.Time((400 * day).Microseconds())
	loaded, err := load.Create(w.ctx, at, license.ConfigurationSpec{Terms: limited(license.Core, -1, "#licenseAffinityToHost=1")})
	w.must(err)
	const far = "arn:aws:ec2:eu-west-1:210987654321:dedicated-host/h-1"
	w.must(load.Put(w.ctx, at, []license.Report{sized(far)}))
	w.must(load.Associate(w.ctx, at, loaded, []string{far}))
	w.must(load.Dissociate(w.ctx, at+1, loaded, []string{far}))
	w.advance(31 * day)
	if n := w.sweep(); n != 1 {
		t.Errorf("the sweep changed %d, want the one hold of the other account", n)
	}
	w.consumes(arn, map[string]int64{})
	w.must(load.Seal(w.ctx))
	if n := w.sweep(); n != 1 {
		t.Errorf("the sweep after the load changed %d, want its hold", n)
	}
}

func TestSweepRetiresUnseenMachines(t *testing.T) {
	for name, c := range map[string]struct {
		settings license.Settings
		after    time.Duration
	}{"by default": {after: 30 * day}, "by setting": {settings: license.Settings{InactiveAfter: 2 * day}, after: 2 * day}} {
		t.Run(name, func(t *testing.T) {
			c.settings.LostAfter = 40 * day // has its own test
			w := newWorld(t, c.settings)
			arn := w.create(license.VCPU, -1)
			w.put(sized(managed("a")), sized(managed("b")), sized(instance("a")))
			w.associate(arn, managed("a"), managed("b"), instance("a"))
			w.advance(c.after)
			if n := w.sweep(); n != 0 {
				t.Errorf("a sweep at the moment itself changed %d", n)
			}
			w.put(sized(managed("b"))) // seen again, nothing new
			w.advance(time.Microsecond)
			if n := w.sweep(); n != 1 {
				t.Errorf("the sweep changed %d, want the one machine that was not seen", n)
			}
			w.consumes(arn, map[string]int64{"i-a": 4, "mi-b": 4}) // instances are not seen, they are told of
			w.wantAssociated(arn, "i-a", "mi-a", "mi-b")
			if n := w.sweep(); n != 0 {
				t.Errorf("a second sweep changed %d", n)
			}
			w.put(license.Report{ARN: managed("a")}) // whoever reports it has seen it
			w.consumes(arn, map[string]int64{"i-a": 4, "mi-a": 4, "mi-b": 4})
			w.advance(c.after / 2)
			if n := w.sweep(); n != 0 {
				t.Errorf("a sweep after it was seen again changed %d", n)
			}
		})
	}
}

// A machine whose report is overdue loses its connection and keeps its
// licences; each step is a revision that names its cause.
func TestAnOverdueReportLosesTheConnection(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, -1)
	w.put(sized(managed("a")), sized(instance("a")))
	w.associate(arn, managed("a"), instance("a"))
	status := func() string {
		for _, u := range w.rows(arn, nil) {
			if short(u.ResourceARN) == "mi-a" {
				return u.Status
			}
		}
		return ""
	}
	step := func(d time.Duration, changes int, want, cause string) {
		t.Helper()
		w.advance(d)
		if n := w.sweep(); n != changes || status() != want {
			t.Errorf("the sweep changed %d and left the machine %q, want %d and %q", n, status(), changes, want)
		}
		if changes > 0 && w.cause(arn) != cause {
			t.Errorf("the cause is %q, want %q", w.cause(arn), cause)
		}
	}
	step(2*day, 0, "Online", "")
	step(time.Microsecond, 1, "ConnectionLost", "LoseConnection")
	step(time.Hour, 0, "ConnectionLost", "")
	w.consumes(arn, map[string]int64{"i-a": 4, "mi-a": 4})
	w.put(license.Report{ARN: managed("a")})
	step(0, 0, "Online", "")
	step(2*day+1, 0, "Online", "")
	step(time.Hour, 1, "ConnectionLost", "LoseConnection")
	step(28*day, 1, "", "RetireUnseenResource")
	w.consumes(arn, map[string]int64{"i-a": 4})
	step(day, 0, "", "")
}

// cause is what the newest revision of a configuration came from.
func (w *world) cause(arn string) (cause string) {
	w.t.Helper()
	c := w.configuration(arn)
	w.must(w.store.View(w.ctx, func(tx license.Tx) error {
		r, err := tx.Revision(c.Num, c.Head)
		if err == nil {
			cause = r.Cause
		}
		return err
	}))
	return cause
}

// A machine that comes back when its licence is taken stays without one.
func TestAMachineThatComesBackTooLate(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, 4)
	w.put(sized(managed("a")), sized(instance("a")))
	w.associate(arn, managed("a"))
	w.advance(31 * day)
	w.sweep()
	w.associate(arn, instance("a"))
	w.put(license.Report{ARN: managed("a"), Status: new("Online")})
	w.consumes(arn, map[string]int64{"i-a": 4})
	w.wantFailures(arn, "mi-a")
}

func TestSweepGoesThroughEveryAccount(t *testing.T) {
	w := newWorld(t, license.Settings{})
	for _, account := range []string{"123456789012", "210987654321", "999999999999"} {
		who := w.who
		who.Account = account
		_, err := w.m.PutResources(w.ctx, who, license.Put{Reports: []license.Report{
			{ARN: "arn:aws:ssm:eu-west-1:" + account + ":managed-instance/mi-1"}, {ARN: "arn:aws:ssm:eu-west-1:" + account + ":managed-instance/mi-2"}}})
		w.must(err)
	}
	w.advance(31 * day)
	if n := w.sweep(); n != 6 {
		t.Errorf("the sweep changed %d, want 6 machines of 3 accounts", n)
	}
}
