package client

import (
	"crypto/tls"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAServerThatAsksForACertificate: what to give it is told, however its
// refusal arrives.
func TestAServerThatAsksForACertificate(t *testing.T) {
	for name, version := range map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13} {
		s := httptest.NewUnstartedServer(http.NotFoundHandler())
		s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: version}
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
		defer s.Close()
		authorities := filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(authorities, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
			t.Fatal(err)
		}
		c := to(t, s.URL)
		if err := c.Use(TLS{CA: authorities}); err != nil {
			t.Fatal(err)
		}
		if _, err := create(c); err == nil || !strings.Contains(err.Error(), "give --client-certificate and --client-key") {
			t.Errorf("TLS %s: %v", name, err)
		}
	}
}
