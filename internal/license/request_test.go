package license_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"reeve/internal/license"
)

// state is everything that a call which changes nothing must leave as it is.
type state struct {
	Configurations []*license.Configuration
	Inventory      []*license.Resource
	Associations   [][]license.Association
	Failures       []map[string]string
}

func (w *world) state() (s state) {
	w.t.Helper()
	var err error
	s.Configurations, _, err = w.m.ListConfigurations(w.ctx, w.who, license.ConfigurationFilter{}, nil, 100)
	w.must(err)
	s.Inventory, _, err = w.m.ListInventory(w.ctx, w.who, nil, 0, 1000)
	w.must(err)
	for _, c := range s.Configurations {
		s.Associations = append(s.Associations, w.associations(c.ARN()))
		s.Failures = append(s.Failures, w.failures(c.ARN()))
	}
	return s
}

// unchanged fails the test if call changes anything.
func (w *world) unchanged(call func()) {
	w.t.Helper()
	before := w.state()
	call()
	if diff := gocmp.Diff(before, w.state()); diff != "" {
		w.t.Errorf("something changed (-before +after):\n%s", diff)
	}
}

func TestDryRunsChangeNothing(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, 6)
	w.associate(arn, image("1"))
	w.put(launched("a", "1"))
	w.advance(time.Hour)
	reports := []license.Report{
		{ARN: instance("a"), VCPUs: new(int64(4)), Applications: []license.Application{{Name: "db"}}},
		launched("b", "1"), launched("c", "1"), {ARN: host("new"), Cores: new(int64(4))},
	}
	w.unchanged(func() {
		result, err := w.m.PutResources(w.ctx, w.who, license.Put{DryRun: true, Reports: reports})
		w.must(err)
		if result.Created != 3 || result.Changed != 1 || result.Unchanged != 0 || len(result.Failures) != 1 || result.Failures[0].ResourceARN != instance("c") {
			t.Errorf("the dry run answers %+v", result)
		}
		_, err = w.m.PutResources(w.ctx, w.who, license.Put{Mode: license.Admit, DryRun: true, Reports: reports})
		w.refused(err, license.LicenseUsage, instance("c"))
		result, err = w.m.PutResources(w.ctx, w.who, license.Put{Mode: license.Admit, DryRun: true, Reports: reports[:2]})
		w.must(err)
		if result.Created != 1 || result.Changed != 1 || len(result.Failures) != 0 {
			t.Errorf("the dry run answers %+v", result)
		}
	})
	w.must(w.admit(reports[:2]...)) // what the dry run promised
	w.consumes(arn, map[string]int64{"i-a": 4, "i-b": 2})
}

func TestRequestsAreRefusedAsAWhole(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn, bounded := w.create(license.VCPU, 4), w.create(license.VCPU, -1, "#maximumVcpus=4")
	w.put(sized(instance("a")), inStatus(sized(instance("b")), "stopped"), sized(instance("c")))
	w.associate(arn, instance("a"), instance("b"))
	w.associate(bounded, instance("c"))
	w.unchanged(func() {
		w.refused(w.admit(license.Report{ARN: instance("c"), VCPUs: new(int64(2))}, license.Report{ARN: instance("a"), VCPUs: new(int64(5))}), license.LicenseUsage, instance("a"))
		w.refused(w.admit(license.Report{ARN: instance("b"), Status: new("running")}), license.LicenseUsage, instance("b"))
		w.refused(w.admit(license.Report{ARN: instance("c"), VCPUs: new(int64(5))}), license.InvalidParameter, "maximumVcpus=4")
		w.refused(w.admit(license.Report{ARN: instance("new")}, license.Report{ARN: instance("c"), VCPUs: new(int64(0)), Cores: new(int64(0))}), license.InvalidParameter, "not known")
	})
	w.must(w.admit(license.Report{ARN: instance("a"), Status: new("stopped")}, license.Report{ARN: instance("b"), Status: new("running")}))
	w.consumes(arn, map[string]int64{"i-b": 4})
	w.put(license.Report{ARN: instance("a"), Status: new("running")}) // a fact
	w.consumes(arn, map[string]int64{"i-b": 4})
	w.wantFailures(arn, "i-a")
}

func TestReportsThatAreRefused(t *testing.T) {
	w := newWorld(t, license.Settings{})
	many := make([]license.Report, license.MaxReports+1)
	for i := range many {
		many[i] = license.Report{ARN: instance(fmt.Sprint(i))}
	}
	w.unchanged(func() {
		for _, c := range []struct {
			words   string
			reports []license.Report
		}{
			{"expected 1 to 1000", nil},
			{"expected 1 to 1000", many},
			{"more than once", []license.Report{{ARN: instance("a")}, {ARN: instance("a")}}},
			{"Invalid resource ARN", []license.Report{{ARN: "i-1"}}},
			{"does not fit the ARN", []license.Report{{ARN: instance("a"), Type: license.RDS}}},
			{"Invalid status", []license.Report{{ARN: instance("a"), Status: new("asleep")}}},
			{"Invalid Tenancy", []license.Report{{ARN: instance("a"), Tenancy: new("shared")}}},
			{"Invalid VCpus -1", []license.Report{{ARN: instance("a"), VCPUs: new(int64(-1))}}},
			{"Invalid Cores 1000001", []license.Report{{ARN: instance("a"), Cores: new(int64(1_000_001))}}},
			{"Invalid HostId", []license.Report{{ARN: host("a"), Host: new("h-a")}}},
			{"Invalid HostId", []license.Report{{ARN: instance("a"), Host: new("i-b")}}},
			{"Invalid AmiId", []license.Report{{ARN: instance("a"), AMI: new("image")}}},
			{"given more than once", []license.Report{{ARN: instance("a"), Tags: []license.Tag{{Key: "k"}, {Key: "k"}}}}},
		} {
			_, err := w.m.PutResources(w.ctx, w.who, license.Put{Reports: c.reports})
			w.refused(err, license.InvalidParameter, c.words)
		}
		_, err := w.m.PutResources(w.ctx, w.who, license.Put{Mode: "hope", Reports: many[:1]})
		w.refused(err, license.InvalidParameter, "Invalid Mode")
	})
}

func TestSpecificationsAreAllOrNothing(t *testing.T) {
	w := newWorld(t, license.Settings{})
	one, full, two := w.create(license.VCPU, 4), w.create(license.VCPU, 3), w.create(license.Instance, -1)
	w.put(sized(instance("a")), sized(database("a")))
	w.associate(two, instance("a"))
	w.unchanged(func() {
		w.refused(w.specify(instance("a"), []string{one, full}, []string{two}), license.LicenseUsage)
		w.refused(w.specify(database("a"), []string{one, two}, nil), license.InvalidParameter, "counted by vCPU only")
		w.refused(w.specify(instance("a"), []string{one, one + "0"}, []string{two}), license.NotFound, "Invalid license configuration ARN")
		w.refused(w.specify(instance("a"), []string{one}, []string{one}), license.InvalidParameter, "more than once")
		w.refused(w.specify(instance("b"), []string{one}, nil), license.InvalidParameter, "not in the inventory")
		w.refused(w.specify("arn:aws:s3:::bucket", []string{one}, nil), license.InvalidParameter, "Invalid resource ARN")
		w.refused(w.specify(instance("a"), slices.Repeat([]string{one}, 101), nil), license.InvalidParameter, "too many")
	})
	w.must(w.specify(instance("a"), []string{one}, []string{two, full})) // full was not associated: no error
	w.consumes(one, map[string]int64{"i-a": 4})
	w.consumes(two, map[string]int64{})
	w.must(w.specify(instance("a"), []string{two}, []string{one}))
	w.consumes(one, map[string]int64{})
	w.consumes(two, map[string]int64{"i-a": 1})
}

func TestDisabledConfigurations(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, -1)
	w.put(sized(instance("a")), sized(instance("b")))
	w.associate(arn, instance("a"))
	w.change(arn, license.ConfigurationChange{Status: new(license.Disabled)})
	w.refused(w.specify(instance("b"), []string{arn}, nil), license.InvalidParameter, "DISABLED")
	w.associate(arn, instance("a")) // it has it already
	w.put(license.Report{ARN: instance("a"), VCPUs: new(int64(6))})
	w.consumes(arn, map[string]int64{"i-a": 6})
	w.dissociate(arn, instance("a"))
	w.refused(w.specify(instance("a"), []string{arn}, nil), license.InvalidParameter, "DISABLED")
}

func TestSandboxDeclaresWhatItIsAskedFor(t *testing.T) {
	w := newWorld(t, license.Settings{Sandbox: true})
	arn := w.create(license.VCPU, 4)
	w.associate(arn, instance("a"))
	w.consumes(arn, map[string]int64{"i-a": 2})
	w.unchanged(func() {
		w.refused(w.specify("arn:aws:ec2:eu-west-1:210987654321:instance/i-a", []string{arn}, nil), license.InvalidParameter, "not in the inventory")
		w.refused(w.specify(instance("b"), nil, []string{arn}), license.InvalidParameter, "not in the inventory")
	})
	cores := w.create(license.Core, -1)
	w.associate(cores, instance("a"), managed("a"), host("a"))
	w.consumes(cores, map[string]int64{"i-a": 1, "mi-a": 1, "h-a": 1})
}
