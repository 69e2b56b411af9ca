package sts_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"reeve/internal/licensetest"
	ours "reeve/internal/sts"
)

// issuer is an identity provider, as a Kubernetes cluster is one.
type issuer struct {
	*httptest.Server
	fetches atomic.Int32

	mu   sync.Mutex
	keys map[string]*ecdsa.PrivateKey
}

func startIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{keys: map[string]*ecdsa.PrivateKey{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /cluster/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": i.url(), "jwks_uri": i.url() + "/keys"})
	})
	mux.HandleFunc("GET /cluster/keys", func(w http.ResponseWriter, _ *http.Request) {
		i.fetches.Add(1)
		i.mu.Lock()
		defer i.mu.Unlock()
		set := jose.JSONWebKeySet{}
		for id, key := range i.keys {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.Public(), KeyID: id, Algorithm: "ES256", Use: "sig"})
		}
		_ = json.NewEncoder(w).Encode(set)
	})
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	i.newKey(t, "k1")
	return i
}

func (i *issuer) url() string { return i.URL + "/cluster" }

// provider is the issuer as policies name it.
func (i *issuer) provider() string { return strings.TrimPrefix(i.url(), "http://") }

func (i *issuer) newKey(t *testing.T, id string) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys[id] = key
	return key
}

// token is a service account's, which change may alter before it is signed.
func (i *issuer) token(t *testing.T, kid string, change func(*jwt.Claims)) string {
	t.Helper()
	i.mu.Lock()
	key := i.keys[kid]
	i.mu.Unlock()
	return sign(t, key, kid, i.url(), change)
}

func sign(t *testing.T, key *ecdsa.PrivateKey, kid, url string, change func(*jwt.Claims)) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := jwt.Claims{
		Issuer: url, Subject: "system:serviceaccount:licences:importer", Audience: jwt.Audience{"sts.amazonaws.com"},
		Expiry: jwt.NewNumericDate(time.Now().Add(time.Hour)), IssuedAt: jwt.NewNumericDate(time.Now()),
	}
	if change != nil {
		change(&c)
	}
	text, err := jwt.Signed(signer).Claims(c).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func trustIssuer(i *issuer, subject string) string {
	return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::` + alice + `:oidc-provider/` + i.provider() + `"},
		"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"` + i.provider() + `:sub":"` + subject + `","` + i.provider() + `:aud":"sts.amazonaws.com"}}}}`
}

func startWithIssuer(t *testing.T, i *issuer) *licensetest.Server {
	t.Helper()
	trusted, err := ours.NewIssuers([]string{i.url()}, []string{"sts.amazonaws.com"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return licensetest.Start(t, licensetest.Options{Issuers: trusted})
}

type tokenText string

func (t tokenText) GetIdentityToken() ([]byte, error) { return []byte(t), nil }

// TestWebIdentityWithTheSDK is what a pod of Kubernetes does with the token that
// it finds in a file.
func TestWebIdentityWithTheSDK(t *testing.T) {
	i := startIssuer(t)
	s := startWithIssuer(t, i)
	arn := role(t, s, "importer", trustIssuer(i, "system:serviceaccount:licences:importer"))
	anonymous := sts.New(sts.Options{Region: licensetest.Region, BaseEndpoint: &s.URL, RetryMaxAttempts: 1, HTTPClient: licensetest.Wire{Client: http.DefaultClient}})
	provider := stscreds.NewWebIdentityRoleProvider(anonymous, arn, tokenText(i.token(t, "k1", nil)), func(o *stscreds.WebIdentityRoleOptions) { o.RoleSessionName = "pod-1" })
	c := licensemanager.New(licensemanager.Options{Region: licensetest.Region, BaseEndpoint: &s.URL, RetryMaxAttempts: 1, HTTPClient: licensetest.Wire{Client: http.DefaultClient}, Credentials: provider})
	if _, err := c.ListLicenseConfigurations(t.Context(), &licensemanager.ListLicenseConfigurationsInput{}); err != nil {
		t.Fatal(err)
	}
	got, err := anonymous.AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{RoleArn: &arn, RoleSessionName: aws.String("pod-2"), WebIdentityToken: aws.String(i.token(t, "k1", nil))})
	if err != nil || *got.SubjectFromWebIdentityToken != "system:serviceaccount:licences:importer" || *got.Audience != "sts.amazonaws.com" ||
		*got.AssumedRoleUser.Arn != "arn:aws:sts::"+alice+":assumed-role/importer/pod-2" || *got.Provider != "arn:aws:iam::"+alice+":oidc-provider/"+i.provider() {
		t.Errorf("the answer is %+v, %v", got, err)
	}
	if n := i.fetches.Load(); n != 1 {
		t.Errorf("the provider was asked for its keys %d times", n)
	}
}

func TestWebIdentityIsRefused(t *testing.T) {
	i := startIssuer(t)
	s := startWithIssuer(t, i)
	arn := role(t, s, "importer", trustIssuer(i, "system:serviceaccount:licences:importer"))
	people := role(t, s, "people", trustAccount(""))
	anonymous := sts.New(sts.Options{Region: licensetest.Region, BaseEndpoint: &s.URL, RetryMaxAttempts: 1, HTTPClient: licensetest.Wire{Client: http.DefaultClient}})
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	symmetric, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: []byte("0123456789abcdef0123456789abcdef")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	forged, err := jwt.Signed(symmetric).Claims(jwt.Claims{Issuer: i.url(), Subject: "x"}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ role, token, code, words string }{
		"another subject":         {arn, i.token(t, "k1", func(c *jwt.Claims) { c.Subject = "system:serviceaccount:x:y" }), "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
		"a role of people":        {people, i.token(t, "k1", nil), "AccessDenied", "Not authorized"},
		"a role that is not":      {arn + "x", i.token(t, "k1", nil), "AccessDenied", "Not authorized"},
		"another audience":        {arn, i.token(t, "k1", func(c *jwt.Claims) { c.Audience = jwt.Audience{"other"} }), "InvalidIdentityToken", "audience"},
		"an expired token":        {arn, i.token(t, "k1", func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(time.Now().Add(-time.Hour)) }), "ExpiredTokenException", "expired"},
		"no expiry":               {arn, i.token(t, "k1", func(c *jwt.Claims) { c.Expiry = nil }), "InvalidIdentityToken", "exp"},
		"a token of the future":   {arn, i.token(t, "k1", func(c *jwt.Claims) { c.NotBefore = jwt.NewNumericDate(time.Now().Add(time.Hour)) }), "InvalidIdentityToken", "not hold yet"},
		"another issuer":          {arn, i.token(t, "k1", func(c *jwt.Claims) { c.Issuer = "https://elsewhere.example" }), "InvalidIdentityToken", "No OpenIDConnect provider"},
		"somebody else's key":     {arn, sign(t, other, "k1", i.url(), nil), "InvalidIdentityToken", "signature"},
		"a key that is not there": {arn, sign(t, other, "k9", i.url(), nil), "InvalidIdentityToken", "no key"},
		"a shared secret":         {arn, forged, "InvalidIdentityToken", "public key"},
		"no token":                {arn, "abcd", "InvalidIdentityToken", "no JSON Web Token"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := anonymous.AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{RoleArn: &c.role, RoleSessionName: aws.String("job"), WebIdentityToken: &c.token})
			wantCode(t, err, c.code, c.words)
		})
	}
	if n := i.fetches.Load(); n > 2 {
		t.Errorf("tokens of unknown keys had the provider asked %d times", n)
	}
}

func TestIssuersThatAreNone(t *testing.T) {
	for url, good := range map[string]bool{
		"https://token.actions.githubusercontent.com": true, "https://oidc.example/id/1": true, "http://127.0.0.1:1/x": true, "http://localhost": true,
		"http://oidc.example": false, "oidc.example": false, "": false, "https://a@b": false, "https://x?y": false, "ftp://127.0.0.1": false,
	} {
		if _, err := ours.NewIssuers([]string{url}, nil, nil); (err == nil) != good {
			t.Errorf("%q: %v", url, err)
		}
	}
	if _, err := ours.NewIssuers(nil, nil, []byte("x")); err == nil {
		t.Error("a file without certificates was taken")
	}
}
