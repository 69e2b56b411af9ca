package aws

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"reeve/internal/license"
)

const (
	entriesPerPage  = 50   // what Systems Manager gives at most
	maxApplications = 5000 // what a report holds at most
	maxNameLength   = 256

	// settles is how long after an association ran its inventory may not be
	// readable yet.
	settles = 15 * time.Minute
)

// Types of Systems Manager's inventory.
const (
	applicationType = "AWS:Application"
	detailType      = "AWS:InstanceDetailedInformation"
)

// addApplications adds the software of a machine when it was captured anew
// since the last pull. Systems Manager collects inventory by an association, so
// a machine on which none has run since is not even asked about; else the
// first page says when the software was captured. A machine of which nothing
// was ever captured, or nothing but an empty list, is left without a list:
// none is not a fact about it.
func (p *part) addApplications(ctx context.Context, r *license.Report, m *information) error {
	before := p.memory.before(r.ARN)
	now := captured{association: p.ranAt(m)}
	if now.association != 0 && now.association == before.association && before.capture != 0 {
		p.memory.keep(r.ARN, before)
		return nil
	}
	found, err := p.applications(ctx, r, aws.ToString(m.InstanceId), before.capture)
	if err != nil {
		return fmt.Errorf("%s: %w", r.ARN, err)
	}
	now.capture = found.capture
	if found.capture != before.capture || found.capture == 0 {
		if len(found.list) > 0 {
			r.Applications = found.list
		}
		if err := p.addDetails(ctx, r, m); err != nil {
			return fmt.Errorf("%s: %w", r.ARN, err)
		}
	}
	if !found.torn {
		p.memory.keep(r.ARN, now)
	}
	return nil
}

// ranAt is when an association last ran on a machine, 0 when that is not known
// or so recent that what it collected may still be on its way.
func (p *part) ranAt(m *information) uint64 {
	ran := m.LastAssociationExecutionDate
	if ran == nil || ran.After(p.started.Add(-settles)) || ran.Unix() <= 0 {
		return 0
	}
	return uint64(ran.Unix())
}

// software is what was found of a machine's applications.
type software struct {
	capture uint64 // as in captured
	list    []license.Application
	torn    bool // captured anew while it was read: to be read again
}

// errKnown ends a list whose first page is as old as what is known, errTooMany
// one that is too long.
var (
	errKnown   = errors.New("captured before")
	errTooMany = fmt.Errorf("the machine has more than %d applications, which is more than can be kept, so they stay as they are known", maxApplications)
)

// applications reads a machine's applications unless they were captured when
// known was.
func (p *part) applications(ctx context.Context, r *license.Report, id string, known uint64) (software, error) {
	var s software
	err := p.entries(ctx, id, applicationType, func(captureTime string, entries []map[string]string) error {
		capture := captureHash(captureTime)
		switch {
		case captureTime == "":
			return nil
		case s.capture == 0 && capture == known:
			s.capture = capture
			return errKnown
		case s.capture != 0 && s.capture != capture:
			s = software{capture: known, torn: true}
			return errKnown
		}
		s.capture = capture
		for _, e := range entries {
			s.add(e)
		}
		if len(s.list) > maxApplications {
			return errTooMany
		}
		return nil
	})
	switch {
	case errors.Is(err, errTooMany):
		p.passOver(r.ARN, err.Error())
		return software{torn: true}, nil
	case err != nil && !errors.Is(err, errKnown):
		return software{}, err
	}
	return s, nil
}

// add takes one entry of AWS:Application.
func (s *software) add(entry map[string]string) {
	a := license.Application{Name: clip(entry["Name"]), Publisher: clip(entry["Publisher"]), Version: clip(entry["Version"])}
	if a.Name != "" {
		s.list = append(s.list, a)
	}
}

// entries reads a machine's inventory of one type. A machine that has left
// Systems Manager has none.
func (p *part) entries(ctx context.Context, id, kind string, each func(captureTime string, entries []map[string]string) error) error {
	err := pages(ctx, func(token *string) (*string, error) {
		page, err := p.ssm.ListInventoryEntries(ctx, &ssm.ListInventoryEntriesInput{
			InstanceId: &id, TypeName: &kind, MaxResults: aws.Int32(entriesPerPage), NextToken: token,
		})
		if err != nil {
			return nil, err
		}
		return page.NextToken, each(aws.ToString(page.CaptureTime), page.Entries)
	})
	var gone *ssmtypes.InvalidInstanceId
	var unknown *ssmtypes.InvalidTypeNameException
	if errors.As(err, &gone) || errors.As(err, &unknown) {
		return nil
	}
	return err
}

// addDetails adds the processors of a machine outside of EC2, where nothing
// else tells them. CPUCores and CPUs are of the whole machine.
func (p *part) addDetails(ctx context.Context, r *license.Report, m *information) error {
	if !strings.HasPrefix(aws.ToString(m.InstanceId), "mi-") {
		return nil
	}
	return p.entries(ctx, aws.ToString(m.InstanceId), detailType, func(_ string, entries []map[string]string) error {
		for _, e := range entries {
			r.Sockets, r.Cores, r.VCPUs = count(e["CPUSockets"]), count(e["CPUCores"]), count(e["CPUs"])
			if r.Cores != nil && r.VCPUs != nil && *r.VCPUs%*r.Cores == 0 {
				r.ThreadsPerCore = aws.Int64(*r.VCPUs / *r.Cores)
			}
		}
		return nil
	})
}

// count reads a number of inventory; what is none is not known.
func count(s string) *int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 32)
	if err != nil || n <= 0 {
		return nil
	}
	return &n
}

// clip makes a text fit for a report.
func clip(s string) string {
	s = strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", ""))
	if runes := []rune(s); len(runes) > maxNameLength {
		s = strings.TrimSpace(string(runes[:maxNameLength]))
	}
	return s
}
