package notary_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"

	"reeve/internal/evidence"
	"reeve/internal/evidence/notary"
	"reeve/internal/license"
)

func TestACheckpointIsMadeWhenSomethingChanged(t *testing.T) {
	w := newWorld(t, notary.Options{Every: time.Hour})
	due := func() int {
		t.Helper()
		n, err := w.notary.Due(t.Context())
		w.must(err)
		return n
	}
	if n := due(); n != 0 {
		t.Errorf("an account without ledgers got %d checkpoints", n)
	}
	arn := w.create("Oracle")
	if n := due(); n != 1 {
		t.Errorf("the first ledger makes %d checkpoints", n)
	}
	w.advance(2 * time.Hour)
	if n := due(); n != 0 {
		t.Errorf("nothing changed, and %d checkpoints were made", n)
	}
	w.use(arn, 1, 1)
	if n := due(); n != 1 {
		t.Errorf("after two hours and a change %d checkpoints were made", n)
	}
	w.use(arn, 2, 2)
	w.advance(30 * time.Minute)
	if n := due(); n != 0 {
		t.Errorf("after half an hour %d checkpoints were made", n)
	}
	c, made, err := w.notary.Create(t.Context(), w.who, "")
	if err != nil || !made || c.Number != 3 || c.Revisions != 3 {
		t.Errorf("on demand: %+v, %v, %v", c, made, err)
	}
	again, made, err := w.notary.Create(t.Context(), w.who, "")
	if err != nil || made || cmp.Diff(c, again) != "" {
		t.Errorf("on demand again: %v, %v\n%s", made, err, cmp.Diff(c, again))
	}
	got, err := w.notary.Get(t.Context(), w.who, "", 3)
	if err != nil || cmp.Diff(c, got) != "" {
		t.Errorf("Get: %v\n%s", err, cmp.Diff(c, got))
	}
	if _, err := w.notary.Get(t.Context(), w.who, "", 4); kindOf(err) != license.InvalidParameter {
		t.Errorf("a checkpoint that is not there: %v", err)
	}
}

// TestServersMakeOneCheckpoint has several servers find the same one due.
func TestServersMakeOneCheckpoint(t *testing.T) {
	w := newWorld(t, notary.Options{})
	w.create("Oracle")
	var made, failed sync.Map
	var all sync.WaitGroup
	for i := range 4 {
		n := w.another(notary.Options{Every: time.Hour})
		all.Go(func() {
			count, err := n.Due(context.Background())
			made.Store(i, count)
			if err != nil {
				failed.Store(i, err)
			}
		})
	}
	all.Wait()
	failed.Range(func(_, err any) bool { t.Error(err); return true })
	total := 0
	made.Range(func(_, n any) bool { total += n.(int); return true })
	if total != 1 {
		t.Errorf("four servers made %d checkpoints", total)
	}
	wants(t, "the keys", evidence.FormatKeys(w.keys()), w.keys()[0].Text)
	if len(w.keys()) != 1 {
		t.Errorf("there are %d keys", len(w.keys()))
	}
}

func TestKeysAreRotated(t *testing.T) {
	w := newWorld(t, notary.Options{})
	arn := w.create("Oracle")
	w.checkpoint()
	old := w.keys()
	fresh, err := w.notary.RotateKey(t.Context(), w.who)
	w.must(err)
	c := w.checkpoint() // though nothing else changed
	if !strings.Contains(c.Note, "checkpoint 2\n") {
		t.Errorf("after the rotation the checkpoint is\n%s", c.Note)
	}
	w.use(arn, 1, 1)
	w.checkpoint()
	w.must(w.audit(old))
	w.must(w.audit([]evidence.Key{{Text: fresh.Text}}))
	if found := w.faults(); found != "" {
		t.Error(found)
	}
	stranger := w.who
	stranger.Root = false
	if _, err := w.notary.RotateKey(t.Context(), stranger); kindOf(err) != license.Denied {
		t.Errorf("another account rotates: %v", err)
	}
}

func TestAccountsSeeTheirOwnCheckpoints(t *testing.T) {
	w := newWorld(t, notary.Options{})
	w.create("Oracle")
	w.checkpoint()
	stranger := license.Caller{Account: "999988887777", Principal: "stranger"}
	_, _, err := w.notary.Create(t.Context(), stranger, account)
	_, err2 := w.notary.Get(t.Context(), stranger, account, 1)
	_, _, err3 := w.notary.List(t.Context(), stranger, account, 0, 10)
	_, err4 := w.notary.Progress(t.Context(), stranger, account)
	for _, err := range []error{err, err2, err3, err4} {
		if kindOf(err) != license.Denied {
			t.Errorf("a stranger gets %v", err)
		}
	}
	if page, _, err := w.notary.List(t.Context(), stranger, "", 0, 10); err != nil || len(page) != 0 {
		t.Errorf("the stranger's own: %v, %v", page, err)
	}
	if _, _, err := w.notary.Create(t.Context(), w.who, "999988887777"); kindOf(err) != license.InvalidParameter {
		t.Errorf("an account that does not exist: %v", err)
	}
}

// hook is a webhook that takes or refuses as a test says.
type hook struct {
	mu    sync.Mutex
	fails bool
	got   []string
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fails {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	body, _ := io.ReadAll(r.Body)
	h.got = append(h.got, string(body))
}

func (h *hook) say(fails bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fails = fails
}

// TestNoCheckpointIsLostOnItsWay lets a webhook fail, servers restart, and
// looks that each checkpoint arrives, once and in order.
func TestNoCheckpointIsLostOnItsWay(t *testing.T) {
	h := &hook{fails: true}
	url := httptest.NewServer(h)
	t.Cleanup(url.Close)
	w := newWorld(t, notary.Options{})
	arn := w.create("Oracle")
	var made []string
	for i := 1; i <= 3; i++ {
		made = append(made, line(w.checkpoint()))
		w.use(arn, i, i)
	}
	server := func() *notary.Notary {
		return w.another(notary.Options{Witnesses: []notary.Witness{notary.Webhook(url.URL)}})
	}
	w.must(server().Send(t.Context()))
	w.must(server().Send(t.Context())) // too early: it changes nothing
	got, err := w.notary.Progress(t.Context(), w.who, "")
	if err != nil || len(got) != 1 || got[0].Failed != 1 || got[0].Sent != 0 || got[0].Error != "the webhook answered 502 Bad Gateway" {
		t.Fatalf("after a failure: %+v, %v", got, err)
	}
	h.say(false)
	w.advance(2 * time.Minute)
	w.must(server().Send(t.Context()))
	w.must(server().Send(t.Context()))
	if diff := cmp.Diff(made, h.got); diff != "" {
		t.Errorf("what arrived (-made +got):\n%s", diff)
	}
	got, err = w.notary.Progress(t.Context(), w.who, "")
	if err != nil || got[0].Failed != 0 || got[0].Sent != 3 || got[0].Error != "" || got[0].Lease != 0 {
		t.Errorf("in the end: %+v, %v", got, err)
	}
	w.must(w.audit(w.keys(), h.got[1]))
}

func TestCheckpointsAreWrittenToFiles(t *testing.T) {
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "checkpoints.jsonl")
	w := newWorld(t, notary.Options{})
	arn := w.create("Oracle")
	first := w.checkpoint()
	w.use(arn, 1, 1)
	second := w.checkpoint()
	for _, path := range []string{dir, file} {
		to := notary.File(path)
		for range 2 { // the second time as after a crash
			for _, c := range []*notary.Checkpoint{first, second} {
				if _, err := to.Send(t.Context(), c); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, account+"-00000002.json"))
	if err != nil || string(text) != line(second) {
		t.Errorf("the second file: %q, %v", text, err)
	}
	text, err = os.ReadFile(file)
	if want := strings.Repeat(line(first)+line(second), 2); err != nil || string(text) != want {
		t.Errorf("the file: %q, %v", text, err)
	}
	w.must(w.audit(w.keys(), string(text)))
	third := *second
	third.Note = first.Note
	if _, err := notary.File(dir).Send(t.Context(), &third); err == nil {
		t.Error("a file was changed")
	}
}

// cosigner is a witness that is another notary.
type cosigner struct {
	notary *notary.Notary
	keys   func() []evidence.Key
	who    license.Caller
}

func (c *cosigner) Name() string { return "reeve" }

func (c *cosigner) Send(ctx context.Context, cp *notary.Checkpoint) (string, error) {
	return c.notary.Cosign(ctx, c.who, cp.Note, evidence.FormatKeys(c.keys()), cp.Ledgers)
}

func TestAWitnessCosigns(t *testing.T) {
	w := newWorld(t, notary.Options{})
	arn := w.create("Oracle")
	other := newWorld(t, notary.Options{WitnessFor: w.keys()})
	to := &cosigner{other.notary, w.keys, other.who}
	sending := w.another(notary.Options{Witnesses: []notary.Witness{to}})
	w.checkpoint()
	w.must(sending.Send(t.Context()))
	_, err := w.notary.RotateKey(t.Context(), w.who) // which the witness did not pin
	w.must(err)
	w.use(arn, 1, 2)
	w.checkpoint()
	w.must(sending.Send(t.Context()))

	c, err := w.notary.Get(t.Context(), w.who, "", 2)
	w.must(err)
	if strings.Count(c.Note, "\n— ") != 2 {
		t.Errorf("the checkpoint is signed by\n%s", c.Note)
	}
	v, err := note.NewVerifier(other.keys()[0].Text)
	w.must(err)
	if _, err := note.Open([]byte(c.Note), note.VerifierList(v)); err != nil {
		t.Errorf("the witness's signature: %v", err)
	}
	if found := w.faults(); found != "" {
		t.Error(found)
	}
	page, _, err := other.notary.Cosigned(t.Context(), other.who, c.Origin, 0, 10)
	if err != nil || len(page) != 2 || page[1].Note != c.Note {
		t.Errorf("at the witness: %v, %v", page, err)
	}
	w.must(w.audit(w.keys()[:1], page[1].Note))
}

func TestAWitnessRefusesWhatDoesNotContinue(t *testing.T) {
	w := newWorld(t, notary.Options{})
	arn := w.create("Oracle")
	w.use(arn, 1, 2)
	other := newWorld(t, notary.Options{WitnessFor: w.keys()})
	to := &cosigner{other.notary, w.keys, other.who}
	first := w.checkpoint()
	cosigned, err := to.Send(t.Context(), first)
	w.must(err)
	if again, err := to.Send(t.Context(), first); err != nil || again != cosigned {
		t.Errorf("the same again: %v", err)
	}

	w.sql(arn, `UPDATE revision SET caller = 'nobody' WHERE configuration = $c AND number = 3; DELETE FROM checkpoint; DELETE FROM checkpoint_ledger; DELETE FROM checkpoint_head`)
	w.rehash(arn)
	forged := w.checkpoint()
	refused := func(c *notary.Checkpoint, kind license.Kind, says string) {
		t.Helper()
		_, err := to.Send(t.Context(), c)
		if kindOf(err) != kind {
			t.Errorf("it answers %v", err)
			return
		}
		wants(t, "the witness", err.Error(), says)
	}
	refused(forged, license.Conflict, "it has the number of another one")
	w.use(arn, 3, 3)
	refused(w.checkpoint(), license.Conflict, "it does not name the checkpoint 1 that was witnessed")
	w.use(arn, 4, 4)
	skipped := w.checkpoint()
	if _, err := to.Send(t.Context(), skipped); err != nil {
		t.Errorf("longer ledgers behind a gap are all that a witness can see: %v", err)
	}
	refused(first, license.Conflict, "3 was witnessed already")
	short := *skipped
	short.Ledgers = nil
	refused(&short, license.InvalidParameter, "their number differs")

	stranger := newWorld(t, notary.Options{})
	stranger.create("x")
	to.keys = stranger.keys
	refused(stranger.checkpoint(), license.InvalidParameter, "no key that you gave")
	to.notary = other.another(notary.Options{})
	refused(first, license.Denied, "is no witness")
}

func TestASilentWitnessIsLeftAlone(t *testing.T) {
	w := newWorld(t, notary.Options{})
	w.create("Oracle")
	w.checkpoint()
	calls := 0
	silent := witnessFunc(func() error { calls++; return errors.New("no\nanswer") })
	n := w.another(notary.Options{Witnesses: []notary.Witness{silent}})
	for _, wait := range []time.Duration{0, 61 * time.Second, 61 * time.Second, 61 * time.Second} {
		w.advance(wait)
		w.must(n.Send(t.Context()))
	}
	if calls != 3 { // at 0, after 1 minute, after 2 more
		t.Errorf("it was called %d times", calls)
	}
	for range 20 {
		w.advance(time.Hour + time.Second)
		w.must(n.Send(t.Context()))
	}
	if calls != 23 {
		t.Errorf("it was called %d times, and should be every hour", calls)
	}
}

type witnessFunc func() error

func (f witnessFunc) Name() string                                             { return "silent" }
func (f witnessFunc) Send(context.Context, *notary.Checkpoint) (string, error) { return "", f() }

// TestAWitnessSeesARewriteBehindAGap: the checkpoint after those that it has
// not seen must still continue the ledgers that it has.
func TestAWitnessSeesARewriteBehindAGap(t *testing.T) {
	w := newWorld(t, notary.Options{})
	arn, growing := w.create("Oracle"), w.create("SQL Server")
	w.use(arn, 1, 2)
	other := newWorld(t, notary.Options{WitnessFor: w.keys()})
	to := &cosigner{other.notary, w.keys, other.who}
	_, err := to.Send(t.Context(), w.checkpoint())
	w.must(err)
	w.sql(arn, `UPDATE revision SET caller = 'nobody' WHERE configuration = $c AND number = 3; DELETE FROM checkpoint; DELETE FROM checkpoint_ledger; DELETE FROM checkpoint_head`)
	w.rehash(arn)
	for i := 1; i <= 2; i++ {
		w.checkpoint()
		w.use(growing, i, i)
	}
	_, err = to.Send(t.Context(), w.checkpoint())
	if kindOf(err) != license.Conflict {
		t.Fatalf("it answers %v", err)
	}
	wants(t, "the witness", err.Error(), "the ledger of "+arn+": its revision 3 is another one than before")
}

// TestOneServerSendsAtATime has another server look while the first one sends.
func TestOneServerSendsAtATime(t *testing.T) {
	w := newWorld(t, notary.Options{})
	w.create("Oracle")
	w.checkpoint()
	calls := 0
	var slow witnessFunc
	slow = func() error {
		calls++
		return w.another(notary.Options{Witnesses: []notary.Witness{slow}}).Send(t.Context())
	}
	w.must(w.another(notary.Options{Witnesses: []notary.Witness{slow}}).Send(t.Context()))
	if calls != 1 {
		t.Errorf("it was sent %d times", calls)
	}
}
