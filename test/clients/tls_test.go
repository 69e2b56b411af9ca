package clients_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	lm "github.com/aws/aws-sdk-go-v2/service/licensemanager"

	"reeve/internal/certificate/certtest"
)

// startTLS starts a server with a certificate for 127.0.0.1, and returns it
// with the file that clients believe it by.
func startTLS(t *testing.T, env ...string) (*server, *certtest.Authority) {
	t.Helper()
	return startShowing(t, nil, env...)
}

// believe lets this process's own requests believe an authority and show a
// certificate, until the test's end.
func believe(t *testing.T, file string, shown []tls.Certificate) {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, "read authority", err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	transport := http.DefaultTransport.(*http.Transport)
	before := transport.TLSClientConfig
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, Certificates: shown}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		transport.TLSClientConfig = before
	})
}

// Every client speaks HTTPS with AWS_CA_BUNDLE, and none without.
func TestClientsOverHTTPS(t *testing.T) {
	needAWS(t)
	needBoto3(t)
	s, a := startTLS(t)
	if !strings.HasPrefix(s.url, "https://") {
		t.Fatalf("the server left %s", s.url)
	}
	list := []string{"license-manager", "list-license-configurations", "--query", "length(LicenseConfigurations)", "--output", "text", "--endpoint-url", s.url}
	env := s.environment(t, rootKey)
	if _, errs, err := run(t, env, awsPath, list...); exitCode(err) == 0 || !strings.Contains(errs, "SSL") {
		t.Errorf("aws believes a certificate of nobody: %v %s", err, errs)
	}
	env = append(env, "AWS_CA_BUNDLE="+a.File)
	if out, errs, err := run(t, env, awsPath, list...); err != nil || strings.TrimSpace(out) != "0" {
		t.Errorf("aws over HTTPS: %v %s%s", err, out, errs)
	}
	const script = `import boto3, os
lm = boto3.client("license-manager", endpoint_url=os.environ["REEVE_ENDPOINT"])
print(len(lm.list_license_configurations()["LicenseConfigurations"]))`
	if out, errs, err := run(t, env, python, "-c", script); err != nil || strings.TrimSpace(out) != "0" {
		t.Errorf("boto3 over HTTPS: %v %s%s", err, out, errs)
	}
	if out, errs, err := run(t, env, binary(t), "verify"); err != nil || !strings.Contains(out, "everything agrees") {
		t.Errorf("reeve over HTTPS: %v %s%s", err, out, errs)
	}
	out, errs, err := run(t, env, binary(t), "agent-token", "create")
	if err != nil || !strings.Contains(out, `"Url": "https://`) {
		t.Errorf("an agent's URL over HTTPS: %v %s%s", err, out, errs)
	}
	c := lm.New(goClient(s, rootKey).Options(), func(o *lm.Options) { o.HTTPClient = http.DefaultClient })
	if _, err := c.ListLicenseConfigurations(t.Context(), &lm.ListLicenseConfigurationsInput{}); err != nil {
		t.Errorf("Go's SDK over HTTPS: %v", err)
	}
}

// curl shows a certificate, none, and one of another authority.
func TestCurlShowsItsCertificate(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		missing(t, "curl is not installed")
	}
	clients, others := certtest.New(t, "clients"), certtest.New(t, "others")
	own, foreign := clients.Issue("client"), others.Issue("client")
	shown, err := tls.LoadX509KeyPair(own.Certificate, own.Key)
	must(t, "read certificate", err)
	s, a := startShowing(t, []tls.Certificate{shown}, "REEVE_TLS_CLIENT_CA="+clients.File)
	curl := func(more ...string) (string, int) {
		out, _, err := run(t, []string{"PATH=" + os.Getenv("PATH")}, "curl", append(more, "--silent", "--max-time", "60", "--cacert", a.File, s.url+"/healthz")...)
		return strings.TrimSpace(out), exitCode(err)
	}
	if out, code := curl("--cert", own.Certificate, "--key", own.Key); out != "ok" || code != 0 {
		t.Errorf("with its certificate: %s, %d", out, code)
	}
	if out, code := curl(); code == 0 {
		t.Errorf("without a certificate: %s", out)
	}
	if out, code := curl("--cert", foreign.Certificate, "--key", foreign.Key); code == 0 {
		t.Errorf("with another's certificate: %s", out)
	}
	files := []string{"verify", "--ca-file", a.File, "--client-certificate", own.Certificate, "--client-key", own.Key}
	if out, errs, err := run(t, s.environment(t, rootKey), binary(t), files...); err != nil {
		t.Errorf("reeve with its certificate: %v %s%s", err, out, errs)
	}
}

// startShowing is startTLS for a server that wants a certificate also of who
// waits for it.
func startShowing(t *testing.T, shown []tls.Certificate, env ...string) (*server, *certtest.Authority) {
	t.Helper()
	a := certtest.New(t, "authority of a test")
	p := a.Issue("127.0.0.1")
	believe(t, a.File, shown)
	return startWith(t, append(env, "REEVE_TLS_CERTIFICATE="+p.Certificate, "REEVE_TLS_KEY="+p.Key)...), a
}
