// Package evidence is the form of what Reeve hands to an auditor: signed
// checkpoints of an account's ledgers, the keys that sign them, and files that
// hold ledgers with their checkpoints. docs/evidence.md has all of it byte by
// byte.
//
// The package makes and verifies bytes. It knows no database and no server;
// package notary keeps checkpoints and signs them.
package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"reeve/internal/license"
)

// Hash is a SHA-256.
type Hash = [sha256.Size]byte

// Head is the newest revision of one ledger at a moment.
type Head struct {
	ARN    string // of the licence configuration
	Number int64  // of the revision
	Hash   Hash   // of the revision
}

// Bounds of what is read.
const (
	MaxLedgers = 100_000  // of an account
	maxText    = 64 << 10 // bytes of a signed note
	maxARN     = 2048
)

// bad is an error about the form of what was read.
func bad(format string, args ...any) error { return fmt.Errorf(format, args...) }

// clip bounds what a message repeats.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "?")
}

// ParseHash reads 64 hexadecimal digits, as String and files write them.
func ParseHash(text string) (h Hash, err error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(h) || hex.EncodeToString(raw) != text {
		return h, bad("%q is no hash: expected 64 hexadecimal digits in lower case", clip(text))
	}
	return Hash(raw), nil
}

// leaf is a head as the tree covers it: fields with their lengths, as in the
// hash of a revision.
func (h *Head) leaf() Hash {
	b := append(make([]byte, 0, 256), 0)
	for _, field := range [...]string{"reeve ledger v1", h.ARN, strconv.FormatInt(h.Number, 10), string(h.Hash[:])} {
		b = strconv.AppendInt(b, int64(len(field)), 10)
		b = append(append(b, ':'), field...)
	}
	return sha256.Sum256(b)
}

// follows says why a ledger with the head now cannot have had the head before;
// "" when it can.
func follows(before, now *Head) string {
	switch {
	case now.Number < before.Number:
		return fmt.Sprintf("it had %d revisions and now has %d: revisions were removed", before.Number, now.Number)
	case now.Number == before.Number && now.Hash != before.Hash:
		return fmt.Sprintf("its revision %d is another one than before: it was rewritten", now.Number)
	}
	return ""
}

// Continues says why the heads now, in the order of their ARNs, cannot follow
// the heads before: a ledger is gone, became shorter or has another newest
// revision. It returns "" when they can.
func Continues(before, now []Head) string {
	i := 0
	for _, was := range before {
		for i < len(now) && now[i].ARN < was.ARN {
			i++
		}
		if i == len(now) || now[i].ARN != was.ARN {
			return "the ledger of " + was.ARN + " is missing"
		}
		if why := follows(&was, &now[i]); why != "" {
			return "the ledger of " + was.ARN + ": " + why
		}
	}
	return ""
}

// checkHeads refuses heads that are not in the order of their ARNs, or cannot
// be.
func checkHeads(heads []Head) error {
	if len(heads) > MaxLedgers {
		return bad("%d ledgers are more than the %d of the largest account", len(heads), MaxLedgers)
	}
	for i, h := range heads {
		if h.ARN == "" || len(h.ARN) > maxARN || h.Number < 1 {
			return bad("the head of ledger %q cannot be: revision %d", clip(h.ARN), h.Number)
		}
		if i > 0 && heads[i-1].ARN >= h.ARN {
			return bad("the ledger %q is not in the order of ARNs", clip(h.ARN))
		}
	}
	return nil
}

// moment reads what license.Time.String writes, and nothing else.
func moment(text string) (license.Time, error) {
	t, err := license.ParseMoment(text)
	if err != nil || t.String() != text {
		return 0, bad("%q is no time: expected one such as 2026-01-31T23:59:59.000000Z", clip(text))
	}
	return t, nil
}
