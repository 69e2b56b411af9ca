package server

import (
	"context"
	"fmt"

	"reeve/internal/api"
	"reeve/internal/iam"
	"reeve/internal/license"
)

func (s *server) createAccount(ctx context.Context, who license.Caller, in *api.CreateAccountInput) (*api.CreateAccountOutput, error) {
	account, err := s.directory.CreateAccount(ctx, identityOf(who), value(in.Name), value(in.AccountId))
	if err != nil {
		return nil, err
	}
	return &api.CreateAccountOutput{AccountId: &account.ID, Name: &account.Name}, nil
}

// listAccounts takes the number of an account for the place of its list.
func (s *server) listAccounts(ctx context.Context, who license.Caller, in *api.ListAccountsInput) (*api.ListAccountsOutput, error) {
	p, err := s.pager(who, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	after, err := p.number()
	if err != nil {
		return nil, err
	}
	list, next, err := s.directory.Accounts(ctx, identityOf(who), fmt.Sprintf("%012d", after), p.limit)
	if err != nil {
		return nil, err
	}
	place, err := accountNumber(next)
	if err != nil {
		return nil, err
	}
	return &api.ListAccountsOutput{Accounts: convert(list, accountShape), NextToken: p.afterNumber(place)}, nil
}

func accountShape(a *iam.Account) api.Account {
	return api.Account{AccountId: &a.ID, Name: &a.Name, Root: &a.Root, CreationTime: wireTime(a.Created)}
}

func (s *server) createAccessKey(ctx context.Context, who license.Caller, in *api.CreateAccessKeyInput) (*api.CreateAccessKeyOutput, error) {
	id, secret, err := s.directory.CreateAccessKey(ctx, identityOf(who), value(in.AccountId), value(in.UserName))
	if err != nil {
		return nil, err
	}
	return &api.CreateAccessKeyOutput{
		AccountId: new(inAccount(who.Account, in.AccountId)), UserName: in.UserName, AccessKeyId: &id, SecretAccessKey: new(secret.Reveal()),
	}, nil
}

func (s *server) listAccessKeys(ctx context.Context, who license.Caller, in *api.ListAccessKeysInput) (*api.ListAccessKeysOutput, error) {
	list, err := s.directory.AccessKeys(ctx, identityOf(who), value(in.AccountId), value(in.UserName))
	if err != nil {
		return nil, err
	}
	return &api.ListAccessKeysOutput{AccessKeyMetadata: convert(list, accessKey)}, nil
}

// The states of access keys.
const (
	keyActive   = "Active"
	keyInactive = "Inactive"
)

func accessKey(k *iam.AccessKey) api.AccessKeyMetadata {
	status := keyActive
	if k.Inactive {
		status = keyInactive
	}
	return api.AccessKeyMetadata{
		AccessKeyId: &k.ID, UserName: present(k.User), Status: &status,
		CreationTime: wireTime(k.Created), LastUsedTime: wireTime(k.Used),
	}
}

func (s *server) updateAccessKey(ctx context.Context, who license.Caller, in *api.UpdateAccessKeyInput) (*api.UpdateAccessKeyOutput, error) {
	inactive := value(in.Status) == keyInactive
	return &api.UpdateAccessKeyOutput{}, s.directory.SetAccessKey(ctx, identityOf(who), value(in.AccountId), value(in.UserName), value(in.AccessKeyId), inactive)
}

func (s *server) deleteAccessKey(ctx context.Context, who license.Caller, in *api.DeleteAccessKeyInput) (*api.DeleteAccessKeyOutput, error) {
	return &api.DeleteAccessKeyOutput{}, s.directory.DeleteAccessKey(ctx, identityOf(who), value(in.AccountId), value(in.UserName), value(in.AccessKeyId))
}

// getCallerIdentity answers from what the signature proved alone.
func (s *server) getCallerIdentity(_ context.Context, who license.Caller, _ *api.GetCallerIdentityInput) (*api.GetCallerIdentityOutput, error) {
	return &api.GetCallerIdentityOutput{AccountId: &who.Account, Arn: &who.Principal, Region: &who.Region, Root: &who.Root}, nil
}
