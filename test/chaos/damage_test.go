package chaos_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reeve/internal/iam"
)

// TestADamagedFileIsNeverAWrongCount changes one byte of a SQLite file at a
// time, wherever it may be. A server then starts or says what is wrong; a list
// is right, or the server says that it is damaged, or reeve verify does.
func TestADamagedFileIsNeverAWrongCount(t *testing.T) {
	dice := chance(t)
	data := t.TempDir()
	s := start(t, data, rootEnvironment()...)
	f := newFleet(t, s.root())
	stop := f.churn(t, dice)
	f.waitForChanges(t, 150)
	stop()
	s.stop()
	d := &damaged{t: t, fleet: f, data: data}
	s = start(t, data, rootEnvironment()...)
	f.account = s.root()
	d.truth = f.sizes(t)
	s.stop()
	whole, err := os.ReadFile(filepath.Join(data, "reeve.db"))
	must(t, "read database", err)
	for range shorter(30, 6) {
		d.round(whole, dice)
	}
	t.Logf("%d bytes were changed: %v", len(whole), d.seen)
}

// damaged counts what becomes of changed bytes.
type damaged struct {
	t     *testing.T
	fleet *fleet
	data  string
	truth map[string]int64
	seen  struct{ harmless, verified, notStarted, refused, wrong int }
}

func (d *damaged) round(whole []byte, dice *rand.Rand) {
	t := d.t
	t.Helper()
	dir := t.TempDir()
	must(t, "copy master key", copyFile(filepath.Join(d.data, iam.MasterKeyFile), filepath.Join(dir, iam.MasterKeyFile)))
	changed := append([]byte{}, whole...)
	at := dice.IntN(len(changed))
	changed[at] ^= byte(1 + dice.IntN(255))
	must(t, "write database", os.WriteFile(filepath.Join(dir, "reeve.db"), changed, 0o600))

	code, out := run(t, rootEnvironment(), "verify", "--data", dir)
	found := code != 0
	switch {
	case found && !strings.Contains(out, "damaged") && !strings.Contains(out, "fault") && !strings.Contains(out, "reeve: "):
		t.Errorf("byte %d: reeve verify says\n%s", at, out)
	case strings.Contains(out, "panic") || strings.Contains(out, "goroutine"):
		t.Errorf("byte %d: reeve verify crashes\n%s", at, out)
	}
	must(t, "write database", os.WriteFile(filepath.Join(dir, "reeve.db"), changed, 0o600)) // as verify found it
	right := d.ask(dir, at)
	switch {
	case right && found:
		d.seen.verified++
	case right:
		d.seen.harmless++
	case !found:
		t.Errorf("byte %d of %d was changed: the server is wrong, and reeve verify finds nothing", at, len(whole))
	}
}

// ask starts a server and compares its list. A server that does not start, or
// says that it is damaged, is not wrong.
func (d *damaged) ask(dir string, at int) (right bool) {
	t := d.t
	t.Helper()
	s := launch(t, dir, rootEnvironment()...)
	s.mayLog = []string{"level=ERROR"}
	select {
	case <-s.greeting.line:
	case <-s.ended:
		d.seen.notStarted++
		if text := s.log.String(); !strings.Contains(text, "reeve: ") || strings.Contains(text, "goroutine") {
			t.Errorf("byte %d: the server ends with\n%s", at, text)
		}
		return true
	case <-time.After(patience):
		t.Fatalf("byte %d: the server neither starts nor ends", at)
	}
	s.waitReady()
	defer s.kill()
	f := &fleet{account: s.root(), arn: d.fleet.arn}
	rows, err := f.usage(t.Context(), f.arn, "", 20)
	if err != nil {
		d.seen.refused++
		return true
	}
	got := map[string]int64{}
	for _, row := range rows {
		got[*row.ResourceArn] = *row.ConsumedLicenses
	}
	if !cmp.Equal(got, d.truth) {
		d.seen.wrong++
		return false
	}
	return true
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	return errors.Join(err, os.WriteFile(to, text, 0o600))
}
