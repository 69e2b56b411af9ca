package server

import (
	"context"
	"encoding/hex"

	"github.com/go-json-experiment/json"

	"reeve/internal/api"
	"reeve/internal/license"
)

// historiesAtOnce bounds the positions of a page that has their history.
const historiesAtOnce = 100

func (s *server) listRevisions(ctx context.Context, who license.Caller, in *api.ListRevisionsInput) (*api.ListRevisionsOutput, error) {
	q := license.RevisionQuery{
		OldestFirst: value(in.Order) == "OLDEST_FIRST",
		Terms:       value(in.IncludeTerms),
		Changes:     min(int(value(in.MaxChanges)), license.MaxRevisionChanges),
	}
	var err error
	if q.From, err = moment("From", in.From); err != nil {
		return nil, err
	}
	if q.To, err = moment("To", in.To); err != nil {
		return nil, err
	}
	arn := value(in.LicenseConfigurationArn)
	p, err := s.pager(who, in.MaxResults, in.NextToken, arn, value(in.From), value(in.To), value(in.Order))
	if err != nil {
		return nil, err
	}
	at, err := p.pair()
	if err != nil {
		return nil, err
	}
	var after *license.RevisionCursor
	if at != nil {
		after = &license.RevisionCursor{Number: at[0], Mark: at[1]}
	}
	page, err := s.manager.ListRevisions(ctx, who, arn, q, after, p.limit)
	if err != nil {
		return nil, err
	}
	out := &api.ListRevisionsOutput{
		CreationTime: new(page.Created.String()),
		DeletionTime: momentText(page.Deleted),
		Revisions:    convert(page.Revisions, revision),
		Terms:        termsShape(page.Terms),
	}
	if page.Next != nil {
		out.NextToken = p.afterPair(page.Next.Number, page.Next.Mark)
	}
	return out, nil
}

func revision(e *license.RevisionEntry) api.Revision {
	return api.Revision{
		Number:                   &e.Number,
		Time:                     new(e.At.String()),
		RecordedTime:             new(e.Recorded.String()),
		Caller:                   &e.Caller,
		Cause:                    &e.Cause,
		Hash:                     new(hex.EncodeToString(e.Hash)),
		PreviousConsumedLicenses: &e.Before.Consumed,
		ConsumedLicenses:         &e.Counters.Consumed,
		PreviousAssociationCount: new(associated(&e.Before)),
		AssociationCount:         new(associated(&e.Counters)),
		UsageOpened:              new(int64(e.Opened)),
		UsageClosed:              new(int64(e.Closed)),
		AssociationsOpened:       new(int64(e.Associated)),
		AssociationsClosed:       new(int64(e.Dissociated)),
		TermsChanged:             &e.TermsSet,
		TermChanges:              convertGiven(e.TermChanges, termChange),
		Changes:                  convertGiven(e.Changes, revisionChange),
		ChangesTruncated:         &e.Cut,
	}
}

func termChange(t *license.TermChange) api.TermChange {
	out := api.TermChange{Name: &t.Name, From: t.From, To: t.To}
	if t.Name == "ProductInformationList" {
		out.From, out.To = productsText(t.From), productsText(t.To)
	}
	return out
}

// productsText turns discovery rules from the ledger's text into the API's.
func productsText(text *string) *string {
	var rules []license.ProductInformation
	if text == nil || json.Unmarshal([]byte(*text), &rules) != nil {
		return text
	}
	shape, err := json.Marshal(convert(rules, discoveryRuleShape))
	if err != nil {
		return text
	}
	return new(string(shape))
}

// associated is the sum over all types of resources.
func associated(c *license.Counters) (n int64) {
	for _, of := range c.AssociatedBy {
		n += of
	}
	return n
}

func revisionChange(c *license.RevisionChange) api.RevisionChange {
	from, to := c.From != nil || c.FromAssociation != nil, c.To != nil || c.ToAssociation != nil
	out := api.RevisionChange{
		Kind:            new("association"),
		Change:          new(changeName(from, to)),
		ResourceArn:     present(c.ResourceARN),
		ResourceType:    present(string(c.Type)),
		ResourceOwnerId: &c.Owner,
	}
	if c.Kind == license.KindUsage {
		was, is := value(c.From), value(c.To)
		out.Kind, out.FromConsumedLicenses, out.ToConsumedLicenses = new("usage"), &was.Consumed, &is.Consumed
		out.FromStatus, out.ToStatus = present(was.Status), present(is.Status)
		return out
	}
	a := value(c.FromAssociation)
	if c.ToAssociation != nil {
		a = *c.ToAssociation
	}
	out.Origin, out.Unlicensed = present(a.Origin), &a.Unlicensed
	return out
}

func changeName(from, to bool) string {
	switch {
	case !from:
		return "added"
	case !to:
		return "removed"
	}
	return "changed"
}

func termsShape(t *license.Terms) *api.Terms {
	if t == nil {
		return nil
	}
	return &api.Terms{
		Name:                     &t.Name,
		Description:              present(t.Description),
		LicenseCountingType:      new(string(t.CountingType)),
		LicenseCount:             t.Count,
		LicenseCountHardLimit:    &t.HardLimit,
		LicenseRules:             append([]string{}, t.Rules...),
		Status:                   &t.Status,
		DisassociateWhenNotFound: &t.Disassociate,
		ProductInformationList:   convert(t.Products, discoveryRuleShape),
		LicenseExpiry:            t.Expiry,
		Tags:                     convert(t.Tags, tagShape),
	}
}

func discoveryRuleShape(p *license.ProductInformation) api.DiscoveryRule {
	return api.DiscoveryRule{
		ResourceType: &p.ResourceType,
		ProductInformationFilterList: convert(p.Filters, func(f *license.ProductFilter) api.DiscoveryFilter {
			return api.DiscoveryFilter{
				ProductInformationFilterName:       &f.Name,
				ProductInformationFilterValue:      f.Values,
				ProductInformationFilterComparator: &f.Comparator,
			}
		}),
	}
}

// momentText leaves out a moment that has not come.
func momentText(t license.Time) *string {
	if t == 0 {
		return nil
	}
	return new(t.String())
}

func (s *server) listPositions(ctx context.Context, who license.Caller, in *api.ListPositionsInput) (*api.ListPositionsOutput, error) {
	q := license.PositionQuery{ARNs: in.LicenseConfigurationArns, History: value(in.IncludeHistory)}
	var err error
	if q.AsOf, err = moment("AsOf", in.AsOf); err != nil {
		return nil, err
	}
	p, err := s.pager(who, in.MaxResults, in.NextToken, append([]string{value(in.AsOf)}, in.LicenseConfigurationArns...)...)
	if err != nil {
		return nil, err
	}
	after, err := p.created()
	if err != nil {
		return nil, err
	}
	if q.History {
		p.limit = min(p.limit, historiesAtOnce)
	}
	page, next, err := s.manager.ListPositions(ctx, who, q, after, p.limit)
	if err != nil {
		return nil, err
	}
	return &api.ListPositionsOutput{Positions: convert(page, position), NextToken: p.afterCreated(next)}, nil
}

func position(p *license.Position) api.Position {
	out := api.Position{
		LicenseConfigurationArn: &p.ARN,
		CreationTime:            new(p.Created.String()),
		Revision:                &p.Revision,
		RevisionTime:            new(p.RevisionAt.String()),
		Name:                    &p.Terms.Name,
		LicenseCountingType:     new(string(p.Terms.CountingType)),
		LicenseCount:            p.Terms.Count,
		LicenseCountHardLimit:   &p.Terms.HardLimit,
		Status:                  &p.Terms.Status,
		LicenseExpiry:           p.Terms.Expiry,
		ConsumedLicenses:        &p.Consumed,
		OverLicenses:            new(p.Over()),
		OverSince:               momentText(p.OverSince),
		Trend:                   p.Trend,
	}
	if p.Failures != nil {
		out.FailureCount, out.UnlicensedCount = new(int64(*p.Failures)), new(int64(*p.Unlicensed))
	}
	if p.Peaks != nil {
		out.PeakLicenses30Days, out.PeakLicenses90Days, out.PeakLicenses365Days = &p.Peaks[0], &p.Peaks[1], &p.Peaks[2]
	}
	return out
}

func (s *server) listAssociations(ctx context.Context, who license.Caller, in *api.ListAssociationsInput) (*api.ListAssociationsOutput, error) {
	asOf, err := moment("AsOf", in.AsOf)
	if err != nil {
		return nil, err
	}
	arn := value(in.LicenseConfigurationArn)
	p, err := s.pager(who, in.MaxResults, in.NextToken, arn, value(in.AsOf))
	if err != nil {
		return nil, err
	}
	cursor, err := p.revision()
	if err != nil {
		return nil, err
	}
	if cursor == nil {
		first, err := s.manager.UsageCursor(ctx, who, arn, asOf)
		if err != nil {
			return nil, err
		}
		if first.Revision == 0 { // it did not exist then
			return &api.ListAssociationsOutput{Associations: []api.Association{}}, nil
		}
		cursor = &first
	}
	page, next, err := s.manager.ListAssociations(ctx, who, arn, cursor, p.limit)
	if err != nil {
		return nil, err
	}
	return &api.ListAssociationsOutput{Associations: convert(page, fullAssociation), NextToken: p.afterRevision(next)}, nil
}

func fullAssociation(a *license.Association) api.Association {
	return api.Association{
		ResourceArn:         &a.ResourceARN,
		ResourceType:        new(string(a.Type)),
		ResourceOwnerId:     new(license.AccountOf(a.Owner)),
		AssociationTime:     new(a.AssociationTime.String()),
		AmiAssociationScope: present(a.Scope),
		Origin:              &a.Origin,
		Unlicensed:          &a.Unlicensed,
	}
}
