package vsphere

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
)

// Settings say which vCenter (or single ESXi host) to read and as whom. They
// hold no password: that is in a file or an environment variable of the server.
type Settings struct {
	// URL of the server, such as https://vcenter.example.com/sdk.
	URL string `json:"url"`

	// User to log in as, such as reeve@vsphere.local. The role Read-only is
	// enough.
	User string `json:"user"`

	// PasswordFile holds the password, PasswordVariable names an environment
	// variable that does; give one of them.
	PasswordFile     string `json:"password_file,omitempty"`
	PasswordVariable string `json:"password_variable,omitempty"`

	// Thumbprint is the SHA-256 (or SHA-1) fingerprint of the server's
	// certificate in hexadecimal digits, CAFile a file with the certificates of
	// its authority. Insecure takes any certificate.
	Thumbprint string `json:"thumbprint,omitempty"`
	CAFile     string `json:"ca_file,omitempty"`
	Insecure   bool   `json:"insecure,omitempty"`

	// Datacenters to read, by name or inventory path; empty is all.
	Datacenters []string `json:"datacenters,omitempty"`

	// Region stands in the ARNs of hosts and machines: any label in the form of
	// a region, such as eu-central-1.
	Region string `json:"region"`

	// Account, 12 digits, stands in the ARNs of hosts and machines.
	Account string `json:"account,omitempty"`
}

// Bounds of settings.
const (
	maxDatacenters = 1000
	maxPassword    = 4096
	accountDigits  = 12
)

// Check refuses what cannot work. The error names the field and what to write.
func (s *Settings) Check() error {
	return errors.Join(s.checkAddress(), s.checkLogin(), s.checkCertificate(), s.checkPlace())
}

func (s *Settings) checkAddress() error {
	u, err := url.Parse(s.URL)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return fmt.Errorf("url: %.100q is no address of a vCenter; write one such as https://vcenter.example.com/sdk", s.URL)
	case u.User != nil:
		return errors.New("url holds a user; write the user in user, and the password in password_file")
	case u.Scheme == "http" && !s.Insecure:
		return errors.New("url begins with http, which would send the password in the clear; write https")
	}
	return nil
}

func (s *Settings) checkLogin() error {
	switch {
	case s.User == "":
		return errors.New("user is empty; write who to log in as, such as reeve@vsphere.local")
	case (s.PasswordFile == "") == (s.PasswordVariable == ""):
		return errors.New("give one of password_file and password_variable: where the password of user is")
	}
	return nil
}

// password reads the password anew, so that a changed one is taken at the next
// pull.
func (s *Settings) password() (string, error) {
	if s.PasswordVariable != "" {
		password, set := os.LookupEnv(s.PasswordVariable)
		if !set || password == "" {
			return "", fmt.Errorf("password_variable: the environment variable %s is not set; set it for the server", s.PasswordVariable)
		}
		return password, nil
	}
	text, err := os.ReadFile(s.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("password_file: %w", err)
	}
	password := strings.TrimRight(string(text), "\r\n")
	if password == "" || len(password) > maxPassword {
		return "", fmt.Errorf("password_file: %s has %d characters; it must hold the password and nothing else", s.PasswordFile, len(password))
	}
	return password, nil
}

func (s *Settings) checkCertificate() error {
	given := 0
	for _, one := range []bool{s.Thumbprint != "", s.CAFile != "", s.Insecure} {
		if one {
			given++
		}
	}
	if given > 1 {
		return errors.New("thumbprint, ca_file and insecure exclude each other; give one of them, or none for a certificate that the system trusts")
	}
	if _, ok := plainThumbprint(s.Thumbprint); s.Thumbprint != "" && !ok {
		return fmt.Errorf("thumbprint: %.120q is no fingerprint; write the 64 hexadecimal digits of SHA-256 or the 40 of SHA-1", s.Thumbprint)
	}
	return nil
}

// plainThumbprint is a fingerprint's digits in upper case without colons.
func plainThumbprint(s string) (string, bool) {
	s = strings.ToUpper(strings.ReplaceAll(strings.TrimSpace(s), ":", ""))
	const sha1, sha256 = 40, 64
	return s, (len(s) == sha1 || len(s) == sha256) && strings.Trim(s, "0123456789ABCDEF") == ""
}

func (s *Settings) checkPlace() error {
	if len(s.Datacenters) > maxDatacenters {
		return fmt.Errorf("datacenters has %d entries, at most %d are taken", len(s.Datacenters), maxDatacenters)
	}
	for _, name := range s.Datacenters {
		if strings.Trim(name, "/ ") == "" {
			return errors.New("datacenters: an entry is empty; write a name or an inventory path, or leave the list out to read all")
		}
	}
	if len(s.Region) < 1 || len(s.Region) > 32 || strings.Trim(s.Region, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return fmt.Errorf("region: %.60q cannot stand in an ARN; write lower-case letters, digits and hyphens, such as eu-central-1", s.Region)
	}
	if len(s.Account) != accountDigits || strings.Trim(s.Account, "0123456789") != "" {
		return fmt.Errorf("account: %.60q is no account; write its 12 digits", s.Account)
	}
	return nil
}
