package license_test

import (
	"strings"
	"testing"

	"reeve/internal/license"
)

// A ledger does not vanish with its configuration's row.
func TestVerifyFindsALedgerWithoutItsConfiguration(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn, _ := w.ledger()
	w.tamper(arn, `DELETE FROM configuration WHERE num = $c`)
	for _, page := range []int{1, 100} {
		if !foundOrphan(w, page) {
			t.Errorf("in pages of %d nothing says that revisions have no configuration", page)
		}
	}
}

func foundOrphan(w *world, page int) bool {
	root := w.who
	root.Root = true
	found := false
	for after := int64(0); ; {
		reports, next, err := w.m.Verify(w.ctx, root, after, page)
		w.must(err)
		for _, r := range reports {
			found = found || strings.Contains(r.Fault, "own row is missing")
		}
		if after = next; next == 0 {
			return found
		}
	}
}
