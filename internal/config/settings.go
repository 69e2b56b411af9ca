package config

import (
	"fmt"
	"math"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Setting is one row of the table: a name in four places, what it means and
// how its text becomes a value.
type Setting struct {
	Name    string   // flag and file key, such as max-per-resource
	Default string   // as an operator would write it; "" is empty or off
	Kind    string   // what to write: a word for the help
	Help    string   // one sentence without a full stop
	NoFlag  bool     // a secret: arguments of a process are visible to everyone on the machine
	Values  []string // all that it may be, where these are few; for completion, as set checks it

	set func(*Config, string) error
}

// Env is the setting's name in the environment.
func (s Setting) Env() string {
	return "REEVE_" + strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_"))
}

// Set reads text into c. Its error says what would have been right.
func (s Setting) Set(c *Config, text string) error { return s.set(c, text) }

// IsBool tells whether the setting may be given as a bare flag.
func (s Setting) IsBool() bool { return s.Kind == "bool" }

// Settings returns the table, in the order in which help shows it. The caller
// owns the slice.
func Settings() []Setting {
	return slices.Concat(placeSettings(), networkSettings(), ruleSettings(), evidenceSettings(), consoleSettings(), webIdentitySettings(), processSettings())
}

// placeSettings say where a server listens and keeps its data.
func placeSettings() []Setting {
	return []Setting{
		{Name: "data", Default: "./reeve-data", Kind: "dir",
			Help: "Directory of the database, master.key and credentials; made if absent",
			set:  text(func(c *Config) *string { return &c.Data }, "a directory")},
		{Name: "listen", Default: "127.0.0.1:4750", Kind: "host:port",
			Help: "Address to serve on; port 0 takes a free one",
			set:  hostPort(func(c *Config) *string { return &c.Listen })},
		{Name: "metrics", Kind: "host:port",
			Help: "Address to serve metrics for Prometheus on, at /metrics and without any signature, so one that only your network reaches; without it, nowhere",
			set:  hostPort(func(c *Config) *string { return &c.Metrics })},
		{Name: "database", Kind: "url",
			Help: "PostgreSQL to keep the ledger in (postgres://…); without it, SQLite in the data directory",
			set:  postgresURL(func(c *Config) *Secret { return &c.Database }, "for SQLite")},
		{Name: "read-database", Kind: "url",
			Help: "PostgreSQL replica of --database (postgres://…) for reading usage and associations at revisions that it has; --database still answers the rest, and everything when the replica is behind by more than 50ms or down",
			set:  postgresURL(func(c *Config) *Secret { return &c.ReadDatabase }, "for none")},
		{Name: "database-connections", Default: "0", Kind: "number",
			Help: "Connections to PostgreSQL at most, from 2 to 1000, to --database and to --read-database each; 0 leaves it to pool_max_conns of the URL, and without that to 4, or one for each processor if there are more",
			set:  setDatabaseConnections},
		{Name: "database-patience", Default: "15s", Kind: "duration",
			Help: "How long a request waits for a PostgreSQL that is away before it is answered with ServiceUnavailableException, and a server that starts before it gives up; at most 10m, 0s for not at all",
			set:  setDatabasePatience},
	}
}

// ruleSettings change what a server does and writes down.
func ruleSettings() []Setting {
	return []Setting{
		{Name: "sandbox", Default: "false", Kind: "bool",
			Help: "Accept unknown, well-formed ARNs of the caller's own account as resources, for testing infrastructure code",
			set:  boolean(func(c *Config) *bool { return &c.Sandbox })},
		{Name: "sample", Default: "false", Kind: "bool",
			Help: "Fill an empty deployment with a sample company and its history",
			set:  boolean(func(c *Config) *bool { return &c.Sample })},
		{Name: "log-level", Default: "info", Kind: "level", Values: []string{"debug", "info", "warn", "error"},
			Help: "Least level that is logged: debug, info, warn or error",
			set:  setLogLevel},
		{Name: "log-format", Default: "text", Kind: "format", Values: []string{"text", "json"},
			Help: "Form of the log on standard error: text or json",
			set:  setLogFormat},
		{Name: "lost-after", Default: "2d", Kind: "duration",
			Help: "How long a managed instance may stay unseen before its connection counts as lost, which keeps its licences; at least 2h",
			set:  duration(func(c *Config) *time.Duration { return &c.LostAfter }, 2*time.Hour)},
		{Name: "inactive-after", Default: "30d", Kind: "duration",
			Help: "How long a managed instance may stay unseen before it releases its licences; at least 1h",
			set:  duration(func(c *Config) *time.Duration { return &c.InactiveAfter }, time.Hour)},
		{Name: "products", Kind: "file",
			Help: "File of lines that say which product an application is, before those of the program (see docs/discovery.md)",
			set:  text(func(c *Config) *string { return &c.Products }, "a file")},
		{Name: "audit", Default: "all", Kind: "mode", Values: []string{"all", "changes", "off"},
			Help: "Which calls the audit trail records: all, changes (and whatever was refused) or off",
			set:  setAudit},
		{Name: "audit-retention", Default: "400d", Kind: "duration",
			Help: "How long events of the audit trail are kept; 0s for ever",
			set:  duration(func(c *Config) *time.Duration { return &c.AuditRetention }, 0)},
		{Name: "max-configurations", Default: "0", Kind: "number",
			Help: "Quota of configurations per account and region (AWS: 25); 0 for none",
			set:  number(func(c *Config) *int { return &c.MaxConfigurations })},
		{Name: "max-creates-per-day", Default: "0", Kind: "number",
			Help: "Quota of new configurations per account, region and day (AWS: 10); 0 for none",
			set:  number(func(c *Config) *int { return &c.MaxCreatesPerDay })},
		{Name: "max-per-resource", Default: "0", Kind: "number",
			Help: "Quota of configurations per resource (AWS: 10); 0 for none",
			set:  number(func(c *Config) *int { return &c.MaxPerResource })},
	}
}

// evidenceSettings say when checkpoints are made, and who gets them.
func evidenceSettings() []Setting {
	return []Setting{
		{Name: "checkpoint-every", Default: "1h", Kind: "duration",
			Help: "Time between two signed checkpoints of an account whose ledgers change, at least 1m (see docs/evidence.md)",
			set:  duration(func(c *Config) *time.Duration { return &c.CheckpointEvery }, time.Minute)},
		{Name: "witness-webhook", Kind: "url",
			Help: "URL (https://…) that every checkpoint is sent to by POST; it may hold a secret, and is not logged",
			set:  webURL(func(c *Config) *Secret { return &c.WitnessWebhook })},
		{Name: "witness-file", Kind: "path",
			Help: "File that every checkpoint is appended to, or directory that gets a file for each, best on a disk that can only be added to",
			set:  text(func(c *Config) *string { return &c.WitnessFile }, "a file or directory")},
		{Name: "witness-reeve", Kind: "url",
			Help: "Server of another deployment of Reeve (https://…) that checks and co-signs every checkpoint; it needs witness-reeve-access-key-id",
			set:  webURL(func(c *Config) *Secret { return &c.WitnessReeve })},
		{Name: "witness-reeve-access-key-id", Kind: "id",
			Help: "Access key of an account there",
			set:  text(func(c *Config) *string { return &c.WitnessReeveAccessKeyID }, "an access key ID")},
		{Name: "witness-reeve-secret-access-key", Kind: "secret", NoFlag: true,
			Help: "Secret of witness-reeve-access-key-id",
			set:  secret(func(c *Config) *Secret { return &c.WitnessReeveSecretAccessKey })},
		{Name: "witness-for", Kind: "file",
			Help: "File of verifier keys of other deployments, one a line as their /.well-known/reeve-key shows them, whose checkpoints this server co-signs; without it, nobody's",
			set:  text(func(c *Config) *string { return &c.WitnessFor }, "a file")},
	}
}

// processSettings bound a server's process, and hold what it has to be told
// at its first start.
func processSettings() []Setting {
	return []Setting{
		{Name: "memory", Default: "512MiB", Kind: "size",
			Help: "Memory that the server keeps to, at least 128MiB; half of it is for what was read of ledgers before, so more of it makes lists of millions of records faster",
			set:  setMemory},
		{Name: "shutdown-timeout", Default: "20s", Kind: "duration",
			Help: "How long a stopping server lets running requests finish",
			set:  duration(func(c *Config) *time.Duration { return &c.ShutdownTimeout }, 0)},
		{Name: "root-account", Kind: "digits",
			Help: "Number of the deployment's first account, decided at first start; without it, a random one",
			set:  setRootAccount},
		{Name: "root-access-key-id", Kind: "id",
			Help: "Access key of the root account, added if absent; without it, a random one is made at first start",
			set:  text(func(c *Config) *string { return &c.RootAccessKeyID }, "an access key ID")},
		{Name: "root-secret-access-key", Kind: "secret", NoFlag: true,
			Help: "Secret of root-access-key-id",
			set:  secret(func(c *Config) *Secret { return &c.RootSecretAccessKey })},
		{Name: "master-key", Kind: "secret", NoFlag: true,
			Help: "Key that seals the secrets in the database, 32 bytes as hex or base64; without it, master.key in the data directory",
			set:  secret(func(c *Config) *Secret { return &c.MasterKey })},
	}
}

func text(field func(*Config) *string, want string) func(*Config, string) error {
	return func(c *Config, s string) error {
		if s == "" {
			return fmt.Errorf("is empty: give %s", want)
		}
		*field(c) = s
		return nil
	}
}

func secret(field func(*Config) *Secret) func(*Config, string) error {
	return func(c *Config, s string) error {
		*field(c) = Secret(s)
		return nil
	}
}

func boolean(field func(*Config) *bool) func(*Config, string) error {
	return func(c *Config, s string) error {
		v, err := strconv.ParseBool(s)
		if err != nil {
			return fmt.Errorf("is %q: give true or false", s)
		}
		*field(c) = v
		return nil
	}
}

func number(field func(*Config) *int) func(*Config, string) error {
	return func(c *Config, s string) error {
		v, err := strconv.ParseUint(s, 10, 31)
		if err != nil {
			return fmt.Errorf("is %q: give a whole number from 0 to %d", s, math.MaxInt32)
		}
		*field(c) = int(v)
		return nil
	}
}

func duration(field func(*Config) *time.Duration, least time.Duration) func(*Config, string) error {
	return func(c *Config, s string) error {
		d, err := parseDuration(s)
		if err != nil {
			return err
		}
		if d < least {
			return fmt.Errorf("is %q: give at least %v", s, least)
		}
		*field(c) = d
		return nil
	}
}

// parseDuration is time.ParseDuration with days beside: 30d.
func parseDuration(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("is %q: give a duration such as 90s, 12h or 30d", s)
	}
	return d, nil
}

func hostPort(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, s string) error {
		_, port, err := net.SplitHostPort(s)
		if err != nil {
			return fmt.Errorf("is %q: give host:port, such as 127.0.0.1:4750 or :4750", s)
		}
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return fmt.Errorf("is %q: give a port from 0 to 65535", s)
		}
		*field(c) = s
		return nil
	}
}

// postgresURL does not repeat the value in its error: it may hold a password.
func postgresURL(field func(*Config) *Secret, without string) func(*Config, string) error {
	return func(c *Config, s string) error {
		if s != "" && !strings.HasPrefix(s, "postgres://") && !strings.HasPrefix(s, "postgresql://") {
			return fmt.Errorf("is not a PostgreSQL URL: give postgres://user:password@host:5432/name, or leave it out %s", without)
		}
		*field(c) = Secret(s)
		return nil
	}
}

// webURL does not repeat the value in its error: it may hold a secret.
func webURL(field func(*Config) *Secret) func(*Config, string) error {
	return func(c *Config, s string) error {
		if s != "" && !strings.HasPrefix(s, "https://") && !strings.HasPrefix(s, "http://") {
			return fmt.Errorf("is not a URL: give https://…, or leave it out for none")
		}
		*field(c) = Secret(s)
		return nil
	}
}

// setDatabaseConnections wants two at least: a commit that was lost is looked
// into while others go on.
func setDatabaseConnections(c *Config, s string) error {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil || n == 1 || n > 1000 {
		return fmt.Errorf("is %q: give a whole number from 2 to 1000, or 0 for what the URL says", s)
	}
	c.DatabaseConnections = int(n)
	return nil
}

func setDatabasePatience(c *Config, s string) error {
	const most = 10 * time.Minute
	d, err := parseDuration(s)
	if err == nil && (d < 0 || d > most) {
		err = fmt.Errorf("is %q: give a duration from 0s to 10m", s)
	}
	if err != nil {
		return err
	}
	c.DatabasePatience = d
	return nil
}

func setRootAccount(c *Config, s string) error {
	if !accountDigits.MatchString(s) {
		return fmt.Errorf("is %q: give 12 digits", s)
	}
	c.RootAccount = s
	return nil
}

var accountDigits = regexp.MustCompile(`^[0-9]{12}$`)

func setLogLevel(c *Config, s string) error {
	switch s {
	case "debug", "info", "warn", "error":
		return c.LogLevel.UnmarshalText([]byte(s))
	}
	return fmt.Errorf("is %q: give debug, info, warn or error", s)
}

func setLogFormat(c *Config, s string) error {
	if s != "text" && s != "json" {
		return fmt.Errorf("is %q: give text or json", s)
	}
	c.LogFormat = s
	return nil
}

func setAudit(c *Config, s string) error {
	if s != "all" && s != "changes" && s != "off" {
		return fmt.Errorf("is %q: give all, changes or off", s)
	}
	c.Audit = s
	return nil
}

func setMemory(c *Config, s string) error {
	const least = 128 << 20
	n, err := parseSize(s)
	if err == nil && n < least {
		err = fmt.Errorf("is %q: give 128MiB or more", s)
	}
	if err != nil {
		return err
	}
	c.Memory = n
	return nil
}

// parseSize reads a number of bytes with an optional unit: 1000000, 512KiB, 1GiB.
func parseSize(s string) (int64, error) {
	digits, shift := s, 0
	for i, unit := range []string{"KiB", "MiB", "GiB"} {
		if d, ok := strings.CutSuffix(s, unit); ok {
			digits, shift = d, 10*(i+1)
		}
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("is %q: give a size such as 64MiB or 1GiB, and below 4 GiB without a unit", s)
	}
	return int64(n) << shift, nil
}
