package audit_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reeve/internal/audit"
	"reeve/internal/store"
	"reeve/internal/store/sqlconn"
	"reeve/internal/store/testdb"
)

// open returns the trail of an empty database, and the database.
func open(t testing.TB) (audit.Store, sqlconn.DB) {
	t.Helper()
	db := testdb.New(t).Open(nil)
	s, err := store.New(t.Context(), db, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s.Audit(), db
}

// record returns a Recorder with what a test leaves out.
func record(t testing.TB, cfg audit.Config) *audit.Recorder {
	t.Helper()
	if cfg.Mode == "" {
		cfg.Mode = audit.All
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Await == 0 {
		cfg.Await = 5 * time.Minute // no write here takes long but by the machine
	}
	cfg.Server, cfg.Root, cfg.Log = "test", "111111111111", slog.New(slog.DiscardHandler)
	r := audit.New(cfg)
	t.Cleanup(func() { r.Close() })
	return r
}

// lookup returns all that a query finds, page by page.
func lookup(t testing.TB, s audit.Store, q audit.Query) (all []audit.Found) {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 100
	}
	for range 100_000 {
		page, next, err := audit.Lookup(context.Background(), s, q)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) > q.Limit {
			t.Fatalf("a page of %d events, of which %d were asked for", len(page), q.Limit)
		}
		all = append(all, page...)
		if next == nil {
			return all
		}
		q.Next = *next
	}
	t.Fatal("the list does not end")
	return nil
}

func names(list []audit.Found) (names []string) {
	for _, f := range list {
		names = append(names, f.EventName)
	}
	return names
}

// verify goes through the whole trail.
func verify(t testing.TB, s audit.Store) (faults []string, events int64) {
	t.Helper()
	at := audit.Place{}
	for {
		r, err := audit.Verify(context.Background(), s, at)
		if err != nil {
			t.Fatal(err)
		}
		faults, events = append(faults, r.Faults...), events+r.Events
		if r.Next == nil {
			return faults, events
		}
		at = *r.Next
	}
}

func TestAChangeIsInTheDatabaseBeforeItsAnswer(t *testing.T) {
	s, _ := open(t)
	r := record(t, audit.Config{Store: s})
	for i := range 5 {
		if err := r.Record(t.Context(), audit.Event{Name: fmt.Sprint("Change", i)}); err != nil {
			t.Fatal(err)
		}
		if got := names(lookup(t, s, audit.Query{})); len(got) != i+1 || got[0] != fmt.Sprint("Change", i) {
			t.Fatalf("the trail has %v after change %d", got, i)
		}
	}
}

func TestReadsAreWrittenSoonWithoutAnybodyWaiting(t *testing.T) {
	s, _ := open(t)
	r := record(t, audit.Config{Store: s})
	if err := r.Record(t.Context(), audit.Event{Name: "List", ReadOnly: true}); err != nil {
		t.Fatal(err)
	}
	for r.Stats().Events > 0 {
		<-time.After(10 * time.Millisecond)
	}
	if got := names(lookup(t, s, audit.Query{})); !cmp.Equal(got, []string{"List"}) {
		t.Errorf("the trail has %v", got)
	}
}

// busy is a trail during each of whose writes one more call is made.
type busy struct {
	audit.Store
	call func()
}

func (b busy) Append(ctx context.Context, s audit.Segment) error {
	b.call()
	return b.Store.Append(ctx, s)
}

func TestCallsThatComeDuringAWriteWaitForTheNext(t *testing.T) {
	const most = 500
	s, _ := open(t)
	var r *audit.Recorder
	calls := 0
	r = record(t, audit.Config{Store: busy{s, func() {
		if calls++; calls <= most {
			r.Record(t.Context(), audit.Event{Name: "List", ReadOnly: true})
		}
	}}})
	if err := r.Record(t.Context(), audit.Event{Name: "Change"}); err != nil {
		t.Fatal(err)
	}
	r.Close() // the call during its write comes too late
	if n := r.Stats().Segments; n > most/2 {
		t.Errorf("%d segments, one for each call that came during a write", n)
	}
}

func TestModesSayWhatIsRecorded(t *testing.T) {
	calls := []audit.Event{
		{Name: "Change"}, {Name: "RefusedChange", ErrorCode: "E"},
		{Name: "Read", ReadOnly: true}, {Name: "RefusedRead", ReadOnly: true, ErrorCode: "E"},
		{Name: "AssumeRole", ReadOnly: true, Response: []byte(`{"a":1}`)},
	}
	for mode, want := range map[audit.Mode][]string{
		audit.All:     {"AssumeRole", "RefusedRead", "Read", "RefusedChange", "Change"},
		audit.Changes: {"AssumeRole", "RefusedRead", "RefusedChange", "Change"},
		audit.Off:     nil,
	} {
		s, _ := open(t)
		r := record(t, audit.Config{Store: s, Mode: mode})
		for _, e := range calls {
			if err := errors.Join(r.Admit(t.Context()), r.Record(t.Context(), e)); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, names(lookup(t, s, audit.Query{}))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", mode, diff)
		}
	}
}

// unreliable is a database that is away at times, and whose answers get lost.
type unreliable struct {
	audit.Store
	away  atomic.Bool
	calls atomic.Int64
	every int64 // of so many writes one does not reach it, and one is not answered
}

var errAway = errors.New("the database is away")

func (u *unreliable) Append(ctx context.Context, s audit.Segment) error {
	n := u.calls.Add(1)
	if u.away.Load() || u.every > 0 && n%u.every == 0 {
		return errAway
	}
	err := u.Store.Append(ctx, s)
	if u.every > 0 && n%u.every == 1 {
		return errors.Join(err, errAway)
	}
	return err
}

// TestEveryEventIsThereOnceAndInOrder has many callers at once while writes
// fail, and while answers of writes are lost.
func TestEveryEventIsThereOnceAndInOrder(t *testing.T) {
	s, _ := open(t)
	r := record(t, audit.Config{Store: &unreliable{Store: s, every: 5}})
	const callers, calls = 8, 40
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			for i := range calls {
				e := audit.Event{Name: fmt.Sprintf("%d/%03d", c, i), ReadOnly: i%4 != 0}
				if err := r.Record(t.Context(), e); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	next := map[string]int{}
	found := lookup(t, s, audit.Query{})
	for i := len(found) - 1; i >= 0; i-- {
		caller, _, _ := strings.Cut(found[i].EventName, "/")
		if want := fmt.Sprintf("%s/%03d", caller, next[caller]); found[i].EventName != want {
			t.Fatalf("event %s where %s was due", found[i].EventName, want)
		}
		next[caller]++
	}
	if len(found) != callers*calls {
		t.Errorf("%d events of %d", len(found), callers*calls)
	}
	if faults, events := verify(t, s); len(faults) > 0 || events != callers*calls {
		t.Errorf("verified %d events: %v", events, faults)
	}
}

func TestAnEventThatCannotBeWrittenIsKeptAndTriedAgain(t *testing.T) {
	s, _ := open(t)
	u := &unreliable{Store: s}
	r := record(t, audit.Config{Store: u, Await: 20 * time.Millisecond})
	u.away.Store(true)
	if err := r.Record(t.Context(), audit.Event{Name: "Change"}); !errors.Is(err, audit.ErrNotWritten) {
		t.Fatalf("Record answers %v", err)
	}
	if n := r.Stats(); n.Events != 1 || n.Bytes == 0 {
		t.Fatalf("the queue has %+v", n)
	}
	for r.Stats().Failures == 0 {
		<-time.After(10 * time.Millisecond)
	}
	u.away.Store(false)
	for r.Stats().Events > 0 {
		<-time.After(10 * time.Millisecond)
	}
	if got := names(lookup(t, s, audit.Query{})); !cmp.Equal(got, []string{"Change"}) {
		t.Errorf("the trail has %v", got)
	}
}

func TestAFullQueueTurnsCallsAwayBeforeTheyDoAnything(t *testing.T) {
	s, _ := open(t)
	u := &unreliable{Store: s}
	u.away.Store(true)
	r := record(t, audit.Config{Store: u, QueueBytes: 1000, Await: time.Millisecond})
	admitted := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		return r.Admit(ctx)
	}
	n := 0
	for ; admitted() == nil; n++ {
		if err := r.Record(t.Context(), audit.Event{Name: "Change"}); !errors.Is(err, audit.ErrNotWritten) {
			t.Fatal(err)
		}
	}
	if n == 0 || n > 3 || r.Stats().TurnedAway != 1 {
		t.Errorf("%d calls fit into 1000 bytes; %+v", n, r.Stats())
	}
	waits := make(chan error, 1)
	go func() { waits <- r.Admit(t.Context()) }()
	u.away.Store(false)
	if err := <-waits; err != nil {
		t.Errorf("a call that waits is refused: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if got := lookup(t, s, audit.Query{}); len(got) != n {
		t.Errorf("%d events of %d", len(got), n)
	}
}

func TestClosingSaysWhatIsLost(t *testing.T) {
	s, _ := open(t)
	u := &unreliable{Store: s}
	r := record(t, audit.Config{Store: u})
	if err := r.Record(t.Context(), audit.Event{Name: "Change"}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.Close(), r.Close()); err != nil {
		t.Error(err)
	}
	var none *audit.Recorder
	if err := errors.Join(none.Close(), none.Admit(t.Context()), none.Record(t.Context(), audit.Event{})); err != nil || none.Stats() != (audit.Stats{}) {
		t.Error("a recorder that is not there does something")
	}
}

func exec(t *testing.T, db sqlconn.DB, sql string, args ...any) {
	t.Helper()
	err := db.Update(t.Context(), func(c sqlconn.Conn) error {
		_, err := c.Exec(sql, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// twoServers leaves a trail of two chains with three segments each.
func twoServers(t *testing.T, s audit.Store) {
	t.Helper()
	for range 2 {
		r := record(t, audit.Config{Store: s})
		for i := range 3 {
			if err := r.Record(t.Context(), audit.Event{Name: fmt.Sprint("Change", i)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestVerificationFindsWhatWasDone(t *testing.T) {
	for want, statements := range map[string][]string{
		"":                                 nil,
		"segments 2 to 2 are missing":      {`DELETE FROM audit_segment WHERE chain = 1 AND number = 2`},
		"segments 3 to 3 are missing":      {`DELETE FROM audit_segment WHERE chain = 2 AND number = 3`},
		"segment 2 was changed":            {`UPDATE audit_segment SET events = 7 WHERE chain = 2 AND number = 2`},
		"holds 1 events instead of 7":      {`UPDATE audit_segment SET events = 7 WHERE chain = 2 AND number = 2`},
		"segment 3 does not continue":      {`UPDATE audit_segment SET previous = hash WHERE chain = 2 AND number = 3`},
		"chain 1 (test) had another":       {`DELETE FROM audit_segment WHERE chain = 1 AND number = 3`, `UPDATE audit_chain SET head = 2 WHERE num = 1`},
		"segment 2, its last, is not":      {`DELETE FROM audit_segment WHERE chain = 2 AND number = 3`, `UPDATE audit_chain SET head = 2 WHERE num = 2`},
		"segment 1 does not continue":      {`UPDATE audit_chain SET server = 'other' WHERE num = 2`},
		"chains 2 to 2 are missing":        {`INSERT INTO audit_chain (num, server, started, anchor, kept, head) VALUES (3, 'x', 1, 0, 0, 0)`, `DELETE FROM audit_chain WHERE num = 2`},
		"segment 1 does not continue the ": {`DELETE FROM audit_segment WHERE chain = 2 AND number = 1`, `UPDATE audit_segment SET number = number - 1 WHERE chain = 2 AND number = 2`},
	} {
		t.Run(want, func(t *testing.T) {
			s, db := open(t)
			twoServers(t, s)
			for _, sql := range statements {
				exec(t, db, sql)
			}
			faults, _ := verify(t, s)
			if found := strings.Join(faults, "\n"); want == "" && found != "" || !strings.Contains(found, want) {
				t.Errorf("found %q", found)
			}
		})
	}
}

func TestARecorderGoesOnAfterTheDatabaseWasSetBack(t *testing.T) {
	s, db := open(t)
	r := record(t, audit.Config{Store: s})
	change := func(name string) {
		t.Helper()
		if err := r.Record(t.Context(), audit.Event{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	change("Kept")
	change("Lost")
	exec(t, db, `DELETE FROM audit_segment WHERE number = 2`)
	exec(t, db, `UPDATE audit_chain SET head = 1, head_hash = (SELECT hash FROM audit_segment WHERE number = 1)`)
	change("After")
	if diff := cmp.Diff([]string{"After", "Kept"}, names(lookup(t, s, audit.Query{}))); diff != "" {
		t.Errorf("the trail (-want +got):\n%s", diff)
	}
	if faults, _ := verify(t, s); len(faults) > 0 {
		t.Errorf("faults: %v", faults)
	}
}

// TestRetentionRemovesOnlyWhatIsOld writes a segment a day from two servers,
// and then starts one more, which keeps ten days.
func TestRetentionRemovesOnlyWhatIsOld(t *testing.T) {
	s, _ := open(t)
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var now atomic.Int64
	clock := func() time.Time { return begin.AddDate(0, 0, int(now.Load())) }
	for server := range 2 {
		r := record(t, audit.Config{Store: s, Now: clock})
		for day := server * 15; day < server*15+15; day++ {
			now.Store(int64(day))
			if err := r.Record(t.Context(), audit.Event{Name: fmt.Sprint(day)}); err != nil {
				t.Fatal(err)
			}
		}
		r.Close()
	}
	now.Store(30)
	r := record(t, audit.Config{Store: s, Now: clock, Retention: 20 * 24 * time.Hour})
	if err := r.Record(t.Context(), audit.Event{Name: "30"}); err != nil {
		t.Fatal(err)
	}
	found := lookup(t, s, audit.Query{})
	for i, name := range names(found) {
		if want := fmt.Sprint(30 - i); name != want {
			t.Fatalf("event %s where %s was due", name, want)
		}
	}
	if len(found) != 21 { // days 10 to 30
		t.Errorf("%d events are left", len(found))
	}
	if faults, events := verify(t, s); len(faults) > 0 || events != 21 {
		t.Errorf("%d events: %v", events, faults)
	}
	now.Store(60)
	last := record(t, audit.Config{Store: s, Now: clock, Retention: 20 * 24 * time.Hour})
	if err := last.Record(t.Context(), audit.Event{Name: "60"}); err != nil {
		t.Fatal(err)
	}
	if got := names(lookup(t, s, audit.Query{})); !cmp.Equal(got, []string{"60"}) {
		t.Errorf("the trail has %v", got)
	}
	if faults, _ := verify(t, s); len(faults) > 0 {
		t.Error(faults)
	}
	chains, err := s.Chains(t.Context(), 0, 10)
	if err != nil || len(chains) > 2 {
		t.Errorf("%d chains are left, %v", len(chains), err)
	}
}
