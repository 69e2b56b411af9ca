package license_test

import (
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"reeve/internal/license"
)

// A report that changes what is counted makes one revision, in its own
// transaction; any other report makes none.
func TestReportsAreCountedAtOnce(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, -1)
	vcpus := func(n int64) license.Report { return license.Report{ARN: instance("a"), VCPUs: &n} }
	w.put(vcpus(2))
	w.associate(arn, instance("a"))
	began := w.associations(arn)[0].AssociationTime

	for _, step := range []struct {
		name   string
		report license.Report
		want   int64
		revise bool
	}{
		{"a larger machine", vcpus(8), 8, true},
		{"the same again", vcpus(8), 8, false},
		{"a smaller one", vcpus(4), 4, true},
		{"a tag", license.Report{ARN: instance("a"), Tags: []license.Tag{{Key: "team", Value: "b"}}}, 4, false},
		{"another name", license.Report{ARN: instance("a"), Name: new("web")}, 4, false},
		{"software", license.Report{ARN: instance("a"), Applications: []license.Application{{Name: "db"}}}, 4, false},
		{"nothing", license.Report{ARN: instance("a")}, 4, false},
		{"stopping", license.Report{ARN: instance("a"), Status: new("stopping")}, 4, true}, // the row shows the status
		{"stopped", license.Report{ARN: instance("a"), Status: new("STOPPED")}, 0, true},
		{"larger while stopped", vcpus(16), 0, true}, // the association names the facts that it was judged by
		{"started", license.Report{ARN: instance("a"), Status: new("running")}, 16, true},
	} {
		w.advance(time.Minute)
		before := w.configuration(arn)
		w.put(step.report)
		after := w.configuration(arn)
		want := map[string]int64{}
		if step.want > 0 {
			want["i-a"] = step.want
		}
		w.consumes(arn, want)
		switch revised := after.Head == before.Head+1; {
		case revised != step.revise:
			t.Errorf("%s: revision %d became %d", step.name, before.Head, after.Head)
		case !revised:
			if diff := gocmp.Diff(before, after); diff != "" {
				t.Errorf("%s changed the configuration (-before +after):\n%s", step.name, diff)
			}
		case after.HeadAt != w.now():
			t.Errorf("%s is counted at %s, it was reported at %s", step.name, after.HeadAt, w.now())
		}
		if got := w.associations(arn)[0].AssociationTime; got != began {
			t.Errorf("%s: associated since %s, it was %s", step.name, got, began)
		}
	}
	for _, u := range w.rows(arn, nil) {
		if u.AssociationTime != began {
			t.Errorf("the row says %s after a stop and a start, it was %s", u.AssociationTime, began)
		}
	}

	w.advance(time.Minute)
	w.put(license.Report{ARN: instance("a"), Status: new("terminated")})
	w.consumes(arn, map[string]int64{})
	w.wantAssociated(arn)
	w.put(license.Report{ARN: instance("a"), Status: new("running")})
	w.associate(arn, instance("a"))
	if got := w.associations(arn)[0].AssociationTime; got <= began {
		t.Errorf("associated anew since %s, dissociation should have ended %s", got, began)
	}
}

func TestDissociationEndsTheAssociationTime(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, -1)
	w.put(sized(instance("a")))
	w.associate(arn, instance("a"))
	began := w.now()
	w.advance(time.Hour)
	w.associate(arn, instance("a"))
	if got := w.associations(arn)[0].AssociationTime; got > began+1e6 {
		t.Errorf("associating again moved the association time to %s", got)
	}
	w.dissociate(arn, instance("a"))
	w.dissociate(arn, instance("a")) // no error: it is not associated
	w.advance(time.Hour)
	w.associate(arn, instance("a"))
	if got := w.associations(arn)[0].AssociationTime; got != w.now() {
		t.Errorf("associated since %s, want %s", got, w.now())
	}
}

func TestMachinesMoveBetweenHosts(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.Core, -1)
	cores := func(h string, n int64) license.Report { return license.Report{ARN: host(h), Cores: &n} }
	w.put(cores("1", 8), cores("2", 24), onHost(sized(instance("a")), "h-1"), onHost(sized(instance("b")), "h-1"))
	w.associate(arn, instance("a"), instance("b"))
	began := w.rows(arn, nil)[0].AssociationTime
	w.consumes(arn, map[string]int64{"h-1": 8})

	w.put(onHost(license.Report{ARN: instance("b")}, "h-2"))
	w.consumes(arn, map[string]int64{"h-1": 8, "h-2": 24})
	w.put(cores("2", 32))
	w.consumes(arn, map[string]int64{"h-1": 8, "h-2": 32})
	w.put(onHost(license.Report{ARN: instance("a")}, "h-2"))
	w.consumes(arn, map[string]int64{"h-2": 32})
	if got := w.rows(arn, nil)[0].AssociationTime; got != began {
		t.Errorf("the host consumes since %s, its first machine is associated since %s", got, began)
	}

	w.put(license.Report{ARN: host("2"), Status: new("released")})
	w.consumes(arn, map[string]int64{})
	w.wantAssociated(arn, "i-a!", "i-b!")
	w.wantFailures(arn, "i-a", "i-b")
	w.put(onHost(license.Report{ARN: instance("a")}, "h-1"))
	w.consumes(arn, map[string]int64{"h-1": 8})
	w.wantFailures(arn, "i-b")
	w.put(license.Report{ARN: host("2"), Status: new("available")})
	w.consumes(arn, map[string]int64{"h-1": 8, "h-2": 32})
	w.wantFailures(arn)
	w.put(onHost(license.Report{ARN: instance("a")}, ""))
	w.wantAssociated(arn, "i-a!", "i-b")
	w.consumes(arn, map[string]int64{"h-2": 32})
}

// Machines count as soon as their host is known, also when both come at once.
func TestHostsThatComeLater(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.Socket, -1)
	w.put(sized(host("1")), onHost(sized(instance("a")), "h-1"))
	w.associate(arn, instance("a"))
	w.put(onHost(license.Report{ARN: instance("a")}, "h-2"), sized(host("2")))
	w.consumes(arn, map[string]int64{"h-2": 2})
	n, err := w.m.DeleteResources(w.ctx, w.who, []string{host("2"), host("9")})
	w.must(err)
	if n != 1 {
		t.Errorf("%d resources are said to have been deleted, want 1", n)
	}
	w.consumes(arn, map[string]int64{})
	w.wantAssociated(arn, "i-a!")
	w.put(license.Report{ARN: host("2"), Sockets: new(int64(4))})
	w.consumes(arn, map[string]int64{"h-2": 4})
}

// A batch of reports is one revision of each ledger that it changes.
func TestOneRevisionABatch(t *testing.T) {
	w := newWorld(t, license.Settings{})
	one, two, other := w.create(license.VCPU, -1), w.create(license.Instance, -1), w.create(license.VCPU, -1)
	var reports []license.Report
	for _, id := range []string{"a", "b", "c"} {
		reports = append(reports, sized(instance(id)))
		w.put(reports[len(reports)-1])
		w.must(w.specify(instance(id), []string{one, two}, nil))
		reports[len(reports)-1].VCPUs = new(int64(6))
	}
	heads := []int64{w.configuration(one).Head, w.configuration(two).Head, w.configuration(other).Head}
	w.put(reports...)
	w.consumes(one, map[string]int64{"i-a": 6, "i-b": 6, "i-c": 6})
	for i, arn := range []string{one, two, other} {
		if got := w.configuration(arn).Head - heads[i]; got != []int64{1, 1, 0}[i] {
			t.Errorf("configuration %d has %d new revisions", i, got)
		}
	}
}

// What a batch gives back is there for what it needs more.
func TestABatchGivesBackFirst(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, 8)
	w.put(sized(instance("a")), sized(instance("b")))
	w.associate(arn, instance("a"), instance("b"))
	w.must(w.admit(license.Report{ARN: instance("a"), VCPUs: new(int64(7))}, license.Report{ARN: instance("b"), VCPUs: new(int64(1))}))
	w.consumes(arn, map[string]int64{"i-a": 7, "i-b": 1})
}

func TestUnlicensedMachinesAreTriedAgain(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, 6)
	w.put(license.Report{ARN: instance("a"), VCPUs: new(int64(2))}, license.Report{ARN: instance("b"), VCPUs: new(int64(4))})
	w.associate(arn, instance("a"), instance("b"))
	failed := w.put(license.Report{ARN: instance("a"), VCPUs: new(int64(4))})
	if len(failed) != 1 || failed[0].ResourceARN != instance("a") || failed[0].ConfigurationARN != arn {
		t.Errorf("the report answers %+v", failed)
	}
	w.consumes(arn, map[string]int64{"i-b": 4})
	w.wantAssociated(arn, "i-a!", "i-b")
	w.wantFailures(arn, "i-a")
	if e := w.explain(arn, instance("a"), nil); e.Consumed != 0 || !e.Associated {
		t.Errorf("the unlicensed machine is explained as %+v", e)
	}

	head := w.configuration(arn).Head
	w.put(license.Report{ARN: instance("a")})
	w.wantFailures(arn, "i-a")
	w.associate(arn, instance("a")) // no error: it is associated
	w.wantFailures(arn, "i-a")
	if w.configuration(arn).Head != head {
		t.Error("an attempt that fails again wrote a revision")
	}

	w.put(license.Report{ARN: instance("b"), VCPUs: new(int64(2))})
	w.wantFailures(arn, "i-a")
	w.put(license.Report{ARN: instance("a")})
	w.consumes(arn, map[string]int64{"i-a": 4, "i-b": 2})
	w.wantAssociated(arn, "i-a", "i-b")
	w.wantFailures(arn)
}

// A limit below what runs stops nothing; nothing more fits until it is raised.
func TestLimitsAreLoweredAndRaised(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, 8)
	w.put(sized(instance("a")), sized(instance("b")), sized(instance("c")))
	w.associate(arn, instance("a"), instance("b"))
	w.change(arn, license.ConfigurationChange{Count: new(int64(2))})
	w.consumes(arn, map[string]int64{"i-a": 4, "i-b": 4})
	w.put(license.Report{ARN: instance("a"), VCPUs: new(int64(3))})
	w.consumes(arn, map[string]int64{"i-a": 3, "i-b": 4})
	w.refused(w.specify(instance("c"), []string{arn}, nil), license.LicenseUsage, "7 of 2 are in use")
	w.refused(w.admit(license.Report{ARN: instance("a"), VCPUs: new(int64(4))}), license.LicenseUsage)
	w.consumes(arn, map[string]int64{"i-a": 3, "i-b": 4})
	w.change(arn, license.ConfigurationChange{Count: new(int64(11))})
	w.associate(arn, instance("c"))
	w.consumes(arn, map[string]int64{"i-a": 3, "i-b": 4, "i-c": 4})
	w.change(arn, license.ConfigurationChange{Count: new(int64(0)), HardLimit: new(false)})
	w.put(license.Report{ARN: instance("a"), VCPUs: new(int64(30))})
	w.consumes(arn, map[string]int64{"i-a": 30, "i-b": 4, "i-c": 4})
}
