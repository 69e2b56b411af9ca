package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"reeve/internal/api"
)

type policyOptions struct {
	iamOptions
	document string
}

func newPolicy(p *process) *cobra.Command {
	return group("policy", "Say what users and roles may do",
		newPolicyPut(p), newPolicyList(p), newPolicyDelete(p), newPolicyAttach(p), newPolicyDetach(p), newPolicySimulate(p))
}

func newPolicyPut(p *process) *cobra.Command {
	var o policyOptions
	c := &cobra.Command{
		Use:   "put NAME --document FILE",
		Short: "Make or replace a policy",
		Long: `Make or replace a policy: of a user (--user) or role (--role) alone, or with
neither one of the account, which can be attached to several. It holds within
seconds on every server.`,
		Example: `  reeve policy put red-team --document red.json
  reeve policy put own-keys --document keys.json --user ana`,
		Args: arguments(1, 1, "the name of the policy"),
		RunE: func(c *cobra.Command, args []string) error {
			if o.document == "" {
				return misuse("--document is missing")
			}
			text, err := readPolicy(p, o.document)
			if err != nil {
				return err
			}
			var out api.PutPolicyOutput
			in := api.PutPolicyInput{PolicyName: &args[0], PolicyDocument: text, UserName: optional(o.user), RoleName: optional(o.role), AccountId: optional(o.account)}
			return askOne(c.Context(), p, &o.iamOptions, newPolicyView, "PutPolicy", in, &out)
		},
	}
	c.Flags().StringVar(&o.document, "document", "", "`file` of the policy as JSON; - is standard input (required)")
	o.holderFlags(c, p)
	o.flags(c)
	return forPrograms(p, c)
}

var newPolicyView = view[api.PutPolicyOutput]{
	[]column{{key: "PolicyArn", title: "ARN"}},
	func(out *api.PutPolicyOutput) []any { return []any{val(out.PolicyArn)} },
}

var policyColumns = []column{
	{key: "PolicyName", title: "NAME"},
	{key: "Type", title: "TYPE"},
	{key: "PolicyArn", title: "ARN"},
	{key: "UpdateTime", title: "CHANGED", spare: true},
	{key: "Description", title: "FOR"},
}

func policyCells(one *api.Policy) []any {
	return []any{val(one.PolicyName), val(one.Type), val(one.PolicyArn), timeCell(one.UpdateTime), val(one.Description)}
}

var (
	policyView      = view[api.Policy]{policyColumns, policyCells}
	wholePolicyView = view[api.Policy]{
		append(policyColumns[:len(policyColumns):len(policyColumns)], column{key: "PolicyDocument", title: "DOCUMENT"}),
		func(one *api.Policy) []any { return append(policyCells(one), val(one.PolicyDocument)) },
	}
)

func newPolicyList(p *process) *cobra.Command {
	var o iamOptions
	var show bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List policies",
		Long: `List the policies that can be attached: those that the server brings along and
those of the account. With --user or --role, list the ones that hold for it.`,
		Example: `  reeve policy list
  reeve policy list --user ana --documents -o json`,
		Args: arguments(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error { return runPolicyList(c.Context(), p, &o, show) },
	}
	c.Flags().BoolVar(&show, "documents", false, "also show the policies themselves")
	o.holderFlags(c, p)
	o.flags(c)
	return c
}

func runPolicyList(ctx context.Context, p *process, o *iamOptions, show bool) error {
	v := policyView
	if show {
		v = wholePolicyView
	}
	return printPages(p, v, func(token *string) ([]api.Policy, *string, error) { return policyPage(ctx, p, o, token) })
}

func policyPage(ctx context.Context, p *process, o *iamOptions, token *string) ([]api.Policy, *string, error) {
	var out api.ListPoliciesOutput
	in := api.ListPoliciesInput{UserName: optional(o.user), RoleName: optional(o.role), AccountId: optional(o.account), NextToken: token}
	err := ask(ctx, p, o, "ListPolicies", in, &out)
	return out.Policies, out.NextToken, err
}

// policyARN finds the ARN of a policy that can be attached by its name. What
// looks like an ARN is taken as it is.
func policyARN(ctx context.Context, p *process, o iamOptions, name string) (string, error) {
	if strings.Contains(name, ":") {
		return name, nil
	}
	o.user, o.role = "", ""
	var found []string
	err := eachPage(func(token *string) (*string, error) {
		page, next, err := policyPage(ctx, p, &o, token)
		for _, one := range page {
			if val(one.PolicyName) == name {
				found = append(found, val(one.PolicyArn))
			}
		}
		return next, err
	})
	switch {
	case err != nil:
		return "", err
	case len(found) == 0:
		return "", refuse("there is no policy %q: reeve policy list shows those that there are", name)
	case len(found) > 1:
		return "", refuse("there are two policies %q: give %s", name, strings.Join(found, " or "))
	}
	return found[0], nil
}

func newPolicyDelete(p *process) *cobra.Command {
	var o iamOptions
	c := &cobra.Command{
		Use:     "delete NAME",
		Short:   "Delete a policy of a user, a role or the account",
		Long:    "Delete a policy of a user (--user) or role (--role), or one of the account that is\nattached to nobody.",
		Example: `  reeve policy delete own-keys --user ana`,
		Args:    arguments(1, 1, "the name of the policy"),
		RunE: func(c *cobra.Command, args []string) error {
			var out api.DeletePolicyOutput
			in := api.DeletePolicyInput{PolicyName: &args[0], UserName: optional(o.user), RoleName: optional(o.role), AccountId: optional(o.account)}
			return ask(c.Context(), p, &o, "DeletePolicy", in, &out)
		},
	}
	o.holderFlags(c, p)
	o.flags(c)
	complete(c, p, &o.connection, policyNames)
	return c
}

func newPolicyAttach(p *process) *cobra.Command {
	var o iamOptions
	c := &cobra.Command{
		Use:   "attach POLICY",
		Short: "Attach a policy to a user or role",
		Long: `Attach a policy, by its name or ARN, to a user or role. It holds within seconds
on every server.`,
		Example: `  reeve policy attach ReadOnly --user ana
  reeve policy attach arn:aws:iam::210987654321:policy/red-team --role importer`,
		Args: arguments(1, 1, "the policy"),
		RunE: func(c *cobra.Command, args []string) error {
			arn, err := policyARN(c.Context(), p, o, args[0])
			if err != nil {
				return err
			}
			var out api.AttachPolicyOutput
			in := api.AttachPolicyInput{PolicyArn: &arn, UserName: optional(o.user), RoleName: optional(o.role), AccountId: optional(o.account)}
			return ask(c.Context(), p, &o, "AttachPolicy", in, &out)
		},
	}
	o.holderFlags(c, p)
	o.flags(c)
	complete(c, p, &o.connection, policyNames)
	return c
}

func newPolicyDetach(p *process) *cobra.Command {
	var o iamOptions
	c := &cobra.Command{
		Use:     "detach POLICY",
		Short:   "Take an attached policy away from a user or role",
		Example: `  reeve policy detach ReadOnly --user ana`,
		Args:    arguments(1, 1, "the policy"),
		RunE: func(c *cobra.Command, args []string) error {
			arn, err := policyARN(c.Context(), p, o, args[0])
			if err != nil {
				return err
			}
			var out api.DetachPolicyOutput
			in := api.DetachPolicyInput{PolicyArn: &arn, UserName: optional(o.user), RoleName: optional(o.role), AccountId: optional(o.account)}
			return ask(c.Context(), p, &o, "DetachPolicy", in, &out)
		},
	}
	o.holderFlags(c, p)
	o.flags(c)
	complete(c, p, &o.connection, policyNames)
	return c
}
