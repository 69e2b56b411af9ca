// Package policy evaluates AWS IAM policies: the identity-based policies of
// users and roles, and the trust policies that say who may assume a role.
//
// The language is AWS's ("IAM JSON policy elements reference" and "Policy
// evaluation logic" in the IAM User Guide). A policy is parsed and checked
// once; evaluating it parses nothing, and allocates only where a pattern has
// variables. docs/policies.md describes the language to those who write it.
package policy

// Document is a policy that has been parsed and checked. It never changes, so
// any number of goroutines may evaluate it.
type Document struct {
	statements []statement
	actions    []string
}

// Actions lists the patterns of Action and NotAction as they were written, in
// their order.
func (d *Document) Actions() []string { return append([]string(nil), d.actions...) }

// Request is what a policy is asked about.
type Request struct {
	// Principal is the ARN of the user, of the role's session, or of the
	// account's root that asks. For AssumeRoleWithWebIdentity it is the ARN of
	// the OIDC provider whose token was verified. Only Trusts reads it.
	Principal string
	// Action is service:Operation, such as license-manager:TagResource.
	Action string
	// Resource is the ARN that the action is about, or "*" for actions that
	// are about no single resource.
	Resource string
	// Keys are the condition keys that the request has, by the key's name in
	// lower case (strings.ToLower), such as aws:sourceip or
	// aws:resourcetag/env: the tag's key is in lower case too. A key without
	// an entry, or with no values, is absent.
	Keys map[string][]string
}

// Policy is a document under the name that a decision tells.
type Policy struct {
	Name     string
	Document *Document // nil says nothing
}

// Decision is the answer of policies to a request, and what decided it.
type Decision struct {
	Allowed   bool
	Explicit  bool   // a Deny statement decided
	Policy    string // name of the policy that decided; "" when nothing matched
	Statement int    // index of the statement in that policy, from 0
	Sid       string // the statement's Sid, if it has one
}

// Evaluate decides a request by all policies of whoever asks: the first Deny
// that applies decides, else the first Allow that applies, else the request is
// refused.
func Evaluate(policies []Policy, r *Request) Decision {
	var allowed Decision
	for i := range policies {
		p := &policies[i]
		if p.Document == nil {
			continue
		}
		d := p.Document.decide(r, allowed.Allowed)
		d.Policy = p.Name
		if d.Explicit {
			return d
		}
		if d.Allowed {
			allowed = d
		}
	}
	return allowed
}

// Trusts decides by a role's trust policy whether r.Principal may assume the
// role. The decision's Policy is always "", so look at Allowed and Explicit.
func (d *Document) Trusts(r *Request) Decision {
	return d.decide(r, false)
}

// decide finds the Deny that applies, else the Allow. Whether an Allow
// applies is not looked at when another policy has one already.
func (d *Document) decide(r *Request, allowed bool) Decision {
	var decision Decision
	for i := range d.statements {
		s := &d.statements[i]
		if !s.deny && (allowed || decision.Allowed) || !s.applies(r) {
			continue
		}
		decision = Decision{Allowed: !s.deny, Explicit: s.deny, Statement: i, Sid: s.sid}
		if s.deny {
			return decision
		}
	}
	return decision
}

// statement is one statement. A Not of an element is the element with its
// answer turned round.
type statement struct {
	sid        string
	deny       bool
	actions    []pattern
	notAction  bool
	resources  []pattern // none in a trust policy
	notRes     bool
	principals *principals // nil in an identity-based policy
	conditions []condition
}

// applies says whether every element of the statement matches the request.
func (s *statement) applies(r *Request) bool {
	if matchesAction(s.actions, r.Action) == s.notAction {
		return false
	}
	if s.principals == nil {
		if matchesResource(s.resources, r) == s.notRes {
			return false
		}
	} else if !s.principals.apply(r.Principal) {
		return false
	}
	for i := range s.conditions {
		if !s.conditions[i].holds(r.Keys) {
			return false
		}
	}
	return true
}

func matchesAction(patterns []pattern, action string) bool {
	for i := range patterns {
		if patterns[i].matchFold(action) {
			return true
		}
	}
	return false
}

func matchesResource(patterns []pattern, r *Request) bool {
	for i := range patterns {
		if patterns[i].matchSegments(r.Resource, r.Keys) {
			return true
		}
	}
	return false
}
