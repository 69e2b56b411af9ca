// Package certtest makes certificates for tests: authorities, and what they
// sign, as files in PEM.
package certtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority signs certificates.
type Authority struct {
	File string // its own certificate

	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// Pair is a certificate with its authority's behind it, and its key.
type Pair struct{ Certificate, Key string }

// New makes an authority.
func New(t testing.TB, name string) *Authority {
	t.Helper()
	a := &Authority{t: t, File: filepath.Join(t.TempDir(), "ca.pem")}
	a.key = a.newKey()
	template := a.template(name, time.Hour)
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	a.must(err)
	a.cert, err = x509.ParseCertificate(der)
	a.must(err)
	a.write(a.File, "CERTIFICATE", der)
	return a
}

// Issue makes a certificate for hosts, which are names or addresses, for
// servers and clients alike.
func (a *Authority) Issue(hosts ...string) Pair {
	a.t.Helper()
	return a.IssueFor(time.Hour, hosts...)
}

// IssueFor is Issue for a time; a negative one is over.
func (a *Authority) IssueFor(lasting time.Duration, hosts ...string) Pair {
	a.t.Helper()
	p := Pair{filepath.Join(a.t.TempDir(), "certificate.pem"), filepath.Join(a.t.TempDir(), "key.pem")}
	key, template := a.newKey(), a.template(hosts[0], lasting)
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	a.must(err)
	a.write(p.Certificate, "CERTIFICATE", der, a.cert.Raw)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	a.must(err)
	a.write(p.Key, "PRIVATE KEY", secret)
	return p
}

// Replace puts another pair where this one is, the certificate first.
func (p Pair) Replace(t testing.TB, with Pair) {
	t.Helper()
	for to, from := range map[string]string{p.Certificate: with.Certificate, p.Key: with.Key} {
		text, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(to, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func (a *Authority) template(name string, lasting time.Duration) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	a.must(err)
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(lasting),
	}
}

func (a *Authority) newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a.must(err)
	return key
}

func (a *Authority) write(path, kind string, blocks ...[]byte) {
	var text []byte
	for _, der := range blocks {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})...)
	}
	a.must(os.WriteFile(path, text, 0o600))
}

func (a *Authority) must(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}
