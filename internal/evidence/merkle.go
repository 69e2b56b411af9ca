package evidence

import "crypto/sha256"

// The tree of RFC 6962, section 2.1, over the leaves of an account's heads in
// the order of their ARNs: a leaf is hashed behind a zero byte, a node behind
// a one byte.

func node(left, right Hash) Hash {
	var b [1 + 2*sha256.Size]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[1+sha256.Size:], right[:])
	return sha256.Sum256(b[:])
}

// split is where a tree of n > 1 leaves is cut: the largest power of two below n.
func split(n int) int {
	k := 1
	for 2*k < n {
		k *= 2
	}
	return k
}

// treeRoot is the root over hashes of leaves.
func treeRoot(leaves []Hash) Hash {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	}
	k := split(len(leaves))
	return node(treeRoot(leaves[:k]), treeRoot(leaves[k:]))
}

// Root is the root of the tree over heads, which are in the order of their ARNs.
func Root(heads []Head) Hash { return treeRoot(leavesOf(heads)) }

func leavesOf(heads []Head) []Hash {
	leaves := make([]Hash, len(heads))
	for i := range heads {
		leaves[i] = heads[i].leaf()
	}
	return leaves
}

// prove returns the audit path of leaf i, from the leaf up.
func prove(leaves []Hash, i int) []Hash {
	if len(leaves) < 2 {
		return nil
	}
	if k := split(len(leaves)); i < k {
		return append(prove(leaves[:k], i), treeRoot(leaves[k:]))
	} else {
		return append(prove(leaves[k:], i-k), treeRoot(leaves[:k]))
	}
}

// proven is the root that an audit path leads to from leaf i of n; ok is false
// when the path is too long or too short for its place.
func proven(leaf Hash, i, n int64, path []Hash) (root Hash, ok bool) {
	if i < 0 || i >= n {
		return root, false
	}
	last := n - 1
	for _, sibling := range path {
		if last == 0 {
			return root, false
		}
		if i%2 == 1 || i == last {
			for i%2 == 0 { // a right edge without siblings at this height
				i, last = i/2, last/2
			}
			leaf = node(sibling, leaf)
		} else {
			leaf = node(leaf, sibling)
		}
		i, last = i/2, last/2
	}
	return leaf, last == 0
}
