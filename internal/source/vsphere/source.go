// Package vsphere reads hosts and virtual machines from a vCenter, or from a
// single ESXi host.
//
// Hosts become managed instances that are not virtual, with their cores and
// sockets; machines become managed instances that are, each naming its host.
// So licences by core and socket are counted once, on the host. Their IDs are
// those that an inventory agent on the same machine has.
package vsphere

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vmware/govmomi/vim25/types"

	"reeve/internal/license"
	"reeve/internal/source"
)

// Source is a source.Puller over one vCenter. It may be used by one pull at a
// time.
type Source struct {
	settings Settings
	pageSize int32

	failures []source.Failure // of the last pull, see Failures
	failed   int
}

// pageSize is how many hosts or machines one request asks for.
const pageSize = 200

// Open checks settings and that the password is there. It sends nothing.
func Open(s Settings) (*Source, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	if _, err := s.password(); err != nil {
		return nil, err
	}
	return &Source{settings: s, pageSize: pageSize}, nil
}

// pull is one run of Pull.
type pull struct {
	*session
	source *Source
	each   func([]license.Report) error

	known, next map[string]remembered // by managed object
	hosts       map[types.ManagedObjectReference]string
	shared      map[string]string // by UUID that several machines have: the managed object that keeps it
	attributes  map[int32]string  // names of custom attributes
	tags        *tagReader
}

// Pull reads every host and machine, see source.Puller. What it remembers is
// who each of them was, and which name and system were handed over.
func (s *Source) Pull(ctx context.Context, last []byte, each func([]license.Report) error) ([]byte, error) {
	s.failures, s.failed = nil, 0
	session, err := s.connect(ctx)
	if err != nil {
		return nil, s.settings.explain(err)
	}
	defer session.end(ctx)
	p := &pull{
		session: session, source: s, each: each,
		known: remember(last), next: map[string]remembered{},
		hosts: map[types.ManagedObjectReference]string{}, shared: map[string]string{},
	}
	if err := p.run(ctx); err != nil {
		return nil, s.settings.explain(err)
	}
	return encode(p.next)
}

// run reads hosts before the machines that run on them, so that the count finds
// them in the inventory.
func (p *pull) run(ctx context.Context) error {
	var err error
	if p.attributes, err = p.attributeNames(ctx); err != nil {
		return err
	}
	if p.tags, err = p.openTags(ctx); err != nil {
		return err
	}
	defer p.tags.end(ctx)
	roots, err := p.roots(ctx)
	if err != nil {
		return err
	}
	for _, step := range []func(context.Context, []types.ManagedObjectReference) error{p.findShared, p.readHosts, p.readMachines} {
		if err := step(ctx, roots); err != nil {
			return err
		}
	}
	return nil
}

// errNoHost: a place without a host is nothing that anybody would read, and
// what everything looks like to a user whose rights were taken away.
var errNoHost = errors.New("no host is visible")

// Failures returns what the last Pull passed over, see source.Failing.
func (s *Source) Failures() ([]source.Failure, int) { return s.failures, s.failed }

func (s *Source) passOver(place, reason string) {
	s.failed++
	if len(s.failures) < source.MaxFailures {
		s.failures = append(s.failures, source.Failure{Place: place, Reason: reason})
	}
}

func (p *pull) handOver(reports []license.Report) error {
	for batch := range slices.Chunk(reports, license.MaxReports) {
		if err := p.each(batch); err != nil {
			return handedBack{err}
		}
	}
	return nil
}

// handedBack is the error of a pull's reader, which is none of the vCenter's.
type handedBack struct{ error }

func (e handedBack) Unwrap() error { return e.error }

func (s *Settings) arn(id string) string {
	return "arn:aws:ssm:" + s.Region + ":" + s.Account + ":managed-instance/" + id
}

// where names a managed object in a failure.
func where(name string, ref types.ManagedObjectReference) string {
	return strings.TrimSpace(fmt.Sprintf("%s (%s)", name, ref.Value))
}
