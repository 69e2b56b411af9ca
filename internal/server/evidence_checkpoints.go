package server

import (
	"context"
	"encoding/hex"

	"reeve/internal/api"
	"reeve/internal/evidence"
	"reeve/internal/evidence/notary"
	"reeve/internal/license"
)

// maxWitnessed is the size of the body of PutWitnessCheckpoint, in bytes: all
// ledgers of the largest account.
const maxWitnessed = 32 << 20

// largestCheckpointPage is the largest page of checkpoints: each may list
// thousands of ledgers.
const largestCheckpointPage = 100

func (s *server) createCheckpoint(ctx context.Context, who license.Caller, in *api.CreateCheckpointInput) (*api.CreateCheckpointOutput, error) {
	c, made, err := s.notary.Create(ctx, who, value(in.AccountId))
	if err != nil {
		return nil, err
	}
	return &api.CreateCheckpointOutput{Checkpoint: new(wireCheckpoint(&c)), Created: &made}, nil
}

func wireCheckpoint(c **notary.Checkpoint) api.Checkpoint {
	return api.Checkpoint{
		AccountId:     new((*c).Account()),
		Number:        &(*c).Number,
		Time:          new((*c).Time.String()),
		LedgerCount:   &(*c).Checkpoint.Ledgers,
		RevisionCount: &(*c).Revisions,
		Note:          &(*c).Note,
		Ledgers:       convert((*c).Ledgers, ledgerHead),
	}
}

func ledgerHead(h *evidence.Head) api.LedgerHead {
	return api.LedgerHead{LicenseConfigurationArn: &h.ARN, Revision: &h.Number, Hash: new(hex.EncodeToString(h.Hash[:]))}
}

func (s *server) getCheckpoint(ctx context.Context, who license.Caller, in *api.GetCheckpointInput) (*api.GetCheckpointOutput, error) {
	c, err := s.notary.Get(ctx, who, value(in.AccountId), value(in.Number))
	if err != nil {
		return nil, err
	}
	keys, err := s.notary.Keys(ctx)
	if err != nil {
		return nil, err
	}
	return &api.GetCheckpointOutput{Checkpoint: new(wireCheckpoint(&c)), VerifierKeys: new(evidence.FormatKeys(keys))}, nil
}

func (s *server) listCheckpoints(ctx context.Context, who license.Caller, in *api.ListCheckpointsInput) (*api.ListCheckpointsOutput, error) {
	p, err := s.pager(who, in.MaxResults, in.NextToken, value(in.AccountId), value(in.Origin))
	if err != nil {
		return nil, err
	}
	after, err := p.number()
	if err != nil {
		return nil, err
	}
	limit := min(p.limit, largestCheckpointPage)
	if in.Origin != nil {
		page, next, err := s.notary.Cosigned(ctx, who, *in.Origin, after, limit)
		return &api.ListCheckpointsOutput{Checkpoints: convert(page, wireCheckpoint), NextToken: p.afterNumber(next)}, err
	}
	page, next, err := s.notary.List(ctx, who, value(in.AccountId), after, limit)
	if err != nil {
		return nil, err
	}
	out := &api.ListCheckpointsOutput{Checkpoints: convert(page, wireCheckpoint), NextToken: p.afterNumber(next)}
	if after == 0 {
		witnesses, err := s.notary.Progress(ctx, who, value(in.AccountId))
		if err != nil {
			return nil, err
		}
		out.Witnesses = convert(witnesses, witnessProgress)
	}
	return out, nil
}

func witnessProgress(w *notary.Progress) api.WitnessProgress {
	out := api.WitnessProgress{Witness: &w.Witness, Sent: &w.Sent, Failures: &w.Failed, Error: present(w.Error)}
	if w.SentAt != 0 {
		out.SentTime = new(api.Time(w.SentAt))
	}
	if w.Failed > 0 {
		out.NextTime = new(api.Time(w.Ready))
	}
	return out
}

func (s *server) putWitnessCheckpoint(ctx context.Context, who license.Caller, in *api.PutWitnessCheckpointInput) (*api.PutWitnessCheckpointOutput, error) {
	heads := make([]evidence.Head, len(in.Ledgers))
	for i, l := range in.Ledgers {
		hash, err := evidence.ParseHash(value(l.Hash))
		if err != nil {
			return nil, invalid("Ledgers: %s.", err)
		}
		heads[i] = evidence.Head{ARN: value(l.LicenseConfigurationArn), Number: value(l.Revision), Hash: hash}
	}
	cosigned, err := s.notary.Cosign(ctx, who, value(in.Note), value(in.VerifierKeys), heads)
	if err != nil {
		return nil, err
	}
	return &api.PutWitnessCheckpointOutput{Note: &cosigned}, nil
}

func (s *server) rotateCheckpointKey(ctx context.Context, who license.Caller, _ *api.RotateCheckpointKeyInput) (*api.RotateCheckpointKeyOutput, error) {
	key, err := s.notary.RotateKey(ctx, who)
	if err != nil {
		return nil, err
	}
	return &api.RotateCheckpointKeyOutput{VerifierKey: &key.Text}, nil
}

func (s *server) exportLedger(ctx context.Context, who license.Caller, in *api.ExportLedgerInput) (*api.ExportLedgerOutput, error) {
	arn := value(in.LicenseConfigurationArn)
	p, err := s.pager(who, in.MaxResults, in.NextToken, arn)
	if err != nil {
		return nil, err
	}
	after, err := p.number()
	if err != nil {
		return nil, err
	}
	page, next, err := s.manager.Revisions(ctx, who, arn, after, p.limit)
	if err != nil {
		return nil, err
	}
	return &api.ExportLedgerOutput{Revisions: convert(page, ledgerRevision), NextToken: p.afterNumber(next)}, nil
}

func ledgerRevision(p **license.Revision) api.LedgerRevision {
	r := *p
	out := api.LedgerRevision{
		Revision: &r.Number, At: new(int64(r.At)), Recorded: new(int64(r.Recorded)), Caller: &r.Caller, Cause: &r.Cause,
		Consumed: &r.Counters.Consumed, ConsumedBy: r.Counters.ConsumedBy[:], AssociatedBy: r.Counters.AssociatedBy[:],
		TermsRevision: &r.TermsRev, Changes: new(string(r.Changes)), Hash: new(hex.EncodeToString(r.Hash)),
	}
	if r.Terms != nil {
		out.Terms = new(string(r.Terms))
	}
	return out
}
