package certificate_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"reeve/internal/certificate"
	"reeve/internal/certificate/certtest"
)

func open(t *testing.T, files certificate.Files) *certificate.Keeper {
	t.Helper()
	k, err := certificate.Open(files, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func filesOf(p certtest.Pair) certificate.Files {
	return certificate.Files{Certificate: p.Certificate, Key: p.Key}
}

// greet begins a connection with a keeper's server and returns the name in the
// certificate that it shows.
func greet(t *testing.T, k *certificate.Keeper, client *tls.Config) (string, error) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", k.Config())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	answered := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			defer conn.Close()
			err = conn.(*tls.Conn).Handshake()
		}
		answered <- err
	}()
	c, err := tls.Dial("tcp", l.Addr().String(), client)
	if c != nil {
		defer c.Close()
	}
	if refused := <-answered; err == nil { // with TLS 1.3 the client hears of a refusal later
		err = refused
	}
	if err != nil {
		return "", err
	}
	return c.ConnectionState().PeerCertificates[0].Subject.CommonName, nil
}

func trusting(t *testing.T, a *certtest.Authority, host string) *tls.Config {
	t.Helper()
	text, err := os.ReadFile(a.File)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return &tls.Config{RootCAs: pool, ServerName: host}
}

func TestNewFilesAreTakenAndBrokenOnesAreNot(t *testing.T) {
	a := certtest.New(t, "ours")
	p := a.Issue("one.example", "reeve.example")
	k := open(t, filesOf(p))
	want := func(step, name string, reloads, failures uint64) {
		t.Helper()
		got, err := greet(t, k, trusting(t, a, "reeve.example"))
		if err != nil || got != name {
			t.Errorf("%s: %q, %v, want %q", step, got, err, name)
		}
		if r, f := k.Stats(); r != reloads || f != failures {
			t.Errorf("%s: %d taken and %d not, want %d and %d", step, r, f, reloads, failures)
		}
	}
	look := func(asked, taken bool) {
		t.Helper()
		if k.Look(asked) != taken {
			t.Errorf("taken is not %v", taken)
		}
	}
	want("at first", "one.example", 0, 0)
	look(false, false)
	want("unchanged", "one.example", 0, 0)
	second := a.Issue("two.example", "reeve.example")
	text, err := os.ReadFile(second.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.Certificate, text, 0o600); err != nil {
		t.Fatal(err)
	}
	look(false, false)
	look(false, false) // said once
	want("with another key", "one.example", 0, 1)
	look(true, false) // but to somebody who asks
	want("asked again", "one.example", 0, 2)
	p.Replace(t, second)
	look(false, true)
	want("both", "two.example", 1, 2)
	if err := os.Remove(p.Key); err != nil {
		t.Fatal(err)
	}
	look(false, false)
	look(false, false)
	want("without its key", "two.example", 1, 3)
	p.Replace(t, a.IssueFor(-time.Hour, "old.example", "reeve.example"))
	look(false, false)
	want("an expired one", "two.example", 1, 4)
}

func TestOldVersionsOfTLSAreRefused(t *testing.T) {
	a := certtest.New(t, "ours")
	k := open(t, filesOf(a.Issue("reeve.example")))
	for version, want := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		c := trusting(t, a, "reeve.example")
		c.MinVersion, c.MaxVersion = tls.VersionTLS10, version
		if _, err := greet(t, k, c); (err == nil) != want {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
	}
}

func TestClientsShowTheirCertificates(t *testing.T) {
	a, clients, others := certtest.New(t, "ours"), certtest.New(t, "clients"), certtest.New(t, "others")
	shown := func(from *certtest.Authority) []tls.Certificate {
		p := from.Issue("client")
		pair, err := tls.LoadX509KeyPair(p.Certificate, p.Key)
		if err != nil {
			t.Fatal(err)
		}
		return []tls.Certificate{pair}
	}
	for name, c := range map[string]struct {
		optional bool
		show     []tls.Certificate
		want     bool
	}{
		"required, right":   {false, shown(clients), true},
		"required, another": {false, shown(others), false},
		"required, none":    {false, nil, false},
		"optional, right":   {true, shown(clients), true},
		"optional, another": {true, shown(others), false},
		"optional, none":    {true, nil, true},
	} {
		files := filesOf(a.Issue("reeve.example"))
		files.ClientCA, files.Optional = clients.File, c.optional
		client := trusting(t, a, "reeve.example")
		// Shown whether the server says that it knows the authority or not.
		client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if c.show == nil {
				return new(tls.Certificate), nil
			}
			return &c.show[0], nil
		}
		if _, err := greet(t, open(t, files), client); (err == nil) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFilesThatCannotBeUsedAreNamedAtTheStart(t *testing.T) {
	a := certtest.New(t, "ours")
	good, other := a.Issue("reeve.example"), a.Issue("other.example")
	for want, files := range map[string]certificate.Files{
		"no such file":             {Certificate: "/nowhere.pem", Key: good.Key},
		"private key does not":     {Certificate: good.Certificate, Key: other.Key},
		"expired":                  filesOf(a.IssueFor(-time.Minute, "reeve.example")),
		"no certificate in PEM":    {Certificate: good.Certificate, Key: good.Key, ClientCA: good.Key},
		"failed to find any PEM d": {Certificate: "certificate_test.go", Key: good.Key},
	} {
		if _, err := certificate.Open(files, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestURLsNameAHostOfTheCertificate(t *testing.T) {
	a := certtest.New(t, "ours")
	for want, hosts := range map[string][]string{
		"127.0.0.1":     {"reeve.example", "127.0.0.1"},
		"localhost":     {"reeve.example", "localhost"},
		"reeve.example": {"*.example", "reeve.example"},
	} {
		if got := open(t, filesOf(a.Issue(hosts...))).Host(net.IPv4(127, 0, 0, 1)); got != want {
			t.Errorf("%v: %s, want %s", hosts, got, want)
		}
	}
	if got := open(t, filesOf(a.Issue("*.example"))).Host(net.IPv4(127, 0, 0, 1)); got != "127.0.0.1" {
		t.Errorf("of a wildcard: %s", got)
	}
}

func TestClientsGetTheRootThatIsInTheFile(t *testing.T) {
	a := certtest.New(t, "ours")
	p := a.Issue("reeve.example")
	k := open(t, filesOf(p))
	authority, err := k.Authority()
	whole, _ := os.ReadFile(p.Certificate)
	if err != nil || string(authority) != string(whole) {
		t.Errorf("got %q, %v", authority, err)
	}
	leaf := whole[:strings.Index(string(whole), "-----END CERTIFICATE-----")+len("-----END CERTIFICATE-----\n")]
	if err := os.WriteFile(p.Certificate, leaf, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, filesOf(p)).Authority(); !errors.Is(err, certificate.ErrPrivate) {
		t.Errorf("of a certificate alone: %v", err)
	}
}
