package server

import (
	"context"

	"reeve/internal/api"
	"reeve/internal/license"
)

func (s *server) getResource(ctx context.Context, who license.Caller, in *api.GetResourceInput) (*api.GetResourceOutput, error) {
	arn := value(in.ResourceArn)
	p, err := s.pager(who, in.MaxResults, in.NextToken, arn, value(in.SoftwareContains))
	if err != nil {
		return nil, err
	}
	query := license.SoftwareQuery{Contains: value(in.SoftwareContains), Limit: p.limit}
	at, err := p.pair()
	if err != nil {
		return nil, err
	}
	if at != nil {
		query.Version, query.Offset = at[0], int(at[1])
	}
	d, err := s.manager.ResourceDetails(ctx, who, arn, query)
	if err != nil {
		return nil, err
	}
	out := resourceDetails(d)
	if d.Software.NextOffset > 0 {
		out.NextToken = p.afterPair(d.Software.Version, int64(d.Software.NextOffset))
	}
	return out, nil
}

func resourceDetails(d *license.ResourceDetails) *api.GetResourceOutput {
	out := &api.GetResourceOutput{
		ResourceArn: &d.ARN, ResourceType: new(string(d.Type)), ResourceOwnerId: &d.Owner,
		State: new(string(d.Facts.State())), Name: present(d.Facts.Name),
		FirstSeenTime: new(d.Created.String()), LastSeenTime: new(d.Seen.String()), Version: &d.Version,
		Facts: convert(d.Known, knownFact),
		Usage: convert(d.Uses, resourceUse), MoreUsage: &d.MoreUses,
		Guests: convert(d.Guests, guest), MoreGuests: &d.MoreGuests,
		SoftwareReported: new(d.Software.Version > 0), SoftwareTotal: new(int64(d.Software.Total)),
		SoftwareFound: new(int64(d.Software.Found)), Software: convert(d.Software.Page, installed),
	}
	if arn, err := license.ParseResourceARN(d.ARN); err == nil {
		out.ResourceId, out.Region = &arn.ID, &arn.Region
	}
	return out
}

func knownFact(f *license.KnownFact) api.ResourceFact {
	return api.ResourceFact{Name: &f.Name, Value: &f.Value, Since: momentGiven(f.Since)}
}

func guest(r **license.Resource) api.ResourceGuest {
	return api.ResourceGuest{ResourceArn: &(*r).ARN, Name: present((*r).Facts.Name), Status: &(*r).Facts.Status}
}

func installed(a *license.FoundApplication) api.InstalledSoftware {
	return api.InstalledSoftware{
		Name: &a.Name, Publisher: present(a.Publisher), Version: present(a.Version),
		Product: present(a.Product.Name), ProductPublisher: present(a.Product.Publisher),
		Edition: present(a.Product.Edition), ProductVersion: present(a.Product.Version),
	}
}

func resourceUse(u *license.ResourceUse) api.ResourceUse {
	out := api.ResourceUse{
		LicenseConfigurationArn: &u.ConfigurationARN, LicenseConfigurationName: &u.Name, LicenseCountingType: new(string(u.CountingType)),
		Associated: new(false), Unlicensed: new(false), ConsumedLicenses: &u.Consumed,
		CountedOnResourceArn: present(u.CountedOn), FailureMessage: present(u.Failure),
	}
	if a := u.Association; a != nil {
		out.Origin, out.Unlicensed = &a.Origin, &a.Unlicensed
		if a.Origin != license.OriginAffinity {
			out.Associated, out.AssociationTime = new(true), microTime(a.AssociationTime)
		}
	}
	if e := u.Exclusion; e != nil {
		out.Exclusion = &api.ResourceExclusion{Reason: &e.Reason, Owner: &e.Owner, Until: momentGiven(e.Until),
			CreationTime: microTime(e.Created), CreatedBy: &e.CreatedBy}
	}
	return out
}
