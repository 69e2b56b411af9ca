package server

import (
	"context"

	"reeve/internal/api"
	"reeve/internal/iam"
	"reeve/internal/license"
)

func (s *server) createUser(ctx context.Context, who license.Caller, in *api.CreateUserInput) (*api.CreateUserOutput, error) {
	user, err := s.directory.CreateUser(ctx, identityOf(who), value(in.AccountId), value(in.UserName))
	if err != nil {
		return nil, err
	}
	return &api.CreateUserOutput{User: new(userShape(user))}, nil
}

func userShape(p *iam.Principal) api.User {
	return api.User{UserName: &p.Name, UserId: &p.ID, Arn: new(p.ARN()), CreationTime: wireTime(p.Created)}
}

func (s *server) listUsers(ctx context.Context, who license.Caller, in *api.ListUsersInput) (*api.ListUsersOutput, error) {
	list, next, err := s.principals(ctx, who, in.AccountId, iam.OfUser, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &api.ListUsersOutput{Users: convert(list, userShape), NextToken: next}, nil
}

// principals is a page of users or roles.
func (s *server) principals(ctx context.Context, who license.Caller, account *string, of iam.HolderType, most *int64, token *string) ([]iam.Principal, *string, error) {
	p, err := s.pager(who, most, token, value(account))
	if err != nil {
		return nil, nil, err
	}
	after, err := p.number()
	if err != nil {
		return nil, nil, err
	}
	list, next, err := s.directory.Principals(ctx, identityOf(who), value(account), of, after, p.limit)
	return list, p.afterNumber(next), err
}

func (s *server) deleteUser(ctx context.Context, who license.Caller, in *api.DeleteUserInput) (*api.DeleteUserOutput, error) {
	h := iam.Holder{Account: value(in.AccountId), Type: iam.OfUser, Name: value(in.UserName)}
	return &api.DeleteUserOutput{}, s.directory.DeletePrincipal(ctx, identityOf(who), h)
}
