package server

import (
	"context"
	"time"

	"reeve/internal/api"
	"reeve/internal/iam"
	"reeve/internal/license"
)

func (s *server) createAgentToken(ctx context.Context, who license.Caller, in *api.CreateAgentTokenInput) (*api.CreateAgentTokenOutput, error) {
	t, text, err := s.directory.CreateAgentToken(ctx, identityOf(who), value(in.AccountId), who.Region, value(in.Name))
	if err != nil {
		return nil, err
	}
	return &api.CreateAgentTokenOutput{
		AgentTokenId: &t.ID, Token: new(text.Reveal()), AccountId: &t.Account, Region: &t.Region, Name: present(t.Name),
	}, nil
}

func (s *server) listAgentTokens(ctx context.Context, who license.Caller, in *api.ListAgentTokensInput) (*api.ListAgentTokensOutput, error) {
	p, err := s.pager(who, in.MaxResults, in.NextToken, value(in.AccountId))
	if err != nil {
		return nil, err
	}
	after, err := p.number()
	if err != nil {
		return nil, err
	}
	list, next, err := s.directory.AgentTokens(ctx, identityOf(who), value(in.AccountId), after, p.limit)
	if err != nil {
		return nil, err
	}
	return &api.ListAgentTokensOutput{AgentTokens: convert(list, agentToken), NextToken: p.afterNumber(next)}, nil
}

func agentToken(t *iam.AgentToken) api.AgentToken {
	return api.AgentToken{
		AgentTokenId:   &t.ID,
		AccountId:      &t.Account,
		Region:         &t.Region,
		Name:           present(t.Name),
		CreationTime:   wireTime(t.Created),
		LastUsedTime:   wireTime(t.Used),
		RevocationTime: wireTime(t.Revoked),
	}
}

// wireTime leaves out a moment that has not come.
func wireTime(t time.Time) *api.Time {
	if t.IsZero() {
		return nil
	}
	return new(api.Time(license.TimeOf(t)))
}

func (s *server) deleteAgentToken(ctx context.Context, who license.Caller, in *api.DeleteAgentTokenInput) (*api.DeleteAgentTokenOutput, error) {
	return &api.DeleteAgentTokenOutput{}, s.directory.RevokeAgentToken(ctx, identityOf(who), value(in.AccountId), value(in.AgentTokenId))
}
