package license_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"reeve/internal/license"
)

// rule is one SSM_MANAGED rule of filters such as "Application Name=SQL" or
// "Tag:env!=test,dev".
func rule(filters ...string) license.ProductInformation {
	p := license.ProductInformation{ResourceType: "SSM_MANAGED"}
	for _, text := range filters {
		f := license.ProductFilter{Comparator: "EQUALS"}
		name, values, _ := strings.Cut(text, "=")
		if cut, negated := strings.CutSuffix(name, "!"); negated {
			name, f.Comparator = cut, "NOT_EQUALS"
		}
		f.Name = name
		if values != "" {
			f.Values = strings.Split(values, ",")
		}
		p.Filters = append(p.Filters, f)
	}
	return p
}

func rdsRule(filters ...string) license.ProductInformation {
	p := rule(filters...)
	p.ResourceType = "RDS"
	return p
}

func discovering(terms license.Terms, rules ...license.ProductInformation) license.Terms {
	terms.Products = rules
	return terms
}

// runs is a managed instance with 4 vCPUs and software, each "name" or
// "name|publisher|version".
func runs(arn string, software ...string) license.Report {
	r := sized(arn)
	r.Applications = []license.Application{}
	for _, text := range software {
		parts := append(strings.Split(text, "|"), "", "")
		r.Applications = append(r.Applications, license.Application{Name: parts[0], Publisher: parts[1], Version: parts[2]})
	}
	return r
}

func (w *world) discover() {
	w.t.Helper()
	_, err := w.m.Discover(w.ctx)
	w.must(err)
}

// Every filter, with its comparators, against one machine or database.
func TestDiscoveryFilters(t *testing.T) {
	machine := runs(managed("a"), "Microsoft SQL Server 2019|Microsoft Corporation|15.0", "Mail|ACME|1.0", "Mail|Other|2.0")
	machine.Platform, machine.PlatformType = new("Microsoft Windows Server 2022 Datacenter"), new("Windows")
	machine.LicenseIncluded = []string{"sql-server-web", "windows-server-datacenter"}
	machine.Tags = []license.Tag{{Key: "env", Value: "test"}, {Key: "empty", Value: ""}}
	db := sized(database("d"))
	db.EngineEdition, db.LicensePacks = new("oracle-ee"), []string{"olap", "ols"}

	for _, c := range []struct {
		rules []license.ProductInformation
		want  []string
	}{
		{[]license.ProductInformation{rule("Application Name=Microsoft SQL Server 2019")}, []string{"mi-a"}},
		{[]license.ProductInformation{rule("Application Name=MICROSOFT sql server 2019")}, []string{"mi-a"}},
		{[]license.ProductInformation{rule("Application Name=Microsoft SQL Server")}, nil}, // a part is not equal
		{[]license.ProductInformation{rule("Application Name=x,Mail")}, []string{"mi-a"}},
		{[]license.ProductInformation{rule("Application Publisher=acme")}, []string{"mi-a"}},
		{[]license.ProductInformation{rule("Application Version=15.0")}, []string{"mi-a"}},
		{[]license.ProductInformation{rule("Application Name=Mail", "Application Publisher=ACME", "Application Version=1.0")}, []string{"mi-a"}},
		{[]license.ProductInformation{rule("Application Name=Mail", "Application Publisher=ACME", "Application Version=2.0")}, nil}, // not of the same application
		{[]license.ProductInformation{rule("Platform Name=Microsoft Windows Server 2022 Datacenter")}, []string{"mi-a"}},
		{[]license.ProductInformation{rule("Platform Name=Microsoft Windows Server 2022")}, nil},
		{[]license.ProductInformation{rule("Platform Type=windows", "Application Name=Mail")}, []string{"mi-a"}},
		{[]license.ProductInformation{rule("Platform Type=Linux", "Application Name=Mail")}, nil},
		{[]license.ProductInformation{rule("Platform Type=Linux"), rule("Application Name=Mail")}, []string{"mi-a"}},
		{[]license.ProductInformation{rule("Platform Type=Windows", "Tag:env!=prod")}, []string{"mi-a"}},
		{[]license.ProductInformation{rule("Platform Type=Windows", "Tag:env!=prod,test")}, nil},
		{[]license.ProductInformation{rule("Platform Type=Windows", "Tag:env!=TEST")}, []string{"mi-a"}}, // tags are exact, as EC2's are
		{[]license.ProductInformation{rule("Platform Type=Windows", "Tag:env!=")}, nil},
		{[]license.ProductInformation{rule("Platform Type=Windows", "Tag:empty!=")}, nil},
		{[]license.ProductInformation{rule("Platform Type=Windows", "Tag:other!=")}, []string{"mi-a"}},
		{[]license.ProductInformation{rule("Platform Type=Windows", "AccountId!=210987654321")}, []string{"mi-a"}},
		{[]license.ProductInformation{rule("Platform Type=Windows", "AccountId!=210987654321,123456789012")}, nil},
		{[]license.ProductInformation{rule("License Included=sql-server-enterprise,sql-server-web")}, []string{"mi-a"}},
		{[]license.ProductInformation{rule("License Included=sql-server-enterprise")}, nil},
		{[]license.ProductInformation{rule("License Included!=sql-server-enterprise")}, []string{"mi-a"}},
		{[]license.ProductInformation{rule("License Included!=sql-server-enterprise,sql-server-web")}, nil},
		{[]license.ProductInformation{rdsRule("Engine Edition=oracle-ee")}, []string{"d"}},
		{[]license.ProductInformation{rdsRule("Engine Edition=oracle-se2")}, nil},
		{[]license.ProductInformation{rdsRule("License Pack=olap", "Engine Edition=oracle-ee,oracle-se2")}, []string{"d"}},
		{[]license.ProductInformation{rdsRule("License Pack=data guard")}, nil},
		{nil, nil},
	} {
		w := newWorld(t, license.Settings{})
		arn := w.createTerms(discovering(limited(license.VCPU, -1), c.rules...))
		w.discover()
		w.put(machine, db)
		w.wantAssociated(arn, c.want...)
		if t.Failed() {
			t.Fatalf("rules %+v", c.rules)
		}
		later := w.createTerms(discovering(limited(license.VCPU, -1), c.rules...)) // finds it by its pass
		w.discover()
		w.wantAssociated(later, c.want...)
	}
}

// Which machines SSM_MANAGED is about, and where.
func TestDiscoveryLooksAtMachinesOfItsRegion(t *testing.T) {
	w := newWorld(t, license.Settings{})
	const far = "arn:aws:ssm:us-east-1:123456789012:managed-instance/mi-far"
	bare := sized(instance("bare"))
	arn := w.createTerms(discovering(limited(license.VCPU, -1), rule("Tag:no!=")))
	w.put(runs(managed("a"), "x"), sized(managed("bare")), runs(instance("soft"), "x"), bare, runs(far, "x"), sized(host("h")), sized(database("d")))
	w.wantAssociated(arn, "i-soft", "mi-a", "mi-bare")
	w.must(w.m.UpdateServiceSettings(w.ctx, w.who, license.ServiceSettingsChange{SourceRegions: []string{"us-east-1"}}))
	w.discover()
	w.wantAssociated(arn, "i-soft", "mi-a", "mi-bare", "mi-far")
}

// A rule finds by the product's name as well as by the reported one.
func TestDiscoveryMatchesNormalisedNames(t *testing.T) {
	normalise := func(a license.Application) (license.Product, bool) {
		if strings.HasPrefix(a.Name, "MS SQL") {
			return license.Product{Name: "Microsoft SQL Server", Publisher: "Microsoft", Version: "2019", Edition: "Enterprise"}, true
		}
		return license.Product{}, false
	}
	for filter, want := range map[string]bool{
		"Application Name=microsoft sql server 2019 enterprise": true,
		"Application Name=Microsoft SQL Server Enterprise":      true,
		"Application Name=MS SQL (64-bit)":                      true,
		"Application Name=Microsoft SQL Server 2017 Enterprise": false,
		"Application Name=Microsoft SQL Server":                 false, // which edition?
		"Application Publisher=Microsoft":                       true,
		"Application Version=2019":                              true,
	} {
		w := newWorld(t, license.Settings{Normalise: normalise})
		arn := w.createTerms(discovering(limited(license.VCPU, -1), rule(filter)))
		w.put(runs(managed("a"), "MS SQL (64-bit)|MS|15"), runs(managed("b"), "other"))
		if got := slices.Equal(w.associated(arn), []string{"mi-a"}); got != want {
			t.Errorf("%s: associated %v", filter, w.associated(arn))
		}
	}
}

// Software that goes lets go only where the configuration says so, and comes
// back with the next report.
func TestDiscoveryFollowsReports(t *testing.T) {
	w := newWorld(t, license.Settings{})
	stays := w.createTerms(discovering(limited(license.VCPU, -1), rule("Application Name=db")))
	terms := discovering(limited(license.VCPU, -1), rule("Application Name=db"))
	terms.Disassociate = true
	follows := w.createTerms(terms)
	w.put(runs(managed("a"), "mail"))
	w.consumes(follows, map[string]int64{})
	w.put(runs(managed("a"), "mail", "db"))
	w.consumes(stays, map[string]int64{"mi-a": 4})
	w.consumes(follows, map[string]int64{"mi-a": 4})
	if got := w.associations(follows)[0].Origin; got != license.OriginDiscovery {
		t.Errorf("the origin is %q", got)
	}
	if c := w.configuration(follows); c.LastRun != w.now() {
		t.Errorf("discovery last ran at %s", c.LastRun)
	}
	w.advance(time.Minute)
	w.put(runs(managed("a"), "mail"))
	w.consumes(stays, map[string]int64{"mi-a": 4})
	w.consumes(follows, map[string]int64{})
	w.refused(w.m.DeleteConfiguration(w.ctx, w.who, stays), license.InvalidParameter, "in use")
	w.dissociate(stays, managed("a")) // no rule would bring it back
	w.must(w.m.DeleteConfiguration(w.ctx, w.who, stays))
	w.put(runs(managed("a"), "mail", "db"))
	w.consumes(follows, map[string]int64{"mi-a": 4})
	w.put(license.Report{ARN: managed("a"), Status: new("deregistered")})
	w.wantAssociated(follows)
}

// A change of a rule is followed by a pass over everything; it goes on where
// it was interrupted.
func TestDiscoveryPasses(t *testing.T) {
	w := newWorld(t, license.Settings{})
	var reports []license.Report
	want := map[string]int64{}
	for _, n := range strings.Fields(strings.Repeat("x ", 450)) {
		id := n + strconv.FormatInt(w.fresh(), 10)
		software := "db"
		if w.made.Load()%2 == 0 {
			software = "mail"
		} else {
			want["mi-"+id] = 4
		}
		reports = append(reports, runs(managed(id), software))
	}
	w.put(reports...)
	terms := limited(license.VCPU, -1)
	terms.Disassociate = true
	arn := w.createTerms(terms)
	if got := w.configuration(arn); got.Pass != 0 || got.LastRun != 0 {
		t.Errorf("without rules, a pass stands at %d, %s", got.Pass, got.LastRun)
	}
	w.change(arn, license.ConfigurationChange{Products: []license.ProductInformation{rule("Application Name=db")}})
	select {
	case <-w.m.DiscoveryDue():
	default:
		t.Error("nobody was told that a pass is due")
	}
	p, err := w.m.RunDiscovery(w.ctx, w.who, arn, false) // one page
	w.must(err)
	if p.Pass == 0 || p.Looked == 0 {
		t.Fatalf("450 resources were one page: %+v", p)
	}
	w.must(w.store.Close())
	w.open() // another server
	w.discover()
	w.consumes(arn, want)
	if c := w.configuration(arn); c.Pass != 0 || c.LastRun != w.now() {
		t.Errorf("after the pass: %d, last run %s", c.Pass, c.LastRun)
	}
	w.change(arn, license.ConfigurationChange{Status: new(license.Disabled)})
	w.put(runs(managed("late"), "db"))
	w.consumes(arn, want)
	w.change(arn, license.ConfigurationChange{Status: new(license.Available)})
	w.discover()
	want["mi-late"] = 4
	w.consumes(arn, want)
	w.change(arn, license.ConfigurationChange{Products: []license.ProductInformation{}})
	w.discover()
	w.consumes(arn, map[string]int64{})
	w.must(w.m.DeleteConfiguration(w.ctx, w.who, arn))
}

// What finds no licence is a failure, tried again with every report, and by a
// pass when the limit is raised.
func TestDiscoveryAtTheLimit(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.createTerms(discovering(limited(license.VCPU, 4), rule("Application Name=db")))
	w.put(runs(managed("a"), "db"))
	if failures := w.put(runs(managed("b"), "db"), runs(managed("c"), "db")); len(failures) != 2 {
		t.Errorf("the report says %+v", failures)
	}
	w.wantAssociated(arn, "mi-a")
	w.wantFailures(arn, "mi-b", "mi-c")
	list, _, err := w.m.ListFailures(w.ctx, w.who, arn, license.Key{}, 10)
	w.must(err)
	if list[0].RequestedBy != "License Manager Automated Discovery" {
		t.Errorf("the failure was requested by %q", list[0].RequestedBy)
	}
	w.refused(w.admit(runs(managed("d"), "db")), license.LicenseUsage)
	w.change(arn, license.ConfigurationChange{Count: new(int64(8))})
	w.discover()
	w.wantAssociated(arn, "mi-a", "mi-b")
	w.wantFailures(arn, "mi-c")
	w.put(license.Report{ARN: managed("a"), Status: new("deregistered")})
	w.put(license.Report{ARN: managed("c")}) // unchanged
	w.wantAssociated(arn, "mi-b", "mi-c")
	w.wantFailures(arn)
	w.put(runs(managed("e"), "db"))
	w.wantFailures(arn, "mi-e")
	w.put(runs(managed("e"), "mail"))
	w.wantFailures(arn)
}

// An agent that reports no software at all is not believed; everybody else is.
func TestAReportWithoutSoftwareReleasesNothing(t *testing.T) {
	w := newWorld(t, license.Settings{})
	terms := discovering(limited(license.VCPU, -1), rule("Application Name=db"))
	terms.Disassociate = true
	arn := w.createTerms(terms)
	agent := func(r license.Report) {
		t.Helper()
		r.FromAgent = true
		_, err := w.m.PutResources(w.ctx, w.who, license.Put{Reports: []license.Report{r}})
		w.must(err)
	}
	agent(runs(managed("new"))) // nothing was there before
	agent(runs(managed("a"), "db"))
	for range 2 {
		agent(runs(managed("a")))
		w.consumes(arn, map[string]int64{"mi-a": 4})
		w.wantFailures(arn, "mi-a")
	}
	if message := w.failures(arn)["mi-a"]; !strings.Contains(message, "no software at all") {
		t.Errorf("the failure says %q", message)
	}
	w.change(arn, license.ConfigurationChange{Products: []license.ProductInformation{rule("Application Name=DB")}})
	w.discover()
	w.wantFailures(arn, "mi-a") // a pass knows no more than the agent did
	agent(license.Report{ARN: managed("a"), Name: new("renamed")})
	w.wantFailures(arn, "mi-a")
	agent(runs(managed("a"), "db"))
	w.wantFailures(arn)
	w.put(runs(managed("a"))) // a person who says so is believed
	w.consumes(arn, map[string]int64{})
	w.wantFailures(arn)
}

func TestExclusions(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.createTerms(discovering(limited(license.VCPU, -1), rule("Application Name=db")))
	w.put(runs(managed("a"), "db"), runs(managed("b"), "mail"))
	w.refused(w.specify(managed("a"), nil, []string{arn}), license.InvalidParameter, "rule 1", "xclude")
	exclude := func(id string, until *license.Time) (license.Exclusion, error) {
		return w.m.ExcludeResource(w.ctx, w.who, arn, managed(id), license.ExclusionSpec{Reason: "test lab", Owner: "ann@example.com", Until: until})
	}
	for _, spec := range []license.ExclusionSpec{{Owner: "o"}, {Reason: "r"}, {Reason: "r", Owner: "o", Until: new(w.now())}} {
		_, err := w.m.ExcludeResource(w.ctx, w.who, arn, managed("a"), spec)
		w.refused(err, license.InvalidParameter)
	}
	_, err := exclude("unknown", nil)
	w.refused(err, license.InvalidParameter, "inventory")

	w.who.Operation = "ExcludeResource"
	until := w.now() + license.Time(day.Microseconds())
	_, err = exclude("a", &until)
	w.must(err)
	if w.cause(arn) != "ExcludeResource" {
		t.Errorf("the cause is %q", w.cause(arn))
	}
	_, err = exclude("b", nil)
	w.must(err)
	w.put(runs(managed("a"), "db", "x"), runs(managed("b"), "db"))
	w.wantAssociated(arn)
	w.hasStep(arn, managed("a"), "exclusion", "ann@example.com", "test lab", until.String())
	w.hasStep(arn, managed("a"), "rule", "ProductInformationList", "matches")
	w.hasStep(arn, managed("b"), "exclusion", "ann@example.com", "somebody includes it")
	w.associate(arn, managed("b")) // who asks for it gets it
	w.dissociate(arn, managed("b"))

	w.advance(day)
	w.sweep()
	w.wantAssociated(arn, "mi-a")
	_, err = w.m.IncludeResource(w.ctx, w.who, arn, managed("a"))
	w.refused(err, license.InvalidParameter, "not excluded")
	ended, err := w.m.IncludeResource(w.ctx, w.who, arn, managed("b"))
	w.must(err)
	w.wantAssociated(arn, "mi-a", "mi-b")
	if ended.EndedBy != w.who.Principal || ended.Ended != w.now() {
		t.Errorf("ended by %q at %s", ended.EndedBy, ended.Ended)
	}
	open, _, err := w.m.ListExclusions(w.ctx, w.who, arn, false, nil, 10)
	w.must(err)
	all, next, err := w.m.ListExclusions(w.ctx, w.who, arn, true, nil, 1)
	w.must(err)
	rest, _, err := w.m.ListExclusions(w.ctx, w.who, arn, true, next, 9)
	w.must(err)
	if len(open) != 0 || len(all) != 1 || len(rest) != 1 || all[0].EndedBy != "Reeve" {
		t.Errorf("open %+v, all %+v, %+v", open, all, rest)
	}
}

// hasStep fails the test unless an explanation has a step of that kind with
// all of the words.
func (w *world) hasStep(arn, resource, kind string, words ...string) {
	w.t.Helper()
	e := w.explain(arn, resource, nil)
	for _, s := range e.Steps {
		text := s.Name + " " + s.Value + " " + s.Note
		if s.Kind == kind && !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) }) {
			return
		}
	}
	w.t.Errorf("no step %q of the explanation has %q: %+v", kind, words, e.Steps)
}

// A discovered association is explained by the rule and the fact of its time.
func TestDiscoveryIsExplained(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.createTerms(discovering(limited(license.VCPU, -1), rule("Application Name=mail"), rule("Application Name=db", "Platform Type=Linux")))
	r := runs(managed("a"), "DB|ACME|7")
	r.PlatformType = new("Linux")
	w.put(r)
	at := w.configuration(arn).HeadAt
	w.hasStep(arn, managed("a"), "rule", "ProductInformationList", "2")
	w.hasStep(arn, managed("a"), "fact", "Application Name", "DB")
	w.hasStep(arn, managed("a"), "fact", "Platform Type", "Linux")
	w.advance(time.Minute)
	w.change(arn, license.ConfigurationChange{Products: []license.ProductInformation{rule("Application Name=mail")}})
	w.discover()
	w.hasStep(arn, managed("a"), "rule", "ProductInformationList", "no rule", "DisassociateWhenNotFound")
	past := w.explain(arn, managed("a"), &at)
	if !slices.ContainsFunc(past.Steps, func(s license.Step) bool { return s.Name == "Application Name" && s.Value == "DB" }) {
		t.Errorf("the past is explained by %+v", past.Steps)
	}
}

func TestPreviewDiscovery(t *testing.T) {
	w := newWorld(t, license.Settings{})
	terms := discovering(limited(license.Core, 100), rule("Application Name=db"))
	arn := w.createTerms(terms)
	w.put(sized(host("h")))
	guest := func(id string, software ...string) license.Report {
		r := runs(managed(id), software...)
		r.Host, r.Virtual = new(host("h")), new(true)
		return r
	}
	w.put(guest("a", "db"))
	w.change(arn, license.ConfigurationChange{Products: []license.ProductInformation{rule("Application Name=other")}})
	w.discover()
	w.put(guest("b", "db"), runs(managed("c"), "db"), runs(managed("x"), "db"), runs(managed("y"), "mail"))
	_, err := w.m.ExcludeResource(w.ctx, w.who, arn, managed("x"), license.ExclusionSpec{Reason: "r", Owner: "o"})
	w.must(err)
	before := w.configuration(arn)
	outcomes := func(products []license.ProductInformation) map[string]string {
		got := map[string]string{}
		for after := int64(0); ; {
			p, err := w.m.PreviewDiscovery(w.ctx, w.who, arn, products, after, 2)
			w.must(err)
			for _, f := range p.Finds {
				got[short(f.ResourceARN)] = f.Outcome + " " + strconv.FormatInt(f.Adds, 10)
			}
			if after = p.Next; after == 0 {
				return got
			}
		}
	}
	want := map[string]string{"mi-a": "associated 0", "mi-b": "associate 0", "mi-c": "associate 16", "mi-x": "excluded 0"}
	if diff := gocmp.Diff(want, outcomes([]license.ProductInformation{rule("Application Name=db")})); diff != "" {
		t.Errorf("other rules (-want +got):\n%s", diff)
	}
	if diff := gocmp.Diff(map[string]string{"mi-a": "stays 0"}, outcomes(nil)); diff != "" {
		t.Errorf("own rules (-want +got):\n%s", diff)
	}
	if diff := gocmp.Diff(before, w.configuration(arn)); diff != "" {
		t.Errorf("a preview changed something:\n%s", diff)
	}
	_, err = w.m.PreviewDiscovery(w.ctx, w.who, arn, []license.ProductInformation{rule("Colour=red")}, 0, 10)
	w.refused(err, license.InvalidParameter, "Colour")

}

// FuzzDiscoveryRules: whatever a rule says, it is refused or it matches, and
// then by itself as well as among others.
func FuzzDiscoveryRules(f *testing.F) {
	f.Add("SSM_MANAGED", "Application Name", "EQUALS", "db", "db", "1", "Linux", "env")
	f.Add("SSM_MANAGED", "Tag:env", "NOT_EQUALS", "", "mail", "", "", "env")
	f.Add("RDS", "License Pack", "EQUALS", "olap", "", "", "", "")
	f.Fuzz(func(t *testing.T, resourceType, name, comparator, value, app, version, platform, tag string) {
		one := license.ProductInformation{ResourceType: resourceType, Filters: []license.ProductFilter{{Name: name, Comparator: comparator, Values: []string{value}}}}
		r := &license.Resource{ARN: managed("a"), Owner: "123456789012", Type: license.ManagedInstance,
			Facts: license.Facts{Status: "Online", Platform: platform, Software: 1, Tags: []license.Tag{{Key: tag, Value: app}}, LicenseIncluded: []string{app}}}
		software := []license.Application{{Name: app, Version: version}}
		alone, err := license.MatchRules([]license.ProductInformation{one}, r, software)
		if err != nil {
			if license.KindOf(err) != license.InvalidParameter {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		never := rule("Application Name=\u0001never")
		among, err := license.MatchRules([]license.ProductInformation{never, one}, r, software)
		if err != nil || (alone == 1) != (among == 2) {
			t.Errorf("alone it matches %d, among others %d (%v)", alone, among, err)
		}
		r.Facts.Status = "deregistered"
		if gone, _ := license.MatchRules([]license.ProductInformation{one}, r, software); gone != 0 {
			t.Error("what is gone matches")
		}
	})
}

// A database whose licence is in its price needs none of one's own.
func TestALicenceInThePriceIsNotDiscovered(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.createTerms(discovering(limited(license.VCPU, -1), rdsRule("Engine Edition=oracle-se2"), rdsRule("License Pack=olap")))
	edition, pack := "oracle-se2", []string{"olap"}
	put := func(name string, included ...string) {
		w.put(license.Report{ARN: database(name), VCPUs: new(int64(4)), EngineEdition: &edition, LicensePacks: pack, LicenseIncluded: append([]string{}, included...)})
	}
	put("own")
	put("included", "oracle-se2")
	w.consumes(arn, map[string]int64{"own": 4})
	put("included") // its licence model was changed
	w.consumes(arn, map[string]int64{"own": 4, "included": 4})
}
