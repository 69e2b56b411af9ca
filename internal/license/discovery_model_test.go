package license_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"reeve/internal/license"
	"reeve/internal/store/testdb"
)

// The model of discovery: machines as their last believed report left them,
// rules, exclusions, and who is associated. Its matching is written down as
// plainly as the sentences of the documentation, over all pairs, every time.

type foundMachine struct {
	gone     bool
	software []license.Application
	platform string
	tags     map[string]string
	included []string
	engine   string
}

type foundConfiguration struct {
	rules      []license.ProductInformation
	follows    bool // DisassociateWhenNotFound
	disabled   bool
	count      int64 // -1: none
	associated map[string]bool
	excluded   map[string]bool
}

type discoveryModel struct {
	t              *rapid.T
	m              *license.Manager
	machines       map[string]*foundMachine
	configurations map[string]*foundConfiguration
	arns           []string // of the configurations, in the order of their creation
}

var foundARNs = []string{managed("0"), managed("1"), managed("2"), instance("0"), database("0")}

// naiveMatch is what the documentation says.
func naiveMatch(rules []license.ProductInformation, arn string, m *foundMachine) bool {
	for _, p := range rules {
		rds := strings.Contains(arn, ":rds:")
		if m.gone || rds != (p.ResourceType == "RDS") || strings.Contains(arn, "instance/i-") && m.software == nil {
			continue
		}
		all := true
		apps := slices.Clone(m.software)
		for _, f := range p.Filters {
			any := func(has ...string) bool {
				for _, h := range has {
					for _, v := range f.Values {
						if strings.EqualFold(h, v) {
							return true
						}
					}
				}
				return false
			}
			switch {
			case f.Name == "Application Name":
				apps = slices.DeleteFunc(apps, func(a license.Application) bool { return !any(a.Name) })
			case f.Name == "Application Publisher":
				apps = slices.DeleteFunc(apps, func(a license.Application) bool { return !any(a.Publisher) })
			case f.Name == "Platform Type":
				all = all && any(m.platform)
			case f.Name == "License Included":
				all = all && any(m.included...) == (f.Comparator == "EQUALS")
			case f.Name == "Engine Edition":
				all = all && any(m.engine)
			case strings.HasPrefix(f.Name, "Tag:"):
				value, tagged := m.tags[f.Name[4:]]
				all = all && !(tagged && (len(f.Values) == 0 || slices.Contains(f.Values, value)))
			}
			if strings.HasPrefix(f.Name, "Application") {
				all = all && len(apps) > 0
			}
		}
		if all {
			return true
		}
	}
	return false
}

func drawRules(t *rapid.T) []license.ProductInformation {
	some := func(name string, from ...string) string {
		return strings.Join(rapid.SliceOfNDistinct(rapid.SampledFrom(from), 1, 2, rapid.ID).Draw(t, name), ",")
	}
	rules := []license.ProductInformation{}
	for range rapid.IntRange(0, 2).Draw(t, "rules") {
		if rapid.IntRange(0, 4).Draw(t, "rds") == 0 {
			rules = append(rules, rdsRule("Engine Edition="+some("engine", "oracle-ee", "oracle-se2")))
			continue
		}
		texts := []string{
			"Application Name=" + some("name", "db", "DB", "mail", "web"),
			"Application Publisher=" + some("publisher", "acme", "Other"),
			"Platform Type=" + some("platform", "linux", "Windows"),
			"License Included=" + some("included", "sql-server-web", "sql-server-standard"),
			"License Included!=" + some("not included", "sql-server-web", "sql-server-standard"),
			"Tag:env!=" + some("tag", "test", "prod"),
			"Tag:env!=",
		}
		rules = append(rules, rule(rapid.SliceOfNDistinct(rapid.SampledFrom(texts), 1, 3, rapid.ID).Draw(t, "filters")...))
	}
	return rules
}

func drawFound(t *rapid.T, arn string) *foundMachine {
	m := &foundMachine{tags: map[string]string{}}
	if strings.Contains(arn, ":rds:") {
		m.engine = rapid.SampledFrom([]string{"oracle-ee", "oracle-se2"}).Draw(t, "engine")
		return m
	}
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"db", "mail", "web"}), 1, 3, rapid.ID).Draw(t, "software") {
		m.software = append(m.software, license.Application{Name: name, Publisher: rapid.SampledFrom([]string{"ACME", "other"}).Draw(t, "publisher")})
	}
	m.platform = rapid.SampledFrom([]string{"Linux", "Windows"}).Draw(t, "platform")
	if env := rapid.SampledFrom([]string{"", "test", "prod"}).Draw(t, "env"); env != "" {
		m.tags["env"] = env
	}
	if included := rapid.SampledFrom([]string{"", "sql-server-web", "sql-server-standard"}).Draw(t, "included"); included != "" {
		m.included = []string{included}
	}
	m.gone = rapid.IntRange(0, 6).Draw(t, "gone") == 0
	return m
}

func (m *foundMachine) report(arn string) license.Report {
	status := map[bool]string{false: "Online", true: "deregistered"}
	switch {
	case strings.Contains(arn, ":rds:"):
		status = map[bool]string{false: "available", true: "deleted"}
	case strings.Contains(arn, ":ec2:"):
		status = map[bool]string{false: "running", true: "terminated"}
	}
	r := license.Report{ARN: arn, Status: new(status[m.gone]), VCPUs: new(int64(1)), PlatformType: &m.platform,
		Applications: m.software, Tags: []license.Tag{}, LicenseIncluded: append([]string{}, m.included...), EngineEdition: &m.engine}
	for k, v := range m.tags {
		r.Tags = append(r.Tags, license.Tag{Key: k, Value: v})
	}
	return r
}

func newDiscoveryModel(t *rapid.T, m *license.Manager) *discoveryModel {
	x := &discoveryModel{t: t, m: m, machines: map[string]*foundMachine{}, configurations: map[string]*foundConfiguration{}}
	for _, arn := range foundARNs {
		x.machines[arn] = &foundMachine{gone: true}
		x.reportOne(arn, drawFound(t, arn))
	}
	return x
}

func (x *discoveryModel) must(err error) {
	x.t.Helper()
	if err != nil {
		x.t.Fatal(err)
	}
}

func (x *discoveryModel) reportOne(arn string, m *foundMachine) {
	_, err := x.m.PutResources(context.Background(), modelCaller, license.Put{Reports: []license.Report{m.report(arn)}})
	x.must(err)
	x.machines[arn] = m
	for _, c := range x.configurations {
		c.settle(arn, m)
	}
}

// settle is what discovery does with one machine, when nothing limits it.
func (c *foundConfiguration) settle(arn string, m *foundMachine) {
	switch {
	case m.gone:
		delete(c.associated, arn)
	case c.disabled:
	case naiveMatch(c.rules, arn, m):
		if !c.excluded[arn] {
			c.associated[arn] = true
		}
	case c.follows:
		delete(c.associated, arn)
	}
}

// settleAll is a pass.
func (x *discoveryModel) settleAll(c *foundConfiguration) {
	for arn, m := range x.machines {
		c.settle(arn, m)
	}
}

func (x *discoveryModel) machine() string { return rapid.SampledFrom(foundARNs).Draw(x.t, "machine") }

func (x *discoveryModel) configuration() (string, *foundConfiguration) {
	if len(x.configurations) == 0 {
		x.t.Skip("no configuration yet")
	}
	arn := rapid.SampledFrom(x.arns).Draw(x.t, "configuration")
	return arn, x.configurations[arn]
}

func (x *discoveryModel) report(*rapid.T) {
	arn := x.machine()
	x.reportOne(arn, drawFound(x.t, arn))
}

// agentFails is a report without software, which changes nothing of it.
func (x *discoveryModel) agentFails(*rapid.T) {
	arn := x.machine()
	m := x.machines[arn]
	if m.gone || m.software == nil {
		x.t.Skip("it has no software")
	}
	empty := m.report(arn)
	empty.Applications, empty.FromAgent = []license.Application{}, true
	_, err := x.m.PutResources(context.Background(), modelCaller, license.Put{Reports: []license.Report{empty}})
	x.must(err)
}

func (x *discoveryModel) create(*rapid.T) {
	if len(x.configurations) == 4 {
		x.t.Skip("enough configurations")
	}
	c := &foundConfiguration{rules: drawRules(x.t), follows: rapid.Bool().Draw(x.t, "follows"), associated: map[string]bool{}, excluded: map[string]bool{}}
	c.count = rapid.SampledFrom([]int64{-1, -1, 1, 2}).Draw(x.t, "count")
	terms := discovering(limited(license.VCPU, c.count), c.rules...)
	terms.Disassociate = c.follows
	arn, err := x.m.CreateConfiguration(context.Background(), modelCaller, license.ConfigurationSpec{Terms: terms})
	x.must(err)
	x.configurations[arn], x.arns = c, append(x.arns, arn)
	x.pass(c)
}

func (x *discoveryModel) pass(c *foundConfiguration) {
	_, err := x.m.Discover(context.Background())
	x.must(err)
	x.settleAll(c)
}

func (x *discoveryModel) change(*rapid.T) {
	arn, c := x.configuration()
	change := license.ConfigurationChange{}
	switch rapid.IntRange(0, 2).Draw(x.t, "what") {
	case 0:
		c.rules = drawRules(x.t)
		change.Products = c.rules
	case 1:
		c.follows = !c.follows
		change.Disassociate = &c.follows
	case 2:
		c.disabled = !c.disabled
		change.Status = new(map[bool]string{false: license.Available, true: license.Disabled}[c.disabled])
	}
	x.must(x.m.UpdateConfiguration(context.Background(), modelCaller, arn, change))
	x.pass(c)
}

func (x *discoveryModel) exclude(*rapid.T) {
	arn, c := x.configuration()
	name := x.machine()
	_, err := x.m.ExcludeResource(context.Background(), modelCaller, arn, name, license.ExclusionSpec{Reason: "r", Owner: "o"})
	if (err != nil) != x.machines[name].gone {
		x.t.Fatalf("exclude %s (gone %t): %v", name, x.machines[name].gone, err)
	}
	if err == nil {
		c.excluded[name] = true
		delete(c.associated, name)
	}
}

func (x *discoveryModel) include(*rapid.T) {
	arn, c := x.configuration()
	name := x.machine()
	_, err := x.m.IncludeResource(context.Background(), modelCaller, arn, name)
	if (err == nil) != c.excluded[name] {
		x.t.Fatalf("include %s (excluded %t): %v", name, c.excluded[name], err)
	}
	delete(c.excluded, name)
	c.settle(name, x.machines[name])
}

// removeByHand is refused exactly where discovery would bring it back.
func (x *discoveryModel) removeByHand(*rapid.T) {
	arn, c := x.configuration()
	name := x.machine()
	if x.machines[name].gone || c.count >= 0 || !c.associated[name] {
		x.t.Skip("not associated")
	}
	err := x.m.UpdateSpecifications(context.Background(), modelCaller, name, nil, []license.Specification{{ConfigurationARN: arn}})
	back := !c.disabled && naiveMatch(c.rules, name, x.machines[name]) && !c.excluded[name]
	if (err != nil) != back {
		x.t.Fatalf("remove %s, which would come back: %t: %v", name, back, err)
	}
	if err == nil {
		delete(c.associated, name)
	}
}

func (x *discoveryModel) check(*rapid.T) {
	for arn, c := range x.configurations {
		associated, failed := x.associatedWith(arn)
		if c.count < 0 {
			if diff := gocmp.Diff(c.associated, associated); diff != "" {
				x.t.Fatalf("associations of %s (-model +manager):\n%s\nrules %+v", arn, diff, c.rules)
			}
			continue
		}
		x.checkLimited(arn, c, associated, failed)
		c.associated = associated // whoever came first
	}
}

// checkLimited: nothing beyond the limit, and nobody who needs a licence is
// passed over in silence.
func (x *discoveryModel) checkLimited(arn string, c *foundConfiguration, associated, failed map[string]bool) {
	if int64(len(associated)) > c.count {
		x.t.Fatalf("%s has %d licences and %d machines: %v", arn, c.count, len(associated), associated)
	}
	for name, m := range x.machines {
		matches := !c.disabled && naiveMatch(c.rules, name, m) && !c.excluded[name]
		if matches && !associated[name] && !failed[name] {
			x.t.Fatalf("%s matches %s and is neither associated nor a failure", name, arn)
		}
		if failed[name] && m.gone {
			x.t.Fatalf("%s is a failure of %s and gone", name, arn)
		}
		if associated[name] && !c.associated[name] && !matches {
			x.t.Fatalf("%s is associated with %s and does not match", name, arn)
		}
	}
}

func (x *discoveryModel) associatedWith(arn string) (associated, failed map[string]bool) {
	associated, failed = map[string]bool{}, map[string]bool{}
	list, _, err := x.m.ListAssociations(context.Background(), modelCaller, arn, nil, 100)
	x.must(err)
	for _, a := range list {
		associated[a.ResourceARN] = true
	}
	failures, _, err := x.m.ListFailures(context.Background(), modelCaller, arn, license.Key{}, 100)
	x.must(err)
	for _, f := range failures {
		failed[f.ResourceARN] = true
	}
	return associated, failed
}

func (x *discoveryModel) verify() {
	reports, _, err := x.m.Verify(context.Background(), modelCaller, 0, 100)
	x.must(err)
	for _, r := range reports {
		if r.Fault != "" {
			x.t.Fatalf("verify %s: %s", r.ConfigurationARN, r.Fault)
		}
	}
}

func TestDiscoveryModel(t *testing.T) {
	testdb.FewerChecks(t)
	rapid.Check(t, func(rt *rapid.T) {
		x := newDiscoveryModel(rt, openManager(t, rt))
		rt.Repeat(map[string]func(*rapid.T){
			"report": x.report, "report again": x.report, "agent": x.agentFails, "create": x.create, "change": x.change,
			"exclude": x.exclude, "include": x.include, "remove": x.removeByHand, "": x.check,
		})
		x.verify()
	})
}

// TestDiscoveryOrder lets reports, rules, passes and exclusions run at once:
// whatever their order, in the end exactly those that match and are not
// excluded are associated.
func TestDiscoveryOrder(t *testing.T) {
	testdb.FewerChecks(t)
	rapid.Check(t, func(rt *rapid.T) {
		x := newDiscoveryModel(rt, openManager(t, rt))
		for range 2 {
			x.create(nil)
		}
		for arn, c := range x.configurations { // only these are the same in any order
			c.follows, c.count = true, -1
			x.must(x.m.UpdateConfiguration(context.Background(), modelCaller, arn, license.ConfigurationChange{Disassociate: new(true), HardLimit: new(false)}))
		}
		for range rapid.IntRange(1, 4).Draw(rt, "rounds") {
			x.race()
			_, err := x.m.Discover(context.Background())
			x.must(err)
			for arn, c := range x.configurations {
				want := map[string]bool{}
				for name, m := range x.machines {
					if naiveMatch(c.rules, name, m) && !c.excluded[name] {
						want[name] = true
					}
				}
				got, _ := x.associatedWith(arn)
				if diff := gocmp.Diff(want, got); diff != "" {
					rt.Fatalf("associations of %s (-model +manager):\n%s\nrules %+v", arn, diff, c.rules)
				}
			}
		}
		x.verify()
	})
}

// race draws what is to happen first, and lets it happen at once.
func (x *discoveryModel) race() {
	ctx := context.Background()
	var todo []func() error
	for _, arn := range foundARNs {
		m := drawFound(x.t, arn)
		x.machines[arn] = m
		todo = append(todo, func() error {
			_, err := x.m.PutResources(ctx, modelCaller, license.Put{Reports: []license.Report{m.report(arn)}})
			return err
		})
	}
	fresh := managed("fresh" + fmt.Sprint(len(x.machines)))
	x.machines[fresh] = drawFound(x.t, fresh)
	report := x.machines[fresh].report(fresh)
	todo = append(todo, func() error {
		_, err := x.m.PutResources(ctx, modelCaller, license.Put{Reports: []license.Report{report}})
		return err
	})
	for _, arn := range x.arns {
		c := x.configurations[arn]
		c.rules = drawRules(x.t)
		rules := c.rules
		todo = append(todo, func() error {
			if err := x.m.UpdateConfiguration(ctx, modelCaller, arn, license.ConfigurationChange{Products: rules}); err != nil {
				return err
			}
			_, err := x.m.Discover(ctx)
			return err
		})
	}
	errs := make([]error, len(todo))
	var wg sync.WaitGroup
	for i, do := range todo {
		wg.Go(func() { errs[i] = do() })
	}
	wg.Wait()
	for _, err := range errs {
		x.must(err)
	}
}
