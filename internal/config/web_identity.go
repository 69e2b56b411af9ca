package config

import (
	"fmt"
	"strings"
)

// maxIssuers bounds the identity providers of one server.
const maxIssuers = 50

// webIdentitySettings say whose tokens let workloads assume roles.
func webIdentitySettings() []Setting {
	return []Setting{
		{Name: "web-identity-issuers", Kind: "urls",
			Help: "Identity providers, as URLs with commas between, whose tokens let workloads assume roles (see docs/permissions.md): the issuer of a Kubernetes cluster, https://token.actions.githubusercontent.com, …; without it, none",
			set:  list(func(c *Config) *[]string { return &c.WebIdentityIssuers })},
		{Name: "web-identity-audiences", Default: "sts.amazonaws.com", Kind: "names",
			Help: "Audiences with commas between; a token has to be for one of them",
			set:  list(func(c *Config) *[]string { return &c.WebIdentityAudiences })},
		{Name: "web-identity-ca", Kind: "file",
			Help: "Certificate authorities in PEM for web-identity-issuers, such as a cluster's own; without it, the system's",
			set:  text(func(c *Config) *string { return &c.WebIdentityCA }, "a file")},
	}
}

// list reads what stands between commas.
func list(field func(*Config) *[]string) func(*Config, string) error {
	return func(c *Config, s string) error {
		var found []string
		for one := range strings.SplitSeq(s, ",") {
			if one = strings.TrimSpace(one); one != "" {
				found = append(found, one)
			}
		}
		if len(found) == 0 || len(found) > maxIssuers {
			return fmt.Errorf("is %q: give 1 to %d, with commas between", s, maxIssuers)
		}
		*field(c) = found
		return nil
	}
}
