package server

import (
	"context"

	"github.com/go-json-experiment/json"

	"reeve/internal/api"
	"reeve/internal/license"
)

// discoveryInformation is there once discovery has run.
func discoveryInformation(c *license.Configuration) *api.AutomatedDiscoveryInformation {
	if c.LastRun == 0 {
		return nil
	}
	return &api.AutomatedDiscoveryInformation{LastRunTime: new(api.Time(c.LastRun))}
}

func (s *server) discoverResources(ctx context.Context, who license.Caller, in *api.DiscoverResourcesInput) (*api.DiscoverResourcesOutput, error) {
	arn := value(in.LicenseConfigurationArn)
	if !value(in.DryRun) && in.ProductInformationList != nil {
		return nil, invalid("ProductInformationList is for a dry run: to discover by other rules, give them to UpdateLicenseConfiguration.")
	}
	rules, err := json.Marshal(in.ProductInformationList)
	if err != nil {
		return nil, err
	}
	kind := "run"
	if value(in.DryRun) {
		kind = "dry run"
	}
	p, err := s.pager(who, in.MaxResults, in.NextToken, arn, kind, string(rules))
	if err != nil {
		return nil, err
	}
	after, err := p.number()
	if err != nil {
		return nil, err
	}
	if value(in.DryRun) {
		return s.previewDiscovery(ctx, who, in, p, after)
	}
	done, err := s.manager.RunDiscovery(ctx, who, arn, after == 0)
	if err != nil {
		return nil, err
	}
	return &api.DiscoverResourcesOutput{
		Finds: []api.Find{}, Looked: new(int64(done.Looked)), LastRunTime: microTime(done.LastRun),
		ConsumedLicenses: &done.Consumed, LicenseCount: done.Count, LicenseCountHardLimit: &done.HardLimit,
		NextToken: p.afterNumber(done.Pass),
	}, nil
}

func (s *server) previewDiscovery(ctx context.Context, who license.Caller, in *api.DiscoverResourcesInput, p pager, after int64) (*api.DiscoverResourcesOutput, error) {
	preview, err := s.manager.PreviewDiscovery(ctx, who, value(in.LicenseConfigurationArn), convertGiven(in.ProductInformationList, discoveryRule), after, p.limit)
	if err != nil {
		return nil, err
	}
	return &api.DiscoverResourcesOutput{
		Finds: convert(preview.Finds, find), Looked: new(int64(preview.Looked)),
		ConsumedLicenses: &preview.Consumed, LicenseCount: preview.Count, LicenseCountHardLimit: &preview.HardLimit,
		NextToken: p.afterNumber(preview.Next),
	}, nil
}

func discoveryRule(r *api.DiscoveryRule) license.ProductInformation {
	return license.ProductInformation{
		ResourceType: value(r.ResourceType),
		Filters: convert(r.ProductInformationFilterList, func(f *api.DiscoveryFilter) license.ProductFilter {
			return license.ProductFilter{
				Name:       value(f.ProductInformationFilterName),
				Values:     f.ProductInformationFilterValue,
				Comparator: value(f.ProductInformationFilterComparator),
			}
		}),
	}
}

func find(f *license.Find) api.Find {
	out := api.Find{
		ResourceArn:          &f.ResourceARN,
		ResourceType:         new(string(f.Type)),
		Outcome:              &f.Outcome,
		Note:                 present(f.Note),
		ConsumedLicenses:     &f.Consumes,
		CountedOnResourceArn: present(f.CountedOn),
		AdditionalLicenses:   &f.Adds,
	}
	if f.Match != nil {
		out.Rule = new(int64(f.Match.Rule))
		out.Facts = convert(f.Match.Facts, func(m *license.MatchedFact) api.MatchedFact {
			return api.MatchedFact{Name: &m.Filter, Value: &m.Value, KnownAs: present(m.KnownAs)}
		})
	}
	if f.Exclusion != nil {
		out.Exclusion = new(exclusion(f.Exclusion))
	}
	return out
}

func (s *server) excludeResource(ctx context.Context, who license.Caller, in *api.ExcludeResourceInput) (*api.ExcludeResourceOutput, error) {
	until, err := moment("Until", in.Until)
	if err != nil {
		return nil, err
	}
	e, err := s.manager.ExcludeResource(ctx, who, value(in.LicenseConfigurationArn), value(in.ResourceArn),
		license.ExclusionSpec{Reason: value(in.Reason), Owner: value(in.Owner), Until: until})
	if err != nil {
		return nil, err
	}
	return &api.ExcludeResourceOutput{Exclusion: new(exclusion(&e))}, nil
}

func (s *server) includeResource(ctx context.Context, who license.Caller, in *api.IncludeResourceInput) (*api.IncludeResourceOutput, error) {
	e, err := s.manager.IncludeResource(ctx, who, value(in.LicenseConfigurationArn), value(in.ResourceArn))
	if err != nil {
		return nil, err
	}
	return &api.IncludeResourceOutput{Exclusion: new(exclusion(&e))}, nil
}

func (s *server) listExclusions(ctx context.Context, who license.Caller, in *api.ListExclusionsInput) (*api.ListExclusionsOutput, error) {
	arn, which := value(in.LicenseConfigurationArn), "open"
	if value(in.All) {
		which = "all"
	}
	p, err := s.pager(who, in.MaxResults, in.NextToken, arn, which)
	if err != nil {
		return nil, err
	}
	var after *license.ExclusionCursor
	at, err := p.pair()
	if err != nil {
		return nil, err
	}
	if at != nil {
		after = &license.ExclusionCursor{Resource: at[0], Created: license.Time(at[1])}
	}
	list, next, err := s.manager.ListExclusions(ctx, who, arn, value(in.All), after, p.limit)
	if err != nil {
		return nil, err
	}
	out := &api.ListExclusionsOutput{Exclusions: convert(list, exclusion)}
	if next != nil {
		out.NextToken = p.afterPair(next.Resource, int64(next.Created))
	}
	return out, nil
}

func exclusion(e *license.Exclusion) api.Exclusion {
	out := api.Exclusion{
		ResourceArn:  &e.ResourceARN,
		Reason:       &e.Reason,
		Owner:        &e.Owner,
		CreationTime: microTime(e.Created),
		CreatedBy:    &e.CreatedBy,
		EndTime:      microTime(e.Ended),
		EndedBy:      present(e.EndedBy),
	}
	if e.Until != 0 {
		out.Until = new(e.Until.String())
	}
	return out
}

// microTime leaves out a moment that has not come.
func microTime(t license.Time) *api.Time {
	if t == 0 {
		return nil
	}
	return new(api.Time(t))
}

func (s *server) listSoftware(ctx context.Context, who license.Caller, in *api.ListSoftwareInput) (*api.ListSoftwareOutput, error) {
	which := "all"
	if value(in.Unmatched) {
		which = "unmatched"
	}
	p, err := s.pager(who, in.MaxResults, in.NextToken, which)
	if err != nil {
		return nil, err
	}
	var after *license.SoftwareCursor
	at, err := p.pair()
	if err != nil {
		return nil, err
	}
	if at != nil {
		after = &license.SoftwareCursor{Rank: at[0], Num: at[1]}
	}
	list, next, err := s.manager.ListSoftware(ctx, who, value(in.Unmatched), after, p.limit)
	if err != nil {
		return nil, err
	}
	out := &api.ListSoftwareOutput{Software: convert(list, software)}
	if next != nil {
		out.NextToken = p.afterPair(next.Rank, next.Num)
	}
	return out, nil
}

func software(c *license.SoftwareCount) api.Software {
	return api.Software{
		Name:             &c.Name,
		Publisher:        present(c.Publisher),
		Machines:         &c.Machines,
		Product:          present(c.Product.Name),
		ProductPublisher: present(c.Product.Publisher),
		Edition:          present(c.Product.Edition),
		Version:          present(c.Product.Version),
		Matched:          &c.Matched,
	}
}
