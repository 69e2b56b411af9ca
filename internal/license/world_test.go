package license_test

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"reeve/internal/license"
	"reeve/internal/store"
	"reeve/internal/store/testdb"
)

// world is a Manager over a real database with a clock that the test moves.
// When a test ends, every ledger of its world must still verify.
type world struct {
	t        testing.TB
	ctx      context.Context
	db       *testdb.Database
	clock    atomic.Int64 // microseconds since 1970
	disk     *disk        // that can be full; nil for none
	settings license.Settings
	store    *store.Store
	m        *license.Manager
	who      license.Caller
	tampered bool         // faults are what the test is about
	made     atomic.Int64 // see fresh
}

// worldBegins is where the clock of every world starts.
var worldBegins = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newWorld(t testing.TB, settings license.Settings) *world {
	t.Helper()
	w := &world{t: t, ctx: context.Background(), db: testdb.New(t), settings: settings, who: modelCaller}
	w.clock.Store(worldBegins.UnixMicro())
	w.open()
	t.Cleanup(func() {
		if !w.tampered {
			w.verifyClean()
		}
		w.must(w.store.Close())
	})
	return w
}

func (w *world) open() {
	w.t.Helper()
	var err error
	db, options := w.db.Open(w.clock.Load), store.Options{}
	if w.disk != nil {
		db, options.Log = &onDisk{db, w.disk}, slog.New(slog.DiscardHandler)
	}
	w.store, err = store.New(w.ctx, db, options)
	w.must(err)
	w.m = license.New(w.store, w.settings)
}

// advance moves the clock; a negative duration steps it back.
func (w *world) advance(d time.Duration) { w.clock.Add(d.Microseconds()) }

func (w *world) now() license.Time { return license.Time(w.clock.Load()) }

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// refused fails the test unless err is a refusal of that kind whose message
// has all of the words.
func (w *world) refused(err error, kind license.Kind, words ...string) {
	w.t.Helper()
	if license.KindOf(err) != kind || err == nil {
		w.t.Fatalf("got %v (kind %d), want a refusal of kind %d", err, kindOf(err), kind)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			w.t.Errorf("the refusal %q does not say %q", err, word)
		}
	}
}

// create makes a configuration. A count of 0 or more is a hard limit, -1 none.
func (w *world) create(counting license.CountingType, count int64, rules ...string) string {
	w.t.Helper()
	return w.createTerms(limited(counting, count, rules...))
}

func limited(counting license.CountingType, count int64, rules ...string) license.Terms {
	terms := license.Terms{Name: "terms", CountingType: counting, Rules: rules}
	if count >= 0 {
		terms.Count, terms.HardLimit = &count, true
	}
	return terms
}

func (w *world) createTerms(terms license.Terms) string {
	w.t.Helper()
	arn, err := w.m.CreateConfiguration(w.ctx, w.who, license.ConfigurationSpec{Terms: terms})
	w.must(err)
	return arn
}

// put reports facts and returns what could not be licensed.
func (w *world) put(reports ...license.Report) []license.PutFailure {
	w.t.Helper()
	result, err := w.m.PutResources(w.ctx, w.who, license.Put{Reports: reports})
	w.must(err)
	return result.Failures
}

// admit asks whether reports may come true.
func (w *world) admit(reports ...license.Report) error {
	_, err := w.m.PutResources(w.ctx, w.who, license.Put{Mode: license.Admit, Reports: reports})
	return err
}

// specify associates a resource with configurations and ends other
// associations of it.
func (w *world) specify(resource string, add, remove []string) error {
	specs := func(arns []string) (list []license.Specification) {
		for _, arn := range arns {
			list = append(list, license.Specification{ConfigurationARN: arn})
		}
		return list
	}
	return w.m.UpdateSpecifications(w.ctx, w.who, resource, specs(add), specs(remove))
}

func (w *world) associate(arn string, resources ...string) {
	w.t.Helper()
	for _, r := range resources {
		w.must(w.specify(r, []string{arn}, nil))
	}
}

func (w *world) dissociate(arn string, resources ...string) {
	w.t.Helper()
	for _, r := range resources {
		w.must(w.specify(r, nil, []string{arn}))
	}
}

func (w *world) change(arn string, change license.ConfigurationChange) {
	w.t.Helper()
	w.must(w.m.UpdateConfiguration(w.ctx, w.who, arn, change))
}

func (w *world) configuration(arn string) *license.Configuration {
	w.t.Helper()
	c, err := w.m.Configuration(w.ctx, w.who, arn)
	w.must(err)
	return c
}

// rows lists the usage of a configuration, now or as of a moment.
func (w *world) rows(arn string, asOf *license.Time) []license.Usage {
	w.t.Helper()
	page, err := w.m.ListUsage(w.ctx, w.who, arn, license.UsageFilter{AsOf: asOf}, nil, 10_000)
	w.must(err)
	return page.Usage
}

// usage is rows as a map, checked against the counters when it is of now.
func (w *world) usage(arn string) map[string]int64 {
	w.t.Helper()
	usage, sum := usageMap(w.rows(arn, nil))
	if c := w.configuration(arn); c.Counters.Consumed != sum {
		w.t.Errorf("the counter of %s is %d, its rows sum up to %d", arn, c.Counters.Consumed, sum)
	}
	return usage
}

func (w *world) usageAt(arn string, at license.Time) map[string]int64 {
	w.t.Helper()
	usage, _ := usageMap(w.rows(arn, &at))
	return usage
}

func usageMap(rows []license.Usage) (usage map[string]int64, sum int64) {
	usage = map[string]int64{}
	for _, u := range rows {
		usage[short(u.ResourceARN)] += u.Consumed
		sum += u.Consumed
	}
	return usage, sum
}

// short is the ID at the end of an ARN.
func short(arn string) string { return arn[strings.LastIndexAny(arn, "/:")+1:] }

// consumes fails the test unless the usage of a configuration is exactly want,
// by the IDs of resources.
func (w *world) consumes(arn string, want map[string]int64) {
	w.t.Helper()
	if diff := gocmp.Diff(want, w.usage(arn)); diff != "" {
		w.t.Errorf("usage (-want +got):\n%s", diff)
	}
}

// associated lists the IDs of the associated resources of a configuration;
// those without a licence have a ! behind them.
func (w *world) associated(arn string) []string {
	w.t.Helper()
	ids := []string{}
	for _, a := range w.associations(arn) {
		id := short(a.ResourceARN)
		if a.Unlicensed {
			id += "!"
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func (w *world) associations(arn string) []license.Association {
	w.t.Helper()
	list, next, err := w.m.ListAssociations(w.ctx, w.who, arn, nil, 10_000)
	w.must(err)
	if next != nil {
		w.t.Fatal("a page of 10000 associations is not the last")
	}
	return list
}

func (w *world) wantAssociated(arn string, want ...string) {
	w.t.Helper()
	if diff := gocmp.Diff(append([]string{}, want...), w.associated(arn)); diff != "" {
		w.t.Errorf("associations (-want +got):\n%s", diff)
	}
}

// failures maps the IDs of the resources that a configuration could not
// license to the reason.
func (w *world) failures(arn string) map[string]string {
	w.t.Helper()
	list, _, err := w.m.ListFailures(w.ctx, w.who, arn, license.Key{}, 10_000)
	w.must(err)
	failures := map[string]string{}
	for _, f := range list {
		failures[short(f.ResourceARN)] = f.Message
	}
	return failures
}

func (w *world) wantFailures(arn string, want ...string) {
	w.t.Helper()
	if diff := gocmp.Diff(append([]string{}, want...), append([]string{}, slices.Sorted(maps.Keys(w.failures(arn)))...)); diff != "" {
		w.t.Errorf("failures (-want +got):\n%s", diff)
	}
}

func (w *world) explain(arn, resource string, asOf *license.Time) *license.Explanation {
	w.t.Helper()
	e, err := w.m.Explain(w.ctx, w.who, arn, resource, asOf)
	w.must(err)
	return e
}

// faults verifies every ledger of the deployment.
func (w *world) faults() []string {
	w.t.Helper()
	reports, next, err := w.m.Verify(w.ctx, license.Caller{Root: true}, 0, 1000)
	w.must(err)
	if next != 0 {
		w.t.Fatal("a page of 1000 ledgers is not the last")
	}
	return append(faultsIn(reports), w.inventoryFaults()...)
}

// inventoryFaults verifies every inventory of the deployment.
func (w *world) inventoryFaults() []string {
	w.t.Helper()
	reports, next, err := w.m.VerifyInventory(w.ctx, license.Caller{Root: true}, "", 1000)
	w.must(err)
	if next != "" {
		w.t.Fatal("a page of 1000 inventories is not the last")
	}
	return faultsIn(reports)
}

func faultsIn(reports []license.VerifyReport) (faults []string) {
	for _, r := range reports {
		if r.Fault != "" {
			faults = append(faults, r.Fault)
		}
	}
	return faults
}

func (w *world) verifyClean() {
	w.t.Helper()
	for _, fault := range w.faults() {
		w.t.Errorf("verify: %s", fault)
	}
}

// The ARNs of resources in the world's account.

func instance(id string) string {
	return "arn:aws:ec2:eu-west-1:123456789012:instance/i-" + id
}

func host(id string) string {
	return "arn:aws:ec2:eu-west-1:123456789012:dedicated-host/h-" + id
}

func image(id string) string { return "arn:aws:ec2:eu-west-1::image/ami-" + id }

func database(id string) string { return "arn:aws:rds:eu-west-1:123456789012:db:" + id }

func managed(id string) string {
	return "arn:aws:ssm:eu-west-1:123456789012:managed-instance/mi-" + id
}

// fresh returns a number that it has not returned before.
func (w *world) fresh() int64 { return w.made.Add(1) }
