package notary_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reeve/internal/evidence/notary"
)

// TestWitnessesAreCounted: what was sent, what failed, how far behind each is;
// and a failure is in the log.
func TestWitnessesAreCounted(t *testing.T) {
	w := newWorld(t, notary.Options{})
	w.create("Oracle")
	var log bytes.Buffer
	away := true
	n := notary.New(w.store.Checkpoints(), notary.Options{Sealer: w.sealer, Log: slog.New(slog.NewTextHandler(&log, nil)),
		Witnesses: []notary.Witness{witnessFunc(func() error {
			if away {
				return errors.New("it is away")
			}
			return nil
		})}})
	stats := func() notary.WitnessStats {
		t.Helper()
		all, err := n.Stats(t.Context())
		w.must(err)
		return all[0]
	}
	w.checkpoint()
	w.must(n.Send(t.Context()))
	if diff := cmp.Diff(notary.WitnessStats{Witness: "silent", Failures: 1, Lag: 1}, stats()); diff != "" {
		t.Errorf("while it is away (-want +got):\n%s", diff)
	}
	if !strings.Contains(log.String(), "a witness did not take a checkpoint") || !strings.Contains(log.String(), "it is away") {
		t.Errorf("the log says %q", log.String())
	}
	away = false
	w.advance(time.Hour)
	w.must(n.Send(t.Context()))
	got := stats()
	if got.Sent != 1 || got.Failures != 1 || got.Lag != 0 || got.LastSuccess == 0 {
		t.Errorf("when it is back: %+v", got)
	}
}
