package sso_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"reeve/internal/console/sso"
)

const redirect = "https://reeve.example/console/sign-in/callback"

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// liar is an identity provider that says what a test has it say.
type liar struct {
	*httptest.Server
	key      *ecdsa.PrivateKey
	token    string         // the ID token of the next answer; "" for none
	refusal  string         // the error code of the next answer; "" for none
	userInfo map[string]any // nil for a provider that has none
	end      string         // where sessions end; "" for a provider that does not say
	away     atomic.Bool
	asked    atomic.Int32 // how often it described itself
	form     url.Values   // that it was last asked for a token with
}

func openLiar(t *testing.T) *liar {
	t.Helper()
	l := &liar{key: newKey(t)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", l.describe)
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &l.key.PublicKey, KeyID: "k", Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("POST /token", l.exchange)
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, _ *http.Request) { answer(w, l.userInfo) })
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if l.away.Load() {
			http.Error(w, "away", http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(l.Close)
	return l
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

func (l *liar) describe(w http.ResponseWriter, _ *http.Request) {
	l.asked.Add(1)
	about := map[string]any{
		"issuer": l.URL, "authorization_endpoint": l.URL + "/authorize", "token_endpoint": l.URL + "/token", "jwks_uri": l.URL + "/keys",
		"id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"},
	}
	if l.userInfo != nil {
		about["userinfo_endpoint"] = l.URL + "/me"
	}
	if l.end != "" {
		about["end_session_endpoint"] = l.end
	}
	answer(w, about)
}

func (l *liar) exchange(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	l.form = r.PostForm
	if l.refusal != "" {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": l.refusal})
		return
	}
	said := map[string]any{"access_token": "a", "token_type": "Bearer", "expires_in": 60}
	if l.token != "" {
		said["id_token"] = l.token
	}
	answer(w, said)
}

// claims are those of an honest ID token for a flow, but for the given ones; a
// nil value leaves a claim out.
func (l *liar) claims(flow *sso.Flow, other map[string]any) map[string]any {
	all := map[string]any{
		"iss": l.URL, "aud": "reeve", "sub": "ana-1", "exp": epoch.Add(time.Hour).Unix(), "iat": epoch.Unix(), "nonce": flow.Nonce,
		"groups": []string{"staff", "auditors"},
	}
	maps.Copy(all, other)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	return all
}

func sign(t *testing.T, algorithm jose.SignatureAlgorithm, key any, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: key, KeyID: "k"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(text)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

func (l *liar) settings() sso.Settings {
	return sso.Settings{Issuer: l.URL, ClientID: "reeve", ClientSecret: "s", SubjectClaim: "sub", GroupsClaim: "groups", Now: func() time.Time { return epoch }}
}

func begin(t *testing.T, p *sso.Provider) *sso.Flow {
	t.Helper()
	_, flow, err := p.Begin(t.Context(), redirect)
	if err != nil {
		t.Fatal(err)
	}
	return flow
}

func back(flow *sso.Flow) url.Values { return url.Values{"state": {flow.State}, "code": {"c"}} }

func kindOf(err error) sso.Kind {
	var trouble *sso.Error
	if errors.As(err, &trouble) {
		return trouble.Kind
	}
	return 0
}

func TestTheProviderIsAskedWithPKCEStateAndNonce(t *testing.T) {
	l := openLiar(t)
	p := sso.New(l.settings())
	page, flow, err := p.Begin(t.Context(), redirect)
	if err != nil {
		t.Fatal(err)
	}
	to, err := url.Parse(page)
	if err != nil {
		t.Fatal(err)
	}
	q := to.Query()
	if q.Get("response_type") != "code" || q.Get("redirect_uri") != redirect || q.Get("state") != flow.State || q.Get("nonce") != flow.Nonce ||
		q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == "" || strings.Contains(page, flow.Verifier) || flow.State == flow.Nonce {
		t.Errorf("the provider's page is %s", page)
	}
	l.token = sign(t, jose.ES256, l.key, l.claims(flow, nil))
	person, err := p.Finish(t.Context(), *flow, redirect, back(flow))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&sso.Person{Session: "ana-1", Name: "ana-1", Groups: []string{"staff", "auditors"}, Hint: l.token}, person); diff != "" {
		t.Errorf("person (-want +got):\n%s", diff)
	}
	if l.form.Get("code_verifier") != flow.Verifier || l.form.Get("redirect_uri") != redirect {
		t.Errorf("the code was exchanged with %v", l.form)
	}
}

func TestAnIDTokenThatIsNotRightSignsNobodyIn(t *testing.T) {
	l := openLiar(t)
	p := sso.New(l.settings())
	for name, other := range map[string]map[string]any{
		"nonce of another sign-in": {"nonce": "other"},
		"no nonce":                 {"nonce": nil},
		"expired":                  {"exp": epoch.Add(-time.Second).Unix()},
		"no expiry":                {"exp": nil},
		"not valid yet":            {"nbf": epoch.Add(time.Hour).Unix()},
		"for another client":       {"aud": "other"},
		"of another provider":      {"iss": "https://elsewhere.example"},
		"of nobody":                {"sub": nil},
	} {
		flow := begin(t, p)
		l.token = sign(t, jose.ES256, l.key, l.claims(flow, other))
		if person, err := p.Finish(t.Context(), *flow, redirect, back(flow)); kindOf(err) != sso.Refused {
			t.Errorf("%s: %+v, %v", name, person, err)
		}
	}
	flow := begin(t, p)
	for name, token := range map[string]string{
		"signed by somebody else":    sign(t, jose.ES256, newKey(t), l.claims(flow, nil)),
		"signed by the client's own": sign(t, jose.HS256, []byte(strings.Repeat("s", 32)), l.claims(flow, nil)),
		"not signed":                 unsigned(t, l.claims(flow, nil)),
		"absent":                     "",
		"no token":                   "x.y",
	} {
		l.token = token
		if person, err := p.Finish(t.Context(), *flow, redirect, back(flow)); kindOf(err) != sso.Refused {
			t.Errorf("%s: %+v, %v", name, person, err)
		}
	}
}

func unsigned(t *testing.T, claims map[string]any) string {
	t.Helper()
	text, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(text) + "."
}

func TestAnAnswerThatIsNotRightIsRefusedBeforeTheCodeIsUsed(t *testing.T) {
	l := openLiar(t)
	p := sso.New(l.settings())
	flow := begin(t, p)
	for name, given := range map[string]url.Values{
		"other state":    {"state": {"other"}, "code": {"c"}},
		"no state":       {"code": {"c"}},
		"other provider": {"state": {flow.State}, "code": {"c"}, "iss": {"https://elsewhere.example"}},
		"refusal":        {"state": {flow.State}, "error": {"access_denied"}, "error_description": {"not today"}},
	} {
		if _, err := p.Finish(t.Context(), *flow, redirect, given); kindOf(err) != sso.Refused {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := p.Finish(t.Context(), sso.Flow{}, redirect, url.Values{"code": {"c"}}); kindOf(err) != sso.Refused {
		t.Errorf("no sign-in: %v", err)
	}
	if l.form != nil {
		t.Errorf("the provider was asked for a token with %v", l.form)
	}
	l.refusal = "invalid_grant"
	if _, err := p.Finish(t.Context(), *flow, redirect, back(flow)); kindOf(err) != sso.Refused || !strings.Contains(err.Error(), "invalid_grant") {
		t.Errorf("a code that was used: %v", err)
	}
	l.refusal = "temporarily_unavailable"
	if _, err := p.Finish(t.Context(), *flow, redirect, back(flow)); kindOf(err) != sso.Away {
		t.Errorf("a provider that cannot now: %v", err)
	}
}

// withoutHint leaves out of a comparison what is the ID token.
var withoutHint = cmpopts.IgnoreFields(sso.Person{}, "Hint")

func TestGroupsAndNamesAreFoundWhereProvidersPutThem(t *testing.T) {
	for name, c := range map[string]struct {
		groups, subject string
		claims          map[string]any
		info            map[string]any
		want            *sso.Person
	}{
		"one text":        {"groups", "sub", map[string]any{"groups": "staff"}, nil, &sso.Person{Session: "ana-1", Name: "ana-1", Groups: []string{"staff"}}},
		"within objects":  {"realm_access.roles", "sub", map[string]any{"realm_access": map[string]any{"roles": []any{"a", 7, "b"}}}, nil, &sso.Person{Session: "ana-1", Name: "ana-1", Groups: []string{"a", "b"}}},
		"name with a dot": {"https://x.example/g", "sub", map[string]any{"https://x.example/g": []string{"a"}}, nil, &sso.Person{Session: "ana-1", Name: "ana-1", Groups: []string{"a"}}},
		"numbers":         {"groups", "sub", map[string]any{"groups": 7}, nil, &sso.Person{Session: "ana-1", Name: "ana-1"}},
		"on request": {"groups", "sub", map[string]any{"groups": nil}, map[string]any{"sub": "ana-1", "groups": []string{"a"}, "email": "ana@x.example"},
			&sso.Person{Session: "ana-1", Name: "ana@x.example", Groups: []string{"a"}}},
		"of somebody else":   {"groups", "sub", map[string]any{"groups": nil}, map[string]any{"sub": "eve-1", "groups": []string{"a"}}, nil},
		"address":            {"groups", "email", map[string]any{"email": "ana@x.example", "groups": nil}, nil, &sso.Person{Session: "ana@x.example", Name: "ana@x.example"}},
		"unverified address": {"groups", "email", map[string]any{"email": "ana@x.example", "email_verified": false}, nil, nil},
		"no address":         {"groups", "email", nil, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			l := openLiar(t)
			l.userInfo = c.info
			settings := l.settings()
			settings.GroupsClaim, settings.SubjectClaim = c.groups, c.subject
			p := sso.New(settings)
			flow := begin(t, p)
			l.token = sign(t, jose.ES256, l.key, l.claims(flow, c.claims))
			got, err := p.Finish(t.Context(), *flow, redirect, back(flow))
			if diff := cmp.Diff(c.want, got, withoutHint); diff != "" || (err != nil) != (c.want == nil) {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// The name of a session is a part of an ARN, so nobody may choose one that
// makes them somebody else.
func TestSubjectsThatNoARNCanHoldStayApart(t *testing.T) {
	l := openLiar(t)
	p := sso.New(l.settings())
	seen := map[string]string{}
	for _, subject := range []string{
		"auth0|1", "auth0-1", "auth0/1", "auth0 1", "7", "ä", "ö", "x/../y", "arn:aws:iam::1:root", strings.Repeat("a", 64), strings.Repeat("a", 65), strings.Repeat("a", 66),
	} {
		flow := begin(t, p)
		l.token = sign(t, jose.ES256, l.key, l.claims(flow, map[string]any{"sub": subject}))
		person, err := p.Finish(t.Context(), *flow, redirect, back(flow))
		if err != nil {
			t.Fatal(err)
		}
		if other, taken := seen[person.Session]; taken {
			t.Errorf("%q and %q are both %s", other, subject, person.Session)
		}
		seen[person.Session] = subject
		if len(person.Session) > 64 || len(person.Session) < 2 || strings.ContainsAny(person.Session, "/: |ä") {
			t.Errorf("%q is %q", subject, person.Session)
		}
	}
}

func TestAProviderThatComesBackIsAskedAgain(t *testing.T) {
	l := openLiar(t)
	now := epoch
	settings := l.settings()
	settings.Now = func() time.Time { return now }
	p := sso.New(settings)
	l.away.Store(true)
	for range 2 {
		if _, _, err := p.Begin(t.Context(), redirect); kindOf(err) != sso.Away {
			t.Fatalf("away: %v", err)
		}
	}
	l.away.Store(false)
	if _, _, err := p.Begin(t.Context(), redirect); kindOf(err) != sso.Away {
		t.Errorf("it was asked again at once: %v", err)
	}
	now = now.Add(3 * time.Second)
	for range 3 {
		begin(t, p)
	}
	if n := l.asked.Load(); n != 1 {
		t.Errorf("it described itself %d times", n)
	}
	now = now.Add(2 * time.Hour)
	l.away.Store(true)
	begin(t, p) // by what it said before
	l.away.Store(false)
	now = now.Add(3 * time.Second)
	begin(t, p)
	if n := l.asked.Load(); n != 2 {
		t.Errorf("it described itself %d times, want once more after an hour", n)
	}
}

func TestRolesAreThoseOfTheGroups(t *testing.T) {
	auditor, admin, other := sso.Role{Account: "2", Name: "auditor"}, sso.Role{Account: "2", Name: "admin"}, sso.Role{Account: "1", Name: "zoo"}
	p := sso.New(sso.Settings{Grants: []sso.Grant{{Group: "a", Role: auditor}, {Group: "b", Role: admin}, {Group: "a", Role: other}, {Group: "c", Role: auditor}}})
	for _, c := range []struct {
		groups []string
		want   []sso.Role
	}{
		{nil, nil}, {[]string{"A", "", "d"}, nil}, {[]string{"b"}, []sso.Role{admin}}, {[]string{"c", "b", "a"}, []sso.Role{other, admin, auditor}},
	} {
		if diff := cmp.Diff(c.want, p.Roles(c.groups)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.groups, diff)
		}
	}
	if !p.Granted(admin) || p.Granted(sso.Role{Account: "1", Name: "admin"}) {
		t.Error("roles are taken for those of other accounts")
	}
}

func TestASessionEndsAtAProviderThatSaysWhere(t *testing.T) {
	for end, want := range map[string]string{
		"":                                "",
		"https://id.example/end?tenant=1": "https://id.example/end?client_id=reeve&id_token_hint=h&post_logout_redirect_uri=https%3A%2F%2Freeve.example%2F&tenant=1",
		"javascript:alert(1)":             "",
		"//elsewhere.example":             "",
		"ftp://id.example/end":            "",
	} {
		l := openLiar(t)
		l.end = end
		if got := sso.New(l.settings()).EndSession(t.Context(), "h", "https://reeve.example/"); got != want {
			t.Errorf("%q leads to %s", end, got)
		}
	}
	away := openLiar(t)
	away.away.Store(true)
	if got := sso.New(away.settings()).EndSession(t.Context(), "", ""); got != "" {
		t.Errorf("a provider that is away leads to %s", got)
	}
}
