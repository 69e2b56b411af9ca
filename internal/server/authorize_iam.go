package server

import (
	"reeve/internal/api"
	"reeve/internal/iam"
)

// principalOf is the ARN that a request about users, roles, policies, keys and
// tokens is about; "" for every other request.
func principalOf(account string, in any) string {
	switch in := in.(type) {
	case *api.CreateUserInput:
		return userARN(account, in.AccountId, in.UserName)
	case *api.DeleteUserInput:
		return userARN(account, in.AccountId, in.UserName)
	case *api.ListUsersInput:
		return userARN(account, in.AccountId, new("*"))
	case *api.CreateRoleInput:
		return roleARN(account, in.AccountId, in.RoleName)
	case *api.UpdateRoleInput:
		return roleARN(account, in.AccountId, in.RoleName)
	case *api.DeleteRoleInput:
		return roleARN(account, in.AccountId, in.RoleName)
	case *api.ListRolesInput:
		return roleARN(account, in.AccountId, new("*"))
	}
	if arn := keyOwner(account, in); arn != "" {
		return arn
	}
	return policyOwner(account, in)
}

// keyOwner is the owner of the access keys, or the agent token, that a request
// is about.
func keyOwner(account string, in any) string {
	switch in := in.(type) {
	case *api.CreateAccessKeyInput:
		return userARN(account, in.AccountId, in.UserName)
	case *api.ListAccessKeysInput:
		return userARN(account, in.AccountId, in.UserName)
	case *api.UpdateAccessKeyInput:
		return userARN(account, in.AccountId, in.UserName)
	case *api.DeleteAccessKeyInput:
		return userARN(account, in.AccountId, in.UserName)
	case *api.CreateAgentTokenInput:
		return agentTokenARN(account, in.AccountId, "*")
	case *api.ListAgentTokensInput:
		return agentTokenARN(account, in.AccountId, "*")
	case *api.DeleteAgentTokenInput:
		return agentTokenARN(account, in.AccountId, value(in.AgentTokenId))
	}
	return ""
}

// policyOwner is whose policies a request is about.
func policyOwner(account string, in any) string {
	switch in := in.(type) {
	case *api.PutPolicyInput:
		return holderARN(account, in.AccountId, in.UserName, in.RoleName, value(in.PolicyName))
	case *api.ListPoliciesInput:
		return holderARN(account, in.AccountId, in.UserName, in.RoleName, "*")
	case *api.DeletePolicyInput:
		return holderARN(account, in.AccountId, in.UserName, in.RoleName, value(in.PolicyName))
	case *api.AttachPolicyInput:
		return holderARN(account, in.AccountId, in.UserName, in.RoleName, "*")
	case *api.DetachPolicyInput:
		return holderARN(account, in.AccountId, in.UserName, in.RoleName, "*")
	case *api.SimulatePolicyInput:
		return holderARN(account, in.AccountId, in.UserName, in.RoleName, "*")
	}
	return ""
}

// in is the account that a request names, or the caller's own.
func inAccount(own string, named *string) string {
	if value(named) != "" {
		return *named
	}
	return own
}

func userARN(own string, account, name *string) string {
	h := iam.Holder{Account: inAccount(own, account)}
	if value(name) != "" {
		h.Type, h.Name = iam.OfUser, *name
	}
	return h.ARN()
}

func roleARN(own string, account, name *string) string {
	return iam.Holder{Account: inAccount(own, account), Type: iam.OfRole, Name: value(name)}.ARN()
}

func agentTokenARN(own string, account *string, id string) string {
	return "arn:aws:iam::" + inAccount(own, account) + ":agent-token/" + id
}

// holderARN is the user or role that a request names, or else a policy of the
// account.
func holderARN(own string, account, user, role *string, policy string) string {
	switch {
	case value(user) != "":
		return userARN(own, account, user)
	case value(role) != "":
		return roleARN(own, account, role)
	}
	return "arn:aws:iam::" + inAccount(own, account) + ":policy/" + policy
}
