package evidence_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"testing"

	"reeve/internal/evidence"
)

// BenchmarkVerify verifies files of evidence in memory, and BenchmarkSHA256
// only hashes the same bytes: nothing can be faster than that. One op is a
// whole file; revisions/s says how many it is.
func BenchmarkVerify(b *testing.B) {
	for _, revisions := range []int{10_000, 1_000_000} {
		if revisions > 10_000 && testing.Short() {
			continue
		}
		account := newBook(b)
		for i := range 20 {
			account.write(fmt.Sprint(i), revisions/20)
		}
		account.checkpoint()
		file := account.export("")
		account.ledgers = nil
		o := evidence.Options{Keys: account.pinned(0)}
		b.Run(fmt.Sprintf("revisions=%d", revisions), func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			for b.Loop() {
				if _, err := evidence.Verify(bytes.NewReader(file), o); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(revisions*b.N)/b.Elapsed().Seconds(), "revisions/s")
		})
		b.Run(fmt.Sprintf("sha256/revisions=%d", revisions), func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			for b.Loop() {
				sha256.Sum256(file)
			}
		})
	}
}
