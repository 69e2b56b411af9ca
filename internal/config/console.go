package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// GroupRole lets the members of a group of the identity provider act as a role.
type GroupRole struct{ Group, Account, Role string }

// maxGroups bounds how many grants oidc-groups may have.
const maxGroups = 1000

// consoleSettings say who may sign in to the console, and for how long.
func consoleSettings() []Setting {
	return append([]Setting{
		{Name: "trust-proxy", Default: "false", Kind: "bool",
			Help: "Believe the proxy in front what it says of browsers and clients: X-Forwarded-Proto, X-Forwarded-Host and the last of X-Forwarded-For; only for servers that nobody reaches without it",
			set:  boolean(func(c *Config) *bool { return &c.TrustProxy })},
		{Name: "console-session-idle", Default: "1h", Kind: "duration",
			Help: "After which time without use somebody is signed out of the console; at least 5m",
			set:  duration(func(c *Config) *time.Duration { return &c.ConsoleSessionIdle }, 5*time.Minute)},
		{Name: "console-session-lifetime", Default: "12h", Kind: "duration",
			Help: "After which time everybody is signed out of the console; at least 5m",
			set:  duration(func(c *Config) *time.Duration { return &c.ConsoleSessionLifetime }, 5*time.Minute)},
	}, singleSignOnSettings()...)
}

// singleSignOnSettings say which OpenID Connect provider signs people in.
func singleSignOnSettings() []Setting {
	return []Setting{
		{Name: "oidc-issuer", Kind: "url",
			Help: "OpenID Connect provider that people sign in to the console with, as it writes its own URL (see docs/console.md); without it, they sign in with access keys alone",
			set:  setIssuer},
		{Name: "oidc-client-id", Kind: "id",
			Help: "What the provider calls this server",
			set:  text(func(c *Config) *string { return &c.OIDCClientID }, "the client's ID")},
		{Name: "oidc-client-secret", Kind: "secret", NoFlag: true,
			Help: "Secret of oidc-client-id; without it, a public client",
			set:  secret(func(c *Config) *Secret { return &c.OIDCClientSecret })},
		{Name: "oidc-name", Default: "single sign-on", Kind: "text",
			Help: "What people call the provider: the button says \"Sign in with …\"",
			set:  text(func(c *Config) *string { return &c.OIDCName }, "a name")},
		{Name: "oidc-scopes", Default: "profile email", Kind: "words",
			Help: "Scopes to ask for besides openid, with spaces between; some providers tell groups only for a scope",
			set:  setScopes},
		{Name: "oidc-groups-claim", Default: "groups", Kind: "claim",
			Help: "Claim that holds somebody's groups, or the way to it through objects: realm_access.roles",
			set:  text(func(c *Config) *string { return &c.OIDCGroupsClaim }, "a claim")},
		{Name: "oidc-groups", Kind: "list",
			Help: "Which role each group may act as, with commas between: licence-admins=123456789012:Administrator,auditors=123456789012:Auditor",
			set:  setGroups},
	}
}

// setIssuer wants TLS: whoever can change the provider's answers on their way
// can sign in as anybody.
func setIssuer(c *Config, s string) error {
	issuer, err := url.Parse(s)
	near := err == nil && issuer.Scheme == "http" && isLoopback(issuer.Hostname())
	if s != "" && !near && (err != nil || issuer.Scheme != "https" || issuer.Host == "") {
		return fmt.Errorf("is %q: give a URL that begins with https:// (or http:// for a provider on this machine), or leave it out for none", s)
	}
	c.OIDCIssuer = s
	return nil
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func setScopes(c *Config, s string) error {
	c.OIDCScopes = strings.Fields(s)
	return nil
}

// groupRole is one grant at the beginning of a list. Groups may have commas and
// equals signs, as names in directories do: a group ends where an account and a
// role follow it.
var groupRole = regexp.MustCompile(`^\s*(\S.*?)\s*=\s*([0-9]{12}):([\w+=.@-]{1,64})\s*(?:,|$)`)

func setGroups(c *Config, s string) error {
	var grants []GroupRole
	for rest := s; strings.Trim(rest, ", \t") != ""; {
		parts := groupRole.FindStringSubmatch(rest)
		if parts == nil {
			return fmt.Errorf("has %q: give GROUP=ACCOUNT:ROLE, such as auditors=123456789012:Auditor, with commas between", strings.TrimSpace(rest))
		}
		if len(grants) == maxGroups {
			return fmt.Errorf("has more than %d grants: leave some out", maxGroups)
		}
		grants = append(grants, GroupRole{parts[1], parts[2], parts[3]})
		rest = rest[len(parts[0]):]
	}
	c.OIDCGroups = grants
	return nil
}
