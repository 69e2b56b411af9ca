package sts

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// provider is an identity provider whose keys a test changes.
type provider struct {
	*httptest.Server
	keys    atomic.Pointer[[]any] // as they are shown
	down    atomic.Bool
	fetches atomic.Int32
}

func startProvider(t *testing.T) (*provider, *keys) {
	t.Helper()
	p := &provider{}
	p.keys.Store(&[]any{})
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case p.down.Load():
			w.WriteHeader(http.StatusBadGateway)
		case strings.HasPrefix(r.URL.Path, "/.well-known/"):
			_ = json.NewEncoder(w).Encode(map[string]string{"issuer": p.URL, "jwks_uri": p.URL + "/keys"})
		default:
			p.fetches.Add(1)
			_ = json.NewEncoder(w).Encode(map[string]any{"keys": *p.keys.Load()})
		}
	}))
	t.Cleanup(p.Close)
	client, err := newClient(nil)
	if err != nil {
		t.Fatal(err)
	}
	return p, &keys{issuer: p.URL, client: client}
}

func publicKey(t *testing.T, id string) jose.JSONWebKey {
	t.Helper()
	key, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: key, KeyID: id, Algorithm: "EdDSA", Use: "sig"}
}

func wantFault(t *testing.T, err error, code string) {
	t.Helper()
	var f *fault
	if !errors.As(err, &f) || f.Code != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

func TestKeysAreRotatedAndKept(t *testing.T) {
	p, k := startProvider(t)
	p.keys.Store(&[]any{publicKey(t, "old")})
	at := time.Now()
	find := func(kid string) error {
		_, err := k.find(t.Context(), kid, at)
		return err
	}
	if err := find("old"); err != nil {
		t.Fatal(err)
	}
	p.keys.Store(&[]any{publicKey(t, "old"), publicKey(t, "new")})
	for range 20 {
		wantFault(t, find("new"), "InvalidIdentityToken")
	}
	if n := p.fetches.Load(); n != 1 {
		t.Errorf("within %v the provider was asked %d times", keysRetry, n)
	}
	at = at.Add(keysRetry)
	if err := find("new"); err != nil {
		t.Errorf("the new key: %v", err)
	}
	p.down.Store(true)
	at = at.Add(keysFresh)
	if err := find("new"); err != nil {
		t.Errorf("while the provider is down: %v", err)
	}
	at = at.Add(keysUsable)
	wantFault(t, find("new"), "IDPCommunicationError")
	p.down.Store(false)
	p.keys.Store(&[]any{publicKey(t, "new")})
	at = at.Add(keysRetry)
	wantFault(t, find("old"), "InvalidIdentityToken")
}

// A set is read as far as it can be used: public keys for signatures.
func TestOnlyPublicKeysForSignaturesAreUsed(t *testing.T) {
	p, k := startProvider(t)
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	encryption := publicKey(t, "enc")
	encryption.Use = "enc"
	p.keys.Store(&[]any{
		map[string]string{"kty": "quantum", "kid": "strange"}, "no key", encryption,
		jose.JSONWebKey{Key: []byte("0123456789abcdef"), KeyID: "shared"},
		jose.JSONWebKey{Key: private, KeyID: "private"}, publicKey(t, "good"),
	})
	at := time.Now()
	if _, err := k.find(t.Context(), "good", at); err != nil {
		t.Errorf("the good key: %v", err)
	}
	for _, kid := range []string{"strange", "enc", "shared", "private"} {
		_, err := k.find(t.Context(), kid, at)
		wantFault(t, err, "InvalidIdentityToken")
	}
}

// Whoever answers for an issuer has to be it.
func TestAnIssuerThatIsSomebodyElse(t *testing.T) {
	p, k := startProvider(t)
	p.keys.Store(&[]any{publicKey(t, "k")})
	k.issuer = p.URL + "/" // not what it says of itself
	_, err := k.find(t.Context(), "k", time.Now())
	wantFault(t, err, "IDPCommunicationError")
}
