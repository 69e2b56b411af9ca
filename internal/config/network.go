package config

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// networkSettings say how a server meets the network: encrypted or not, and how
// much of it at once.
func networkSettings() []Setting {
	return append(tlsSettings(), limitSettings()...)
}

func tlsSettings() []Setting {
	return []Setting{
		{Name: "tls-certificate", Kind: "file",
			Help: "Certificate in PEM, with those between it and its root, to serve HTTPS with; it is read again when the file changes, and at SIGHUP; it needs tls-key; without it, HTTP",
			set:  text(func(c *Config) *string { return &c.TLSCertificate }, "a file")},
		{Name: "tls-key", Kind: "file",
			Help: "Private key of tls-certificate, in PEM",
			set:  text(func(c *Config) *string { return &c.TLSKey }, "a file")},
		{Name: "tls-client-ca", Kind: "file",
			Help: "Certificate authorities in PEM; clients then need a certificate of one of them, besides their access key or token",
			set:  text(func(c *Config) *string { return &c.TLSClientCA }, "a file")},
		{Name: "tls-client-auth", Default: "required", Kind: "mode",
			Help: "With tls-client-ca: required, or optional to let in clients without a certificate too (a wrong one is refused)",
			set:  setClientAuth},
	}
}

func limitSettings() []Setting {
	return []Setting{
		{Name: "rate-limit", Default: "0", Kind: "number",
			Help: "Requests per second of one access key, or of all sessions of one role, before it is answered with ThrottlingException; 0 for no limit",
			set:  number(func(c *Config) *int { return &c.RateLimit })},
		{Name: "rate-limit-burst", Default: "0", Kind: "number",
			Help: "Requests that may come at once after a pause; 0 for twice the rate-limit",
			set:  number(func(c *Config) *int { return &c.RateLimitBurst })},
		{Name: "max-connections", Default: "8192", Kind: "number",
			Help: "Connections at most, from 16; beyond that those that wait for their client the longest are closed. The limit of open files may lower it",
			set:  between(func(c *Config) *int { return &c.MaxConnections }, 16, 1_000_000)},
		{Name: "max-requests", Default: "256", Kind: "number",
			Help: "Requests that are worked on at once, from 4 to 65536: changes up to this many, and lists up to a quarter of it besides",
			set:  between(func(c *Config) *int { return &c.MaxRequests }, 4, 65_536)},
		{Name: "request-wait", Default: "1s", Kind: "duration",
			Help: "How long further requests wait for their turn, four times max-requests of each kind at most, before they are answered with ThrottlingException; at most 30s",
			set:  setRequestWait},
	}
}

// CheckTLS says which of the settings of TLS is missing beside another.
func (c *Config) CheckTLS() error {
	switch {
	case (c.TLSCertificate == "") != (c.TLSKey == ""):
		return errors.New("tls-certificate and tls-key belong together: give both, or neither for HTTP")
	case c.TLSClientCA != "" && c.TLSCertificate == "":
		return errors.New("tls-client-ca is for HTTPS: give tls-certificate and tls-key too")
	}
	return nil
}

func setClientAuth(c *Config, s string) error {
	if s != "required" && s != "optional" {
		return fmt.Errorf("is %q: give required or optional", s)
	}
	c.TLSClientAuth = s
	return nil
}

func setRequestWait(c *Config, s string) error {
	const most = 30 * time.Second
	d, err := parseDuration(s)
	if err == nil && (d < 0 || d > most) {
		err = fmt.Errorf("is %q: give a duration from 0s to 30s", s)
	}
	if err != nil {
		return err
	}
	c.RequestWait = d
	return nil
}

func between(field func(*Config) *int, least, most int) func(*Config, string) error {
	return func(c *Config, s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || n < least || n > most {
			return fmt.Errorf("is %q: give a whole number from %d to %d", s, least, most)
		}
		*field(c) = n
		return nil
	}
}
