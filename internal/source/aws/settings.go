package aws

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Settings say which accounts and regions to read, with which rights, and how
// fast. They hold no secrets: keys stay in the profile, the environment or the
// machine's role, where AWS's own tools find them.
type Settings struct {
	// Profile of the shared configuration files; "" is the default one, which
	// includes the environment and the role of the machine.
	Profile string `json:"profile,omitempty"`

	// Regions to read; empty is the profile's own.
	Regions []string `json:"regions,omitempty"`

	// RoleARNs are roles to assume, one in each account to read; empty reads
	// the profile's own account.
	RoleARNs []string `json:"role_arns,omitempty"`

	// ExternalID is what the trust policies of the roles ask for, if they do.
	ExternalID string `json:"external_id,omitempty"`

	// SessionName is what CloudTrail shows of the assumed roles; "" is reeve.
	SessionName string `json:"session_name,omitempty"`

	// Endpoint takes the place of the address of every service.
	Endpoint string `json:"endpoint,omitempty"`

	// Endpoints are addresses by service (ec2, rds, ssm, sts), such as those of
	// VPC endpoints. They go before Endpoint.
	Endpoints map[string]string `json:"endpoints,omitempty"`

	// Read names what to read, of Kinds; empty is everything. ssm adds platform
	// and software to instances that ec2 reads, and reads managed instances.
	Read []string `json:"read,omitempty"`

	// MaxRequestsPerSecond bounds the requests of a pull to all accounts and
	// regions together; 0 is 20.
	MaxRequestsPerSecond int `json:"max_requests_per_second,omitempty"`
}

// What Settings.Read can name.
const (
	readEC2    = "ec2"
	readHosts  = "hosts"
	readImages = "images"
	readRDS    = "rds"
	readSSM    = "ssm"
)

// Kinds lists what can be read, in the order in which it is read.
var Kinds = []string{readHosts, readImages, readEC2, readSSM, readRDS}

// Bounds of settings.
const (
	maxRegions        = 64
	maxRoles          = 1000
	defaultRequests   = 20
	maxRequests       = 1000
	defaultSession    = "reeve"
	maxExternalID     = 1224 // sts:AssumeRole's own
	maxSessionName    = 64
	accountDigits     = 12
	maxEndpointLength = 2048
)

// services lists the services that are called, by the names that Endpoints
// takes.
var services = []string{"ec2", "rds", "ssm", "sts"}

// Check refuses what cannot work. The error names the field and what to write.
func (s *Settings) Check() error {
	return errors.Join(s.checkRegions(), s.checkRoles(), s.checkEndpoints(), s.checkRead())
}

func (s *Settings) checkRegions() error {
	if len(s.Regions) > maxRegions {
		return fmt.Errorf("regions has %d entries, at most %d are read; make a second source for the others", len(s.Regions), maxRegions)
	}
	for i, region := range s.Regions {
		if !isRegion(region) {
			return fmt.Errorf("regions: %.60q is no region; write its code, such as eu-central-1", region)
		}
		if slices.Contains(s.Regions[:i], region) {
			return fmt.Errorf("regions: %s is there twice; name each region once", region)
		}
	}
	return nil
}

// isRegion: lower-case words and digits with hyphens between them, so that it
// can stand in an ARN and in the name of a host.
func isRegion(s string) bool {
	return len(s) >= 4 && len(s) <= 32 && strings.Contains(s, "-") && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

func (s *Settings) checkRoles() error {
	if len(s.RoleARNs) > maxRoles {
		return fmt.Errorf("role_arns has %d entries, at most %d are read; make a second source for the others", len(s.RoleARNs), maxRoles)
	}
	roles := map[string]string{}
	for _, role := range s.RoleARNs {
		account := roleAccount(role)
		if account == "" {
			return fmt.Errorf("role_arns: %.100q is no role; write its ARN, such as arn:aws:iam::111122223333:role/reeve", role)
		}
		if other, twice := roles[account]; twice {
			return fmt.Errorf("role_arns: %s and %s are both of account %s; name one role for each account", other, role, account)
		}
		roles[account] = role
	}
	switch {
	case len(s.RoleARNs) == 0 && s.ExternalID != "":
		return errors.New("external_id is for assumed roles, and role_arns is empty; name the roles or leave external_id out")
	case len(s.ExternalID) > maxExternalID:
		return fmt.Errorf("external_id has %d characters; AWS takes %d at most", len(s.ExternalID), maxExternalID)
	case len(s.SessionName) == 1 || len(s.SessionName) > maxSessionName:
		return fmt.Errorf("session_name has %d characters; AWS takes 2 to %d", len(s.SessionName), maxSessionName)
	}
	return nil
}

// roleAccount is the account that a role's ARN names, "" for anything else.
func roleAccount(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(arn) > maxEndpointLength || len(parts) != 6 || parts[0] != "arn" || parts[2] != "iam" || parts[3] != "" ||
		!strings.HasPrefix(parts[5], "role/") || !isAccount(parts[4]) {
		return ""
	}
	return parts[4]
}

func isAccount(s string) bool {
	return len(s) == accountDigits && strings.Trim(s, "0123456789") == ""
}

func (s *Settings) checkEndpoints() error {
	if s.Endpoint != "" && !isEndpoint(s.Endpoint) {
		return fmt.Errorf("endpoint: %.100q is no address; write one such as https://ec2.example.com", s.Endpoint)
	}
	for service, address := range s.Endpoints {
		if !slices.Contains(services, service) {
			return fmt.Errorf("endpoints: %.60q is no service that is called; those are %s", service, strings.Join(services, ", "))
		}
		if !isEndpoint(address) {
			return fmt.Errorf("endpoints: %.100q of %s is no address; write one such as https://vpce-1.example.com", address, service)
		}
	}
	return nil
}

func isEndpoint(s string) bool {
	u, err := url.Parse(s)
	return err == nil && len(s) <= maxEndpointLength && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && u.RawQuery == ""
}

func (s *Settings) checkRead() error {
	for _, kind := range s.Read {
		if !slices.Contains(Kinds, kind) {
			return fmt.Errorf("read: %.60q cannot be read; name some of %s", kind, strings.Join(Kinds, ", "))
		}
	}
	if s.MaxRequestsPerSecond < 0 || s.MaxRequestsPerSecond > maxRequests {
		return fmt.Errorf("max_requests_per_second is %d; write a number from 1 to %d, or 0 for %d", s.MaxRequestsPerSecond, maxRequests, defaultRequests)
	}
	return nil
}

// reads reports whether a kind is to be read.
func (s *Settings) reads(kind string) bool {
	return len(s.Read) == 0 || slices.Contains(s.Read, kind)
}

// endpoint is the address of a service, nil for AWS's own.
func (s *Settings) endpoint(service string) *string {
	if address := s.Endpoints[service]; address != "" {
		return &address
	}
	if s.Endpoint != "" {
		return &s.Endpoint
	}
	return nil
}
