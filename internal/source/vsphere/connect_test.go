package vsphere_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vmware/govmomi/simulator"

	"reeve/internal/source/vsphere"
)

// certificate is a self-signed certificate for 127.0.0.1 that is good for an
// hour before until.
func certificate(t *testing.T, until time.Time) (config *tls.Config, file, fingerprint string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "vcenter"}, NotBefore: until.Add(-time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, file, hex.EncodeToString(sum[:])
}

func TestCertificates(t *testing.T) {
	config, file, fingerprint := certificate(t, time.Now().Add(30*time.Minute))
	w := startModel(t, simulator.VPX(), config)
	w.Insecure = false
	_, _, err := w.pull(nil)
	wantError(t, err, "vCenter 127.0.0.1:", "ca_file", "thumbprint")
	w.CAFile = file
	w.mustPull(nil)
	w.CAFile, w.Thumbprint = "", fingerprint
	w.mustPull(nil)
	w.Thumbprint = strings.Repeat("ab", 32)
	_, _, err = w.pull(nil)
	wantError(t, err, "if it was renewed, write the new fingerprint")
	w.Thumbprint, w.CAFile = "", filepath.Join(t.TempDir(), "missing.pem")
	_, _, err = w.pull(nil)
	wantError(t, err, "missing.pem")
}

func TestExpiredCertificate(t *testing.T) {
	config, file, _ := certificate(t, time.Now().Add(-time.Minute))
	w := startModel(t, simulator.VPX(), config)
	w.Insecure, w.CAFile = false, file
	_, _, err := w.pull(nil)
	wantError(t, err, "expired", "renew it on the vCenter")
}

func TestLogin(t *testing.T) {
	w := start(t)
	if err := os.WriteFile(w.PasswordFile, []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := w.pull(nil)
	wantError(t, err, "look at user, which is reeve", w.PasswordFile)

	w.PasswordFile, w.PasswordVariable = "", "REEVE_TEST_VCENTER_PASSWORD"
	t.Setenv(w.PasswordVariable, password)
	w.mustPull(nil)
}

func TestNobodyListens(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := start(t)
	w.URL = "https://" + listener.Addr().String() + "/sdk"
	_ = listener.Close()
	_, _, err = w.pull(nil)
	wantError(t, err, "look at url")
}

func TestCheck(t *testing.T) {
	good := vsphere.Settings{URL: "https://vcenter.example.com/sdk", User: "u", PasswordFile: "/p", Region: "eu-central-1", Account: "111122223333"}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*vsphere.Settings){
		"url: \"vcenter\"":                        func(s *vsphere.Settings) { s.URL = "vcenter" },
		"url holds a user":                        func(s *vsphere.Settings) { s.URL = "https://a:b@vcenter" },
		"in the clear":                            func(s *vsphere.Settings) { s.URL = "http://vcenter" },
		"user is empty":                           func(s *vsphere.Settings) { s.User = "" },
		"give one of password_file":               func(s *vsphere.Settings) { s.PasswordVariable = "X" },
		"exclude each other":                      func(s *vsphere.Settings) { s.Insecure, s.CAFile = true, "x" },
		"thumbprint: \"AB\"":                      func(s *vsphere.Settings) { s.Thumbprint = "AB" },
		"datacenters: an entry is empty":          func(s *vsphere.Settings) { s.Datacenters = []string{"/"} },
		"datacenters has 1001":                    func(s *vsphere.Settings) { s.Datacenters = make([]string, 1001) },
		"region: \"Frankfurt\"":                   func(s *vsphere.Settings) { s.Region = "Frankfurt" },
		"account: \"\" is no account":             func(s *vsphere.Settings) { s.Account = "" },
		"account: \"11112222333x\" is no account": func(s *vsphere.Settings) { s.Account = "11112222333x" },
	} {
		s := good
		change(&s)
		wantError(t, s.Check(), want)
	}
	if _, err := vsphere.Open(good); err == nil || !strings.Contains(err.Error(), "password_file") {
		t.Errorf("a password file that is not there: %v", err)
	}
}
