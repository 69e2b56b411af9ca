package sts

import (
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// FuzzWebToken holds any text for the token of an identity provider: none is
// believed but those that the provider has signed, and every refusal is one
// that a stranger may read.
func FuzzWebToken(f *testing.F) {
	const issuer, audience = "https://idp.example", "sts.amazonaws.com"
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) // the same in every process of a run
	good := map[string]bool{}
	for _, c := range []jwt.Claims{
		{Issuer: issuer, Subject: "repo", Audience: jwt.Audience{audience}, Expiry: jwt.NewNumericDate(now.Add(time.Hour))},
		{Issuer: issuer, Subject: "late", Audience: jwt.Audience{audience}, Expiry: jwt.NewNumericDate(now.Add(-time.Hour))},
		{Issuer: "https://other.example", Subject: "repo", Audience: jwt.Audience{audience}, Expiry: jwt.NewNumericDate(now.Add(time.Hour))},
	} {
		token := signedBy(f, private, c)
		good[token] = c.Subject == "repo" && c.Issuer == issuer
		f.Add(token)
		header, rest, _ := strings.Cut(token, ".")
		f.Add("eyJhbGciOiJub25lIn0." + rest)
		f.Add(header + "." + rest + ".x")
	}
	f.Add("{\"payload\":\"\",\"signatures\":[]}")
	i := &Issuers{audiences: []string{audience}, byURL: map[string]*keys{issuer: {
		issuer: issuer, fetched: now, tried: now,
		set: []jose.JSONWebKey{{Key: private.Public(), KeyID: "k", Algorithm: "EdDSA", Use: "sig"}},
	}}}
	f.Fuzz(func(t *testing.T, token string) {
		c, err := i.verify(t.Context(), token, now)
		var refused *fault
		switch {
		case err == nil && !good[strings.TrimSpace(token)]:
			t.Fatalf("%q is believed: %+v", token, c)
		case err != nil && (!errors.As(err, &refused) || refused.Status != 400 || len(refused.Message) > 1000):
			t.Fatalf("%q is refused with %v", token, err)
		}
	})
}

func signedBy(t testing.TB, key ed25519.PrivateKey, c jwt.Claims) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: key, KeyID: "k"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(c).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}
