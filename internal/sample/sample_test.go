package sample_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reeve/internal/license"
	"reeve/internal/sample"
	"reeve/internal/store"
	"reeve/internal/store/testdb"
)

// now is a Thursday morning; the year that is loaded ends the evening before.
var now = time.Date(2026, 3, 12, 10, 30, 0, 0, time.UTC)

var who = license.Caller{
	Account: "555500001111", Region: "eu-central-1", Principal: "arn:aws:iam::555500001111:root", Root: true, Operation: "Test",
}

// deployment is a database with the rules over it. Its clock began at now and
// goes on.
type deployment struct {
	*license.Manager
	t testing.TB
}

func open(t testing.TB) deployment {
	t.Helper()
	began := time.Now()
	db := testdb.New(t).Open(func() int64 { return now.Add(time.Since(began)).UnixMicro() })
	s, err := store.New(t.Context(), db, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return deployment{license.New(s, license.Settings{}), t}
}

func (d deployment) load() sample.Summary {
	d.t.Helper()
	s, err := sample.Load(d.t.Context(), d.Manager, who, license.TimeOf(now), nil)
	if err != nil {
		d.t.Fatal(err)
	}
	return s
}

// configurations returns what ListConfigurations says of the sample, by name.
func (d deployment) configurations() map[string]*license.Configuration {
	d.t.Helper()
	list, next, err := d.ListConfigurations(d.t.Context(), who, license.ConfigurationFilter{}, nil, 100)
	if err != nil || next != nil {
		d.t.Fatalf("list configurations: %v, next %v", err, next)
	}
	byName := map[string]*license.Configuration{}
	for _, c := range list {
		if c.Terms.Name != ownName {
			byName[c.Terms.Name] = c
		}
	}
	return byName
}

func (d deployment) inventory() []*license.Resource {
	d.t.Helper()
	var all []*license.Resource
	for after := int64(0); ; {
		page, next, err := d.ListInventory(d.t.Context(), who, nil, after, 1000)
		if err != nil {
			d.t.Fatal(err)
		}
		all = append(all, page...)
		if next == 0 {
			return all
		}
		after = next
	}
}

// usage returns every row of a configuration's usage at a moment.
func (d deployment) usage(arn string, at time.Time) []license.Usage {
	d.t.Helper()
	asOf := license.TimeOf(at)
	var all []license.Usage
	var cur *license.Cursor
	for {
		page, err := d.ListUsage(d.t.Context(), who, arn, license.UsageFilter{AsOf: &asOf}, cur, 1000)
		if err != nil {
			d.t.Fatal(err)
		}
		all = append(all, page.Usage...)
		if cur = page.Next; cur == nil {
			return all
		}
	}
}

func consumed(usage []license.Usage) (n int64) {
	for _, u := range usage {
		n += u.Consumed
	}
	return n
}

func daysAgo(n int) time.Time { return now.AddDate(0, 0, -n) }

// ownName names the configuration that the account of TestLoad has already.
const ownName = "not of the sample"

// TestLoad loads the sample once, for all that is asked of it.
func TestLoad(t *testing.T) {
	d := open(t)
	if _, err := d.CreateConfiguration(t.Context(), who, license.ConfigurationSpec{Terms: license.Terms{Name: ownName, CountingType: license.VCPU}}); err != nil {
		t.Fatal(err)
	}
	var calls, total int
	summary, err := sample.Load(t.Context(), d.Manager, who, license.TimeOf(now), func(done, of int) {
		if calls++; done != calls {
			t.Errorf("progress %d came as call %d", done, calls)
		}
		total = of
	})
	if err != nil {
		t.Fatal(err)
	}
	if calls != total || total != 365 {
		t.Errorf("%d days of %d were reported, want 365", calls, total)
	}
	for name, test := range map[string]func(*testing.T, deployment, sample.Summary){
		"Summary":             checkSummary,
		"Verify":              checkVerify,
		"CountingTypes":       checkCountingTypes,
		"OverUsed":            checkOverUsed,
		"Failures":            checkFailures,
		"Inventory":           checkInventory,
		"Software":            checkSoftware,
		"PastDiffers":         checkPast,
		"TotalsAgree":         checkTotals,
		"WeekendsAreQuiet":    checkWeekends,
		"StoppedDesktops":     checkStopped,
		"HostsCarryTheCount":  checkHosts,
		"Retired":             checkRetired,
		"NobodyIsSeenTooLate": checkSweep,
		"SecondLoad":          checkSecondLoad,
	} {
		t.Run(name, func(t *testing.T) { test(t, deployment{d.Manager, t}, summary) })
	}
}

func checkSummary(t *testing.T, d deployment, s sample.Summary) {
	configurations := d.configurations()
	revisions := 0
	for _, c := range s.Configurations {
		is := configurations[c.Name]
		if is == nil || is.ARN() != c.ARN {
			t.Errorf("%s is not what is listed by that name", c.ARN)
			continue
		}
		revisions += int(is.Head)
	}
	if len(s.Configurations) != len(configurations) || s.Revisions != revisions || s.Skipped {
		t.Errorf("summary %+v, listed are %d configurations with %d revisions", s, len(configurations), revisions)
	}
	if n := len(d.inventory()); s.Resources != n || n < 2700 || n > 3700 {
		t.Errorf("the summary counts %d resources, the inventory has %d, about 3000 are wanted", s.Resources, n)
	}
}

func checkVerify(t *testing.T, d deployment, s sample.Summary) {
	reports, next, err := d.Verify(t.Context(), who, 0, 100)
	if err != nil || next != 0 || len(reports) != len(s.Configurations)+1 {
		t.Fatalf("verify: %d reports, next %d, %v", len(reports), next, err)
	}
	for _, r := range reports {
		if r.Fault != "" {
			t.Errorf("%s: %s", r.ConfigurationARN, r.Fault)
		}
	}
}

func checkCountingTypes(t *testing.T, d deployment, _ sample.Summary) {
	counts := map[license.CountingType]int{}
	hard := 0
	for _, c := range d.configurations() {
		if c.Counters.Consumed > 0 {
			counts[c.Terms.CountingType]++
		}
		if c.Terms.HardLimit {
			hard++
		}
	}
	for _, kind := range []license.CountingType{license.VCPU, license.Instance, license.Core, license.Socket} {
		if counts[kind] == 0 {
			t.Errorf("nothing is consumed by %s", kind)
		}
	}
	if hard == 0 {
		t.Error("no configuration has a hard limit")
	}
}

// checkOverUsed expects one limit to have been broken for some weeks, and no
// other to be broken.
func checkOverUsed(t *testing.T, d deployment, _ sample.Summary) {
	over := true
	list, _, err := d.ListConfigurations(t.Context(), who, license.ConfigurationFilter{Exceeded: &over}, nil, 100)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 1 || list[0].Terms.Name != "Oracle Database EE" {
		t.Fatalf("%d configurations are over-used, want Oracle's alone", len(list))
	}
	limit := *list[0].Terms.Count
	for daysBefore, broken := range map[int]bool{90: false, 21: true, 1: true} {
		n := consumed(d.usage(list[0].ARN(), daysAgo(daysBefore)))
		if (n > limit) != broken {
			t.Errorf("%d days ago %d of %d were used, want a broken limit: %t", daysBefore, n, limit, broken)
		}
	}
}

func checkFailures(t *testing.T, d deployment, _ sample.Summary) {
	atLimit, byRule := 0, 0
	for name, c := range d.configurations() {
		failures, _, err := d.ListFailures(t.Context(), who, c.ARN(), license.Key{}, 100)
		if err != nil {
			t.Fatal(err)
		}
		if c.Terms.HardLimit {
			atLimit += len(failures)
		} else {
			byRule += len(failures)
		}
		for _, f := range failures {
			if f.Message == "" || f.Time.Std().Before(daysAgo(366)) || f.Time.Std().After(now) {
				t.Errorf("%s: failure %+v", name, f)
			}
		}
	}
	if atLimit < 2 || atLimit > 20 || byRule == 0 {
		t.Errorf("%d failures at a hard limit, %d by a rule: want a few of both", atLimit, byRule)
	}
}

func checkInventory(t *testing.T, d deployment, _ sample.Summary) {
	types := map[license.ResourceType]int{}
	owners := map[string]int{}
	yesterday := license.TimeOf(daysAgo(1).Truncate(24 * time.Hour))
	for _, r := range d.inventory() {
		types[r.Type]++
		owners[r.Owner]++
		if r.Seen < yesterday {
			t.Errorf("%s was last seen %s", r.ARN, r.Seen)
		}
		if name, err := license.ParseResourceARN(r.ARN); err != nil || name.Region != who.Region {
			t.Errorf("%s is not in the caller's region", r.ARN)
		}
	}
	for _, kind := range license.ResourceTypes {
		if types[kind] == 0 {
			t.Errorf("no resource is of type %s", kind)
		}
	}
	if len(owners) != 5 || owners[who.Account] == 0 {
		t.Errorf("the inventory has machines of %v, want five accounts", owners)
	}
}

func checkSoftware(t *testing.T, d deployment, _ sample.Summary) {
	sql := []license.InventoryFilter{{Name: "application_name", Condition: license.BeginsWith, Value: "Microsoft SQL Server 2022"}}
	found, _, err := d.ListInventory(t.Context(), who, sql, 0, 1000)
	if err != nil || len(found) < 20 {
		t.Errorf("%d machines have SQL Server, %v", len(found), err)
	}
	known := 0
	for _, r := range d.inventory() {
		if r.Facts.Software > 0 {
			known++
		}
	}
	if known < 250 {
		t.Errorf("the programs of %d machines are known, about 300 are wanted", known)
	}
}

func checkPast(t *testing.T, d deployment, _ sample.Summary) {
	moved := 0
	for name, c := range d.configurations() {
		then, today := consumed(d.usage(c.ARN(), daysAgo(182))), consumed(d.usage(c.ARN(), now))
		if today != c.Counters.Consumed {
			t.Errorf("%s: %d are listed, %d counted", name, today, c.Counters.Consumed)
		}
		if then != today {
			moved++
		}
		if before := d.usage(c.ARN(), daysAgo(400)); len(before) > 0 {
			t.Errorf("%s was in use before it began", name)
		}
	}
	if moved < 10 {
		t.Errorf("only %d configurations have another count than six months ago", moved)
	}
}

// checkTotals compares, at some moments, the steps of the history with the
// rows that make them up.
func checkTotals(t *testing.T, d deployment, _ sample.Summary) {
	for name, c := range d.configurations() {
		for _, back := range []int{364, 200, 93, 7} {
			end := daysAgo(back)
			from, to := license.TimeOf(end.Add(-time.Hour)), license.TimeOf(end)
			history, err := d.GetHistory(t.Context(), who, c.ARN(), &from, &to, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			last := history.Points[len(history.Points)-1]
			if n := consumed(d.usage(c.ARN(), end)); n != last.Consumed {
				t.Errorf("%s, %s: %d are listed, the history has %d", name, end, n, last.Consumed)
			}
		}
	}
}

func checkWeekends(t *testing.T, d deployment, _ sample.Summary) {
	arn := d.configurations()["Red Hat Enterprise Linux"].ARN()
	for _, weeks := range []int{5, 20, 45} {
		thursday := daysAgo(7 * weeks)
		work, rest := consumed(d.usage(arn, thursday)), consumed(d.usage(arn, thursday.AddDate(0, 0, 3)))
		if work-rest < 20 {
			t.Errorf("%s: %d at work, %d on the Sunday after", thursday, work, rest)
		}
	}
}

// checkStopped looks for the rule includedStoppedInstances at work.
func checkStopped(t *testing.T, d deployment, _ sample.Summary) {
	arn := d.configurations()["Autodesk AutoCAD (virtual desktops)"].ARN()
	stopped := 0
	for back := 1; back < 365; back += 3 {
		for _, u := range d.usage(arn, daysAgo(back)) {
			if u.Status == "stopped" {
				stopped++
			}
		}
	}
	if stopped == 0 {
		t.Error("no desktop that was switched off ever held its licence")
	}
}

func checkHosts(t *testing.T, d deployment, _ sample.Summary) {
	for name, kind := range map[string]license.ResourceType{
		"SQL Server 2022 Enterprise (per core, Dedicated Hosts)": license.EC2Host,
		"Windows Server 2022 Datacenter":                         license.EC2Host,
		"SQL Server 2022 Standard (on-premises, per core)":       license.ManagedInstance,
	} {
		c := d.configurations()[name]
		for _, u := range d.usage(c.ARN(), now) {
			if u.Type != kind {
				t.Errorf("%s: %s, a %s, carries a count", name, u.ResourceARN, u.Type)
			}
		}
	}
}

func checkRetired(t *testing.T, d deployment, _ sample.Summary) {
	c := d.configurations()["Oracle WebLogic Suite (retired)"]
	if c.Terms.Status != license.Disabled || c.Counters.Consumed != 0 {
		t.Errorf("it is %s with %d in use", c.Terms.Status, c.Counters.Consumed)
	}
	if n := consumed(d.usage(c.ARN(), daysAgo(300))); n == 0 {
		t.Error("it was not in use ten months ago")
	}
}

// checkSweep expects the server's background jobs to find nothing to do.
func checkSweep(t *testing.T, d deployment, _ sample.Summary) {
	if n, err := d.Sweep(t.Context()); n != 0 || err != nil {
		t.Errorf("a sweep changed %d resources, %v", n, err)
	}
}

func checkSecondLoad(t *testing.T, d deployment, first sample.Summary) {
	second := d.load()
	if !second.Skipped || second.Revisions != 0 {
		t.Errorf("the second load was not skipped: %+v", second)
	}
	if diff := cmp.Diff(first.Configurations, second.Configurations); diff != "" {
		t.Errorf("the second load names other configurations (-first +second):\n%s", diff)
	}
}

// TestInterruptedLoad ends a load in the middle. What it leaves answers
// nothing, and the next load says what to do.
func TestInterruptedLoad(t *testing.T) {
	d := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := sample.Load(ctx, d.Manager, who, license.TimeOf(now), func(done, _ int) {
		if done == 2 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("a cancelled load ends with %v", err)
	}
	if found := d.configurations(); len(found) > 0 {
		t.Errorf("%d configurations are listed before they are sealed", len(found))
	}
	_, err = sample.Load(t.Context(), d.Manager, who, license.TimeOf(now), nil)
	if !errors.Is(err, sample.ErrUnfinished) {
		t.Errorf("the load after it ends with %v", err)
	}
}
