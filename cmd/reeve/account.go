package main

import (
	"context"
	"regexp"

	"github.com/spf13/cobra"

	"reeve/internal/api"
)

type accountOptions struct {
	connection
	name string
	id   string
}

func newAccount(p *process) *cobra.Command {
	return group("account", "Make and list accounts", newAccountCreate(p), newAccountList(p))
}

func newAccountCreate(p *process) *cobra.Command {
	var o accountOptions
	c := &cobra.Command{
		Use:   "create --name NAME",
		Short: "Make an account and print its number",
		Long: `Make an account and print its number. An account's configurations and
machines are its own; only keys of the root account may make accounts.`,
		Example: `  reeve account create --name "Data centre Zürich"
  reeve account create --name Staging --id 210987654321`,
		Args: arguments(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error { return runAccountCreate(c.Context(), p, o) },
	}
	f := c.Flags()
	f.StringVar(&o.name, "name", "", "what people call it (required)")
	f.StringVar(&o.id, "id", "", "its 12 `digits` (default random)")
	o.connection.flags(f)
	return forPrograms(p, c)
}

func runAccountCreate(ctx context.Context, p *process, o accountOptions) error {
	if o.name == "" {
		return misuse("--name is missing")
	}
	if err := checkAccount("--id", o.id); err != nil {
		return err
	}
	c, err := o.dial(p)
	if err != nil {
		return err
	}
	var out api.CreateAccountOutput
	in := api.CreateAccountInput{Name: &o.name, AccountId: optional(o.id)}
	if err := call(ctx, c, api.Reeve+".CreateAccount", in, &out); err != nil {
		return err
	}
	return printOne(p, newAccountView, &out)
}

var newAccountView = view[api.CreateAccountOutput]{
	[]column{{key: "AccountId", title: "ACCOUNT"}, {key: "Name", title: "NAME"}},
	func(a *api.CreateAccountOutput) []any { return []any{val(a.AccountId), val(a.Name)} },
}

var accountView = view[api.Account]{
	[]column{
		{key: "AccountId", title: "ACCOUNT"},
		{key: "Name", title: "NAME"},
		{key: "Root", title: "ROOT"},
		{key: "CreationTime", title: "CREATED"},
	},
	func(a *api.Account) []any {
		return []any{val(a.AccountId), val(a.Name), val(a.Root), timeCell(a.CreationTime)}
	},
}

func newAccountList(p *process) *cobra.Command {
	var o iamOptions
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the accounts of the deployment",
		Long:    `List the accounts of the deployment; only keys of the root account may.`,
		Example: `  reeve account list`,
		Args:    arguments(0, 0, ""),
		RunE:    func(c *cobra.Command, _ []string) error { return runAccountList(c.Context(), p, &o) },
	}
	o.connection.flags(c.Flags())
	return c
}

func runAccountList(ctx context.Context, p *process, o *iamOptions) error {
	return printPages(p, accountView, func(token *string) ([]api.Account, *string, error) {
		var out api.ListAccountsOutput
		err := ask(ctx, p, o, "ListAccounts", api.ListAccountsInput{NextToken: token}, &out)
		return out.Accounts, out.NextToken, err
	})
}

var accountDigits = regexp.MustCompile(`^[0-9]{12}$`)

// checkAccount refuses what cannot be an account's number; nothing given is
// fine. flag is for the error.
func checkAccount(flag, digits string) error {
	if digits != "" && !accountDigits.MatchString(digits) {
		return misuse("%s is %q: give the 12 digits of an account", flag, digits)
	}
	return nil
}
