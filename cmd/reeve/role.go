package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"reeve/internal/api"
)

type roleOptions struct {
	iamOptions
	trust   string
	longest time.Duration
}

func (o *roleOptions) roleFlags(c *cobra.Command) {
	c.Flags().StringVar(&o.trust, "trust", "", "`file` of the trust policy: who may assume the role; - is standard input")
	c.Flags().DurationVar(&o.longest, "max-session", 0, "the longest a session may last, 1h to 12h (default 1h)")
	o.flags(c)
}

func newRole(p *process) *cobra.Command {
	return group("role", "Make, change, list and delete roles", newRoleCreate(p), newRoleUpdate(p), newRoleList(p), newRoleDelete(p))
}

// maxPolicyFile bounds a policy that is read, in bytes.
const maxPolicyFile = 64 << 10

// readPolicy reads a policy from a file, or from standard input; "" is none.
func readPolicy(p *process, name string) (*string, error) {
	if name == "" {
		return nil, nil
	}
	in := p.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("read policy: %w", err)
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxPolicyFile+1))
	if err != nil {
		return nil, fmt.Errorf("read policy: %w", err)
	}
	if len(text) > maxPolicyFile {
		return nil, fmt.Errorf("read policy: %s is larger than 64 KiB", name)
	}
	return new(string(text)), nil
}

func (o *roleOptions) seconds() *int64 { return optional(int64(o.longest / time.Second)) }

func newRoleCreate(p *process) *cobra.Command {
	var o roleOptions
	c := &cobra.Command{
		Use:   "create NAME --trust FILE",
		Short: "Make a role",
		Long: `Make a role of an account. Whoever its trust policy names may assume it for a
while, with aws sts assume-role or through a credential chain, and then may do
what the role's policies allow.`,
		Example: `  reeve role create importer --trust trust.json
  reeve policy attach Operator --role importer`,
		Args: arguments(1, 1, "the name of the role"),
		RunE: func(c *cobra.Command, args []string) error {
			if o.trust == "" {
				return misuse("--trust is missing")
			}
			trust, err := readPolicy(p, o.trust)
			if err != nil {
				return err
			}
			var out api.CreateRoleOutput
			in := api.CreateRoleInput{RoleName: &args[0], AssumeRolePolicyDocument: trust, MaxSessionDuration: o.seconds(), AccountId: optional(o.account)}
			return askOne(c.Context(), p, &o.iamOptions, newRoleView, "CreateRole", in, &out)
		},
	}
	o.roleFlags(c)
	return forPrograms(p, c)
}

func newRoleUpdate(p *process) *cobra.Command {
	var o roleOptions
	c := &cobra.Command{
		Use:   "update NAME",
		Short: "Change who may assume a role, or for how long",
		Long: `Change who may assume a role, or for how long. What is left out stays. When the
trust policy changes, the role's sessions end within seconds: whoever is still
trusted assumes it again.`,
		Example: `  reeve role update importer --trust trust.json
  reeve role update importer --max-session 12h`,
		Args: arguments(1, 1, "the name of the role"),
		RunE: func(c *cobra.Command, args []string) error {
			trust, err := readPolicy(p, o.trust)
			if err != nil {
				return err
			}
			var out api.UpdateRoleOutput
			in := api.UpdateRoleInput{RoleName: &args[0], AssumeRolePolicyDocument: trust, MaxSessionDuration: o.seconds(), AccountId: optional(o.account)}
			return askOne(c.Context(), p, &o.iamOptions, changedRoleView, "UpdateRole", in, &out)
		},
	}
	o.roleFlags(c)
	complete(c, p, &o.connection, roleNames)
	return forPrograms(p, c)
}

var roleColumns = []column{
	{key: "RoleName", title: "NAME"},
	{key: "RoleId", title: "ID"},
	{key: "Arn", title: "ARN"},
	{key: "CreationTime", title: "CREATED"},
	{key: "MaxSessionDuration", title: "SECONDS", right: true},
}

func roleCells(r *api.Role) []any {
	return []any{val(r.RoleName), val(r.RoleId), val(r.Arn), timeCell(r.CreationTime), val(r.MaxSessionDuration)}
}

var (
	roleView        = view[api.Role]{roleColumns, roleCells}
	newRoleView     = view[api.CreateRoleOutput]{roleColumns, func(out *api.CreateRoleOutput) []any { return roleCells(new(val(out.Role))) }}
	changedRoleView = view[api.UpdateRoleOutput]{roleColumns, func(out *api.UpdateRoleOutput) []any { return roleCells(new(val(out.Role))) }}
)

func newRoleList(p *process) *cobra.Command {
	var o iamOptions
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the roles of an account",
		Example: `  reeve role list`,
		Args:    arguments(0, 0, ""),
		RunE:    func(c *cobra.Command, _ []string) error { return runRoleList(c.Context(), p, &o) },
	}
	o.flags(c)
	return c
}

func runRoleList(ctx context.Context, p *process, o *iamOptions) error {
	return printPages(p, roleView, func(token *string) ([]api.Role, *string, error) {
		var out api.ListRolesOutput
		err := ask(ctx, p, o, "ListRoles", api.ListRolesInput{AccountId: optional(o.account), NextToken: token}, &out)
		return out.Roles, out.NextToken, err
	})
}

func newRoleDelete(p *process) *cobra.Command {
	var o iamOptions
	c := &cobra.Command{
		Use:     "delete NAME",
		Short:   "Delete a role with its policies",
		Long:    `Delete a role with its inline policies and its attachments. Its sessions end within seconds.`,
		Example: `  reeve role delete importer`,
		Args:    arguments(1, 1, "the name of the role"),
		RunE: func(c *cobra.Command, args []string) error {
			var out api.DeleteRoleOutput
			return ask(c.Context(), p, &o, "DeleteRole", api.DeleteRoleInput{RoleName: &args[0], AccountId: optional(o.account)}, &out)
		},
	}
	o.flags(c)
	complete(c, p, &o.connection, roleNames)
	return c
}
