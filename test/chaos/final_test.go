package chaos_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"

	"reeve/internal/api"
	"reeve/internal/client"
)

// fleet is a configuration whose usage never stands still.
type fleet struct {
	*account
	arn     string
	changes atomic.Int64 // acknowledged
}

// fleetSize is how many machines come and go.
const fleetSize = 48

func newFleet(t *testing.T, a *account) *fleet {
	t.Helper()
	arn, err := a.configure(t.Context(), "fleet", types.LicenseCountingTypeVcpu, 0)
	must(t, "create configuration", err)
	f := &fleet{account: a, arn: arn}
	for n := range fleetSize {
		must(t, "report", f.put(t.Context(), "observe", running(f.machine(fmt.Sprint(n)), 2)))
		must(t, "associate", f.specify(t.Context(), f.machine(fmt.Sprint(n)), []string{arn}, nil))
	}
	return f
}

// churn keeps some writers busy until stop is called, which returns when they
// have ended. Each has machines of its own.
func (f *fleet) churn(t *testing.T, dice *rand.Rand) (stop func()) {
	t.Helper()
	const crowd = 3
	ending := make(chan struct{})
	var all sync.WaitGroup
	for w := range crowd {
		own := fork(dice)
		all.Go(func() {
			for {
				select {
				case <-ending:
					return
				default:
				}
				if err := f.change(t.Context(), own.IntN(fleetSize/crowd)*crowd+w, own); err != nil {
					t.Errorf("writer: %v", err)
					return
				}
				f.changes.Add(1)
			}
		})
	}
	var once sync.Once
	stop = func() { once.Do(func() { close(ending); all.Wait() }) }
	t.Cleanup(stop)
	return stop
}

// change changes one machine: its size, whether it runs, whether it is
// associated.
func (f *fleet) change(ctx context.Context, n int, dice *rand.Rand) error {
	arn := f.machine(fmt.Sprint(n))
	switch dice.IntN(5) {
	case 0:
		return f.specify(ctx, arn, nil, []string{f.arn})
	case 1:
		return f.specify(ctx, arn, []string{f.arn}, nil)
	case 2:
		stopped := running(arn, 2)
		stopped.Status = new("stopped")
		return f.put(ctx, "observe", stopped)
	}
	return f.put(ctx, "observe", running(arn, 1+dice.Int64N(96)))
}

// waitForChanges waits until so many more changes were acknowledged.
func (f *fleet) waitForChanges(t *testing.T, more int64) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	target := f.changes.Load() + more
	for deadline := time.Now().Add(patience); f.changes.Load() < target; <-tick.C {
		if t.Failed() || time.Now().After(deadline) {
			t.Fatal("the writers do not write")
		}
	}
}

// answers is what was answered for moments, by the moment as it was asked for.
type answers struct {
	mu   sync.Mutex
	list map[string]string
	keys []string
}

// note keeps the first answer for a moment and tells when a later one differs.
func (a *answers) note(moment, answer string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	first, known := a.list[moment]
	switch {
	case !known:
		a.list[moment] = answer
		a.keys = append(a.keys, moment)
	case first != answer:
		return fmt.Errorf("the answer for %s was\n%s\nand is now\n%s", moment, first, answer)
	}
	return nil
}

// asOf is the whole list for a moment, row by row with all that rows say, read
// in pages of a random size.
func (f *fleet) asOf(ctx context.Context, moment string, dice *rand.Rand) (string, error) {
	rows, err := f.usage(ctx, f.arn, moment, 1+dice.Int32N(2*fleetSize))
	if err != nil {
		return "", fmt.Errorf("list usage as of %s: %w", moment, err)
	}
	text, err := json.Marshal(rows)
	return string(text), err
}

// now writes the present moment in one of the forms that clients use. Forms
// without a fraction name the beginning of the second.
func (f *fleet) now(dice *rand.Rand) (string, error) {
	now := time.Now().UTC()
	switch dice.IntN(6) {
	case 0:
		return now.Format("2006-01-02T15:04:05Z"), nil
	case 1:
		return now.In(time.FixedZone("", 5*60*60+30*60)).Format("2006-01-02T15:04:05.000000-07:00"), nil
	case 2:
		return fmt.Sprint(now.Unix()), nil
	case 3:
		return fmt.Sprintf("%d.%06d", now.Unix(), now.Nanosecond()/1000), nil
	case 4:
		return serverDate(f.reeve.Endpoint())
	}
	return now.Format("2006-01-02T15:04:05.000000Z"), nil
}

// serverDate is the Date header of a server.
func serverDate(endpoint string) (string, error) {
	response, err := http.Get(endpoint + "healthz")
	if err != nil {
		return "", err
	}
	response.Body.Close()
	date, err := http.ParseTime(response.Header.Get("Date"))
	return date.UTC().Format(time.RFC3339), err
}

// TestWhatWasAnsweredForAMomentIsAnsweredForEver asks for the present again
// and again while writers change it, and later for the same moments once more:
// under load, after the load, and after restarts of both kinds.
func TestWhatWasAnsweredForAMomentIsAnsweredForEver(t *testing.T) {
	dice := chance(t)
	data := t.TempDir()
	s := start(t, data, rootEnvironment()...)
	f := newFleet(t, s.newAccount("222222222222"))
	known := &answers{list: map[string]string{}}
	for _, end := range []func(*process){(*process).kill, (*process).stop, (*process).kill} {
		stop := f.churn(t, dice)
		f.read(t, known, shorter(250, 25), dice)
		stop()
		f.askAgain(t, known, dice)
		end(s)
		s = start(t, data)
		f.account = s.as(f.id, f.key)
		f.askAgain(t, known, dice)
		if t.Failed() {
			return
		}
	}
	t.Logf("%d moments, %d changes", len(known.keys), f.changes.Load())
	s.checkLedgers()
}

// read lets four readers ask for the present, at once and again, and now and
// then for a moment of before.
func (f *fleet) read(t *testing.T, known *answers, times int, dice *rand.Rand) {
	t.Helper()
	var all sync.WaitGroup
	for range 4 {
		own := fork(dice)
		all.Go(func() {
			for range times {
				if err := f.askTwice(t.Context(), known, own); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

func (f *fleet) askTwice(ctx context.Context, known *answers, dice *rand.Rand) error {
	moment, err := f.now(dice)
	if err != nil {
		return err
	}
	for _, m := range []string{moment, moment, known.old(moment, dice)} {
		answer, err := f.asOf(ctx, m, dice)
		if err != nil {
			return err
		}
		if err := known.note(m, answer); err != nil {
			return err
		}
	}
	return nil
}

// askAgain asks for every moment once more.
func (f *fleet) askAgain(t *testing.T, known *answers, dice *rand.Rand) {
	t.Helper()
	for _, moment := range known.keys {
		answer, err := f.asOf(t.Context(), moment, dice)
		if err == nil {
			err = known.note(moment, answer)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// old is a moment that was asked for before, or the given one at first.
func (a *answers) old(moment string, dice *rand.Rand) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.keys) == 0 {
		return moment
	}
	return a.keys[dice.IntN(len(a.keys))]
}

// TestSlowPagesAreOfOneRevision reads lists of the present page by page, with
// changes between the pages. All pages together must be the list at one
// revision.
func TestSlowPagesAreOfOneRevision(t *testing.T) {
	dice := chance(t)
	s := start(t, t.TempDir(), rootEnvironment()...)
	f := newFleet(t, s.newAccount("222222222222"))
	stop := f.churn(t, dice)
	for range shorter(60, 6) {
		slow, first := f.readSlowly(t, dice)
		if !f.heldBefore(t, slow, first, dice) {
			t.Fatalf("no revision before %s had the list\n%s", first, slow)
		}
	}
	stop()
}

// readSlowly reads the present list in small pages, and tells when the first
// was there.
func (f *fleet) readSlowly(t *testing.T, dice *rand.Rand) (list string, first time.Time) {
	t.Helper()
	var rows []types.LicenseConfigurationUsage
	in := &licensemanager.ListUsageForLicenseConfigurationInput{LicenseConfigurationArn: &f.arn}
	err := pages(func(token *string) (*string, error) {
		if token != nil {
			f.waitForChanges(t, 1+dice.Int64N(5))
		}
		in.NextToken, in.MaxResults = token, new(1+dice.Int32N(8))
		out, err := f.ListUsageForLicenseConfiguration(t.Context(), in)
		if err != nil {
			return nil, err
		}
		if token == nil {
			first = time.Now()
		}
		rows = append(rows, out.LicenseConfigurationUsageList...)
		return out.NextToken, nil
	})
	must(t, "list usage", err)
	text, err := json.Marshal(rows)
	must(t, "write rows", err)
	return string(text), first
}

// heldBefore tells whether a list was that of a revision which began before a
// moment. It goes back revision by revision, and not far: see
// TestWhatWasAcknowledgedIsSeenAtOnce.
func (f *fleet) heldBefore(t *testing.T, list string, to time.Time, dice *rand.Rand) bool {
	t.Helper()
	for range 100 {
		answer, err := f.asOf(t.Context(), moment(to), dice)
		must(t, "list usage", err)
		if answer == list {
			return true
		}
		at, err := f.revisionTime(t.Context(), moment(to))
		must(t, "explain", err)
		to = at.Add(-time.Microsecond)
	}
	return false
}

func moment(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000000Z") }

// revisionTime is when the revision began that held at a moment.
func (f *fleet) revisionTime(ctx context.Context, asOf string) (time.Time, error) {
	out, err := client.Call[api.ExplainUsageInput, api.ExplainUsageOutput](ctx, f.reeve, "Reeve.ExplainUsage",
		&api.ExplainUsageInput{LicenseConfigurationArn: &f.arn, ResourceArn: new(f.machine("0")), AsOf: &asOf})
	if err != nil {
		return time.Time{}, err
	}
	if out.RevisionTime == nil {
		return time.Time{}, errors.New("the configuration did not exist yet")
	}
	return time.Parse(time.RFC3339Nano, *out.RevisionTime)
}

// TestWhatWasAcknowledgedIsSeenAtOnce lets writers look at their own machine
// after every change: in the list of the present, and in that of the moment after
// the answer came.
func TestWhatWasAcknowledgedIsSeenAtOnce(t *testing.T) {
	dice := chance(t)
	s := start(t, t.TempDir(), rootEnvironment()...)
	f := newFleet(t, s.newAccount("222222222222"))
	var all sync.WaitGroup
	for n := range writers {
		own := fork(dice)
		all.Go(func() {
			for range shorter(60, 15) {
				if err := f.changeAndLook(t.Context(), f.machine(fmt.Sprint(n)), own); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// changeAndLook changes the size of a machine, or stops it, and looks at once.
func (f *fleet) changeAndLook(ctx context.Context, machine string, dice *rand.Rand) error {
	report, want := running(machine, 1+dice.Int64N(96)), []int64{0}
	want[0] = *report.VCpus
	if dice.IntN(4) == 0 {
		report.Status, want = new("stopped"), nil
	}
	if err := f.put(ctx, "observe", report); err != nil {
		return err
	}
	now := []types.Filter{{Name: new("resourceArn"), Values: []string{machine}}}
	then := append(slices.Clone(now), types.Filter{Name: new("asOf"), Values: []string{moment(time.Now())}})
	for _, filters := range [][]types.Filter{now, then} {
		out, err := f.ListUsageForLicenseConfiguration(ctx, &licensemanager.ListUsageForLicenseConfigurationInput{LicenseConfigurationArn: &f.arn, Filters: filters})
		if err != nil {
			return err
		}
		var got []int64
		for _, row := range out.LicenseConfigurationUsageList {
			got = append(got, *row.ConsumedLicenses)
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("%s consumes %v after it was reported to consume %v", machine, got, want)
		}
	}
	return nil
}
