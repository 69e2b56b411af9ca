package main

import (
	"context"

	"github.com/spf13/cobra"

	"reeve/internal/api"
	"reeve/internal/client"
)

type shareOptions struct {
	connection
	configuration string
	with          string
	force         bool
}

const withHelp = `ACCOUNT is one of the owner's organization; "organization" is all of it.`

// find dials and finds what a person calls a configuration.
func (o *shareOptions) find(ctx context.Context, p *process) (*client.Client, string, error) {
	c, err := o.dial(p)
	if err != nil {
		return nil, "", err
	}
	arn, err := resolveConfiguration(ctx, c, o.configuration)
	return c, arn, err
}

func newShare(p *process) *cobra.Command {
	var o shareOptions
	c := &cobra.Command{
		Use:   "share CONFIG --with ACCOUNT|organization",
		Short: "Let other accounts use a configuration",
		Long: `Let other accounts associate their machines with a configuration. They see its
terms and how much is in use, and of the machines their own alone; the owner sees
all of them.

` + configurationHelp + `
` + withHelp,
		Example: `  reeve share "SQL Server" --with 444455556666
  reeve share "SQL Server" --with organization`,
		Args: arguments(1, 1, "CONFIG"),
		RunE: func(c *cobra.Command, args []string) error {
			o.configuration = args[0]
			return runShare(c.Context(), p, o)
		},
	}
	c.Flags().StringVar(&o.with, "with", "", "`ACCOUNT` to share with, or organization")
	o.connection.flags(c.Flags())
	complete(c, p, &o.connection, configurations)
	return c
}

func runShare(ctx context.Context, p *process, o shareOptions) error {
	if o.with == "" {
		return misuse("--with is missing: give the 12 digits of an account, or organization")
	}
	c, arn, err := o.find(ctx, p)
	if err != nil {
		return err
	}
	in := api.ShareLicenseConfigurationInput{LicenseConfigurationArn: &arn, Principal: &o.with}
	if err := call(ctx, c, api.Reeve+".ShareLicenseConfiguration", in, &api.ShareLicenseConfigurationOutput{}); err != nil {
		return err
	}
	return say(p, "%s is shared with %s\n", printable(o.configuration), printable(o.with))
}

func newUnshare(p *process) *cobra.Command {
	var o shareOptions
	c := &cobra.Command{
		Use:   "unshare CONFIG --with ACCOUNT|organization",
		Short: "End the sharing of a configuration",
		Long: `End the sharing of a configuration. While machines of the accounts that it shuts
out are associated, this is refused; with --force these associations end with it.

` + configurationHelp + `
` + withHelp,
		Example: `  reeve unshare "SQL Server" --with 444455556666 --force`,
		Args:    arguments(1, 1, "CONFIG"),
		RunE: func(c *cobra.Command, args []string) error {
			o.configuration = args[0]
			return runUnshare(c.Context(), p, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.with, "with", "", "`ACCOUNT` that it is shared with, or organization")
	f.BoolVar(&o.force, "force", false, "end the associations that stand in the way")
	o.connection.flags(f)
	complete(c, p, &o.connection, configurations)
	return c
}

func runUnshare(ctx context.Context, p *process, o shareOptions) error {
	if o.with == "" {
		return misuse("--with is missing: give the 12 digits of an account, or organization")
	}
	c, arn, err := o.find(ctx, p)
	if err != nil {
		return err
	}
	in := api.UnshareLicenseConfigurationInput{LicenseConfigurationArn: &arn, Principal: &o.with, Force: optional(o.force)}
	if err := call(ctx, c, api.Reeve+".UnshareLicenseConfiguration", in, &api.UnshareLicenseConfigurationOutput{}); err != nil {
		return err
	}
	return say(p, "%s is no longer shared with %s\n", printable(o.configuration), printable(o.with))
}

var shareView = view[api.Share]{
	[]column{{key: "Principal", title: "PRINCIPAL"}, {key: "Accounts", title: "ACCOUNTS", right: true}},
	func(s *api.Share) []any { return []any{val(s.Principal), number(s.Accounts)} },
}

func newShares(p *process) *cobra.Command {
	var o shareOptions
	c := &cobra.Command{
		Use:   "shares CONFIG",
		Short: "List with whom a configuration is shared",
		Long: `List with whom a configuration is shared: accounts, or an organization with the
number of its accounts.

` + configurationHelp,
		Example: `  reeve shares "SQL Server"`,
		Args:    arguments(1, 1, "CONFIG"),
		RunE: func(c *cobra.Command, args []string) error {
			o.configuration = args[0]
			return runShares(c.Context(), p, o)
		},
	}
	o.connection.flags(c.Flags())
	complete(c, p, &o.connection, configurations)
	return c
}

func runShares(ctx context.Context, p *process, o shareOptions) error {
	c, arn, err := o.find(ctx, p)
	if err != nil {
		return err
	}
	var out api.ListLicenseConfigurationSharesOutput
	in := api.ListLicenseConfigurationSharesInput{LicenseConfigurationArn: &arn}
	if err := call(ctx, c, api.Reeve+".ListLicenseConfigurationShares", in, &out); err != nil {
		return err
	}
	return printAll(p, shareView, out.Shares)
}
