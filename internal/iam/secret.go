package iam

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"
	"math/big"
)

// Secret is a secret access key. Printing, formatting or logging it shows
// nothing of it; [Secret.Reveal] is the only way to the text.
type Secret struct{ text string }

// NewSecret wraps a secret that came from outside.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return s.text }

// String stands in for the secret in every printed form.
func (s Secret) String() string { return "(secret)" }

// Format keeps %v, %+v, %#v, %x and all others from reaching the text.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// LogValue keeps slog from reaching the text.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText keeps encoders from reaching the text.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// newSecret returns 240 random bits in the 40 characters that AWS secrets have.
func newSecret() Secret {
	var b [30]byte
	rand.Read(b[:])
	return Secret{base64.StdEncoding.EncodeToString(b[:])}
}

// newKeyID returns an identifier of the shape that AWS keys have: AKIA begins
// those of long-term keys, ASIA those of temporary ones. Its alphabet has no 0,
// 1, 8 and 9, like AWS's.
func newKeyID(prefix string) string {
	return prefix + randomText("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)
}

// newAccountID returns 12 random digits, the first of them not 0, so that a
// spreadsheet that takes the account for a number does not shorten it.
func newAccountID() string {
	return randomText("123456789", 1) + randomText("0123456789", 11)
}

func randomText(alphabet string, n int) string {
	out := make([]byte, n)
	for i := range out {
		out[i] = alphabet[randomBelow(len(alphabet))]
	}
	return string(out)
}

// randomBelow returns an unbiased number in [0, n). crypto/rand never fails:
// it ends the process where the system has no randomness.
func randomBelow(n int) int {
	v, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		return 0
	}
	return int(v.Int64())
}
