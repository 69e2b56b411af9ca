package server

import (
	"context"
	"fmt"
	"strconv"

	"reeve/internal/api"
	"reeve/internal/license"
)

func (s *server) createOrganization(ctx context.Context, who license.Caller, in *api.CreateOrganizationInput) (*api.CreateOrganizationOutput, error) {
	o, err := s.manager.CreateOrganization(ctx, who, inAccount(who.Account, in.ManagementAccountId))
	if err != nil {
		return nil, err
	}
	return &api.CreateOrganizationOutput{Organization: organizationShape(&o)}, nil
}

func organizationShape(o *license.Organization) *api.Organization {
	return &api.Organization{
		OrganizationId: &o.ID, ManagementAccountId: &o.Management, DelegatedAdministratorId: present(o.Delegated),
		CreationTime: new(api.Time(o.Created)),
	}
}

func (s *server) describeOrganization(ctx context.Context, who license.Caller, in *api.DescribeOrganizationInput) (*api.DescribeOrganizationOutput, error) {
	o, err := s.manager.Organization(ctx, who, value(in.OrganizationId))
	if err != nil {
		return nil, err
	}
	return &api.DescribeOrganizationOutput{Organization: organizationShape(o)}, nil
}

func (s *server) addAccountToOrganization(ctx context.Context, who license.Caller, in *api.AddAccountToOrganizationInput) (*api.AddAccountToOrganizationOutput, error) {
	return &api.AddAccountToOrganizationOutput{}, s.manager.AddAccount(ctx, who, value(in.OrganizationId), value(in.AccountId))
}

func (s *server) removeAccountFromOrganization(ctx context.Context, who license.Caller, in *api.RemoveAccountFromOrganizationInput) (*api.RemoveAccountFromOrganizationOutput, error) {
	return &api.RemoveAccountFromOrganizationOutput{}, s.manager.RemoveAccount(ctx, who, value(in.OrganizationId), value(in.AccountId), value(in.Force))
}

func (s *server) registerDelegatedAdministrator(ctx context.Context, who license.Caller, in *api.RegisterDelegatedAdministratorInput) (*api.RegisterDelegatedAdministratorOutput, error) {
	return &api.RegisterDelegatedAdministratorOutput{}, s.manager.Delegate(ctx, who, value(in.OrganizationId), value(in.AccountId))
}

func (s *server) deregisterDelegatedAdministrator(ctx context.Context, who license.Caller, in *api.DeregisterDelegatedAdministratorInput) (*api.DeregisterDelegatedAdministratorOutput, error) {
	return &api.DeregisterDelegatedAdministratorOutput{}, s.manager.Undelegate(ctx, who, value(in.OrganizationId), value(in.AccountId))
}

// The roles of an organization's accounts.
const (
	roleManagement = "MANAGEMENT"
	roleDelegated  = "DELEGATED_ADMINISTRATOR"
	roleMember     = "MEMBER"
)

// listOrganizationAccounts takes the number of an account for the place of its
// list.
func (s *server) listOrganizationAccounts(ctx context.Context, who license.Caller, in *api.ListOrganizationAccountsInput) (*api.ListOrganizationAccountsOutput, error) {
	p, err := s.pager(who, in.MaxResults, in.NextToken, value(in.OrganizationId))
	if err != nil {
		return nil, err
	}
	after, err := p.number()
	if err != nil {
		return nil, err
	}
	o, err := s.manager.Organization(ctx, who, value(in.OrganizationId))
	if err != nil {
		return nil, err
	}
	place := ""
	if after != 0 {
		place = fmt.Sprintf("%012d", after)
	}
	list, next, err := s.manager.OrganizationAccounts(ctx, who, o.ID, place, p.limit)
	if err != nil {
		return nil, err
	}
	number, err := accountNumber(next)
	if err != nil {
		return nil, err
	}
	shape := func(a *license.OrganizationAccount) api.OrganizationAccount { return organizationAccount(o, a) }
	return &api.ListOrganizationAccountsOutput{Accounts: convert(list, shape), NextToken: p.afterNumber(number)}, nil
}

// accountNumber is an account's digits as a place of a list has them; "" is 0.
func accountNumber(account string) (int64, error) {
	n, err := strconv.ParseInt("0"+account, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read place in accounts: %w", err)
	}
	return n, nil
}

func organizationAccount(o *license.Organization, a *license.OrganizationAccount) api.OrganizationAccount {
	role := roleMember
	switch a.Account {
	case o.Management:
		role = roleManagement
	case o.Delegated:
		role = roleDelegated
	}
	return api.OrganizationAccount{AccountId: &a.Account, Name: present(a.Name), Role: &role, JoinedTime: new(api.Time(a.Joined))}
}

func (s *server) shareLicenseConfiguration(ctx context.Context, who license.Caller, in *api.ShareLicenseConfigurationInput) (*api.ShareLicenseConfigurationOutput, error) {
	return &api.ShareLicenseConfigurationOutput{}, s.manager.Share(ctx, who, value(in.LicenseConfigurationArn), value(in.Principal))
}

func (s *server) unshareLicenseConfiguration(ctx context.Context, who license.Caller, in *api.UnshareLicenseConfigurationInput) (*api.UnshareLicenseConfigurationOutput, error) {
	return &api.UnshareLicenseConfigurationOutput{}, s.manager.Unshare(ctx, who, value(in.LicenseConfigurationArn), value(in.Principal), value(in.Force))
}

func (s *server) listLicenseConfigurationShares(ctx context.Context, who license.Caller, in *api.ListLicenseConfigurationSharesInput) (*api.ListLicenseConfigurationSharesOutput, error) {
	list, err := s.manager.Shares(ctx, who, value(in.LicenseConfigurationArn))
	if err != nil {
		return nil, err
	}
	return &api.ListLicenseConfigurationSharesOutput{Shares: convert(list, func(one *license.Share) api.Share {
		return api.Share{Principal: &one.Principal, Accounts: new(int64(one.Accounts))}
	})}, nil
}

// listLicenseConfigurationsForOrganization takes the filters of
// ListLicenseConfigurations; AWS documents none.
func (s *server) listLicenseConfigurationsForOrganization(ctx context.Context, who license.Caller, in *api.ListLicenseConfigurationsForOrganizationInput) (*api.ListLicenseConfigurationsForOrganizationOutput, error) {
	filter, p, err := s.configurationList(who, in.Filters, in.LicenseConfigurationArns, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	after, err := p.owned()
	if err != nil {
		return nil, err
	}
	page, next, err := s.manager.ListOrganizationConfigurations(ctx, who, filter, after, p.limit)
	if err != nil {
		return nil, err
	}
	return &api.ListLicenseConfigurationsForOrganizationOutput{
		LicenseConfigurations: convert(page, listedConfiguration),
		NextToken:             p.afterOwned(next),
	}, nil
}
