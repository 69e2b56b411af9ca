package server

import (
	"context"

	"reeve/internal/api"
	"reeve/internal/license"
)

// versionPage is the default size of a page of versions: each holds what
// changed, and is compared with every ledger that it may have changed.
const versionPage = 20

func (s *server) listResourceVersions(ctx context.Context, who license.Caller, in *api.ListResourceVersionsInput) (*api.ListResourceVersionsOutput, error) {
	arn := value(in.ResourceArn)
	p, err := s.pager(who, in.MaxResults, in.NextToken, arn)
	if err != nil {
		return nil, err
	}
	if in.MaxResults == nil {
		p.limit = versionPage
	}
	before, err := p.number()
	if err != nil {
		return nil, err
	}
	list, next, err := s.manager.ResourceVersions(ctx, who, arn, before, p.limit)
	if err != nil {
		return nil, err
	}
	return &api.ListResourceVersionsOutput{Versions: convert(list, resourceVersion), NextToken: p.afterNumber(next)}, nil
}

func resourceVersion(v *license.ResourceVersion) api.ResourceVersion {
	return api.ResourceVersion{
		Version: &v.Version, Time: new(v.At.String()),
		Changes: convert(v.Changes, func(c *license.FactChange) api.ResourceFactChange {
			return api.ResourceFactChange{Name: &c.Name, From: c.From, To: c.To}
		}),
		SoftwareChanges: convert(v.Software, func(c *license.SoftwareChange) api.ResourceSoftwareChange {
			return api.ResourceSoftwareChange{Name: &c.Name, Publisher: present(c.Publisher), FromVersion: c.FromVersion, ToVersion: c.Version}
		}),
		SoftwareChangeCount: new(int64(v.SoftwareChanges)),
		Effects:             convert(v.Effects, resourceEffect),
	}
}

func resourceEffect(e *license.Effect) api.ResourceEffect {
	return api.ResourceEffect{
		LicenseConfigurationArn: &e.ConfigurationARN, LicenseConfigurationName: &e.Name,
		Revision: &e.Revision.Number, RevisionTime: new(e.Revision.At.String()), Caller: &e.Revision.Caller, Cause: &e.Revision.Cause,
		FromConsumedLicenses: &e.From, ToConsumedLicenses: &e.To,
	}
}
