package evidence

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// TestTheTreeIsThatOfRFC6962 compares roots and proofs with those of another
// implementation, for trees of every size up to 70.
func TestTheTreeIsThatOfRFC6962(t *testing.T) {
	var leaves []Hash
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) (list []tlog.Hash, err error) {
		for _, i := range indexes {
			list = append(list, stored[i])
		}
		return list, nil
	})
	for n := int64(0); n <= 70; n++ {
		want, err := tlog.TreeHash(n, reader)
		if err != nil || n > 0 && want != tlog.Hash(treeRoot(leaves)) {
			t.Fatalf("the root of %d leaves differs (%v)", n, err)
		}
		for i := range n {
			theirs, err := tlog.ProveRecord(n, i, reader)
			if err != nil {
				t.Fatal(err)
			}
			ours := prove(leaves, int(i))
			if fmt.Sprint(ours) != fmt.Sprint(hashes(theirs)) {
				t.Fatalf("the proof of leaf %d of %d differs", i, n)
			}
			checkProof(t, leaves, i, ours)
		}
		data := fmt.Appendf(nil, "leaf %d", n)
		leaves = append(leaves, sha256.Sum256(append([]byte{0}, data...)))
		more, err := tlog.StoredHashes(n, data, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, more...)
	}
	if treeRoot(nil) != sha256.Sum256(nil) {
		t.Error("the root of no leaves is not the hash of nothing")
	}
}

func hashes(p tlog.RecordProof) (list []Hash) {
	for _, h := range p {
		list = append(list, Hash(h))
	}
	return list
}

// checkProof wants a proof to hold at its place and at no other.
func checkProof(t *testing.T, leaves []Hash, i int64, path []Hash) {
	t.Helper()
	n := int64(len(leaves))
	for at := int64(-1); at <= n; at++ {
		root, ok := proven(leaves[i], at, n, path)
		if right := ok && root == treeRoot(leaves); right != (at == i) {
			t.Fatalf("the proof of leaf %d of %d at place %d: %v", i, n, at, right)
		}
	}
	if _, ok := proven(leaves[i], i, n, append(path, Hash{})); ok {
		t.Fatalf("the proof of leaf %d of %d may be longer", i, n)
	}
}
