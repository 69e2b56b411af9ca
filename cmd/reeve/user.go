package main

import (
	"context"

	"github.com/spf13/cobra"

	"reeve/internal/api"
)

// iamOptions are what commands about users, roles, policies and keys share.
type iamOptions struct {
	connection
	account string
	user    string
	role    string
}

func (o *iamOptions) flags(c *cobra.Command) {
	c.Flags().StringVar(&o.account, "account", "", "the account's 12 `digits` (default the key's own; callers of the root account may name others)")
	o.connection.flags(c.Flags())
}

// holderFlags are --user and --role.
func (o *iamOptions) holderFlags(c *cobra.Command, p *process) {
	c.Flags().StringVar(&o.user, "user", "", "`name` of the user that it is about")
	c.Flags().StringVar(&o.role, "role", "", "`name` of the role that it is about")
	completeFlag(c, p, &o.connection, "user", userNames)
	completeFlag(c, p, &o.connection, "role", roleNames)
}

// ask calls one operation of an account.
func ask[In, Out any](ctx context.Context, p *process, o *iamOptions, operation string, in In, out *Out) error {
	if err := checkAccount("--account", o.account); err != nil {
		return err
	}
	c, err := o.dial(p)
	if err != nil {
		return err
	}
	return call(ctx, c, api.Reeve+"."+operation, in, out)
}

// askOne is ask that prints what comes back.
func askOne[In, Out any](ctx context.Context, p *process, o *iamOptions, v view[Out], operation string, in In, out *Out) error {
	if err := ask(ctx, p, o, operation, in, out); err != nil {
		return err
	}
	return printOne(p, v, out)
}

func newUser(p *process) *cobra.Command {
	return group("user", "Make, list and delete users", newUserCreate(p), newUserList(p), newUserDelete(p))
}

func newUserCreate(p *process) *cobra.Command {
	var o iamOptions
	c := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a user",
		Long: `Make a user of an account. A user may do nothing until a policy says so, and
signs with keys of its own: see reeve policy attach and reeve key create --user.`,
		Example: `  reeve user create ana
  reeve policy attach ReadOnly --user ana
  reeve key create --user ana`,
		Args: arguments(1, 1, "the name of the user"),
		RunE: func(c *cobra.Command, args []string) error {
			var out api.CreateUserOutput
			return askOne(c.Context(), p, &o, newUserView, "CreateUser", api.CreateUserInput{UserName: &args[0], AccountId: optional(o.account)}, &out)
		},
	}
	o.flags(c)
	return forPrograms(p, c)
}

var userColumns = []column{
	{key: "UserName", title: "NAME"},
	{key: "UserId", title: "ID"},
	{key: "Arn", title: "ARN"},
	{key: "CreationTime", title: "CREATED"},
}

func userCells(u *api.User) []any {
	return []any{val(u.UserName), val(u.UserId), val(u.Arn), timeCell(u.CreationTime)}
}

var (
	userView    = view[api.User]{userColumns, userCells}
	newUserView = view[api.CreateUserOutput]{userColumns, func(out *api.CreateUserOutput) []any { return userCells(new(val(out.User))) }}
)

func newUserList(p *process) *cobra.Command {
	var o iamOptions
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the users of an account",
		Example: `  reeve user list`,
		Args:    arguments(0, 0, ""),
		RunE:    func(c *cobra.Command, _ []string) error { return runUserList(c.Context(), p, &o) },
	}
	o.flags(c)
	return c
}

func runUserList(ctx context.Context, p *process, o *iamOptions) error {
	return printPages(p, userView, func(token *string) ([]api.User, *string, error) {
		var out api.ListUsersOutput
		err := ask(ctx, p, o, "ListUsers", api.ListUsersInput{AccountId: optional(o.account), NextToken: token}, &out)
		return out.Users, out.NextToken, err
	})
}

func newUserDelete(p *process) *cobra.Command {
	var o iamOptions
	c := &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a user with its keys and policies",
		Long: `Delete a user with its keys, its inline policies and its attachments. Within
seconds its keys stop working on every server. What the user did stays in the
ledgers.`,
		Example: `  reeve user delete ana`,
		Args:    arguments(1, 1, "the name of the user"),
		RunE: func(c *cobra.Command, args []string) error {
			var out api.DeleteUserOutput
			return ask(c.Context(), p, &o, "DeleteUser", api.DeleteUserInput{UserName: &args[0], AccountId: optional(o.account)}, &out)
		},
	}
	o.flags(c)
	complete(c, p, &o.connection, userNames)
	return c
}
