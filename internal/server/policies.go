package server

import (
	"context"
	"strings"

	"reeve/internal/api"
	"reeve/internal/iam"
	"reeve/internal/iam/policy"
	"reeve/internal/license"
)

// Where policies are, as ListPolicies says it.
const (
	policyManaged = "Managed"
	policyAccount = "Account"
	policyInline  = "Inline"
)

// holderOf is the user or role that a request names, or the account when it
// names neither.
func holderOf(account, user, role *string) (iam.Holder, error) {
	h := iam.Holder{Account: value(account)}
	switch {
	case user != nil && role != nil:
		return h, invalid("Name a user or a role, and not both.")
	case user != nil:
		h.Type, h.Name = iam.OfUser, *user
	case role != nil:
		h.Type, h.Name = iam.OfRole, *role
	}
	return h, nil
}

// principalHolder is holderOf for what needs a user or role.
func principalHolder(account, user, role *string) (iam.Holder, error) {
	h, err := holderOf(account, user, role)
	if err == nil && h.Type == iam.OfAccount {
		err = invalid("Name a user (UserName) or a role (RoleName).")
	}
	return h, err
}

func (s *server) putPolicy(ctx context.Context, who license.Caller, in *api.PutPolicyInput) (*api.PutPolicyOutput, error) {
	h, err := holderOf(in.AccountId, in.UserName, in.RoleName)
	if err != nil {
		return nil, err
	}
	p, err := s.directory.PutPolicy(ctx, identityOf(who), iam.StoredPolicy{Holder: h, PolicyName: value(in.PolicyName), Text: value(in.PolicyDocument)})
	if err != nil {
		return nil, err
	}
	return &api.PutPolicyOutput{PolicyArn: present(p.PolicyARN())}, nil
}

func (s *server) listPolicies(ctx context.Context, who license.Caller, in *api.ListPoliciesInput) (*api.ListPoliciesOutput, error) {
	h, err := holderOf(in.AccountId, in.UserName, in.RoleName)
	if err != nil {
		return nil, err
	}
	if h.Type != iam.OfAccount {
		list, err := s.directory.PoliciesOf(ctx, identityOf(who), h)
		return &api.ListPoliciesOutput{Policies: convert(list, policyShape)}, err
	}
	p, err := s.pager(who, in.MaxResults, in.NextToken, value(in.AccountId))
	if err != nil {
		return nil, err
	}
	after, err := p.number()
	if err != nil {
		return nil, err
	}
	list, next, err := s.directory.AccountPolicies(ctx, identityOf(who), h.Account, after, p.limit)
	if err != nil {
		return nil, err
	}
	return &api.ListPoliciesOutput{Policies: convert(list, policyShape), NextToken: p.afterNumber(next)}, nil
}

func policyShape(p *iam.StoredPolicy) api.Policy {
	kind := policyInline
	switch {
	case p.Managed():
		kind = policyManaged
	case p.Type == iam.OfAccount:
		kind = policyAccount
	}
	return api.Policy{
		PolicyName: &p.PolicyName, PolicyArn: present(p.PolicyARN()), Type: &kind,
		PolicyDocument: &p.Text, Description: present(p.Description), UpdateTime: wireTime(p.Changed),
	}
}

func (s *server) deletePolicy(ctx context.Context, who license.Caller, in *api.DeletePolicyInput) (*api.DeletePolicyOutput, error) {
	h, err := holderOf(in.AccountId, in.UserName, in.RoleName)
	if err != nil {
		return nil, err
	}
	return &api.DeletePolicyOutput{}, s.directory.DeletePolicy(ctx, identityOf(who), h, value(in.PolicyName))
}

func (s *server) attachPolicy(ctx context.Context, who license.Caller, in *api.AttachPolicyInput) (*api.AttachPolicyOutput, error) {
	h, err := principalHolder(in.AccountId, in.UserName, in.RoleName)
	if err != nil {
		return nil, err
	}
	return &api.AttachPolicyOutput{}, s.directory.AttachPolicy(ctx, identityOf(who), h, value(in.PolicyArn))
}

func (s *server) detachPolicy(ctx context.Context, who license.Caller, in *api.DetachPolicyInput) (*api.DetachPolicyOutput, error) {
	h, err := principalHolder(in.AccountId, in.UserName, in.RoleName)
	if err != nil {
		return nil, err
	}
	return &api.DetachPolicyOutput{}, s.directory.DetachPolicy(ctx, identityOf(who), h, value(in.PolicyArn))
}

// maxSimulated bounds what one SimulatePolicy asks: actions times resources.
const maxSimulated = 1000

func (s *server) simulatePolicy(ctx context.Context, who license.Caller, in *api.SimulatePolicyInput) (*api.SimulatePolicyOutput, error) {
	resources := in.ResourceArns
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	if n := len(in.ActionNames) * len(resources); n > maxSimulated {
		return nil, invalid("%d actions times resources are too many: ask for %d at most.", n, maxSimulated)
	}
	imagined, err := s.imagined(ctx, who, in)
	if err != nil {
		return nil, err
	}
	keys := imagined.Keys(iam.Origin{}, who.Region, s.now())
	for _, e := range in.ContextEntries {
		keys[strings.ToLower(value(e.ContextKeyName))] = e.ContextKeyValues
	}
	out := &api.SimulatePolicyOutput{EvaluationResults: []api.EvaluationResult{}}
	for _, action := range in.ActionNames {
		for _, resource := range resources {
			d := iam.Decide(imagined, &policy.Request{Action: action, Resource: canonical(resource), Keys: keys})
			out.EvaluationResults = append(out.EvaluationResults, evaluation(action, resource, d))
		}
	}
	return out, nil
}

// imagined is the user or role that is asked about, or somebody with the policy
// of the request and no other.
func (s *server) imagined(ctx context.Context, who license.Caller, in *api.SimulatePolicyInput) (*iam.Identity, error) {
	h, err := holderOf(in.AccountId, in.UserName, in.RoleName)
	switch {
	case err != nil:
		return nil, err
	case h.Type == iam.OfAccount && in.PolicyDocument == nil:
		return nil, invalid("Name a user (UserName) or a role (RoleName), or give a policy (PolicyDocument).")
	case h.Type != iam.OfAccount && in.PolicyDocument != nil:
		return nil, invalid("Name a user or a role, or give a policy, and not both.")
	case in.PolicyDocument != nil:
		return iam.Imagine(identityOf(who), *in.PolicyDocument)
	}
	return s.directory.Imagine(ctx, identityOf(who), h)
}

func evaluation(action, resource string, d policy.Decision) api.EvaluationResult {
	result := api.EvaluationResult{EvalActionName: &action, EvalResourceName: &resource, EvalDecision: new("implicitDeny")}
	switch {
	case d.Allowed:
		result.EvalDecision = new("allowed")
	case d.Explicit:
		result.EvalDecision = new("explicitDeny")
	default:
		return result
	}
	if d.Policy != "" {
		result.PolicyName, result.Statement, result.Sid = &d.Policy, new(int64(d.Statement+1)), present(d.Sid)
	}
	return result
}
