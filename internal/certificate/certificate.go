// Package certificate keeps the certificate that a server shows and the
// authorities whose clients it lets in, and takes new ones from the same files
// while the server runs. What cannot be used is never taken: the server goes on
// with what it has.
package certificate

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// fileLimit bounds each file, in bytes.
const fileLimit = 1 << 20

// lookEvery is the time between two looks at the files.
const lookEvery = 5 * time.Second

// Files are what a server is given, in PEM.
type Files struct {
	Certificate string // the server's certificate, then those of the authorities between it and the root
	Key         string // its private key
	ClientCA    string // authorities of clients' certificates; "" asks clients for none
	Optional    bool   // lets in also clients without a certificate
}

// Keeper holds what was read last. Its methods may be called at once.
type Keeper struct {
	files Files
	log   *slog.Logger
	now   atomic.Pointer[loaded]

	mu    sync.Mutex // of a look
	tried content    // what was read last, whether it could be used or not

	reloads, failures atomic.Uint64
}

// content is what was in the files, to see when it is something else.
type content struct{ certificate, key, clientCA []byte }

func (c content) equal(other content) bool {
	return bytes.Equal(c.certificate, other.certificate) && bytes.Equal(c.key, other.key) && bytes.Equal(c.clientCA, other.clientCA)
}

// loaded is what was made of them.
type loaded struct {
	tls  *tls.Config
	leaf *x509.Certificate
	last *x509.Certificate // of the file
	pem  []byte
}

// Open reads the files. Here what cannot be used is an error.
func Open(files Files, log *slog.Logger) (*Keeper, error) {
	k := &Keeper{files: files, log: log}
	c, err := files.read()
	if err != nil {
		return nil, err
	}
	l, err := files.load(c)
	if err != nil {
		return nil, err
	}
	k.tried = c
	k.now.Store(l)
	return k, nil
}

func (f Files) read() (c content, err error) {
	for _, one := range []struct {
		path string
		to   *[]byte
	}{{f.Certificate, &c.certificate}, {f.Key, &c.key}, {f.ClientCA, &c.clientCA}} {
		if one.path == "" {
			continue
		}
		if *one.to, err = readFile(one.path); err != nil {
			return content{}, err
		}
	}
	return c, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, fileLimit+1))
	if err == nil && len(text) > fileLimit {
		err = fmt.Errorf("%s is larger than 1 MiB", path)
	}
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	return text, nil
}

// load makes of the files' content what connections are begun with.
func (f Files) load(c content) (*loaded, error) {
	pair, err := tls.X509KeyPair(c.certificate, c.key)
	if err != nil {
		return nil, fmt.Errorf("use certificate %s with key %s: %w", f.Certificate, f.Key, err)
	}
	if now := time.Now(); now.After(pair.Leaf.NotAfter) {
		return nil, fmt.Errorf("use certificate %s: it has expired at %s", f.Certificate, pair.Leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	last, err := x509.ParseCertificate(pair.Certificate[len(pair.Certificate)-1])
	if err != nil {
		return nil, fmt.Errorf("use certificate %s: %w", f.Certificate, err)
	}
	l := &loaded{leaf: pair.Leaf, last: last, pem: c.certificate, tls: &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{pair},
		NextProtos:   []string{"h2", "http/1.1"},
	}}
	if f.ClientCA == "" {
		return l, nil
	}
	l.tls.ClientCAs = x509.NewCertPool()
	if !l.tls.ClientCAs.AppendCertsFromPEM(c.clientCA) {
		return nil, fmt.Errorf("use client authorities %s: it has no certificate in PEM", f.ClientCA)
	}
	l.tls.ClientAuth = tls.RequireAndVerifyClientCert
	if f.Optional {
		l.tls.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return l, nil
}

// Config is what a listener needs: every connection begins with what is loaded
// at that moment. Another certificate also ends the resumption of sessions, so
// that authorities that were taken out are out.
func (k *Keeper) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return k.now.Load().tls, nil
		},
	}
}

// Watch looks at the files every few seconds, and at once when asked to, until
// ctx ends. taken is called after each time that something new was taken.
func (k *Keeper) Watch(ctx context.Context, ask <-chan os.Signal, taken func()) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		asked := false
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-ask:
			asked = true
		}
		if k.Look(asked) {
			taken()
		}
	}
}

// Look takes what the files hold if it is something else than before and can be
// used, and tells whether it was. What cannot is logged and counted once, or every time when a person has
// asked.
func (k *Keeper) Look(asked bool) (taken bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c, err := k.files.read()
	if err == nil && c.equal(k.tried) && !asked {
		return false
	}
	var l *loaded
	if err == nil {
		l, err = k.files.load(c)
	}
	again := err != nil && c.equal(k.tried) && !asked // files that cannot be read have no content, each time
	k.tried = c
	if again {
		return false
	}
	if err != nil {
		k.failures.Add(1)
		k.log.Warn("certificate was not taken, so the one before stays", "error", err, "expires", k.Expires())
		return false
	}
	k.now.Store(l)
	k.reloads.Add(1)
	k.log.Info("certificate was taken", "expires", k.Expires())
	return true
}

// Expires is when the certificate that is shown does.
func (k *Keeper) Expires() time.Time { return k.now.Load().leaf.NotAfter.UTC() }

// Stats are how often new files were taken, and were not.
func (k *Keeper) Stats() (reloads, failures uint64) { return k.reloads.Load(), k.failures.Load() }

// Host is the host to name in a URL for the address ip of the server: ip itself
// if the certificate is for it, else a name that it is for.
func (k *Keeper) Host(ip net.IP) string {
	leaf := k.now.Load().leaf
	if leaf.VerifyHostname(ip.String()) == nil {
		return ip.String()
	}
	if ip.IsLoopback() && leaf.VerifyHostname("localhost") == nil {
		return "localhost"
	}
	for _, name := range leaf.DNSNames {
		if !strings.Contains(name, "*") {
			return name
		}
	}
	return ip.String()
}

// ErrPrivate says that clients need an authority that the server does not have.
var ErrPrivate = errors.New("the certificate is of an authority that this machine does not know, and whose own certificate is not in the file")

// Authority is what clients have to be given to believe the certificate, in
// PEM: nothing where this machine believes it anyway, the file's own
// certificates where their last one is a root. The error is ErrPrivate.
func (k *Keeper) Authority() ([]byte, error) {
	l := k.now.Load()
	if bytes.Equal(l.last.RawIssuer, l.last.RawSubject) && l.last.CheckSignature(l.last.SignatureAlgorithm, l.last.RawTBSCertificate, l.last.Signature) == nil {
		return l.pem, nil
	}
	between := x509.NewCertPool()
	between.AppendCertsFromPEM(l.pem)
	if _, err := l.leaf.Verify(x509.VerifyOptions{Intermediates: between}); err != nil {
		return nil, ErrPrivate
	}
	return nil, nil
}
