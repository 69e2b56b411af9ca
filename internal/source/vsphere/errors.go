package vsphere

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/vmware/govmomi/fault"
	"github.com/vmware/govmomi/find"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// explain says which vCenter failed and what its reader can do. The end of a
// context and the error of a pull's reader stay what they are.
func (s *Settings) explain(err error) error {
	var back handedBack
	if errors.As(err, &back) {
		return back.error
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	host := s.URL
	if u, parsed := url.Parse(s.URL); parsed == nil {
		host = u.Host
	}
	if advice := s.advice(err); advice != "" {
		return fmt.Errorf("vCenter %s: %w; %s", host, err, advice)
	}
	return fmt.Errorf("vCenter %s: %w", host, err)
}

func (s *Settings) advice(err error) string {
	var missing *find.NotFoundError
	var many *find.MultipleFoundError
	var wire net.Error
	switch certificate := certificateAdvice(err); {
	case certificate != "":
		return certificate
	case fault.Is(err, &types.InvalidLogin{}), strings.Contains(err.Error(), "InvalidLogin"):
		return fmt.Sprintf("look at user, which is %s, and at the password in %s", s.User, s.passwordPlace())
	case fault.Is(err, &types.NoPermission{}), errors.Is(err, errNoHost):
		return fmt.Sprintf("give %s the role Read-only on the vCenter's root with propagation to children", s.User)
	case fault.Is(err, &types.NotAuthenticated{}):
		return "the session was ended; the next run makes a new one"
	case errors.As(err, &missing):
		return "look at the spelling of datacenters: a name, or an inventory path such as /Europe/Frankfurt"
	case errors.As(err, &many):
		return "write the inventory path in datacenters, such as /Europe/Frankfurt, as the name is there more than once"
	case errors.As(err, &wire):
		return "look at url, and that the server can reach that address and port"
	}
	return ""
}

func (s *Settings) passwordPlace() string {
	if s.PasswordVariable != "" {
		return "the environment variable " + s.PasswordVariable
	}
	return s.PasswordFile
}

// certificateAdvice is "" for what is no matter of certificates.
func certificateAdvice(err error) string {
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate is outside its time: renew it on the vCenter, and see that the clocks of both are right"
	case errors.As(err, &invalid):
		return "renew the certificate on the vCenter"
	case errors.As(err, &name):
		return "write a name in url that the certificate has, or its fingerprint in thumbprint"
	case soap.IsCertificateUntrusted(err):
		return "write the file of the vCenter's authority in ca_file, or the certificate's fingerprint in thumbprint"
	case strings.Contains(err.Error(), "thumbprint does not match"):
		return "the certificate is another one than thumbprint says: if it was renewed, write the new fingerprint"
	}
	return ""
}
