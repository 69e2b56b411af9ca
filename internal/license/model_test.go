package license_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"reeve/internal/license"
	"reeve/internal/store"
	"reeve/internal/store/testdb"
)

// The model: what a few sentences of the design say, written down again as
// plainly as possible and kept in maps. Random operations run against the
// Manager and against it; after each step both must agree, and at the end the
// Manager must still answer for every moment in between.

const (
	modelAccount = "123456789012"
	modelRegion  = "eu-west-1"
)

var modelCaller = license.Caller{Account: modelAccount, Region: modelRegion, Principal: "arn:aws:iam::123456789012:root", Root: true, Operation: "Test"}

// The kinds of resources in the model.
const (
	aHost     = "host"
	anImage   = "image"
	aMachine  = "instance" // on a host, or on none
	aPhysical = "physical" // a managed instance that is no virtual machine
)

// machine is what the model knows of a resource.
type machine struct {
	kind                  string
	status                string
	vcpus, cores, sockets int64
	on                    string // ARN of the host it runs on
	fromImage             bool   // an instance that is launched from the model's image
}

// terms is what the model knows of a configuration.
type terms struct {
	counting           license.CountingType
	count              int64 // -1: unlimited
	hard               bool
	stopped            bool  // includedStoppedInstances
	minVCPUs, maxVCPUs int64 // 0: no rule
}

// ledgerModel is one configuration: who is associated, and what each place
// was granted.
type ledgerModel struct {
	terms
	associated map[string]bool  // to whether it stands without a licence
	usage      map[string]int64 // by ARN of the place
	lost       map[string]bool  // machines whose launch found no licence
}

type moment struct {
	at    license.Time
	usage map[string]int64
}

type model struct {
	t        *rapid.T
	m        *license.Manager
	machines map[string]*machine
	ledgers  map[string]*ledgerModel
	past     map[string][]moment
}

func (m *machine) gone() bool {
	return slices.Contains([]string{"terminated", "released", "deregistered"}, m.status)
}

func (l *ledgerModel) physical() bool {
	return l.counting == license.Core || l.counting == license.Socket
}

// place is where a resource counts.
func (x *model) place(l *ledgerModel, arn string, m *machine) string {
	if l.physical() && m.kind == aMachine && m.on != "" {
		return m.on
	}
	return arn
}

// refused reports whether the rules keep a resource from using the licence.
func (x *model) refused(l *ledgerModel, arn string) bool {
	m := x.machines[arn]
	switch {
	case m.kind == anImage:
		return false
	case l.physical() && m.kind == aMachine:
		return m.on == "" || x.machines[m.on].gone()
	}
	return l.minVCPUs > 0 && m.vcpus < l.minVCPUs || l.maxVCPUs > 0 && m.vcpus > l.maxVCPUs
}

func (x *model) size(l *ledgerModel, arn string) int64 {
	m := x.machines[arn]
	return map[license.CountingType]int64{license.VCPU: m.vcpus, license.Instance: 1, license.Core: m.cores, license.Socket: m.sockets}[l.counting]
}

func (x *model) consumes(l *ledgerModel, arn string) bool {
	m := x.machines[arn]
	runs := slices.Contains([]string{"running", "available", "Online"}, m.status) || l.stopped && m.status == "stopped"
	return runs && m.kind != anImage && !x.refused(l, arn)
}

// want is what a place should consume by the facts alone.
func (x *model) want(l *ledgerModel, place string) int64 {
	for arn := range l.associated {
		if x.place(l, arn, x.machines[arn]) == place && x.consumes(l, arn) {
			return x.size(l, place)
		}
	}
	return 0
}

// settle brings the touched places of a ledger up to date: first those that
// give back, then the others in the order of their creation. New associations
// that find no licence are lost. It reports whether everything that was
// licensed before or is new found a licence.
func (x *model) settle(l *ledgerModel, touched, fresh map[string]bool) bool {
	all := true
	wants, granted := map[string]int64{}, maps.Clone(l.usage)
	for p := range touched {
		wants[p] = x.want(l, p)
	}
	places := slices.SortedFunc(maps.Keys(touched), func(a, b string) int {
		da, db := wants[a]-granted[a] > 0, wants[b]-granted[b] > 0
		if da != db {
			if da {
				return 1
			}
			return -1
		}
		return cmp.Compare(order[a], order[b])
	})
	for _, p := range places {
		grow := wants[p] - l.usage[p]
		fits := grow <= 0 || !l.hard || l.count < 0 || l.consumed()+grow <= l.count
		if l.usage[p] = wants[p]; !fits || wants[p] == 0 {
			delete(l.usage, p)
		}
		for _, arn := range slices.Collect(maps.Keys(l.associated)) {
			if x.place(l, arn, x.machines[arn]) == p && !x.grant(l, arn, fits && !x.refused(l, arn), fresh[arn]) {
				all = false
			}
		}
	}
	return all
}

// grant records whether an association has a licence. It reports whether that
// is no news to who asked.
func (x *model) grant(l *ledgerModel, arn string, licensed, fresh bool) bool {
	known := l.associated[arn]
	l.associated[arn] = !licensed
	if licensed {
		delete(l.lost, arn)
	} else if fresh {
		delete(l.associated, arn)
		l.lost[arn] = true
	}
	return licensed || known
}

func (l *ledgerModel) consumed() (n int64) {
	for _, u := range l.usage {
		n += u
	}
	return n
}

func (l *ledgerModel) clone() *ledgerModel {
	c := *l
	c.associated, c.usage, c.lost = maps.Clone(l.associated), maps.Clone(l.usage), maps.Clone(l.lost)
	return &c
}

// order gives every resource of the model its place in lists: they are made
// once, in this order.
var order = map[string]int{}

var hostARNs, machineARNs []string // images among the machines

func init() {
	for i := range 3 {
		hostARNs = append(hostARNs, host(fmt.Sprint(i)))
	}
	for i := range 5 {
		machineARNs = append(machineARNs, instance(fmt.Sprint(i)))
	}
	machineARNs = append(machineARNs, managed("0"), image("0"))
	for _, arn := range slices.Concat(hostARNs, machineARNs) {
		order[arn] = len(order)
	}
}

func newModel(t *rapid.T, m *license.Manager) *model {
	x := &model{t: t, m: m, machines: map[string]*machine{}, ledgers: map[string]*ledgerModel{}, past: map[string][]moment{}}
	for i, arn := range slices.Concat(hostARNs, machineARNs) {
		made := &machine{kind: aMachine, status: "running", vcpus: 2, cores: 8, sockets: 1, fromImage: i%2 == 0}
		switch {
		case slices.Contains(hostARNs, arn):
			made.kind, made.status = aHost, "available"
		case arn == managed("0"):
			made.kind, made.status = aPhysical, "Online"
		case arn == image("0"):
			made.kind, made.status = anImage, "available"
		}
		if made.kind == aMachine {
			made.on = hostARNs[i%2]
		}
		x.put(license.Observe, map[string]*machine{arn: made})
	}
	x.create(nil)
	for arn, l := range x.ledgers {
		for _, name := range slices.Backward(slices.Concat(hostARNs, machineARNs)) {
			x.associateOne(arn, l, name) // as far as the limit goes
		}
	}
	return x
}

func (m *machine) report(arn string) license.Report {
	r := license.Report{ARN: arn, Status: &m.status, VCPUs: &m.vcpus, Cores: &m.cores, Sockets: &m.sockets}
	switch {
	case m.kind == aPhysical:
		r.Virtual = new(false)
	case m.kind == aMachine && m.fromImage:
		r.AMI = new("ami-0")
	}
	if m.kind == aMachine {
		r.Host = &m.on
	}
	return r
}

// put reports machines as facts or as a request, of which nothing comes when
// any part of it is refused.
func (x *model) put(mode license.Mode, changes map[string]*machine) {
	put := license.Put{Mode: mode}
	for _, arn := range slices.Sorted(maps.Keys(changes)) {
		put.Reports = append(put.Reports, changes[arn].report(arn))
	}
	_, err := x.m.PutResources(context.Background(), modelCaller, put)
	before := maps.Clone(x.machines)
	maps.Copy(x.machines, changes)
	granted, ledgers := true, map[string]*ledgerModel{}
	for arn, l := range x.ledgers {
		ledgers[arn] = l.clone()
		granted = x.apply(ledgers[arn], before, changes) && granted
	}
	if mode == license.Admit && !granted {
		if kind := kindOf(err); kind != license.LicenseUsage && kind != license.InvalidParameter {
			x.t.Fatalf("the request is granted (%v), but not everything in it can be licensed", err)
		}
		x.machines = before
		return
	}
	if err != nil {
		x.t.Fatalf("%s %v: %v", mode, slices.Sorted(maps.Keys(changes)), err)
	}
	x.ledgers = ledgers
}

// apply brings one ledger from the machines before to those that are now.
func (x *model) apply(l *ledgerModel, before, changes map[string]*machine) bool {
	touched, fresh := map[string]bool{}, map[string]bool{}
	for arn, now := range changes {
		was := before[arn]
		changed := was == nil || *was != *now
		if launch := changed && (was == nil || was.gone()) && !now.gone(); launch && now.kind == aMachine && now.fromImage {
			if _, inherits := l.associated[image("0")]; inherits {
				l.associated[arn], fresh[arn] = false, true
			}
		}
		if unlicensed, is := l.associated[arn]; is && (changed || unlicensed) {
			if was != nil {
				touched[x.place(l, arn, was)] = true
			}
			touched[x.place(l, arn, now)] = true
		}
		if changed && l.physical() && now.kind == aHost {
			touched[arn] = true
		}
		if now.gone() {
			delete(l.associated, arn)
			delete(l.lost, arn)
		}
	}
	return x.settle(l, touched, fresh)
}

func (x *model) drawMachine(arn string) *machine {
	m := *x.machines[arn]
	statuses := map[string][]string{
		aHost: {"available", "available", "released"}, aPhysical: {"Online", "Online", "Inactive", "deregistered"},
		aMachine: {"running", "running", "stopped", "terminated"}, anImage: {"available"},
	}[m.kind]
	switch rapid.IntRange(0, 3).Draw(x.t, "changed") {
	case 0: // the same again
	case 1:
		m.status = rapid.SampledFrom(statuses).Draw(x.t, "status")
	case 2:
		m.vcpus = rapid.SampledFrom([]int64{1, 2, 4, 8}).Draw(x.t, "vcpus")
		m.cores = rapid.SampledFrom([]int64{8, 16, 24}).Draw(x.t, "cores")
		m.sockets = rapid.SampledFrom([]int64{1, 2}).Draw(x.t, "sockets")
	case 3:
		if m.kind == aMachine {
			m.on = rapid.SampledFrom(append([]string{""}, hostARNs...)).Draw(x.t, "host")
		}
	}
	return &m
}

func (x *model) report(*rapid.T) { x.reportAs(license.Observe) }
func (x *model) admit(*rapid.T)  { x.reportAs(license.Admit) }

func (x *model) reportAs(mode license.Mode) {
	changes := map[string]*machine{}
	for range rapid.IntRange(1, 3).Draw(x.t, "reports") {
		arn := x.drawARN()
		changes[arn] = x.drawMachine(arn)
	}
	x.put(mode, changes)
}

// retry reports once more what stands without a licence.
func (x *model) retry(*rapid.T) {
	arn, l := x.configuration()
	again := map[string]*machine{}
	for name, unlicensed := range l.associated {
		if unlicensed {
			same := *x.machines[name]
			again[name] = &same
		}
	}
	if len(again) == 0 {
		x.t.Skip("everything in " + arn + " has its licence")
	}
	x.put(license.Observe, again)
}

func (x *model) drawARN() string {
	return rapid.SampledFrom(slices.Concat(hostARNs, machineARNs)).Draw(x.t, "resource")
}

func (x *model) create(*rapid.T) {
	if len(x.ledgers) == 4 {
		return
	}
	l := &ledgerModel{associated: map[string]bool{}, usage: map[string]int64{}, lost: map[string]bool{}}
	l.counting = rapid.SampledFrom([]license.CountingType{license.VCPU, license.Instance, license.Core, license.Socket}).Draw(x.t, "type")
	few := map[license.CountingType]int64{license.VCPU: 12, license.Instance: 5, license.Core: 40, license.Socket: 5}[l.counting]
	l.count = rapid.Int64Range(-1, few).Draw(x.t, "count")
	l.hard = l.count >= 0 && rapid.IntRange(0, 3).Draw(x.t, "hard") > 0
	l.stopped = rapid.IntRange(0, 3).Draw(x.t, "stopped") == 0
	spec := license.ConfigurationSpec{Terms: license.Terms{Name: "model", CountingType: l.counting, HardLimit: l.hard}}
	if l.count >= 0 {
		spec.Count = &l.count
	}
	if l.stopped {
		spec.Rules = append(spec.Rules, "#includedStoppedInstances=True")
	}
	if !l.physical() && rapid.IntRange(0, 3).Draw(x.t, "bounded") == 0 {
		l.minVCPUs, l.maxVCPUs = 2, 4
		spec.Rules = append(spec.Rules, "#minimumVcpus=2", "#maximumVcpus=4")
	}
	arn, err := x.m.CreateConfiguration(context.Background(), modelCaller, spec)
	if err != nil {
		x.t.Fatal(err)
	}
	x.ledgers[arn] = l
}

func (x *model) configuration() (string, *ledgerModel) {
	if len(x.ledgers) == 0 {
		x.t.Skip("no configuration yet")
	}
	arn := rapid.SampledFrom(slices.Sorted(maps.Keys(x.ledgers))).Draw(x.t, "configuration")
	return arn, x.ledgers[arn]
}

func (x *model) changeLimit(*rapid.T) {
	arn, l := x.configuration()
	count := max(0, l.consumed()+rapid.Int64Range(-4, 8).Draw(x.t, "free"))
	hard := rapid.IntRange(0, 3).Draw(x.t, "hard") > 0
	if err := x.m.UpdateConfiguration(context.Background(), modelCaller, arn, license.ConfigurationChange{Count: &count, HardLimit: &hard}); err != nil {
		x.t.Fatal(err)
	}
	l.count, l.hard = count, hard
}

func (x *model) delete(*rapid.T) {
	arn, l := x.configuration()
	err := x.m.DeleteConfiguration(context.Background(), modelCaller, arn)
	if (err == nil) != (len(l.associated) == 0) || err != nil && license.KindOf(err) != license.InvalidParameter {
		x.t.Fatalf("delete %s with %d associations: %v", arn, len(l.associated), err)
	}
	if err == nil {
		delete(x.ledgers, arn)
	}
}

func (x *model) associate(*rapid.T) {
	arn, l := x.configuration()
	x.associateOne(arn, l, x.drawARN())
}

func (x *model) associateOne(arn string, l *ledgerModel, name string) {
	err := x.m.UpdateSpecifications(context.Background(), modelCaller, name, []license.Specification{{ConfigurationARN: arn}}, nil)

	trial := l.clone()
	unlicensed, had := trial.associated[name]
	trial.associated[name] = unlicensed
	var want license.Kind = -1
	switch {
	case x.machines[name].gone():
		want = license.InvalidResourceState
	case x.refused(l, name) && !unlicensed:
		want = license.InvalidParameter
	case !x.settle(trial, map[string]bool{x.place(l, name, x.machines[name]): true}, nil):
		want = license.LicenseUsage
	}
	if got := kindOf(err); got != want {
		x.t.Fatalf("associate %s (associated before: %t) with %s: got %v (kind %d), want kind %d", name, had, arn, err, got, want)
	}
	if err == nil {
		*l = *trial
	}
}

func kindOf(err error) license.Kind {
	if err == nil {
		return -1
	}
	return license.KindOf(err)
}

func (x *model) dissociate(*rapid.T) {
	arn, l := x.configuration()
	if len(l.associated) == 0 {
		x.t.Skip("nothing is associated")
	}
	name := rapid.SampledFrom(slices.Sorted(maps.Keys(l.associated))).Draw(x.t, "resource")
	if err := x.m.UpdateSpecifications(context.Background(), modelCaller, name, nil, []license.Specification{{ConfigurationARN: arn}}); err != nil {
		x.t.Fatalf("dissociate %s: %v", name, err)
	}
	delete(l.associated, name)
	if name == image("0") {
		clear(l.lost) // nobody asks for a licence for them any more
	}
	x.settle(l, map[string]bool{x.place(l, name, x.machines[name]): true}, nil)
}

// check compares every configuration with the model and remembers the moment.
func (x *model) check(*rapid.T) {
	for arn, l := range x.ledgers {
		c, err := x.m.Configuration(context.Background(), modelCaller, arn)
		if err != nil {
			x.t.Fatal(err)
		}
		usage := x.list(arn, nil)
		if diff := gocmp.Diff(l.usage, usage); diff != "" {
			x.t.Fatalf("usage of %s (%+v) (-model +manager):\n%s", arn, l.terms, diff)
		}
		if c.Counters.Consumed != l.consumed() {
			x.t.Fatalf("%s consumes %d by its counter, its usage is %d", arn, c.Counters.Consumed, l.consumed())
		}
		x.checkAssociations(arn, l)
		x.past[arn] = append(x.past[arn], moment{c.HeadAt, usage})
	}
}

// checkAssociations compares who is associated, and who lacks a licence.
func (x *model) checkAssociations(arn string, l *ledgerModel) {
	list, _, err := x.m.ListAssociations(context.Background(), modelCaller, arn, nil, 100)
	if err != nil {
		x.t.Fatal(err)
	}
	associated, failed := map[string]bool{}, maps.Clone(l.lost)
	for _, a := range list {
		associated[a.ResourceARN] = a.Unlicensed
		if a.Unlicensed {
			failed[a.ResourceARN] = true
		}
	}
	if diff := gocmp.Diff(l.associated, associated); diff != "" {
		x.t.Fatalf("associations of %s (%+v), true without a licence (-model +manager):\n%s", arn, l.terms, diff)
	}
	failures, _, err := x.m.ListFailures(context.Background(), modelCaller, arn, license.Key{}, 100)
	if err != nil {
		x.t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, f := range failures {
		listed[f.ResourceARN] = true
	}
	if diff := gocmp.Diff(failed, listed); diff != "" {
		x.t.Fatalf("failures of %s (%+v) (-model +manager):\n%s", arn, l.terms, diff)
	}
}

// list reads all pages of a list, of a random size each.
func (x *model) list(arn string, asOf *license.Time) map[string]int64 {
	usage := map[string]int64{}
	var cur *license.Cursor
	for {
		page, err := x.m.ListUsage(context.Background(), modelCaller, arn, license.UsageFilter{AsOf: asOf}, cur, rapid.IntRange(1, 5).Draw(x.t, "page"))
		if err != nil {
			x.t.Fatal(err)
		}
		for _, u := range page.Usage {
			if _, twice := usage[u.ResourceARN]; twice {
				x.t.Fatalf("%s is listed twice", u.ResourceARN)
			}
			usage[u.ResourceARN] = u.Consumed
		}
		if cur = page.Next; cur == nil {
			return usage
		}
	}
}

// checkPast asks again for every moment that was ever seen.
func (x *model) checkPast() {
	for arn, moments := range x.past {
		for _, m := range moments {
			if diff := gocmp.Diff(m.usage, x.list(arn, &m.at)); diff != "" {
				x.t.Fatalf("usage of %s as of %s changed (-then +now):\n%s", arn, m.at, diff)
			}
		}
	}
	reports, _, err := x.m.Verify(context.Background(), modelCaller, 0, 100)
	if err != nil {
		x.t.Fatal(err)
	}
	for _, r := range reports {
		if r.Fault != "" {
			x.t.Fatalf("verify %s: %s", r.ConfigurationARN, r.Fault)
		}
	}
}

// openManager opens a database for one check.
func openManager(t *testing.T, rt *rapid.T) *license.Manager {
	s, err := store.New(context.Background(), testdb.New(t).Open(nil), store.Options{})
	if err != nil {
		rt.Fatal(err)
	}
	rt.Cleanup(func() { _ = s.Close() })
	return license.New(s, license.Settings{})
}

func TestModel(t *testing.T) {
	testdb.FewerChecks(t)
	rapid.Check(t, func(rt *rapid.T) {
		x := newModel(rt, openManager(t, rt))
		rt.Repeat(map[string]func(*rapid.T){
			"create":     x.create,
			"report":     x.report,
			"admit":      x.admit,
			"retry":      x.retry,
			"limit":      x.changeLimit,
			"delete":     x.delete,
			"associate":  x.associate,
			"and again":  x.associate,
			"dissociate": x.dissociate,
			"":           x.check,
		})
		x.checkPast()
	})
}
