package server

import (
	"context"

	"reeve/internal/api"
	"reeve/internal/license"
)

func (s *server) createAccount(ctx context.Context, who license.Caller, in *api.CreateAccountInput) (*api.CreateAccountOutput, error) {
	account, err := s.directory.CreateAccount(ctx, identityOf(who), value(in.Name), value(in.AccountId))
	if err != nil {
		return nil, err
	}
	return &api.CreateAccountOutput{AccountId: &account.ID, Name: &account.Name}, nil
}

func (s *server) createAccessKey(ctx context.Context, who license.Caller, in *api.CreateAccessKeyInput) (*api.CreateAccessKeyOutput, error) {
	id, secret, err := s.directory.CreateAccessKey(ctx, identityOf(who), value(in.AccountId))
	if err != nil {
		return nil, err
	}
	return &api.CreateAccessKeyOutput{AccountId: in.AccountId, AccessKeyId: &id, SecretAccessKey: new(secret.Reveal())}, nil
}

// getCallerIdentity answers from what the signature proved alone.
func (s *server) getCallerIdentity(_ context.Context, who license.Caller, _ *api.GetCallerIdentityInput) (*api.GetCallerIdentityOutput, error) {
	return &api.GetCallerIdentityOutput{AccountId: &who.Account, Arn: &who.Principal, Region: &who.Region, Root: &who.Root}, nil
}
