package server

import (
	"context"
	"time"

	"reeve/internal/api"
	"reeve/internal/iam"
	"reeve/internal/license"
)

func (s *server) createRole(ctx context.Context, who license.Caller, in *api.CreateRoleInput) (*api.CreateRoleOutput, error) {
	role, err := s.directory.CreateRole(ctx, identityOf(who), value(in.AccountId), value(in.RoleName), value(in.AssumeRolePolicyDocument), seconds(in.MaxSessionDuration))
	if err != nil {
		return nil, err
	}
	return &api.CreateRoleOutput{Role: new(roleShape(role))}, nil
}

func seconds(n *int64) time.Duration { return time.Duration(value(n)) * time.Second }

func roleShape(p *iam.Principal) api.Role {
	return api.Role{
		RoleName: &p.Name, RoleId: &p.ID, Arn: new(p.ARN()), CreationTime: wireTime(p.Created),
		AssumeRolePolicyDocument: &p.Trust, MaxSessionDuration: new(int64(p.MaxSession / time.Second)),
	}
}

func (s *server) listRoles(ctx context.Context, who license.Caller, in *api.ListRolesInput) (*api.ListRolesOutput, error) {
	list, next, err := s.principals(ctx, who, in.AccountId, iam.OfRole, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &api.ListRolesOutput{Roles: convert(list, roleShape), NextToken: next}, nil
}

func (s *server) updateRole(ctx context.Context, who license.Caller, in *api.UpdateRoleInput) (*api.UpdateRoleOutput, error) {
	change := iam.RoleChange{Trust: in.AssumeRolePolicyDocument, MaxSession: seconds(in.MaxSessionDuration)}
	role, err := s.directory.UpdateRole(ctx, identityOf(who), value(in.AccountId), value(in.RoleName), change)
	if err != nil {
		return nil, err
	}
	return &api.UpdateRoleOutput{Role: new(roleShape(role))}, nil
}

func (s *server) deleteRole(ctx context.Context, who license.Caller, in *api.DeleteRoleInput) (*api.DeleteRoleOutput, error) {
	h := iam.Holder{Account: value(in.AccountId), Type: iam.OfRole, Name: value(in.RoleName)}
	return &api.DeleteRoleOutput{}, s.directory.DeletePrincipal(ctx, identityOf(who), h)
}
