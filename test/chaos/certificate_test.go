package chaos_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"reeve/internal/certificate/certtest"
)

// TestACertificateIsReplacedUnderLoad replaces a running server's certificate,
// by a signal and by itself, and gives it a broken one between.
func TestACertificateIsReplacedUnderLoad(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no SIGHUP on Windows")
	}
	authority := certtest.New(t, "authority of a test")
	pair := authority.Issue("first", "127.0.0.1")
	s := start(t, t.TempDir(), append(rootEnvironment(), "REEVE_METRICS=127.0.0.1:0", "REEVE_TLS_CERTIFICATE="+pair.Certificate, "REEVE_TLS_KEY="+pair.Key)...)
	text, err := os.ReadFile(authority.File)
	must(t, "read authority", err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	kept := &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}
	defer kept.CloseIdleConnections()
	healthy := func() {
		t.Helper()
		response, err := kept.Get(s.endpoint + "/healthz")
		must(t, "ask over a connection that was there before", err)
		response.Body.Close()
		if response.StatusCode != http.StatusOK || response.ProtoMajor != 2 {
			t.Errorf("got %d over %s", response.StatusCode, response.Proto)
		}
	}
	shown := func() string {
		t.Helper()
		conn, err := tls.Dial("tcp", s.address(), &tls.Config{RootCAs: pool})
		must(t, "connect", err)
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	healthy()
	if got := shown(); got != "first" {
		t.Errorf("at first: %s", got)
	}
	must(t, "break the certificate", os.WriteFile(pair.Certificate, []byte("nothing"), 0o600))
	must(t, "signal", s.cmd.Process.Signal(syscall.SIGHUP))
	eventually(t, "a broken one is said", func() bool {
		return strings.Contains(s.log.String(), "certificate was not taken") && strings.Contains(s.scrape(t), `reeve_tls_reloads_total{result="failed"} `)
	})
	if got := shown(); got != "first" {
		t.Errorf("after a broken one: %s", got)
	}
	pair.Replace(t, authority.Issue("second", "127.0.0.1"))
	must(t, "signal", s.cmd.Process.Signal(syscall.SIGHUP))
	eventually(t, "the second is shown", func() bool { return shown() == "second" })
	pair.Replace(t, authority.Issue("third", "127.0.0.1"))
	eventually(t, "the third is shown without a signal", func() bool { return shown() == "third" })
	healthy()
	if text := s.scrape(t); !strings.Contains(text, "reeve_tls_certificate_expiry_seconds 1.") {
		t.Errorf("no expiry in\n%s", text)
	}
	s.stop()
}
