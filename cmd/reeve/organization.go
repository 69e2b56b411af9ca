package main

import (
	"context"

	"github.com/spf13/cobra"

	"reeve/internal/api"
)

type organizationOptions struct {
	connection
	organization string
	account      string
	force        bool
}

func newOrganization(p *process) *cobra.Command {
	return group("organization", "Group accounts, so that they can share configurations",
		newOrganizationCreate(p), newOrganizationShow(p), newOrganizationList(p),
		newOrganizationAdd(p), newOrganizationRemove(p), newOrganizationDelegate(p))
}

// bind adds the connection's flags, and which organization is meant.
func (o *organizationOptions) bind(c *cobra.Command) *cobra.Command {
	f := c.Flags()
	f.StringVar(&o.organization, "organization", "", "`ID` of the organization (default the account's own, or the only one)")
	o.connection.flags(f)
	return c
}

// changeOrganization calls an operation and says what was done.
func changeOrganization[In, Out any](ctx context.Context, p *process, o *organizationOptions, operation string, in In, out *Out, done string) error {
	if err := checkAccount("ACCOUNT", o.account); err != nil {
		return err
	}
	c, err := o.dial(p)
	if err != nil {
		return err
	}
	if err := call(ctx, c, api.Reeve+"."+operation, in, out); err != nil {
		return err
	}
	return say(p, "%s\n", done)
}

func newOrganizationCreate(p *process) *cobra.Command {
	var o organizationOptions
	c := &cobra.Command{
		Use:   "create",
		Short: "Make an organization and print it",
		Long: `Make an organization and print it. Its management account is one of the
deployment, by default the caller's. Only keys of the root account may make
organizations and add accounts to them.`,
		Example: `  reeve organization create --management 111122223333`,
		Args:    arguments(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkAccount("--management", o.account); err != nil {
				return err
			}
			in := api.CreateOrganizationInput{ManagementAccountId: optional(o.account)}
			return askOne(c.Context(), p, &iamOptions{connection: o.connection}, newOrganizationView, "CreateOrganization", in, &api.CreateOrganizationOutput{})
		},
	}
	c.Flags().StringVar(&o.account, "management", "", "the 12 `digits` of the management account (default the caller's)")
	o.connection.flags(c.Flags())
	return forPrograms(p, c)
}

func newOrganizationShow(p *process) *cobra.Command {
	var o organizationOptions
	return o.bind(&cobra.Command{
		Use:     "show",
		Short:   "Print the organization of the account",
		Long:    `Print the organization of the account.`,
		Example: `  reeve organization show`,
		Args:    arguments(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			in := api.DescribeOrganizationInput{OrganizationId: optional(o.organization)}
			return askOne(c.Context(), p, &iamOptions{connection: o.connection}, organizationView, "DescribeOrganization", in, &api.DescribeOrganizationOutput{})
		},
	})
}

var organizationColumns = []column{
	{key: "OrganizationId", title: "ID"},
	{key: "ManagementAccountId", title: "MANAGEMENT ACCOUNT"},
	{key: "DelegatedAdministratorId", title: "DELEGATED ADMINISTRATOR"},
	{key: "CreationTime", title: "CREATED"},
}

func organizationCells(o api.Organization) []any {
	return []any{val(o.OrganizationId), val(o.ManagementAccountId), val(o.DelegatedAdministratorId), timeCell(o.CreationTime)}
}

var (
	newOrganizationView = view[api.CreateOrganizationOutput]{organizationColumns, func(out *api.CreateOrganizationOutput) []any { return organizationCells(val(out.Organization)) }}
	organizationView    = view[api.DescribeOrganizationOutput]{organizationColumns, func(out *api.DescribeOrganizationOutput) []any { return organizationCells(val(out.Organization)) }}
)

var memberView = view[api.OrganizationAccount]{
	[]column{
		{key: "AccountId", title: "ACCOUNT"},
		{key: "Name", title: "NAME"},
		{key: "Role", title: "ROLE"},
		{key: "JoinedTime", title: "JOINED"},
	},
	func(a *api.OrganizationAccount) []any {
		return []any{val(a.AccountId), val(a.Name), val(a.Role), timeCell(a.JoinedTime)}
	},
}

func newOrganizationList(p *process) *cobra.Command {
	var o organizationOptions
	return o.bind(&cobra.Command{
		Use:     "list",
		Short:   "List the accounts of an organization",
		Long:    `List the accounts of an organization, for its administrators.`,
		Example: `  reeve organization list`,
		Args:    arguments(0, 0, ""),
		RunE:    func(c *cobra.Command, _ []string) error { return runOrganizationList(c.Context(), p, &o) },
	})
}

func runOrganizationList(ctx context.Context, p *process, o *organizationOptions) error {
	return printPages(p, memberView, func(token *string) ([]api.OrganizationAccount, *string, error) {
		var out api.ListOrganizationAccountsOutput
		in := api.ListOrganizationAccountsInput{OrganizationId: optional(o.organization), NextToken: token}
		err := ask(ctx, p, &iamOptions{connection: o.connection}, "ListOrganizationAccounts", in, &out)
		return out.Accounts, out.NextToken, err
	})
}

func newOrganizationAdd(p *process) *cobra.Command {
	var o organizationOptions
	return o.bind(&cobra.Command{
		Use:     "add ACCOUNT",
		Short:   "Put an account into an organization",
		Long:    `Put an account into an organization. Only keys of the root account may.`,
		Example: `  reeve organization add 444455556666`,
		Args:    arguments(1, 1, "ACCOUNT"),
		RunE: func(c *cobra.Command, args []string) error {
			o.account = args[0]
			in := api.AddAccountToOrganizationInput{OrganizationId: optional(o.organization), AccountId: &o.account}
			return changeOrganization(c.Context(), p, &o, "AddAccountToOrganization", in, &api.AddAccountToOrganizationOutput{}, o.account+" is in the organization")
		},
	})
}

func newOrganizationRemove(p *process) *cobra.Command {
	var o organizationOptions
	c := o.bind(&cobra.Command{
		Use:   "remove ACCOUNT",
		Short: "Take a member out of an organization",
		Long: `Take a member out of an organization. While it uses configurations that others
share with it, or shares some itself, this is refused; with --force these
associations and shares end, each as a revision of its ledger.`,
		Example: `  reeve organization remove 444455556666 --force`,
		Args:    arguments(1, 1, "ACCOUNT"),
		RunE: func(c *cobra.Command, args []string) error {
			o.account = args[0]
			in := api.RemoveAccountFromOrganizationInput{OrganizationId: optional(o.organization), AccountId: &o.account, Force: optional(o.force)}
			return changeOrganization(c.Context(), p, &o, "RemoveAccountFromOrganization", in, &api.RemoveAccountFromOrganizationOutput{}, o.account+" has left the organization")
		},
	})
	c.Flags().BoolVar(&o.force, "force", false, "end what ties the account to others")
	return c
}

func newOrganizationDelegate(p *process) *cobra.Command {
	var o organizationOptions
	end := false
	c := o.bind(&cobra.Command{
		Use:   "delegate ACCOUNT",
		Short: "Make a member the delegated administrator",
		Long: `Make a member the delegated administrator: it may do for licences what the
management account may. There is one at most; --end takes it back.`,
		Example: `  reeve organization delegate 444455556666
  reeve organization delegate 444455556666 --end`,
		Args: arguments(1, 1, "ACCOUNT"),
		RunE: func(c *cobra.Command, args []string) error {
			o.account = args[0]
			if end {
				in := api.DeregisterDelegatedAdministratorInput{OrganizationId: optional(o.organization), AccountId: &o.account}
				return changeOrganization(c.Context(), p, &o, "DeregisterDelegatedAdministrator", in, &api.DeregisterDelegatedAdministratorOutput{}, o.account+" is a member again")
			}
			in := api.RegisterDelegatedAdministratorInput{OrganizationId: optional(o.organization), AccountId: &o.account}
			return changeOrganization(c.Context(), p, &o, "RegisterDelegatedAdministrator", in, &api.RegisterDelegatedAdministratorOutput{}, o.account+" is the delegated administrator")
		},
	})
	c.Flags().BoolVar(&end, "end", false, "end the delegation")
	return c
}
