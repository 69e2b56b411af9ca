package server

import (
	"context"
	"time"

	"reeve/internal/api"
	"reeve/internal/license"
)

// longestStep bounds the steps of a history, so that their length in
// nanoseconds cannot overflow.
const longestStep = 100 * 366 * 24 * time.Hour

// verifiedAtOnce bounds how many ledgers one request verifies: each is read
// whole, so a page of them has to be small to be answered in time.
const verifiedAtOnce = 25

func (s *server) explainUsage(ctx context.Context, who license.Caller, in *api.ExplainUsageInput) (*api.ExplainUsageOutput, error) {
	asOf, err := moment("AsOf", in.AsOf)
	if err != nil {
		return nil, err
	}
	e, err := s.manager.Explain(ctx, who, value(in.LicenseConfigurationArn), value(in.ResourceArn), asOf)
	if err != nil {
		return nil, err
	}
	out := &api.ExplainUsageOutput{
		LicenseConfigurationArn: &e.ConfigurationARN,
		ResourceArn:             &e.ResourceARN,
		AsOf:                    new(e.AsOf.String()),
		Revision:                &e.Revision,
		Associated:              &e.Associated,
		ConsumedLicenses:        &e.Consumed,
		CountedOnResourceArn:    present(e.CountedOn),
		Steps:                   convert(e.Steps, step),
	}
	if e.Revision > 0 { // else the configuration did not exist yet
		out.RevisionTime = new(e.RevisionAt.String())
	}
	if e.Associated {
		out.AssociationTime = new(api.Time(e.AssociationTime))
	}
	return out, nil
}

func step(s *license.Step) api.ExplanationStep {
	return api.ExplanationStep{Kind: &s.Kind, Name: &s.Name, Value: &s.Value, Note: present(s.Note)}
}

func (s *server) getUsageHistory(ctx context.Context, who license.Caller, in *api.GetUsageHistoryInput) (*api.GetUsageHistoryOutput, error) {
	from, err := moment("From", in.From)
	if err != nil {
		return nil, err
	}
	to, err := moment("To", in.To)
	if err != nil {
		return nil, err
	}
	if value(in.StepSeconds) > int64(longestStep/time.Second) {
		return nil, invalid("StepSeconds must be at most %d.", int64(longestStep/time.Second))
	}
	step := time.Duration(value(in.StepSeconds)) * time.Second
	h, err := s.manager.GetHistory(ctx, who, value(in.LicenseConfigurationArn), from, to, step)
	if err != nil {
		return nil, err
	}
	return &api.GetUsageHistoryOutput{
		From:        new(h.From.String()),
		To:          new(h.To.String()),
		StepSeconds: new(int64(h.Step / time.Second)),
		Points:      convert(h.Points, point),
	}, nil
}

func point(p *license.HistoryPoint) api.UsageHistoryPoint {
	return api.UsageHistoryPoint{
		From:                  new(p.From.String()),
		ConsumedLicenses:      &p.Consumed,
		PeakLicenses:          &p.Peak,
		LicenseCount:          p.Count,
		LicenseCountHardLimit: &p.Hard,
	}
}

func (s *server) compareUsage(ctx context.Context, who license.Caller, in *api.CompareUsageInput) (*api.CompareUsageOutput, error) {
	arn := value(in.LicenseConfigurationArn)
	from, err := moment("From", in.From)
	if err != nil {
		return nil, err
	}
	to, err := moment("To", in.To)
	if err != nil {
		return nil, err
	}
	p, err := s.pager(who, in.MaxResults, in.NextToken, arn, value(in.From), value(in.To))
	if err != nil {
		return nil, err
	}
	after, err := p.place()
	if err != nil {
		return nil, err
	}
	c, err := s.manager.Compare(ctx, who, arn, value(from), value(to), after, p.limit)
	if err != nil {
		return nil, err
	}
	out := comparison(c)
	out.NextToken = p.afterPlace(c.Next)
	return out, nil
}

func comparison(c *license.Comparison) *api.CompareUsageOutput {
	return &api.CompareUsageOutput{
		From:                 new(c.From.String()),
		To:                   new(c.To.String()),
		FromRevision:         &c.FromRevision,
		ToRevision:           &c.ToRevision,
		FromConsumedLicenses: &c.FromConsumed,
		ToConsumedLicenses:   &c.ToConsumed,
		FromLicenseCount:     c.FromCount,
		ToLicenseCount:       c.ToCount,
		Differences:          convert(c.Differences, difference),
	}
}

// difference tells both sides of a difference; a resource that did not consume
// at one of the moments has no status there and consumed 0.
func difference(d *license.Difference) api.UsageDifference {
	change, known := "changed", d.To
	switch {
	case d.From == nil:
		change = "added"
	case d.To == nil:
		change, known = "removed", d.From
	}
	from, to := value(d.From), value(d.To)
	return api.UsageDifference{
		Change:               &change,
		ResourceArn:          &known.ResourceARN,
		ResourceType:         new(string(known.Type)),
		ResourceOwnerId:      new(license.AccountOf(known.Owner)),
		FromConsumedLicenses: &from.Consumed,
		ToConsumedLicenses:   &to.Consumed,
		FromStatus:           present(from.Status),
		ToStatus:             present(to.Status),
	}
}

func (s *server) verifyLedgers(ctx context.Context, who license.Caller, in *api.VerifyLedgersInput) (*api.VerifyLedgersOutput, error) {
	p, err := s.pager(who, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	after, err := p.number()
	if err != nil {
		return nil, err
	}
	page, next, err := s.verifyFrom(ctx, who, verifyPlace(after), min(p.limit, verifiedAtOnce))
	if err != nil {
		return nil, err
	}
	out := verifiedPage(page)
	out.NextToken = p.afterNumber(int64(next))
	return out, nil
}

// verifiedPage lists ledgers, and of what belongs to accounts only what has a
// fault: who goes through the list finds configurations, and misses no fault.
func verifiedPage(page []license.VerifyReport) *api.VerifyLedgersOutput {
	out := &api.VerifyLedgersOutput{Ledgers: []api.LedgerReport{}, Inventories: new(int64), Checkpoints: new(int64)}
	for i := range page {
		switch r := &page[i]; {
		case r.Fault == "" && r.Kind == license.InventoryReport:
			*out.Inventories++
		case r.Fault == "" && r.Kind == license.CheckpointsReport:
			*out.Checkpoints++
		default:
			out.Ledgers = append(out.Ledgers, ledger(r))
		}
	}
	return out
}

func ledger(r *license.VerifyReport) api.LedgerReport {
	return api.LedgerReport{
		Kind:                    new(string(r.Kind)),
		LicenseConfigurationArn: &r.ConfigurationARN,
		AccountId:               &r.Account,
		Revisions:               &r.Revisions,
		Intervals:               &r.Intervals,
		Fault:                   present(r.Fault),
	}
}

// moment reads an optional moment and names the member that it cannot read.
func moment(member string, text *string) (*license.Time, error) {
	if text == nil {
		return nil, nil
	}
	t, err := license.ParseMoment(*text)
	if err != nil {
		return nil, invalid("%s: %s", member, err)
	}
	return &t, nil
}
