// Package config holds the settings of a server and reads them from where
// operators put them: defaults, then a configuration file, then the
// environment, then flags, the later winning.
//
// The table in settings.go is the one place that names a setting; flags,
// environment names, file keys and the printed help all come from it.
package config

import (
	"fmt"
	"log/slog"
	"time"
)

// Config is everything an operator can choose of a server. Defaults and
// meanings are in the table of settings; [Default] fills them in.
type Config struct {
	Data     string // directory of the database, the master key and the credentials
	Listen   string // host:port
	Metrics  string // host:port; "" is nowhere
	Database Secret // postgres:// URL, which may hold a password; "" is SQLite in Data

	ReadDatabase Secret // postgres:// URL of a replica of Database; "" is none

	DatabaseConnections int           // of each pool of PostgreSQL; 0: what its URL says
	DatabasePatience    time.Duration // 0: none

	Sandbox bool
	Sample  bool

	LogLevel  slog.Level
	LogFormat string // text or json

	LostAfter         time.Duration
	InactiveAfter     time.Duration
	Products          string // file; "" is none
	MaxConfigurations int    // 0: no quota
	MaxCreatesPerDay  int    // 0: no quota
	MaxPerResource    int    // 0: no quota

	Audit          string        // all, changes or off
	AuditRetention time.Duration // 0: for ever

	CheckpointEvery             time.Duration
	WitnessWebhook              Secret // URL; "" is none
	WitnessFile                 string // "" is none
	WitnessReeve                Secret // URL; "" is none
	WitnessReeveAccessKeyID     string
	WitnessReeveSecretAccessKey Secret
	WitnessFor                  string // file of keys; "" is none

	TrustProxy             bool
	ConsoleSessionIdle     time.Duration
	ConsoleSessionLifetime time.Duration

	OIDCIssuer       string // URL; "" is none
	OIDCClientID     string
	OIDCClientSecret Secret // "" for a public client
	OIDCName         string
	OIDCScopes       []string
	OIDCGroupsClaim  string
	OIDCGroups       []GroupRole

	WebIdentityIssuers   []string
	WebIdentityAudiences []string
	WebIdentityCA        string // file; "" is none

	TLSCertificate string // file; "" serves HTTP
	TLSKey         string // file
	TLSClientCA    string // file; "" asks for no certificates
	TLSClientAuth  string // required or optional

	RateLimit      int // requests per second of a key; 0: no limit
	RateLimitBurst int // 0: twice RateLimit
	MaxConnections int
	MaxRequests    int
	RequestWait    time.Duration

	Memory          int64 // bytes
	ShutdownTimeout time.Duration

	RootAccount         string
	RootAccessKeyID     string
	RootSecretAccessKey Secret
	MasterKey           Secret
}

// Default returns the settings of a server that nobody configured.
func Default() Config {
	var c Config
	for _, s := range Settings() {
		if s.Default == "" {
			continue
		}
		if err := s.Set(&c, s.Default); err != nil {
			panic("default of " + s.Name + ": " + err.Error()) // a mistake in the table; its test finds it
		}
	}
	return c
}

// Secret is a setting that must not be printed. Convert it to string to use it.
type Secret string

// String stands in for the value wherever it is printed.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "(secret)"
}

// Format keeps %q, %x, %#v and all others from reaching the value.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// LogValue keeps slog from reaching the value.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
