package license_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"reeve/internal/license"
)

func (w *world) simulate(mode license.Mode, actions ...license.SimulatedAction) *license.SimulationResult {
	w.t.Helper()
	result, err := w.m.SimulateUsage(w.ctx, w.who, license.Simulation{Mode: mode, Actions: actions})
	w.must(err)
	return result
}

func launch(machines int, vcpus int64, configurations ...string) license.SimulatedAction {
	return license.SimulatedAction{Launch: &license.Launch{Machines: machines, Report: license.Report{VCPUs: &vcpus}, Configurations: configurations}}
}

func TestASimulationSaysHowManyMachinesFitAndLeavesNothing(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, 10)
	w.put(sized(instance("a")))
	w.associate(arn, instance("a")) // 4 vCPUs
	w.unchanged(func() {
		r := w.simulate("", launch(5, 3, arn))
		if got := r.Actions[0]; r.Fits || got.Fit != 2 || got.Machines != 5 || !strings.Contains(got.Refusal, "license") {
			t.Errorf("of a launch beyond the limit it says %+v", got)
		}
		if got := r.Configurations; len(got) != 1 || got[0].Before.Counters.Consumed != 4 || got[0].After.Counters.Consumed != 10 {
			t.Errorf("it goes from %+v", got)
		}
		if got := r.Resources; len(got) != 3 || got[0].Usage[0].After != 3 || got[2].Outcome != license.OutcomeRefused {
			t.Errorf("of the machines it says %+v", got)
		}
		more := license.SimulatedAction{Configure: &license.SimulatedTerms{Configuration: arn, AddCount: new(int64(9))}}
		if r := w.simulate("", more, launch(5, 3, arn)); !r.Fits || r.Actions[1].Fit != 5 || *r.Configurations[0].After.Terms.Count != 19 {
			t.Errorf("with 9 more licences it says %+v", r.Actions)
		}
		stop := license.SimulatedAction{Change: &license.Report{ARN: instance("a"), Status: new("stopped")}}
		if r := w.simulate("", stop, launch(3, 3, arn)); r.Actions[1].Fit != 3 || r.Resources[0].Usage[0].Before != 4 || r.Resources[0].Usage[0].After != 0 {
			t.Errorf("after a stop it says %+v", r)
		}
		if r := w.simulate(license.Observe, launch(5, 3, arn)); r.Fits || len(r.Failures) != 3 || r.Actions[0].Fit != 5 || r.Resources[4].Outcome != license.OutcomeUnlicensed {
			t.Errorf("of facts it says %+v", r)
		}
	})
	w.verifyClean()
}

func TestALaunchTakesItsSizeFromAMachineOfTheType(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, 10)
	big := license.Report{ARN: instance("big"), InstanceType: new("m5.xlarge"), VCPUs: new(int64(4))}
	w.put(big)
	action := license.SimulatedAction{Launch: &license.Launch{Machines: 3, Report: license.Report{InstanceType: new("m5.xlarge")}, Configurations: []string{arn}}}
	if r := w.simulate("", action); r.Actions[0].Fit != 2 || r.Actions[0].SizedLike != big.ARN {
		t.Errorf("it says %+v", r.Actions[0])
	}
	action.Launch.InstanceType = new("m5.unheard-of")
	_, err := w.m.SimulateUsage(w.ctx, w.who, license.Simulation{Actions: []license.SimulatedAction{action}})
	w.refused(err, license.InvalidParameter, "m5.unheard-of", "VCpus")
}

func TestASimulationSeesImagesAndDiscovery(t *testing.T) {
	w := newWorld(t, license.Settings{})
	byImage := w.create(license.VCPU, 4)
	w.associate(byImage, image("1"))
	found := limited(license.Instance, 1)
	found.Products = []license.ProductInformation{{ResourceType: "SSM_MANAGED", Filters: []license.ProductFilter{{Name: "Application Name", Values: []string{"db"}, Comparator: "EQUALS"}}}}
	discovering := w.createTerms(found)
	action := license.SimulatedAction{Launch: &license.Launch{Machines: 3, Report: license.Report{VCPUs: new(int64(2)), AMI: new("ami-1")}}}
	w.unchanged(func() {
		r := w.simulate("", action)
		if r.Actions[0].Fit != 2 || len(r.Configurations) != 1 || r.Configurations[0].Before.ARN() != byImage {
			t.Errorf("of an image it says %+v", r)
		}
		action.Launch.AMI, action.Launch.Applications = nil, []license.Application{{Name: "db"}}
		r = w.simulate("", action)
		if r.Actions[0].Fit != 1 || len(r.Configurations) != 1 || r.Configurations[0].Before.ARN() != discovering {
			t.Errorf("of software it says %+v", r)
		}
	})
}

func TestASimulationIsBounded(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, 10)
	stranger := strings.Replace(arn, modelAccount, "999999999999", 1)
	for name, actions := range map[string][]license.SimulatedAction{
		"0 entries":                         nil,
		"101 entries":                       slices.Repeat([]license.SimulatedAction{launch(1, 1)}, 101),
		"1001 machines":                     {launch(1000, 1), launch(1, 1)},
		"expected exactly one":              {{}},
		"Invalid license configuration ARN": {launch(1, 1, stranger)},
		"not in the inventory":              {{Delete: instance("none")}},
	} {
		_, err := w.m.SimulateUsage(w.ctx, w.who, license.Simulation{Actions: actions})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("want a refusal that says %q, got %v", name, err)
		}
	}
}

// guess is one action of the test below, as a simulation and for real.
type guess struct {
	action license.SimulatedAction
	real   func(name func() string) (fit int)
}

// TestASimulationComesTrue does, in random worlds, what it has simulated, and
// must end up with what it was told.
func TestASimulationComesTrue(t *testing.T) {
	w := newWorld(t, license.Settings{})
	rapid.Check(t, func(r *rapid.T) {
		configurations, machines := w.randomWorld(r)
		mode := rapid.SampledFrom([]license.Mode{license.Observe, license.Admit}).Draw(r, "mode")
		var guesses []guess
		var actions []license.SimulatedAction
		for range rapid.IntRange(1, 6).Draw(r, "actions") {
			g := w.drawGuess(r, mode, configurations, machines)
			guesses, actions = append(guesses, g), append(actions, g.action)
		}
		var told *license.SimulationResult
		w.unchanged(func() { told = w.simulate(mode, actions...) })
		name := func() string { return instance(fmt.Sprintf("real-%d", w.fresh())) }
		for i, g := range guesses {
			if fit := g.real(name); fit != told.Actions[i].Fit {
				r.Fatalf("action %d of %d (%s): %d came true, it had said %+v", i+1, len(guesses), mode, fit, told.Actions[i])
			}
		}
		for _, c := range told.Configurations {
			now := w.configuration(c.After.ARN())
			if diff := gocmp.Diff(c.After.Counters, now.Counters); diff != "" {
				r.Fatalf("%s (-simulated +real):\n%s", mode, diff)
			}
			if diff := gocmp.Diff(c.After.Terms, now.Terms); diff != "" {
				r.Fatalf("terms (-simulated +real):\n%s", diff)
			}
		}
		w.comparesResources(r, told)
	})
}

// comparesResources holds what was said of known machines against what is.
func (w *world) comparesResources(r *rapid.T, told *license.SimulationResult) {
	for _, of := range told.Resources {
		if of.New || of.Outcome == license.OutcomeRefused {
			continue
		}
		for _, u := range of.Usage {
			if got := w.explain(u.ConfigurationARN, of.ARN, nil).Consumed; got != u.After {
				r.Fatalf("%s consumes %d, it had said %d", of.ARN, got, u.After)
			}
		}
	}
}

func (w *world) randomWorld(r *rapid.T) (configurations, machines []string) {
	hosts := []string{host(fmt.Sprint("w", w.fresh())), host(fmt.Sprint("w", w.fresh()))}
	for _, h := range hosts {
		w.put(license.Report{ARN: h, Cores: new(int64(8)), Sockets: new(int64(2))})
	}
	for range 3 {
		counting := rapid.SampledFrom([]license.CountingType{license.VCPU, license.Instance, license.Core}).Draw(r, "counting")
		configurations = append(configurations, w.create(counting, rapid.Int64Range(-1, 16).Draw(r, "count")))
	}
	for range rapid.IntRange(1, 4).Draw(r, "machines") {
		arn := instance(fmt.Sprint("w", w.fresh()))
		w.put(license.Report{ARN: arn, VCPUs: new(rapid.Int64Range(1, 4).Draw(r, "vcpus")), Host: new(rapid.SampledFrom(append(hosts, "")).Draw(r, "host"))})
		_ = w.specify(arn, []string{rapid.SampledFrom(configurations).Draw(r, "of")}, nil) // as far as the limit goes
		machines = append(machines, arn)
	}
	return configurations, append(machines, hosts[0])
}

func (w *world) drawGuess(r *rapid.T, mode license.Mode, configurations, machines []string) guess {
	arn := rapid.SampledFrom(machines[:len(machines)-1]).Draw(r, "machine")
	configuration := rapid.SampledFrom(configurations).Draw(r, "configuration")
	once := func(err error) int {
		if err != nil && license.KindOf(err) == license.Internal {
			w.t.Fatal(err)
		}
		if err != nil {
			return 0
		}
		return 1
	}
	switch rapid.IntRange(0, 4).Draw(r, "kind") {
	case 0:
		report := license.Report{ARN: arn, VCPUs: new(rapid.Int64Range(1, 8).Draw(r, "vcpus")), Status: new(rapid.SampledFrom([]string{"running", "stopped"}).Draw(r, "status"))}
		return guess{license.SimulatedAction{Change: &report}, func(func() string) int { return once(w.putAs(mode, report)) }}
	case 1:
		report := license.Report{ARN: arn, Host: new(machines[len(machines)-1])}
		return guess{license.SimulatedAction{Change: &report}, func(func() string) int { return once(w.putAs(mode, report)) }}
	case 2:
		return guess{license.SimulatedAction{Associate: &license.SimulatedAssociation{Resource: arn, Add: []string{configuration}}},
			func(func() string) int { return once(w.specify(arn, []string{configuration}, nil)) }}
	case 3:
		count := rapid.Int64Range(0, 20).Draw(r, "bought")
		change := license.ConfigurationChange{Count: &count, HardLimit: new(rapid.Bool().Draw(r, "hard"))}
		return guess{license.SimulatedAction{Configure: &license.SimulatedTerms{Configuration: configuration, Count: &count, HardLimit: change.HardLimit}},
			func(func() string) int { return once(w.m.UpdateConfiguration(w.ctx, w.who, configuration, change)) }}
	}
	return w.drawLaunch(r, mode, configuration, machines[len(machines)-1])
}

func (w *world) putAs(mode license.Mode, report license.Report) error {
	_, err := w.m.PutResources(w.ctx, w.who, license.Put{Mode: mode, Reports: []license.Report{report}})
	return err
}

// drawLaunch launches machines for real one by one, the way that a person would:
// what is there and may not have its licence goes again.
func (w *world) drawLaunch(r *rapid.T, mode license.Mode, configuration, on string) guess {
	l := license.Launch{Machines: rapid.IntRange(1, 7).Draw(r, "launched"), Configurations: []string{configuration}, Report: license.Report{
		VCPUs: new(rapid.Int64Range(1, 4).Draw(r, "vcpus")), Host: new(rapid.SampledFrom([]string{on, ""}).Draw(r, "host")), Status: new("running")}}
	return guess{license.SimulatedAction{Launch: &l}, func(name func() string) (fit int) {
		for range l.Machines {
			report := l.Report
			report.ARN = name()
			w.must(w.putAs(mode, report))
			err := w.specify(report.ARN, l.Configurations, nil)
			if err != nil && mode == license.Admit {
				_, gone := w.m.DeleteResources(w.ctx, w.who, []string{report.ARN})
				w.must(gone)
				continue
			}
			fit++
		}
		return fit
	}}
}

// TestSimulationsAndWritersGoOnBesideEachOther: both may clash, and neither
// fails of it.
func TestSimulationsAndWritersGoOnBesideEachOther(t *testing.T) {
	w := newWorld(t, license.Settings{})
	one, two := w.create(license.VCPU, 40), w.create(license.Instance, 40)
	var both sync.WaitGroup
	for worker := range 2 {
		arn := instance(fmt.Sprint("busy", worker))
		w.put(sized(arn))
		both.Go(func() {
			for i := range 10 {
				add := []string{one, two}
				if i%2 == 1 {
					slices.Reverse(add)
				}
				err := w.m.UpdateSpecifications(w.ctx, w.who, arn, []license.Specification{{ConfigurationARN: add[0]}, {ConfigurationARN: add[1]}}, nil)
				if err == nil {
					err = w.putAs(license.Observe, license.Report{ARN: arn, VCPUs: new(int64(i + 1))})
				}
				if err != nil {
					t.Errorf("write: %v", err)
				}
			}
		})
		both.Go(func() {
			for range 5 {
				_, err := w.m.SimulateUsage(w.ctx, w.who, license.Simulation{Actions: []license.SimulatedAction{
					launch(2, 1, two), {Change: &license.Report{ARN: arn, VCPUs: new(int64(3))}}, launch(2, 1, one)}})
				if err != nil {
					t.Errorf("simulate: %v", err)
				}
			}
		})
	}
	both.Wait()
	w.verifyClean()
}
