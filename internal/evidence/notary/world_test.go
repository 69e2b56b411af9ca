package notary_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"reeve/internal/evidence"
	"reeve/internal/evidence/notary"
	"reeve/internal/iam"
	"reeve/internal/license"
	"reeve/internal/store"
	"reeve/internal/store/sqlconn"
	"reeve/internal/store/testdb"
)

const account = "111122223333"

// world is a deployment with one account, whose database a test can reach.
type world struct {
	t       *testing.T
	db      sqlconn.DB
	store   *store.Store
	manager *license.Manager
	sealer  notary.Sealer
	notary  *notary.Notary
	who     license.Caller

	mu  sync.Mutex
	now time.Time
}

func newWorld(t *testing.T, o notary.Options) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	w.db = testdb.New(t).Open(func() int64 {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.now = w.now.Add(time.Microsecond)
		return w.now.UnixMicro()
	})
	var err error
	w.store, err = store.New(t.Context(), w.db, store.Options{CacheBytes: -1})
	w.must(err)
	t.Cleanup(func() { w.must(w.store.Close()) })
	directory, err := iam.Open(t.Context(), w.store, iam.Options{Dir: t.TempDir()})
	w.must(err)
	_, err = directory.Bootstrap(t.Context(), iam.RootOptions{Account: account})
	w.must(err)
	w.sealer = directory
	w.manager = license.New(w.store, license.Settings{})
	w.who = license.Caller{Account: account, Region: "eu-west-1", Principal: "arn:aws:iam::" + account + ":root", Root: true, Operation: "Test"}
	w.notary = w.another(o)
	return w
}

// another is the notary of one more server of the deployment.
func (w *world) another(o notary.Options) *notary.Notary {
	o.Sealer, o.Log = w.sealer, slog.New(slog.DiscardHandler)
	return notary.New(w.store.Checkpoints(), o)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) create(name string) string {
	w.t.Helper()
	arn, err := w.manager.CreateConfiguration(w.t.Context(), w.who, license.ConfigurationSpec{
		Terms: license.Terms{Name: name, CountingType: license.VCPU, Count: new(int64(1000))},
	})
	w.must(err)
	return arn
}

// use makes machines consume a configuration, each in a revision of its own.
func (w *world) use(arn string, from, to int) {
	w.t.Helper()
	for i := from; i <= to; i++ {
		machine := fmt.Sprintf("arn:aws:ec2:eu-west-1:%s:instance/i-%04d", account, i)
		_, err := w.manager.PutResources(w.t.Context(), w.who, license.Put{Reports: []license.Report{{ARN: machine, VCPUs: new(int64(4))}}})
		w.must(err)
		w.must(w.manager.UpdateSpecifications(w.t.Context(), w.who, machine, []license.Specification{{ConfigurationARN: arn}}, nil))
	}
}

func (w *world) checkpoint() *notary.Checkpoint {
	w.t.Helper()
	c, _, err := w.notary.Create(w.t.Context(), w.who, "")
	w.must(err)
	return c
}

// sql changes the database behind the program's back; $c is the number of the
// configuration with the given ARN.
func (w *world) sql(arn, text string) {
	w.t.Helper()
	num := fmt.Sprintf("(SELECT num FROM configuration WHERE id = '%s')", arn[len(arn)-36:])
	w.must(w.db.Update(w.t.Context(), func(c sqlconn.Conn) error {
		var changed int64
		for statement := range strings.SplitSeq(strings.ReplaceAll(text, "$c", num), "; ") {
			n, err := c.Exec(statement)
			if err != nil {
				return err
			}
			changed += n
		}
		if changed == 0 {
			return fmt.Errorf("%s: nothing is changed", text)
		}
		return nil
	}))
}

// rehash makes every hash of a ledger right again, as somebody does who has
// read docs/evidence.md.
func (w *world) rehash(arn string) {
	w.t.Helper()
	var revisions []*license.Revision
	var c *license.Configuration
	w.must(w.store.View(w.t.Context(), func(tx license.Tx) (err error) {
		if c, err = tx.Configuration(arn[len(arn)-36:]); err != nil {
			return err
		}
		revisions, err = tx.Revisions(c.Num, 0, 1000)
		return err
	}))
	w.must(w.db.Update(w.t.Context(), func(conn sqlconn.Conn) error {
		var hash []byte
		for _, r := range revisions {
			hash = r.HashAfter(arn, hash)
			if _, err := conn.Exec("UPDATE revision SET hash = $3 WHERE configuration = $1 AND number = $2", c.Num, r.Number, hash); err != nil {
				return err
			}
		}
		_, err := conn.Exec("UPDATE configuration SET head_hash = $2 WHERE num = $1", c.Num, hash)
		return err
	}))
}

// reseal makes every digest and seal of the inventory right again.
func (w *world) reseal() {
	w.t.Helper()
	var resources []license.SealedResource
	var seals []license.Seal
	w.must(w.store.View(w.t.Context(), func(tx license.Tx) (err error) {
		if resources, err = tx.SealedResources(account, "", 1000); err == nil {
			seals, err = tx.Seals(account, 0, 1000)
		}
		return err
	}))
	entries := map[string]string{}
	w.must(w.db.Update(w.t.Context(), func(c sqlconn.Conn) error {
		for _, r := range resources {
			was := slices.Clone(r.Versions)
			w.must(r.Digests())
			for i, f := range r.Versions {
				entries[license.FactsEntry(r.Num, f.Version, was[i].Digest)] = license.FactsEntry(r.Num, f.Version, f.Digest)
				if _, err := c.Exec(`UPDATE resource_facts SET digest = $3 WHERE resource = $1 AND version = $2`, r.Num, f.Version, f.Digest); err != nil {
					return err
				}
				if _, err := c.Exec(`UPDATE resource SET digest = $2 WHERE num = $1`, r.Num, f.Digest); err != nil {
					return err
				}
			}
		}
		var before []byte
		for _, s := range seals {
			for was, now := range entries {
				s.Entries = strings.ReplaceAll(s.Entries, was, now)
			}
			before = s.HashAfter(before)
			if _, err := c.Exec(`UPDATE inventory_seal SET entries = $3, hash = $4 WHERE account = $1 AND number = $2`, account, s.Number, s.Entries, before); err != nil {
				return err
			}
		}
		return nil
	}))
}

// faults is what reeve verify finds: in ledgers, inventories and checkpoints.
func (w *world) faults() string {
	w.t.Helper()
	found, err := w.verify()
	w.must(err)
	return found
}

func (w *world) verify() (string, error) {
	ledgers, _, err := w.manager.Verify(w.t.Context(), w.who, 0, 100)
	if err != nil {
		return "", err
	}
	inventories, _, err := w.manager.VerifyInventory(w.t.Context(), w.who, "", 100)
	if err != nil {
		return "", err
	}
	checkpoints, _, err := w.another(notary.Options{}).Check(w.t.Context(), w.who, "", 100)
	if err != nil {
		return "", err
	}
	var text []string
	for _, r := range slices.Concat(ledgers, inventories, checkpoints) {
		if r.Fault != "" {
			text = append(text, r.ConfigurationARN+": "+r.Fault)
		}
	}
	return strings.Join(text, "\n"), nil
}

// Keys, Checkpoints and Revisions make a world a source of evidence.
func (w *world) Keys(ctx context.Context) ([]evidence.Key, error) { return w.notary.Keys(ctx) }

func (w *world) Checkpoints(ctx context.Context, each func(evidence.Document) error) error {
	for after := int64(0); ; {
		page, next, err := w.notary.List(ctx, w.who, "", after, 2)
		if err != nil {
			return err
		}
		for _, c := range page {
			if err := each(evidence.Document{Note: c.Note, Heads: c.Ledgers}); err != nil {
				return err
			}
		}
		if after = next; next == 0 {
			return nil
		}
	}
}

func (w *world) Revisions(ctx context.Context, arn string, last int64, each func(*license.Revision) error) error {
	for after := int64(0); ; {
		page, next, err := w.manager.Revisions(ctx, w.who, arn, after, 3)
		if err != nil {
			return err
		}
		for _, r := range page {
			if err := each(r); err != nil {
				return err
			}
		}
		if after = next; next == 0 || after >= last {
			return nil
		}
	}
}

// keys are those that an auditor has written down before anything happened.
func (w *world) keys() []evidence.Key {
	w.t.Helper()
	keys, err := w.notary.Keys(w.t.Context())
	w.must(err)
	return keys
}

// audit exports and verifies, against checkpoints that were kept.
func (w *world) audit(keys []evidence.Key, kept ...string) error {
	w.t.Helper()
	var file bytes.Buffer
	if err := evidence.Export(w.t.Context(), &file, w, ""); err != nil {
		return err
	}
	k := &evidence.Kept{}
	for i, text := range kept {
		w.must(k.Read(fmt.Sprintf("usb %d", i), strings.NewReader(text)))
	}
	_, err := evidence.Verify(&file, evidence.Options{Keys: keys, Kept: k})
	return err
}

func line(c *notary.Checkpoint) string {
	d := evidence.Document{Note: c.Note, Heads: c.Ledgers}
	return string(d.Append(nil)) + "\n"
}

func wants(t *testing.T, what, got, part string) {
	t.Helper()
	if !strings.Contains(got, part) {
		t.Errorf("%s: found %q, which should say %q", what, got, part)
	}
}

func kindOf(err error) license.Kind {
	var e *license.Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return license.Internal
}
