package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"reeve/internal/api"
)

type simulateOptions struct {
	policyOptions
	resources []string
	keys      []string
}

func newPolicySimulate(p *process) *cobra.Command {
	var o simulateOptions
	c := &cobra.Command{
		Use:   "simulate ACTION…",
		Short: "Tell whether somebody may do something, and which statement decides",
		Long: `Tell whether the policies of a user (--user) or role (--role), or a policy that
nobody has yet (--document), allow actions, and which statement decides. Nothing
is done. Tags of a resource and the rest of a request are given with --key. A
statement is shown as its place in the policy, counted from 1, and its Sid.`,
		Example: `  reeve policy simulate --user ana license-manager:DeleteLicenseConfiguration
  reeve policy simulate --document draft.json reeve:PutResources --key aws:SourceIp=192.0.2.7
  reeve policy simulate --role red license-manager:TagResource --key aws:ResourceTag/team=red`,
		Args: arguments(1, -1, "the action"),
		RunE: func(c *cobra.Command, args []string) error { return runPolicySimulate(c.Context(), p, &o, args) },
	}
	f := c.Flags()
	f.StringVar(&o.document, "document", "", "`file` of a policy to ask instead; - is standard input")
	f.StringArrayVar(&o.resources, "resource", nil, "`ARN` to ask about; may be given several times (default *)")
	f.StringArrayVar(&o.keys, "key", nil, "condition key of the request, as `name=value`; may be given several times, also the same")
	o.holderFlags(c, p)
	o.flags(c)
	return c
}

var decisionView = view[api.EvaluationResult]{
	[]column{
		{key: "EvalActionName", title: "ACTION"},
		{key: "EvalResourceName", title: "RESOURCE"},
		{key: "EvalDecision", title: "DECISION"},
		{key: "PolicyName", title: "POLICY"},
		{key: "Statement", title: "STATEMENT", right: true},
		{key: "Sid", title: "SID"},
	},
	func(r *api.EvaluationResult) []any {
		return []any{val(r.EvalActionName), val(r.EvalResourceName), val(r.EvalDecision), val(r.PolicyName), number(r.Statement), val(r.Sid)}
	},
}

func runPolicySimulate(ctx context.Context, p *process, o *simulateOptions, actions []string) error {
	keys, err := contextEntries(o.keys)
	if err != nil {
		return err
	}
	text, err := readPolicy(p, o.document)
	if err != nil {
		return err
	}
	var out api.SimulatePolicyOutput
	in := api.SimulatePolicyInput{
		UserName: optional(o.user), RoleName: optional(o.role), PolicyDocument: text, ActionNames: actions,
		ResourceArns: o.resources, ContextEntries: keys, AccountId: optional(o.account),
	}
	if err := ask(ctx, p, &o.iamOptions, "SimulatePolicy", in, &out); err != nil {
		return err
	}
	return printAll(p, decisionView, out.EvaluationResults)
}

// contextEntries reads name=value; the same name again is one more value.
func contextEntries(texts []string) (entries []api.ContextEntry, err error) {
	at := map[string]int{}
	for _, text := range texts {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return nil, misuse("--key is %q: give name=value", text)
		}
		i, known := at[name]
		if !known {
			i = len(entries)
			at[name] = i
			entries = append(entries, api.ContextEntry{ContextKeyName: &name})
		}
		entries[i].ContextKeyValues = append(entries[i].ContextKeyValues, value)
	}
	return entries, nil
}
