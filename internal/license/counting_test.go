package license_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"reeve/internal/license"
)

// counted is one line of the tables below: what is reported, what of it is
// associated, and what must come of it.
type counted struct {
	name     string
	counting license.CountingType
	rules    []string
	reports  []license.Report
	use      []string // ARNs to associate; nil: that of the last report
	want     map[string]int64
	refusal  string // words of the refusal; "": it may use the licence
}

func (c *counted) used() []string {
	if c.use != nil {
		return c.use
	}
	return []string{c.reports[len(c.reports)-1].ARN}
}

// check runs a line as a request and as facts: both must count alike, and what
// a request is refused for is a failure of facts.
func (c *counted) check(t *testing.T) {
	t.Run("by request", c.byRequest)
	t.Run("by fact", c.byFact)
}

func (c *counted) byRequest(t *testing.T) {
	w := newWorld(t, license.Settings{})
	w.put(c.reports...)
	arn := w.create(c.counting, -1, c.rules...)
	head := w.configuration(arn).Head
	for _, r := range c.used() {
		if err := w.specify(r, []string{arn}, nil); c.refusal != "" {
			w.refused(err, license.InvalidParameter, c.refusal, r)
			w.wantFailures(arn)
			if w.configuration(arn).Head != head {
				t.Error("a refused request wrote a revision")
			}
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
	w.consumes(arn, c.want)
	w.wantAssociated(arn, shortAll(c.used())...)
	c.explained(w, arn)
}

// explained compares what each resource is said to consume with what it does.
func (c *counted) explained(w *world, arn string) {
	w.t.Helper()
	for _, r := range c.used() {
		e := w.explain(arn, r, nil)
		if e.Consumed != 0 && c.want[short(e.CountedOn)] != e.Consumed {
			w.t.Errorf("%s is explained with %d on %s, the usage is %v", r, e.Consumed, e.CountedOn, c.want)
		}
		if e.Consumed == 0 && c.want[short(r)] != 0 {
			w.t.Errorf("%s is explained with nothing, the usage is %v", r, c.want)
		}
		if last := e.Steps[len(e.Steps)-1]; last.Kind != "result" || last.Value != fmt.Sprint(e.Consumed) {
			w.t.Errorf("the explanation of %s ends with %+v instead of the result %d", r, last, e.Consumed)
		}
	}
}

func shortAll(arns []string) []string {
	ids := make([]string, len(arns))
	for i, arn := range arns {
		ids[i] = short(arn)
	}
	return ids
}

// byFact associates as loaded history does, where nothing is refused.
func (c *counted) byFact(t *testing.T) {
	w := newWorld(t, license.Settings{})
	load := w.m.NewHistory(w.who)
	at := w.now() - license.Time(time.Hour.Microseconds())
	arn, err := load.Create(w.ctx, at, license.ConfigurationSpec{Terms: limited(c.counting, -1, c.rules...)})
	w.must(err)
	w.must(load.Put(w.ctx, at, c.reports))
	w.must(load.Associate(w.ctx, at, arn, c.used()))
	w.must(load.Seal(w.ctx))
	if c.refusal == "" {
		w.consumes(arn, c.want)
		w.wantFailures(arn)
		return
	}
	w.consumes(arn, map[string]int64{})
	for _, r := range c.used() {
		if why := w.failures(arn)[short(r)]; !strings.Contains(why, c.refusal) {
			t.Errorf("the failure of %s is %q, want it to say %q", r, why, c.refusal)
		}
	}
}

// sized is a report of a resource whose every size is known.
func sized(arn string) license.Report {
	return license.Report{ARN: arn, VCPUs: new(int64(4)), Cores: new(int64(16)), Sockets: new(int64(2)), ThreadsPerCore: new(int64(3))}
}

func with(r license.Report, set func(*license.Report)) license.Report {
	set(&r)
	return r
}

func inStatus(r license.Report, status string) license.Report {
	return with(r, func(r *license.Report) { r.Status = &status })
}

func onHost(r license.Report, host string) license.Report {
	return with(r, func(r *license.Report) { r.Host = &host })
}

func virtual(r license.Report, is bool) license.Report {
	return with(r, func(r *license.Report) { r.Virtual = &is })
}

func withTenancy(r license.Report, tenancy string) license.Report {
	return with(r, func(r *license.Report) { r.Tenancy = &tenancy })
}

var countingTypes = []license.CountingType{license.VCPU, license.Instance, license.Core, license.Socket}

func TestEveryTypeOfResourceUnderEveryCountingType(t *testing.T) {
	const onlyVCPU, needsHost = "counted by vCPU only", "need a Dedicated Host"
	for _, r := range []struct {
		report  license.Report
		want    [4]int64 // in the order of countingTypes
		refused [4]string
	}{
		{report: sized(instance("a")), want: [4]int64{4, 1, 0, 0}, refused: [4]string{2: needsHost, 3: needsHost}},
		{report: sized(host("a")), want: [4]int64{4, 1, 16, 2}},
		{report: sized(image("a"))},
		{report: sized(database("a")), want: [4]int64{4, 0, 0, 0}, refused: [4]string{1: onlyVCPU, 2: onlyVCPU, 3: onlyVCPU}},
		{report: sized(managed("a")), want: [4]int64{4, 1, 16, 2}},
		{report: virtual(sized(managed("v")), true), want: [4]int64{4, 1, 0, 0}, refused: [4]string{2: "it is virtual", 3: "it is virtual"}},
		{report: virtual(sized(managed("p")), false), want: [4]int64{4, 1, 16, 2}},
		{report: virtual(sized(instance("metal")), false), want: [4]int64{4, 1, 16, 2}},
	} {
		for i, counting := range countingTypes {
			c := counted{counting: counting, reports: []license.Report{r.report}, want: map[string]int64{}, refusal: r.refused[i]}
			if r.want[i] > 0 {
				c.want[short(r.report.ARN)] = r.want[i]
			}
			t.Run(short(r.report.ARN)+" by "+string(counting), c.check)
		}
	}
}

// What a resource consumes in each of its states, without and with the rule
// includedStoppedInstances.
func TestEveryStateOfAResource(t *testing.T) {
	for _, s := range []struct {
		arn, status   string
		plain, stayed int64
	}{
		{instance("a"), "pending", 4, 4},
		{instance("a"), "running", 4, 4},
		{instance("a"), "stopping", 4, 4},
		{instance("a"), "shutting-down", 4, 4},
		{instance("a"), "stopped", 0, 4},
		{host("a"), "available", 4, 4},
		{host("a"), "under-assessment", 4, 4},
		{host("a"), "permanent-failure", 4, 4},
		{image("a"), "available", 0, 0},
		{image("a"), "disabled", 0, 0},
		{database("a"), "available", 4, 4},
		{database("a"), "backing-up", 4, 4},
		{database("a"), "stopped", 0, 4},
		{managed("a"), "Online", 4, 4},
		{managed("a"), "ConnectionLost", 4, 4},
		{managed("a"), "Inactive", 0, 0},
	} {
		t.Run(short(s.arn)+" "+s.status, func(t *testing.T) {
			w := newWorld(t, license.Settings{})
			plain, stayed := w.create(license.VCPU, -1), w.create(license.VCPU, -1, "#includedStoppedInstances=true")
			w.put(sized(s.arn))
			w.must(w.specify(s.arn, []string{plain, stayed}, nil))
			w.put(inStatus(sized(s.arn), s.status))
			for arn, want := range map[string]int64{plain: s.plain, stayed: s.stayed} {
				usage := map[string]int64{}
				if want > 0 {
					usage[short(s.arn)] = want
				}
				w.consumes(arn, usage)
				w.wantAssociated(arn, short(s.arn))
			}
			for _, u := range w.rows(plain, nil) {
				if u.Status != s.status {
					t.Errorf("the row says %q", u.Status)
				}
			}
		})
	}
}

func TestGoneResourcesLeaveEveryConfiguration(t *testing.T) {
	for arn, status := range map[string]string{
		instance("a"): "terminated", host("a"): "released", host("b"): "released-permanent-failure",
		image("a"): "deregistered", database("a"): "deleted", managed("a"): "deregistered",
	} {
		t.Run(short(arn)+" "+status, func(t *testing.T) {
			w := newWorld(t, license.Settings{})
			config := w.create(license.VCPU, -1, "#includedStoppedInstances=True")
			w.put(sized(arn))
			w.associate(config, arn)
			w.put(inStatus(sized(arn), status))
			w.consumes(config, map[string]int64{})
			w.wantAssociated(config)
			w.refused(w.specify(arn, []string{config}, nil), license.InvalidResourceState, status)
		})
	}
}

func TestShuttingDownTakesNoLicence(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, -1)
	w.put(inStatus(sized(instance("a")), "shutting-down"))
	w.refused(w.specify(instance("a"), []string{arn}, nil), license.InvalidResourceState)
}

func TestRules(t *testing.T) {
	small := func(arn string, vcpus int64) license.Report { return license.Report{ARN: arn, VCPUs: &vcpus} }
	cores := func(arn string, n int64) license.Report { return license.Report{ARN: arn, Cores: &n} }
	sockets := func(arn string, n int64) license.Report { return license.Report{ARN: arn, Sockets: &n} }
	custom := license.Report{ARN: instance("a"), VCPUs: new(int64(8)), Cores: new(int64(2)), ThreadsPerCore: new(int64(1))}
	plain, dedicated := small(instance("a"), 2), withTenancy(small(instance("a"), 2), "dedicated")
	hostA := cores(host("a"), 16)
	for _, c := range []counted{
		{name: "default vCPUs", counting: license.VCPU, reports: []license.Report{custom}, want: map[string]int64{"i-a": 8}},
		{name: "honoured vCPUs", counting: license.VCPU, rules: []string{"#honorVcpuOptimization=True"}, reports: []license.Report{custom}, want: map[string]int64{"i-a": 2}},
		{name: "honoured, in lower case", counting: license.VCPU, rules: []string{"#honorVcpuOptimization=true"}, reports: []license.Report{custom}, want: map[string]int64{"i-a": 2}},
		{name: "not honoured", counting: license.VCPU, rules: []string{"#honorVcpuOptimization=False"}, reports: []license.Report{custom}, want: map[string]int64{"i-a": 8}},
		{name: "honoured without options", counting: license.VCPU, rules: []string{"#honorVcpuOptimization=True"}, reports: []license.Report{plain}, want: map[string]int64{"i-a": 2}},
		{name: "vCPUs from cores and threads", counting: license.VCPU, reports: []license.Report{{ARN: instance("a"), Cores: new(int64(4)), ThreadsPerCore: new(int64(2))}}, want: map[string]int64{"i-a": 8}},

		{name: "minimum vCPUs met", counting: license.VCPU, rules: []string{"#minimumVcpus=2"}, reports: []license.Report{plain}, want: map[string]int64{"i-a": 2}},
		{name: "minimum vCPUs missed", counting: license.VCPU, rules: []string{"#minimumVcpus=3"}, reports: []license.Report{plain}, refusal: "minimumVcpus=3"},
		{name: "maximum vCPUs met", counting: license.Instance, rules: []string{"#maximumVcpus=2"}, reports: []license.Report{plain}, want: map[string]int64{"i-a": 1}},
		{name: "maximum vCPUs missed", counting: license.Instance, rules: []string{"#maximumVcpus=1"}, reports: []license.Report{plain}, refusal: "maximumVcpus=1"},
		{name: "vCPUs not known to a rule", counting: license.Instance, rules: []string{"#maximumVcpus=4"}, reports: []license.Report{{ARN: instance("a")}}, refusal: "not known"},
		{name: "minimum cores met", counting: license.Core, rules: []string{"#minimumCores=16"}, reports: []license.Report{hostA}, want: map[string]int64{"h-a": 16}},
		{name: "minimum cores missed", counting: license.Core, rules: []string{"#minimumCores=17"}, reports: []license.Report{hostA}, refusal: "minimumCores=17"},
		{name: "cores bound an instance count", counting: license.Instance, rules: []string{"#minimumCores=2", "#maximumCores=16"}, reports: []license.Report{cores(instance("a"), 16)}, want: map[string]int64{"i-a": 1}},
		{name: "maximum cores missed", counting: license.Instance, rules: []string{"#maximumCores=15"}, reports: []license.Report{cores(instance("a"), 16)}, refusal: "maximumCores=15"},
		{name: "the cores of the host bound its machine", counting: license.Core, rules: []string{"#maximumCores=8"}, reports: []license.Report{hostA, onHost(cores(instance("a"), 4), "h-a")}, refusal: "maximumCores=8"},
		{name: "maximum sockets met", counting: license.Socket, rules: []string{"#maximumSockets=2"}, reports: []license.Report{sockets(host("a"), 2)}, want: map[string]int64{"h-a": 2}},
		{name: "minimum sockets missed", counting: license.Socket, rules: []string{"#minimumSockets=3"}, reports: []license.Report{sockets(host("a"), 2)}, refusal: "minimumSockets=3"},

		{name: "every tenancy without a rule", counting: license.VCPU, reports: []license.Report{dedicated}, want: map[string]int64{"i-a": 2}},
		{name: "the default tenancy is allowed", counting: license.VCPU, rules: []string{"#allowedTenancy=EC2-Default"}, reports: []license.Report{plain}, want: map[string]int64{"i-a": 2}},
		{name: "the default tenancy is not allowed", counting: license.VCPU, rules: []string{"#allowedTenancy=EC2-DedicatedHost,EC2-DedicatedInstance"}, reports: []license.Report{plain}, refusal: "its tenancy is EC2-Default"},
		{name: "one of two tenancies", counting: license.VCPU, rules: []string{"#allowedTenancy=EC2-DedicatedHost,EC2-DedicatedInstance"}, reports: []license.Report{dedicated}, want: map[string]int64{"i-a": 2}},
		{name: "a dedicated instance where a host is needed", counting: license.Instance, rules: []string{"#allowedTenancy=EC2-DedicatedHost"}, reports: []license.Report{dedicated}, refusal: "its tenancy is EC2-DedicatedInstance"},
		{name: "a machine on a host has that tenancy", counting: license.Instance, rules: []string{"#allowedTenancy=EC2-DedicatedHost"}, reports: []license.Report{onHost(plain, "h-a")}, want: map[string]int64{"i-a": 1}},
		{name: "a reported tenancy outweighs the host", counting: license.Instance, rules: []string{"#allowedTenancy=EC2-DedicatedHost"}, reports: []license.Report{withTenancy(onHost(plain, "h-a"), "default")}, refusal: "its tenancy is EC2-Default"},
		{name: "a host has the tenancy of hosts", counting: license.Core, rules: []string{"#allowedTenancy=EC2-DedicatedHost"}, reports: []license.Report{hostA}, want: map[string]int64{"h-a": 16}},
		{name: "a host where none may be", counting: license.Core, rules: []string{"#allowedTenancy=EC2-Default"}, reports: []license.Report{hostA}, refusal: "its tenancy is EC2-DedicatedHost"},
		{name: "databases have no tenancy", counting: license.VCPU, rules: []string{"#allowedTenancy=EC2-DedicatedHost"}, reports: []license.Report{small(database("a"), 2)}, want: map[string]int64{"a": 2}},
		{name: "managed instances have no tenancy", counting: license.VCPU, rules: []string{"#allowedTenancy=EC2-DedicatedHost"}, reports: []license.Report{small(managed("a"), 2)}, want: map[string]int64{"mi-a": 2}},

		{name: "vCPUs not known", counting: license.VCPU, reports: []license.Report{{ARN: instance("a")}}, refusal: "its number of vCPUs is not known"},
		{name: "vCPUs of a database not known", counting: license.VCPU, reports: []license.Report{{ARN: database("a")}}, refusal: "its number of vCPUs is not known"},
		{name: "cores of a host not known", counting: license.Core, reports: []license.Report{{ARN: host("a")}}, refusal: "its number of cores is not known"},
		{name: "sockets of a managed instance not known", counting: license.Socket, reports: []license.Report{{ARN: managed("a")}}, refusal: "its number of sockets is not known"},
		{name: "an instance counts 1 whatever its size", counting: license.Instance, reports: []license.Report{{ARN: instance("a")}}, want: map[string]int64{"i-a": 1}},
	} {
		t.Run(c.name, c.check)
	}
}

// Physical cores and sockets are counted once a host, whoever runs on it.
func TestHostsAreCountedOnce(t *testing.T) {
	h, a, b := sized(host("1")), onHost(sized(instance("a")), "h-1"), onHost(sized(instance("b")), host("1"))
	stopped := inStatus(b, "stopped")
	machine, guest := virtual(sized(managed("box")), false), virtual(onHost(license.Report{ARN: managed("vm")}, "mi-box"), true)
	for _, c := range []counted{
		{name: "two machines", counting: license.Core, reports: []license.Report{h, a, b}, use: []string{a.ARN, b.ARN}, want: map[string]int64{"h-1": 16}},
		{name: "the host too", counting: license.Socket, reports: []license.Report{h, a, b}, use: []string{h.ARN, a.ARN, b.ARN}, want: map[string]int64{"h-1": 2}},
		{name: "the host alone", counting: license.Core, reports: []license.Report{h, a}, use: []string{h.ARN}, want: map[string]int64{"h-1": 16}},
		{name: "one of two runs", counting: license.Core, reports: []license.Report{h, a, stopped}, use: []string{a.ARN, b.ARN}, want: map[string]int64{"h-1": 16}},
		{name: "none runs", counting: license.Core, reports: []license.Report{h, stopped}, use: []string{b.ARN}, want: map[string]int64{}},
		{name: "none runs but stays", counting: license.Core, rules: []string{"#includedStoppedInstances=True"}, reports: []license.Report{h, stopped}, use: []string{b.ARN}, want: map[string]int64{"h-1": 16}},
		{name: "by vCPU each counts its own", counting: license.VCPU, reports: []license.Report{h, a, b}, use: []string{a.ARN, b.ARN}, want: map[string]int64{"i-a": 4, "i-b": 4}},
		{name: "the host is not known", counting: license.Core, reports: []license.Report{a}, refusal: "is not in the inventory"},
		{name: "a physical machine with a host", counting: license.Core, reports: []license.Report{h, virtual(a, false)}, want: map[string]int64{"i-a": 16}},
		{name: "a virtual machine on a managed one", counting: license.Core, reports: []license.Report{machine, guest}, want: map[string]int64{"mi-box": 16}},
		{name: "both", counting: license.Core, reports: []license.Report{machine, guest}, use: []string{machine.ARN, guest.ARN}, want: map[string]int64{"mi-box": 16}},
		{name: "an image", counting: license.Core, reports: []license.Report{h, sized(image("a"))}, want: map[string]int64{}},
	} {
		t.Run(c.name, c.check)
	}
}

func TestHardLimitsHoldForEveryType(t *testing.T) {
	for _, r := range []license.Report{sized(instance("a")), sized(host("a")), sized(database("a")), sized(managed("a"))} {
		t.Run(short(r.ARN), func(t *testing.T) {
			w := newWorld(t, license.Settings{})
			full, fits := w.create(license.VCPU, 3), w.create(license.VCPU, 4)
			w.put(r)
			w.refused(w.specify(r.ARN, []string{full}, nil), license.LicenseUsage, "needs 4 more", "0 of 3", r.ARN)
			w.consumes(full, map[string]int64{})
			w.wantAssociated(full)
			w.associate(fits, r.ARN)
			w.consumes(fits, map[string]int64{short(r.ARN): 4})
		})
	}
}

func TestASoftLimitIsNone(t *testing.T) {
	w := newWorld(t, license.Settings{})
	terms := limited(license.VCPU, -1)
	terms.Count = new(int64(4))
	arn := w.createTerms(terms)
	for i := range 5 {
		w.put(license.Report{ARN: instance(fmt.Sprint(i)), VCPUs: new(int64(1))})
		w.associate(arn, instance(fmt.Sprint(i)))
	}
	over := true
	list, _, err := w.m.ListConfigurations(w.ctx, w.who, license.ConfigurationFilter{Exceeded: &over}, nil, 10)
	w.must(err)
	if len(list) != 1 || list[0].Counters.Consumed != 5 {
		t.Errorf("5 of 4 are consumed, but the configurations that exceed their limit are %+v", list)
	}
}

// The counters name the type that a row is of, and images among the associated.
func TestCountersByType(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, -1)
	for _, r := range []license.Report{sized(instance("a")), inStatus(sized(instance("b")), "stopped"), sized(host("a")), sized(image("a")), sized(database("a")), sized(managed("a"))} {
		w.put(r)
		w.associate(arn, r.ARN)
	}
	want := license.Counters{Consumed: 16, ConsumedBy: [5]int64{4, 4, 0, 4, 4}, AssociatedBy: [5]int64{2, 1, 1, 1, 1}}
	if diff := gocmp.Diff(want, w.configuration(arn).Counters); diff != "" {
		t.Errorf("counters (-want +got):\n%s", diff)
	}
}

func TestRulesThatAreRefused(t *testing.T) {
	w := newWorld(t, license.Settings{})
	for _, c := range []struct {
		counting license.CountingType
		rules    []string
		words    string
	}{
		{license.VCPU, []string{"minimumVcpus=2"}, "Expected format is #RuleType=RuleValue"},
		{license.VCPU, []string{"#minimumVcpus"}, "Expected format is #RuleType=RuleValue"},
		{license.VCPU, []string{"#=2"}, "Expected format is #RuleType=RuleValue"},
		{license.VCPU, []string{"#minimumVcpus="}, "Expected format is #RuleType=RuleValue"},
		{license.VCPU, []string{""}, "Expected format is #RuleType=RuleValue"},
		{license.VCPU, []string{"#minimumCores=2"}, "not allowed for the counting type vCPU"},
		{license.VCPU, []string{"#licenseAffinityToHost=2"}, "not allowed"},
		{license.Instance, []string{"#honorVcpuOptimization=True"}, "not allowed"},
		{license.Core, []string{"#minimumSockets=2"}, "not allowed"},
		{license.Socket, []string{"#maximumVcpus=2"}, "not allowed"},
		{license.Instance, []string{"#MinimumVcpus=2"}, "not allowed"},
		{license.VCPU, []string{"#minimumVcpus=0"}, "from 1 to 10000"},
		{license.VCPU, []string{"#minimumVcpus=10001"}, "from 1 to 10000"},
		{license.VCPU, []string{"#minimumVcpus=+2"}, "from 1 to 10000"},
		{license.VCPU, []string{"#minimumVcpus=2 "}, "from 1 to 10000"},
		{license.VCPU, []string{"#minimumVcpus=4", "#maximumVcpus=2"}, "no resource could match both"},
		{license.VCPU, []string{"#minimumVcpus=2", "#minimumVcpus=2"}, "more than once"},
		{license.Core, []string{"#licenseAffinityToHost=0"}, "from 1 to 180"},
		{license.Core, []string{"#licenseAffinityToHost=181"}, "from 1 to 180"},
		{license.VCPU, []string{"#includedStoppedInstances=yes"}, "True or False"},
		{license.VCPU, []string{"#allowedTenancy=EC2-Default,"}, "comma-separated"},
		{license.VCPU, []string{"#allowedTenancy=EC2-Default,EC2-Default"}, "comma-separated"},
		{license.VCPU, []string{"#allowedTenancy=default"}, "comma-separated"},
	} {
		_, err := w.m.CreateConfiguration(w.ctx, w.who, license.ConfigurationSpec{Terms: limited(c.counting, -1, c.rules...)})
		w.refused(err, license.InvalidParameter, c.words)
	}
	for _, c := range []struct {
		counting license.CountingType
		rules    []string
	}{
		{license.Core, []string{"#licenseAffinityToHost=180", "#minimumCores=1", "#maximumCores=10000"}},
		{license.Instance, []string{"#minimumSockets=2", "#maximumSockets=2", "#includedStoppedInstances=FALSE"}},
	} {
		arn := w.create(c.counting, -1, c.rules...)
		if diff := gocmp.Diff(c.rules, w.configuration(arn).Terms.Rules); diff != "" {
			t.Errorf("rules are not kept as given (-given +kept):\n%s", diff)
		}
	}
}
