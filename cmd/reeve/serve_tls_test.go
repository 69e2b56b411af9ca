package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"reeve/internal/api"
	"reeve/internal/certificate/certtest"
	"reeve/internal/client"
	"reeve/internal/config"
	"reeve/internal/console"
)

// openTLSServer starts a server with a certificate for 127.0.0.1.
func openTLSServer(t *testing.T, change func(*config.Config)) *serverProcess {
	t.Helper()
	p := certtest.New(t, "ours").Issue("127.0.0.1")
	s := openTestServer(t, func(c *config.Config) {
		c.TLSCertificate, c.TLSKey = p.Certificate, p.Key
		if change != nil {
			change(c)
		}
	})
	stop, ended := start(t, s)
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	waitServing(t, s)
	return s
}

// waitServing waits for what a server leaves when it is about to serve.
func waitServing(t *testing.T, s *serverProcess) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for late := time.Now().Add(patience); time.Now().Before(late); {
		if _, err := os.Stat(filepath.Join(s.cfg.Data, client.EndpointFile)); err == nil {
			return
		}
		<-tick.C
	}
	t.Fatal("the server does not serve")
}

// browser believes what a server left in its data directory.
func browser(t *testing.T, s *serverProcess) *http.Client {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.cfg.Data, client.AuthorityFile))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func TestHTTPSHasHTTP2AndSecureCookies(t *testing.T) {
	s := openTLSServer(t, nil)
	b := browser(t, s)
	key, err := client.ReadCredentials(s.root.Credentials, "default")
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"access_key_id": {key.AccessKeyID}, "secret_access_key": {key.SecretAccessKey}, "region": {"us-east-1"}}
	resp, err := b.PostForm(s.endpoint()+console.Home+"sign-in", form)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.ProtoMajor != 2 || resp.StatusCode != http.StatusSeeOther {
		t.Errorf("signing in is answered with %s %d", resp.Proto, resp.StatusCode)
	}
	if len(resp.Cookies()) == 0 {
		t.Error("no cookie is set")
	}
	for _, c := range resp.Cookies() {
		if !c.Secure || !c.HttpOnly {
			t.Errorf("the cookie %s goes over plain HTTP too", c.Name)
		}
	}
}

func TestPlainHTTPOnAnHTTPSServerIsTold(t *testing.T) {
	s := openTLSServer(t, nil)
	resp, err := http.Get(strings.Replace(s.endpoint(), "https", "http", 1) + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(text), "HTTPS") {
		t.Errorf("answered with %d %s", resp.StatusCode, text)
	}
}

// TestPoliciesKnowHTTPS gives a user a policy for encrypted requests alone.
func TestPoliciesKnowHTTPS(t *testing.T) {
	const onlyEncrypted = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*",
		"Condition":{"Bool":{"aws:SecureTransport":"true"}}}]}`
	plain := openTestServer(t, nil)
	stop, ended := start(t, plain)
	waitServing(t, plain)
	for s, want := range map[*serverProcess]string{plain: "AuthorizationException", openTLSServer(t, nil): ""} {
		root := leftClient(t, s, nil)
		callServer[api.CreateUserInput, api.CreateUserOutput](t, root, "CreateUser", &api.CreateUserInput{UserName: new("u")})
		callServer[api.PutPolicyInput, api.PutPolicyOutput](t, root, "PutPolicy", &api.PutPolicyInput{PolicyName: new("encrypted"), PolicyDocument: new(onlyEncrypted), UserName: new("u")})
		key := callServer[api.CreateAccessKeyInput, api.CreateAccessKeyOutput](t, root, "CreateAccessKey", &api.CreateAccessKeyInput{UserName: new("u")})
		user := leftClient(t, s, map[string]string{"AWS_ACCESS_KEY_ID": *key.AccessKeyId, "AWS_SECRET_ACCESS_KEY": *key.SecretAccessKey,
			"REEVE_ENDPOINT": s.endpoint(), "REEVE_CA_FILE": filepath.Join(s.cfg.Data, client.AuthorityFile)})
		_, err := client.Call[api.ListSourcesInput, api.ListSourcesOutput](t.Context(), user, "Reeve.ListSources", &api.ListSourcesInput{})
		var refused *client.Error
		if errors.As(err, &refused) != (want != "") || refused != nil && refused.Code != want {
			t.Errorf("over %s: %v", s.endpoint(), err)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestTheEnvironmentNamesTheAuthority(t *testing.T) {
	s := openTLSServer(t, nil)
	var out bytes.Buffer
	env := func(o envOptions) string {
		t.Helper()
		out.Reset()
		o.data, o.shell = s.cfg.Data, "posix"
		if err := runEnv(quiet(&out), o); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	left := filepath.Join(s.cfg.Data, client.AuthorityFile)
	if got := env(envOptions{}); !strings.Contains(got, "export AWS_CA_BUNDLE="+left+"\n") || !strings.Contains(got, "export REEVE_CA_FILE="+left+"\n") ||
		!strings.Contains(got, "export REEVE_ENDPOINT=https://127.0.0.1:") {
		t.Errorf("the environment is\n%s", got)
	}
	if got := env(envOptions{caFile: "/etc/ca.pem"}); !strings.Contains(got, "AWS_CA_BUNDLE=/etc/ca.pem\n") {
		t.Errorf("the environment is\n%s", got)
	}
	if got := env(envOptions{endpoint: "https://elsewhere"}); strings.Contains(got, "CA_") {
		t.Errorf("the environment of another server is\n%s", got)
	}
}

func TestACertificateThatIsNotBelievedIsExplained(t *testing.T) {
	s := openTLSServer(t, nil)
	c := leftClient(t, s, map[string]string{"REEVE_CA_FILE": certtest.New(t, "another").File})
	_, err := client.Call[api.ListSourcesInput, api.ListSourcesOutput](t.Context(), c, "Reeve.ListSources", &api.ListSourcesInput{})
	if err == nil || !strings.Contains(err.Error(), "--ca-file") {
		t.Errorf("got %v", err)
	}
}

func TestClientsOfReeveShowACertificate(t *testing.T) {
	clients := certtest.New(t, "clients")
	s := openTLSServer(t, func(c *config.Config) { c.TLSClientCA = clients.File })
	own := clients.Issue("client")
	for want, env := range map[string]map[string]string{
		"":     {"REEVE_CLIENT_CERTIFICATE": own.Certificate, "REEVE_CLIENT_KEY": own.Key},
		"call": nil,
	} {
		_, err := client.Call[api.ListSourcesInput, api.ListSourcesOutput](t.Context(), leftClient(t, s, env), "Reeve.ListSources", &api.ListSourcesInput{})
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("with %v: %v", env, err)
		}
	}
	args := []string{"health", "--data", s.cfg.Data, "--client-certificate", own.Certificate, "--client-key", own.Key}
	if code := run(t.Context(), quiet(io.Discard), args); code != 0 {
		t.Errorf("reeve health ends with %d", code)
	}
}

func TestHalfOfTheSettingsOfTLSIsRefused(t *testing.T) {
	for _, args := range [][]string{{"--tls-certificate", "a.pem"}, {"--tls-key", "a.pem"}, {"--tls-client-ca", "a.pem"}} {
		var errs bytes.Buffer
		p := quiet(io.Discard)
		p.stderr = &errs
		if code := run(t.Context(), p, append([]string{"serve"}, args...)); code != 2 || !strings.Contains(errs.String(), "tls-certificate") {
			t.Errorf("%v ends with %d: %s", args, code, &errs)
		}
	}
}

// leftClient is a client with what a server left, and an environment.
func leftClient(t *testing.T, s *serverProcess, env map[string]string) *client.Client {
	t.Helper()
	c, err := client.FromEnvironment(client.Choice{Data: s.cfg.Data}, func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func callServer[In, Out any](t *testing.T, c *client.Client, operation string, in *In) *Out {
	t.Helper()
	out, err := client.Call[In, Out](t.Context(), c, "Reeve."+operation, in)
	if err != nil {
		t.Fatalf("%s: %v", operation, err)
	}
	return out
}

func TestHealthOverHTTPS(t *testing.T) {
	s := openTLSServer(t, nil)
	nothing := func(string) string { return "" }
	if endpoint, err := client.Health(t.Context(), client.Choice{Data: s.cfg.Data}, nothing); err != nil || endpoint != s.endpoint() {
		t.Errorf("%s: %v", endpoint, err)
	}
	_, err := client.Health(t.Context(), client.Choice{Endpoint: s.endpoint(), TLS: client.TLS{}}, nothing)
	if err == nil || !strings.Contains(err.Error(), "--ca-file") {
		t.Errorf("a certificate that nobody vouches for: %v", err)
	}
}
