package vsphere

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/url"
	"time"

	"github.com/vmware/govmomi/find"
	sessions "github.com/vmware/govmomi/session"
	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// Bounds of one call.
const (
	requestTimeout = 5 * time.Minute
	logoutTimeout  = 10 * time.Second
	maxAttempts    = 4
	maxAnswer      = 256 << 20
)

// session is a login to a vCenter.
type session struct {
	*vim25.Client
	manager *sessions.Manager
	user    *url.Userinfo
}

func (s *Source) connect(ctx context.Context) (*session, error) {
	password, err := s.settings.password()
	if err != nil {
		return nil, err
	}
	wire, err := s.wire()
	if err != nil {
		return nil, err
	}
	client, err := vim25.NewClient(ctx, wire)
	if err != nil {
		return nil, err
	}
	client.RoundTripper = vim25.Retry(client.Client, vim25.RetryTemporaryNetworkError, maxAttempts)
	c := &session{client, sessions.NewManager(client), url.UserPassword(s.settings.User, password)}
	return c, c.manager.Login(ctx, c.user)
}

// wire is the connection: which certificate it takes, and its bounds.
func (s *Source) wire() (*soap.Client, error) {
	address, err := soap.ParseURL(s.settings.URL)
	if err != nil {
		return nil, err
	}
	wire := soap.NewClient(address, s.settings.Insecure)
	wire.Timeout = requestTimeout
	wire.UserAgent = "reeve"
	wire.DefaultTransport().TLSClientConfig.MinVersion = tls.VersionTLS12
	if s.settings.CAFile != "" {
		if err := wire.SetRootCAs(s.settings.CAFile); err != nil {
			return nil, err
		}
	}
	if digits, ok := plainThumbprint(s.settings.Thumbprint); ok {
		wire.SetThumbprint(address.Host, withColons(digits))
	}
	wire.Transport = boundedTransport{wire.Transport}
	return wire, nil
}

// withColons is a fingerprint as certificates' viewers show it.
func withColons(digits string) string {
	var text []byte
	for i := 0; i < len(digits); i += 2 {
		if i > 0 {
			text = append(text, ':')
		}
		text = append(text, digits[i:i+2]...)
	}
	return string(text)
}

// boundedTransport ends answers that are longer than any page can be.
type boundedTransport struct{ inner http.RoundTripper }

func (t boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := t.inner.RoundTrip(r)
	if err == nil {
		answer.Body = http.MaxBytesReader(nil, answer.Body, maxAnswer)
	}
	return answer, err
}

// end logs out, also when the pull was cancelled: a vCenter has room for so
// many sessions.
func (c *session) end(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), logoutTimeout)
	defer cancel()
	_ = c.manager.Logout(ctx)
}

// roots are the folders to read: those of the datacenters that were named, or
// the whole inventory.
func (p *pull) roots(ctx context.Context) ([]types.ManagedObjectReference, error) {
	names := p.source.settings.Datacenters
	if len(names) == 0 {
		return []types.ManagedObjectReference{p.ServiceContent.RootFolder}, nil
	}
	finder := find.NewFinder(p.Client, false)
	var roots []types.ManagedObjectReference
	seen := map[types.ManagedObjectReference]bool{}
	for _, name := range names {
		found, err := finder.Datacenter(ctx, name)
		if err != nil {
			return nil, err
		}
		if ref := found.Reference(); !seen[ref] {
			seen[ref] = true
			roots = append(roots, ref)
		}
	}
	return roots, nil
}
