package main

import (
	"context"

	"github.com/spf13/cobra"

	"reeve/internal/api"
)

type keyOptions struct {
	connection
	account string
}

func newKey(p *process) *cobra.Command {
	return group("key", "Make access keys", newKeyCreate(p))
}

func newKeyCreate(p *process) *cobra.Command {
	var o keyOptions
	c := &cobra.Command{
		Use:   "create --account DIGITS",
		Short: "Make an access key of an account and print it",
		Long: `Make an access key of an account and print it as JSON. The secret is shown this
once. Keys of the root account may make keys for every account, other keys for
their own.`,
		Example: `  reeve key create --account 210987654321`,
		Args:    arguments(0, 0, ""),
		RunE:    func(c *cobra.Command, _ []string) error { return runKeyCreate(c.Context(), p, o) },
	}
	c.Flags().StringVar(&o.account, "account", "", "the account's 12 `digits` (required)")
	o.connection.flags(c.Flags())
	return c
}

func runKeyCreate(ctx context.Context, p *process, o keyOptions) error {
	if o.account == "" {
		return misuse("--account is missing")
	}
	if err := checkAccount("--account", o.account); err != nil {
		return err
	}
	c, err := o.dial(p)
	if err != nil {
		return err
	}
	var out api.CreateAccessKeyOutput
	in := api.CreateAccessKeyInput{AccountId: &o.account}
	if err := call(ctx, c, api.Reeve+".CreateAccessKey", in, &out); err != nil {
		return err
	}
	return printJSON(p.stdout, out)
}
