package main

import (
	"context"

	"github.com/spf13/cobra"

	"reeve/internal/api"
)

func newKey(p *process) *cobra.Command {
	return group("key", "Make, list, disable and delete access keys",
		newKeyCreate(p), newKeyList(p), newKeyStatus(p, "disable", "Inactive"), newKeyStatus(p, "enable", "Active"), newKeyDelete(p))
}

// keyFlags are --user and the account.
func (o *iamOptions) keyFlags(c *cobra.Command, p *process) {
	c.Flags().StringVar(&o.user, "user", "", "`name` of the user that the key belongs to (default the account's root user)")
	o.flags(c)
	completeFlag(c, p, &o.connection, "user", userNames)
}

func newKeyCreate(p *process) *cobra.Command {
	var o iamOptions
	c := &cobra.Command{
		Use:   "create --user NAME | --account DIGITS",
		Short: "Make an access key and print it",
		Long: `Make an access key of a user and print it; without --user it is one of
the account's root user, who may do everything in the account. The secret is
shown this once. A user has two keys at most, so that one can replace the other.`,
		Example: `  reeve key create --user ana
  reeve key create --account 210987654321`,
		Args: arguments(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			if o.account == "" && o.user == "" {
				return misuse("--account is missing, or --user for a key of a user")
			}
			var out api.CreateAccessKeyOutput
			return askOne(c.Context(), p, &o, newKeyView, "CreateAccessKey", api.CreateAccessKeyInput{AccountId: optional(o.account), UserName: optional(o.user)}, &out)
		},
	}
	o.keyFlags(c, p)
	return forPrograms(p, c)
}

var newKeyView = view[api.CreateAccessKeyOutput]{
	[]column{
		{key: "AccountId", title: "ACCOUNT"},
		{key: "UserName", title: "USER"},
		{key: "AccessKeyId", title: "ACCESS KEY ID"},
		{key: "SecretAccessKey", title: "SECRET ACCESS KEY"},
	},
	func(k *api.CreateAccessKeyOutput) []any {
		return []any{val(k.AccountId), val(k.UserName), val(k.AccessKeyId), val(k.SecretAccessKey)}
	},
}

var keyView = view[api.AccessKeyMetadata]{
	[]column{
		{key: "AccessKeyId", title: "ID"},
		{key: "UserName", title: "USER"},
		{key: "Status", title: "STATUS"},
		{key: "CreationTime", title: "CREATED"},
		{key: "LastUsedTime", title: "LAST USED"},
	},
	func(k *api.AccessKeyMetadata) []any {
		return []any{val(k.AccessKeyId), val(k.UserName), val(k.Status), timeCell(k.CreationTime), timeCell(k.LastUsedTime)}
	},
}

func newKeyList(p *process) *cobra.Command {
	var o iamOptions
	c := &cobra.Command{
		Use:   "list",
		Short: "List the access keys of a user, or of the account's root user",
		Example: `  reeve key list
  reeve key list --user ana`,
		Args: arguments(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error { return runKeyList(c.Context(), p, &o) },
	}
	o.keyFlags(c, p)
	return c
}

func runKeyList(ctx context.Context, p *process, o *iamOptions) error {
	var out api.ListAccessKeysOutput
	if err := ask(ctx, p, o, "ListAccessKeys", api.ListAccessKeysInput{AccountId: optional(o.account), UserName: optional(o.user)}, &out); err != nil {
		return err
	}
	return printAll(p, keyView, out.AccessKeyMetadata)
}

// newKeyStatus is key disable and key enable.
func newKeyStatus(p *process, name, status string) *cobra.Command {
	var o iamOptions
	c := &cobra.Command{
		Use:   name + " ID",
		Short: map[string]string{"disable": "Have an access key not work for now", "enable": "Have a disabled access key work again"}[name],
		Long: `Change whether an access key works, on every server within seconds. The last
active key of the root account's root user stays active.`,
		Example: `  reeve key ` + name + ` AKIAEXAMPLE --user ana`,
		Args:    arguments(1, 1, "the ID of the key"),
		RunE: func(c *cobra.Command, args []string) error {
			var out api.UpdateAccessKeyOutput
			in := api.UpdateAccessKeyInput{AccessKeyId: &args[0], Status: &status, AccountId: optional(o.account), UserName: optional(o.user)}
			return ask(c.Context(), p, &o, "UpdateAccessKey", in, &out)
		},
	}
	o.keyFlags(c, p)
	return c
}

func newKeyDelete(p *process) *cobra.Command {
	var o iamOptions
	c := &cobra.Command{
		Use:     "delete ID",
		Short:   "Delete an access key",
		Example: `  reeve key delete AKIAEXAMPLE --user ana`,
		Args:    arguments(1, 1, "the ID of the key"),
		RunE: func(c *cobra.Command, args []string) error {
			var out api.DeleteAccessKeyOutput
			in := api.DeleteAccessKeyInput{AccessKeyId: &args[0], AccountId: optional(o.account), UserName: optional(o.user)}
			return ask(c.Context(), p, &o, "DeleteAccessKey", in, &out)
		},
	}
	o.keyFlags(c, p)
	return c
}
