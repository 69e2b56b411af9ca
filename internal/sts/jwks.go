package sts

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	keysFresh   = time.Hour        // how long keys are used without asking again
	keysUsable  = 24 * time.Hour   // how long they are used while the provider does not answer
	keysRetry   = 10 * time.Second // between two attempts, whatever tokens ask for
	fetchTime   = 10 * time.Second
	maxDocument = 1 << 20 // bytes
	maxKeys     = 100
)

// keys are the public keys of an issuer, fetched when a token needs them. However
// many tokens of unknown keys anybody sends, the provider is asked no more than
// once in keysRetry.
type keys struct {
	issuer string
	client *http.Client

	mu      sync.Mutex
	set     []jose.JSONWebKey
	fetched time.Time // when set was
	tried   time.Time // the last attempt
}

// find returns the key of a token; kid is "" for the only one.
func (k *keys) find(ctx context.Context, kid string, now time.Time) (*jose.JSONWebKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key := k.known(kid)
	if key != nil && now.Sub(k.fetched) < keysFresh {
		return key, nil
	}
	var err error
	if now.Sub(k.tried) >= keysRetry {
		k.tried = now
		if err = k.fetch(ctx); err == nil {
			k.fetched = now
		}
		key = k.known(kid)
	}
	switch {
	case key != nil && now.Sub(k.fetched) < keysUsable:
		return key, nil
	case err != nil:
		return nil, &fault{"IDPCommunicationError", "The identity provider did not give its keys: " + err.Error(), 400}
	}
	return nil, badToken("The identity provider has no key %q.", clip(kid))
}

func (k *keys) known(kid string) *jose.JSONWebKey {
	for i := range k.set {
		if k.set[i].KeyID == kid || kid == "" && len(k.set) == 1 {
			return &k.set[i]
		}
	}
	return nil
}

// fetch reads the provider's description of itself and then its keys. Its time
// is its own: a caller who leaves must not spoil the attempt for others.
func (k *keys) fetch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTime)
	defer cancel()
	var about struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := k.get(ctx, strings.TrimSuffix(k.issuer, "/")+"/.well-known/openid-configuration", &about); err != nil {
		return err
	}
	if about.Issuer != k.issuer {
		return fmt.Errorf("it says that it is %q", clip(about.Issuer))
	}
	if err := checkIssuer(about.Keys); err != nil {
		return errors.New("its jwks_uri is not https")
	}
	var found struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := k.get(ctx, about.Keys, &found); err != nil {
		return err
	}
	k.set = usable(found.Keys)
	return nil
}

// usable are the public keys for signatures; others, and kinds that are not
// known, are passed over.
func usable(list []jsontext.Value) (set []jose.JSONWebKey) {
	for _, text := range list[:min(len(list), maxKeys)] {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(text) == nil && key.Valid() && key.IsPublic() && (key.Use == "" || key.Use == "sig") {
			set = append(set, key)
		}
	}
	return set
}

func (k *keys) get(ctx context.Context, url string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return errors.New("its address is no URL")
	}
	response, err := k.client.Do(r)
	if err != nil {
		return errors.New("it does not answer")
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers with status %d", response.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxDocument+1))
	if err != nil || len(text) > maxDocument {
		return errors.New("its answer is cut off, or larger than 1 MiB")
	}
	if err := json.Unmarshal(text, into); err != nil {
		return errors.New("its answer is not the expected JSON")
	}
	return nil
}

// newClient fetches keys from where the operator said and follows no redirect.
func newClient(root []byte) (*http.Client, error) {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: fetchTime, MaxResponseHeaderBytes: 64 << 10}
	if root != nil {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(root) {
			return nil, errors.New("read certificate authorities: there is no certificate in PEM")
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, nil
}
