package license_test

import (
	"strings"
	"testing"

	"reeve/internal/license"
)

func launched(id, ami string) license.Report {
	return license.Report{ARN: instance(id), VCPUs: new(int64(2)), AMI: new("ami-" + ami)}
}

func TestMachinesInheritFromTheirImage(t *testing.T) {
	w := newWorld(t, license.Settings{})
	one, two, off := w.create(license.VCPU, -1), w.create(license.Instance, -1), w.create(license.VCPU, -1)
	w.put(launched("before", "1"))
	w.must(w.specify(image("1"), []string{one, two, off}, nil)) // an image need not be reported
	w.change(off, license.ConfigurationChange{Status: new(license.Disabled)})
	w.put(launched("before", "1"), launched("a", "1"), launched("other", "2"))
	w.put(license.Report{ARN: database("a"), VCPUs: new(int64(2)), AMI: new("ami-1")})
	w.consumes(one, map[string]int64{"i-a": 2})
	w.consumes(two, map[string]int64{"i-a": 1})
	w.wantAssociated(one, "ami-1", "i-a")
	w.wantAssociated(off, "ami-1")
	for _, a := range w.associations(one) {
		if want := map[bool]string{true: license.OriginRequest, false: license.OriginAMI}[a.Type == license.EC2AMI]; a.Origin != want {
			t.Errorf("the association of %s comes from %q, want %q", a.ResourceARN, a.Origin, want)
		}
	}

	// At the first report alone: who dissociated it meant it.
	w.dissociate(one, instance("a"))
	w.put(launched("a", "1"), license.Report{ARN: instance("other"), AMI: new("ami-1")})
	w.wantAssociated(one, "ami-1")

	// A machine that is launched again is a new one.
	w.put(license.Report{ARN: instance("a"), Status: new("terminated")})
	w.wantAssociated(two, "ami-1")
	w.put(license.Report{ARN: instance("a")})
	w.consumes(one, map[string]int64{"i-a": 2})
	w.consumes(two, map[string]int64{"i-a": 1})

	// The image goes, its machines stay.
	w.put(license.Report{ARN: image("1"), Status: new("deregistered")})
	w.put(launched("late", "1"))
	w.wantAssociated(one, "i-a")
}

func TestInheritanceAcrossAccounts(t *testing.T) {
	w := newWorld(t, license.Settings{})
	own, shared := w.create(license.VCPU, -1), w.create(license.VCPU, -1)
	w.associate(own, image("1"))
	scope := license.Specification{ConfigurationARN: shared, Scope: "cross-account"}
	w.must(w.m.UpdateSpecifications(w.ctx, w.who, image("1"), []license.Specification{scope}, nil))
	foreign := strings.Replace(instance("far"), "123456789012", "210987654321", 1)
	w.put(launched("near", "1"), license.Report{ARN: foreign, VCPUs: new(int64(4)), AMI: new("ami-1")})
	w.consumes(own, map[string]int64{"i-near": 2})
	w.consumes(shared, map[string]int64{"i-near": 2, "i-far": 4})
	for _, u := range w.rows(shared, nil) {
		if want := map[string]string{"i-near": "123456789012", "i-far": "210987654321"}[short(u.ResourceARN)]; license.AccountOf(u.Owner) != want {
			t.Errorf("%s belongs to %s, want %s", u.ResourceARN, license.AccountOf(u.Owner), want)
		}
	}
	list, _, err := w.m.ListSpecifications(w.ctx, w.who, image("1"), 0, 10)
	w.must(err)
	scopes := map[string]string{}
	for _, s := range list {
		scopes[s.ConfigurationARN] = s.Scope
	}
	if len(list) != 2 || scopes[own] != "" || scopes[shared] != "cross-account" {
		t.Errorf("the image's specifications are %+v", list)
	}
	w.refused(w.m.UpdateSpecifications(w.ctx, w.who, instance("near"), []license.Specification{scope}, nil), license.InvalidParameter, "for images only")
	scope.Scope = "everywhere"
	w.refused(w.m.UpdateSpecifications(w.ctx, w.who, image("1"), []license.Specification{scope}, nil), license.InvalidParameter, "AmiAssociationScope")
}

// An image's ARN has no account. One that has would name another image, from
// which nothing could inherit.
func TestImagesHaveNoAccount(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, -1)
	w.refused(w.specify(strings.Replace(image("1"), "::", ":123456789012:", 1), []string{arn}, nil), license.InvalidParameter, "has no account")
}

func TestInheritanceAtAHardLimit(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn, open := w.create(license.VCPU, 3), w.create(license.Instance, -1)
	w.must(w.specify(image("1"), []string{arn, open}, nil))
	failed := w.put(launched("a", "1"), launched("b", "1"))
	if len(failed) != 1 || failed[0].ResourceARN != instance("b") {
		t.Errorf("the report answers %+v", failed)
	}
	w.consumes(arn, map[string]int64{"i-a": 2})
	w.wantAssociated(arn, "ami-1", "i-a") // the association is not made
	w.wantAssociated(open, "ami-1", "i-a", "i-b")
	w.wantFailures(arn, "i-b")
	if why := w.failures(arn)["i-b"]; !strings.Contains(why, "Not enough licenses") {
		t.Errorf("the failure says %q", why)
	}

	// A request to launch is refused as a whole.
	w.refused(w.admit(license.Report{ARN: instance("x")}, launched("c", "1")), license.LicenseUsage, instance("c"))
	w.wantAssociated(open, "ami-1", "i-a", "i-b")
	w.wantFailures(arn, "i-b")
	for _, id := range []string{"c", "x"} {
		w.refused(w.specify(instance(id), []string{open}, nil), license.InvalidParameter, "not in the inventory")
	}

	w.put(launched("b", "1")) // it is not new any more
	w.wantFailures(arn, "i-b")
	w.change(arn, license.ConfigurationChange{Count: new(int64(4))})
	w.associate(arn, instance("b"))
	w.consumes(arn, map[string]int64{"i-a": 2, "i-b": 2})
	w.wantFailures(arn)
}

func TestFailuresOfLaunchesEnd(t *testing.T) {
	for name, end := range map[string]func(w *world, arn string){
		"when the machine is terminated": func(w *world, _ string) {
			w.put(license.Report{ARN: instance("a"), Status: new("terminated")})
		},
		"when the machine is deleted": func(w *world, _ string) {
			_, err := w.m.DeleteResources(w.ctx, w.who, []string{instance("a")})
			w.must(err)
		},
		"when the image is dissociated": func(w *world, arn string) { w.dissociate(arn, image("1")) },
		"when the image is gone": func(w *world, _ string) {
			w.put(license.Report{ARN: image("1"), Status: new("deregistered")})
		},
		"when the machine is associated": func(w *world, arn string) {
			w.change(arn, license.ConfigurationChange{Count: new(int64(8))})
			w.associate(arn, instance("a"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, license.Settings{})
			arn := w.create(license.VCPU, 1)
			w.associate(arn, image("1"), image("2"))
			w.put(launched("a", "1"), launched("stays", "2"))
			w.wantFailures(arn, "i-a", "i-stays")
			end(w, arn)
			w.wantFailures(arn, "i-stays")
		})
	}
}
