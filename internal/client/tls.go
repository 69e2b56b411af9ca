package client

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// AuthorityFile is where a server that serves HTTPS with a certificate of its
// own leaves, in the data directory, what clients have to trust.
const AuthorityFile = "ca.pem"

// TLS is what a client believes and shows when it speaks HTTPS: files in PEM.
type TLS struct {
	CA          string // authorities; "" for the system's
	Certificate string // of the client; "" shows none
	Key         string
}

// Use lets a client speak HTTPS with these files. They are read once.
func (c *Client) Use(files TLS) error {
	if files == (TLS{}) {
		return nil
	}
	if (files.Certificate == "") != (files.Key == "") {
		return errors.New("half of a client's certificate is named: give both --client-certificate and --client-key (REEVE_CLIENT_CERTIFICATE and REEVE_CLIENT_KEY), or neither")
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if files.CA != "" {
		text, err := os.ReadFile(files.CA)
		if err != nil {
			return fmt.Errorf("read authorities: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(text) {
			return fmt.Errorf("read authorities: %s has no certificate in PEM", files.CA)
		}
	}
	if files.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(files.Certificate, files.Key)
		if err != nil {
			return fmt.Errorf("read client's certificate: %w", err)
		}
		cfg.Certificates, c.shows = []tls.Certificate{pair}, true
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = cfg
	c.http.Transport = transport
	return nil
}

// useWhereNeeded is Use for an endpoint that is https. The environment may name
// files for other servers.
func (c *Client) useWhereNeeded(files TLS) error {
	if !strings.HasPrefix(c.endpoint, "https:") {
		return nil
	}
	return c.Use(files)
}

// LeftAuthority is the file of authorities that the newest server left in a
// data directory, "" for none.
func LeftAuthority(data string) string {
	path := filepath.Join(data, AuthorityFile)
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// untrusted tells that a server's certificate is not believed.
func untrusted(err error) bool {
	var wrong *tls.CertificateVerificationError
	return errors.As(err, &wrong)
}

// mayLackCertificate tells whether a server has hung up as those do that ask for
// a certificate, which none was shown to. Its alert can be lost: it comes
// after the handshake, when the request is being sent already.
func (c *Client) mayLackCertificate(err error) bool {
	if c.shows || !strings.HasPrefix(c.endpoint, "https:") {
		return false
	}
	hungUp := errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF)
	return hungUp || strings.Contains(err.Error(), "remote error: tls:")
}
