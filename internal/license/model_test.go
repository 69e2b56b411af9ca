package license_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"reeve/internal/license"
	"reeve/internal/store"
	"reeve/internal/store/sqlite"
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

// machine is what the model knows of a resource.
type machine struct {
	host                  bool // a dedicated host, else an instance
	status                string
	vcpus, cores, sockets int64
	on                    string // ARN of the host it runs on
}

// terms is what the model knows of a configuration.
type terms struct {
	counting license.CountingType
	count    int64 // -1: unlimited
	hard     bool
	stopped  bool  // includedStoppedInstances
	maxVCPUs int64 // 0: no rule
}

// ledgerModel is one configuration: who is associated, and what each place
// was granted.
type ledgerModel struct {
	terms
	associated map[string]bool
	usage      map[string]int64 // by ARN of the place
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

func (m *machine) gone() bool { return m.status == "terminated" || m.status == "released" }

// place is where a machine counts, "" when it cannot use the licence.
func (x *model) place(l *ledgerModel, arn string) string {
	m := x.machines[arn]
	physical := l.counting == license.Core || l.counting == license.Socket
	switch {
	case !physical:
		if l.maxVCPUs > 0 && (m.vcpus == 0 || m.vcpus > l.maxVCPUs) {
			return ""
		}
		return arn
	case m.host:
		return arn
	}
	if h := x.machines[m.on]; m.on == "" || h == nil || h.gone() {
		return ""
	}
	return m.on
}

func (x *model) size(l *ledgerModel, arn string) int64 {
	m := x.machines[arn]
	return map[license.CountingType]int64{license.VCPU: m.vcpus, license.Instance: 1, license.Core: m.cores, license.Socket: m.sockets}[l.counting]
}

func (x *model) consumes(l *ledgerModel, arn string) bool {
	m := x.machines[arn]
	return m.status == "running" || m.status == "available" || l.stopped && m.status == "stopped"
}

// want is what a place should consume by the facts alone.
func (x *model) want(l *ledgerModel, place string) int64 {
	for arn := range l.associated {
		if x.place(l, arn) == place && x.consumes(l, arn) {
			return x.size(l, place)
		}
	}
	return 0
}

// settle brings one ledger up to date after the named machines changed: places
// first that give back, then the others in the order of their creation.
// It reports whether everything fitted.
func (x *model) settle(l *ledgerModel, touched map[string]bool) bool {
	fitted := true
	places := slices.SortedFunc(maps.Keys(touched), func(a, b string) int {
		da, db := x.want(l, a)-l.usage[a] > 0, x.want(l, b)-l.usage[b] > 0
		if da != db {
			if da {
				return 1
			}
			return -1
		}
		return cmp.Compare(order[a], order[b])
	})
	for _, p := range places {
		want := x.want(l, p)
		if grow := want - l.usage[p]; grow > 0 && l.hard && l.count >= 0 && l.consumed()+grow > l.count {
			want, fitted = 0, false
		}
		l.usage[p] = want
		if want == 0 {
			delete(l.usage, p)
		}
	}
	return fitted
}

func (l *ledgerModel) consumed() (n int64) {
	for _, u := range l.usage {
		n += u
	}
	return n
}

func (l *ledgerModel) clone() *ledgerModel {
	c := *l
	c.associated, c.usage = maps.Clone(l.associated), maps.Clone(l.usage)
	return &c
}

// order gives every machine of the model its place in lists: hosts and
// instances are made once, in this order.
var order = map[string]int{}

var hostARNs, instanceARNs []string

func init() {
	for i := range 3 {
		arn := fmt.Sprintf("arn:aws:ec2:eu-west-1:123456789012:dedicated-host/h-%017x", i)
		hostARNs, order[arn] = append(hostARNs, arn), len(order)
	}
	for i := range 6 {
		arn := fmt.Sprintf("arn:aws:ec2:eu-west-1:123456789012:instance/i-%017x", i)
		instanceARNs, order[arn] = append(instanceARNs, arn), len(order)
	}
}

func newModel(t *rapid.T, m *license.Manager) *model {
	x := &model{t: t, m: m, machines: map[string]*machine{}, ledgers: map[string]*ledgerModel{}, past: map[string][]moment{}}
	for _, arn := range slices.Concat(hostARNs, instanceARNs) {
		x.put(arn, &machine{host: slices.Contains(hostARNs, arn), status: map[bool]string{true: "available", false: "running"}[slices.Contains(hostARNs, arn)], vcpus: 2, cores: 8, sockets: 1})
	}
	return x
}

func (x *model) put(arn string, m *machine) {
	r := license.Report{ARN: arn, Status: &m.status, VCPUs: &m.vcpus, Cores: &m.cores, Sockets: &m.sockets}
	if !m.host {
		r.Host = &m.on
	}
	before := x.machines[arn]
	if _, err := x.m.PutResources(context.Background(), modelCaller, license.Put{Reports: []license.Report{r}}); err != nil {
		x.t.Fatalf("put %s: %v", arn, err)
	}
	for _, l := range x.ledgers {
		touched := x.touchedBy(l, arn, before, m)
		x.machines[arn] = m
		if m.gone() {
			delete(l.associated, arn)
		}
		x.settle(l, touched)
		if before != nil {
			x.machines[arn] = before
		}
	}
	x.machines[arn] = m
}

// touchedBy names the places that a new version of a machine may change. The
// same report again tries those once more that got no licence before.
func (x *model) touchedBy(l *ledgerModel, arn string, before, after *machine) map[string]bool {
	touched := map[string]bool{}
	changed := before == nil || *before != *after
	mark := func(m *machine) {
		x.machines[arn] = m
		if p := x.place(l, arn); p != "" && (l.associated[arn] || m.host) {
			touched[p] = true
		}
		if m.host && (l.counting == license.Core || l.counting == license.Socket) {
			touched[arn] = true
		}
		if l.associated[arn] {
			touched[arn] = true
		}
	}
	if before != nil {
		mark(before)
	}
	mark(after)
	if !changed {
		// Only what stands without a licence is tried again.
		for p := range touched {
			if l.usage[p] > 0 || !l.associated[arn] {
				delete(touched, p)
			}
		}
	}
	return touched
}

func (x *model) drawMachine(arn string) *machine {
	m := *x.machines[arn]
	if m.gone() && rapid.Bool().Draw(x.t, "stay gone") {
		return &m
	}
	if m.host {
		m.cores = rapid.SampledFrom([]int64{8, 16, 24}).Draw(x.t, "cores")
		m.sockets = rapid.SampledFrom([]int64{1, 2}).Draw(x.t, "sockets")
		m.status = rapid.SampledFrom([]string{"available", "available", "released"}).Draw(x.t, "status")
		return &m
	}
	m.vcpus = rapid.SampledFrom([]int64{1, 2, 4, 8}).Draw(x.t, "vcpus")
	m.status = rapid.SampledFrom([]string{"running", "running", "stopped", "terminated"}).Draw(x.t, "status")
	m.on = rapid.SampledFrom(append([]string{""}, hostARNs...)).Draw(x.t, "host")
	return &m
}

func (x *model) report(*rapid.T) {
	arn := rapid.SampledFrom(slices.Concat(hostARNs, instanceARNs)).Draw(x.t, "resource")
	x.put(arn, x.drawMachine(arn))
}

func (x *model) create(*rapid.T) {
	if len(x.ledgers) == 4 {
		return
	}
	l := &ledgerModel{associated: map[string]bool{}, usage: map[string]int64{}}
	l.counting = rapid.SampledFrom([]license.CountingType{license.VCPU, license.Instance, license.Core, license.Socket}).Draw(x.t, "type")
	l.count = rapid.Int64Range(-1, 30).Draw(x.t, "count")
	l.hard = l.count >= 0 && rapid.Bool().Draw(x.t, "hard")
	l.stopped = rapid.Bool().Draw(x.t, "stopped")
	spec := license.ConfigurationSpec{Terms: license.Terms{Name: "model", CountingType: l.counting, HardLimit: l.hard}}
	if l.count >= 0 {
		spec.Count = &l.count
	}
	if l.stopped {
		spec.Rules = append(spec.Rules, "#includedStoppedInstances=True")
	}
	if l.counting == license.VCPU && rapid.Bool().Draw(x.t, "bounded") {
		l.maxVCPUs = 4
		spec.Rules = append(spec.Rules, "#maximumVcpus=4")
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
	count := rapid.Int64Range(0, 40).Draw(x.t, "count")
	hard := rapid.Bool().Draw(x.t, "hard")
	if err := x.m.UpdateConfiguration(context.Background(), modelCaller, arn, license.ConfigurationChange{Count: &count, HardLimit: &hard}); err != nil {
		x.t.Fatal(err)
	}
	l.count, l.hard = count, hard
}

func (x *model) associate(*rapid.T) {
	arn, l := x.configuration()
	name := rapid.SampledFrom(slices.Concat(hostARNs, instanceARNs)).Draw(x.t, "resource")
	err := x.m.UpdateSpecifications(context.Background(), modelCaller, name, []license.Specification{{ConfigurationARN: arn}}, nil)

	trial := l.clone()
	trial.associated[name] = true
	place := x.place(l, name)
	var want license.Kind = -1
	switch {
	case x.machines[name].gone():
		want = license.InvalidResourceState
	case l.associated[name] && place == "":
		want = -1 // associated while it could use the licence, and still so
	case place == "" || x.size(l, place) == 0:
		want = license.InvalidParameter
	case !x.settle(trial, map[string]bool{place: true}):
		if want = license.LicenseUsage; l.associated[name] {
			want, trial = -1, l // it already stood without a licence
			x.settle(trial, map[string]bool{place: true})
		}
	}
	if got := kindOf(err); got != want {
		x.t.Fatalf("associate %s with %s: got %v (kind %d), want kind %d", name, arn, err, got, want)
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
	place := x.place(l, name)
	delete(l.associated, name)
	touched := map[string]bool{name: true}
	if place != "" {
		touched[place] = true
	}
	x.settle(l, touched)
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
		x.past[arn] = append(x.past[arn], moment{c.HeadAt, usage})
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

func openManager(t *testing.T, settings license.Settings) *license.Manager {
	t.Helper()
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "reeve.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.New(context.Background(), db, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return license.New(s, settings)
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		x := newModel(rt, openManager(t, license.Settings{}))
		rt.Repeat(map[string]func(*rapid.T){
			"create":     x.create,
			"report":     x.report,
			"limit":      x.changeLimit,
			"associate":  x.associate,
			"dissociate": x.dissociate,
			"":           x.check,
		})
		x.checkPast()
	})
}
