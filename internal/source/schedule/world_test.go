package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reeve/internal/iam"
	"reeve/internal/license"
	"reeve/internal/source"
	"reeve/internal/source/schedule"
	"reeve/internal/store"
	"reeve/internal/store/sqlconn"
	"reeve/internal/store/testdb"
)

const account = "111122223333"

// place is a place that sources of a test pull from: a Puller whose every pull
// does what the test says.
type place struct {
	mu       sync.Mutex
	machines []string
	pull     func(ctx context.Context, each func([]license.Report) error) error // instead of handing over machines
	lasts    []string                                                           // what each pull remembered
	pulls    int
	partial  bool
}

func (p *place) set(machines ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.machines = machines
}

func (p *place) Partial() bool { return p.partial }

func (p *place) Pull(ctx context.Context, last []byte, each func([]license.Report) error) ([]byte, error) {
	p.mu.Lock()
	p.pulls++
	next := fmt.Sprintf("after pull %d", p.pulls)
	p.lasts = append(p.lasts, string(last))
	pull, machines := p.pull, p.machines
	p.mu.Unlock()
	if pull != nil {
		return []byte(next), pull(ctx, each)
	}
	return []byte(next), each(reports(machines...))
}

// settings of the tests' kind name the place.
type settings struct {
	Place string `json:"place"`
}

func (s *settings) Check() error {
	if s.Place == "" {
		return errors.New("place is missing")
	}
	return nil
}

// world is a deployment: one database, its rules, places, and servers.
type world struct {
	*testing.T
	db      sqlconn.DB
	store   *store.Store
	manager *license.Manager
	sources *schedule.Sources
	places  map[string]*place

	releases []func() // of pulls that wait, for tests that have failed

	mu      sync.Mutex
	ahead   time.Duration // of the database's clock
	stopped time.Time     // since when it stands still; zero: it goes
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, places: map[string]*place{}}
	w.db = testdb.New(t).Open(func() int64 { return w.now().UnixMicro() })
	var err error
	if w.store, err = store.New(t.Context(), w.db, store.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.store.Close() })
	if err := w.store.InsertAccount(t.Context(), iam.Account{ID: account, Name: "test", Created: time.Now()}); err != nil {
		t.Fatal(err)
	}
	w.manager = license.New(w.store, license.Settings{})
	w.sources = w.another()
	return w
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.stopped.IsZero() {
		return w.stopped.Add(w.ahead)
	}
	return time.Now().Add(w.ahead)
}

// stopClock has the database's clock stand still, but for advance.
func (w *world) stopClock() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = time.Now()
}

// advance moves the database's clock on.
func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ahead += d
}

// another is the sources as another server has them.
func (w *world) another() *schedule.Sources {
	return schedule.New(w.store.Sources(), schedule.Kinds{
		"test": schedule.KindOf(time.Hour, nil, func(s settings, _ source.Options) (source.Puller, error) {
			p := w.places[s.Place]
			if p == nil {
				return nil, fmt.Errorf("there is no place %s", s.Place)
			}
			return p, nil
		}),
	})
}

// serve runs a scheduler of the given sources until stop is called.
func (w *world) serve(sources *schedule.Sources, server string) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	s := sources.Scheduler(w.options(server))
	var ended sync.WaitGroup
	ended.Go(func() { s.Run(ctx) })
	stop = func() {
		cancel()
		ended.Wait()
	}
	w.Cleanup(func() {
		for _, release := range w.releases {
			release()
		}
		stop()
	})
	return stop
}

// options are of a server whose lease lasts, and is not renewed, for as long as
// a slow machine needs for a test: it is lost when the clock is advanced.
func (w *world) options(server string) schedule.Options {
	return schedule.Options{
		NewManager: func(s license.Store) *license.Manager { return license.New(s, license.Settings{}) },
		Server:     server, Log: slog.New(slog.DiscardHandler),
		Poll: 10 * time.Millisecond, Lease: 20 * time.Minute,
	}
}

var who = license.Caller{Account: account, Region: "eu-central-1", Principal: "arn:aws:iam::" + account + ":root", Operation: "Test"}

// add makes a paused source of a place of the same name, so that it runs when
// the test says so.
func (w *world) add(name string, machines ...string) *place {
	w.Helper()
	p := &place{machines: machines}
	w.places[name] = p
	w.put(schedule.Definition{Name: name, Kind: new("test"), Settings: new(`{"place":"` + name + `"}`), Paused: new(true)})
	return p
}

func (w *world) put(d schedule.Definition) schedule.PutResult {
	w.Helper()
	result, err := w.sources.Put(w.Context(), who, []schedule.Definition{d})
	if err != nil {
		w.Fatal(err)
	}
	return result
}

// run asks for a run and waits until it has ended.
func (w *world) run(name string) *schedule.Run {
	w.Helper()
	return w.runWith(name, false)
}

func (w *world) runWith(name string, shrink bool) *schedule.Run {
	w.Helper()
	number, err := w.sources.Ask(w.Context(), name, shrink)
	if err != nil {
		w.Fatal(err)
	}
	return w.ended(name, number)
}

// ended waits until a run has ended.
func (w *world) ended(name string, number int64) *schedule.Run {
	w.Helper()
	var last *schedule.Run
	w.wait(fmt.Sprintf("end of run %d of %s", number, name), func() bool {
		last = w.get(name).LastRun
		return last != nil && last.Number >= number && last.Status != schedule.Running
	})
	return last
}

func (w *world) get(name string) *schedule.Details {
	w.Helper()
	found, err := w.sources.Get(context.Background(), name)
	if err != nil {
		w.Fatal(err)
	}
	return found
}

// wait waits for a condition.
func (w *world) wait(what string, is func() bool) {
	w.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for late := time.Now().Add(5 * time.Minute); time.Now().Before(late); {
		if is() {
			return
		}
		<-tick.C
	}
	w.Fatalf("waited in vain for: %s", what)
}

// inventory lists the machines that are there.
func (w *world) inventory() []string {
	w.Helper()
	var found []string
	err := w.store.View(context.Background(), func(tx license.Tx) error {
		found = nil
		list, _, err := tx.Inventory(account, nil, 0, 10000)
		for _, r := range list {
			found = append(found, r.ARN[len(arn("")):])
		}
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return found
}

func (w *world) has(machines ...string) {
	w.Helper()
	if diff := cmp.Diff(set(machines), set(w.inventory())); diff != "" {
		w.Errorf("inventory (-want +got):\n%s", diff)
	}
}

func set(list []string) map[string]bool {
	s := map[string]bool{}
	for _, one := range list {
		s[one] = true
	}
	return s
}

func (w *world) counts(r *schedule.Run, want schedule.Counts) {
	w.Helper()
	if r.Status != schedule.Succeeded {
		w.Errorf("run %d: %s, %s", r.Number, r.Status, r.Error)
	}
	if diff := cmp.Diff(want, r.Counts); diff != "" {
		w.Errorf("counts of run %d (-want +got):\n%s", r.Number, diff)
	}
}

func arn(id string) string { return "arn:aws:ec2:eu-central-1:" + account + ":instance/i-" + id }

func reports(machines ...string) []license.Report {
	list := make([]license.Report, len(machines))
	for i, m := range machines {
		list[i] = license.Report{ARN: arn(m), Status: new("running"), VCPUs: new(int64(2))}
	}
	return list
}

func many(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint(i)
	}
	return list
}
