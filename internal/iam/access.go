package iam

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"reeve/internal/iam/policy"
)

// Identity is who calls: the root user of an account, a user, or a session of a
// role.
type Identity struct {
	Account   string
	Root      bool   // of the deployment's first account
	Principal string // ARN, as revisions record it

	Holder  Holder // whose permissions these are; the zero value is the root user
	ID      string // aws:userid
	Session string // of a role's session, its name

	Issued time.Time // of temporary credentials, when they were made
	Terms  *Terms    // what those were asked for with; nil for none

	Access *Access // nil for root users alone
	use    *keyUse // of the access key; nil for none
}

// keyUse is when an access key was last noted as used.
type keyUse struct {
	id   string
	last atomic.Int64 // microseconds since 1970; 0 for never
}

// Access is what policies allow a user or role. It never changes.
type Access struct {
	rules    []policy.Policy
	bounds   []policy.Policy // session policies: what none of them allows is not allowed
	bounded  bool            // there are session policies
	readsTag bool
	readsOrg bool
}

// add puts a policy in force under a name. One that cannot be read is an error:
// what it would have denied is not known.
func (a *Access) add(name, text string) error {
	document, err := policy.Parse([]byte(text))
	if err != nil {
		return fmt.Errorf("read policy %s: %w", name, err)
	}
	a.rules = append(a.rules, policy.Policy{Name: name, Document: document})
	a.readsTag = a.readsTag || mayRead(text, "resourcetag")
	a.readsOrg = a.readsOrg || mayRead(text, "orgid")
	return nil
}

// mayRead tells whether a policy may ask for condition keys with that in their
// names. A text that escapes something may spell it in another way.
func mayRead(text, name string) bool {
	return strings.Contains(strings.ToLower(text), name) || strings.Contains(text, `\`)
}

// ReadsResourceTags tells whether a decision may depend on tags of the
// resource, so that they are looked up for no one else.
func (who *Identity) ReadsResourceTags() bool { return who.Access != nil && who.Access.readsTag }

// ReadsOrganizations tells whether a decision may depend on which organization
// somebody is in.
func (who *Identity) ReadsOrganizations() bool { return who.Access != nil && who.Access.readsOrg }

// IsRootUser tells whether no policy limits the caller.
func (who *Identity) IsRootUser() bool {
	return who.Account != "" && who.Access == nil && who.Principal == PrincipalOf(who.Account)
}

var errUnsigned = refuse(Denied, "the request is not signed by a known access key")

// adminActions are the actions that only callers of the root account may take,
// whatever their policies say. Sources read files and credentials of the
// servers, so nobody else sees them.
var adminActions = map[string]bool{
	"reeve:CreateAccount":       true,
	"reeve:ListAccounts":        true,
	"reeve:RotateCheckpointKey": true,

	"reeve:CreateOrganization":       true,
	"reeve:AddAccountToOrganization": true,

	"reeve:PutSources":     true,
	"reeve:GetSource":      true,
	"reeve:ListSources":    true,
	"reeve:DeleteSource":   true,
	"reeve:RunSource":      true,
	"reeve:ListSourceRuns": true,
}

// openActions need no permission, as AWS's do not.
var openActions = map[string]bool{"reeve:GetCallerIdentity": true, "sts:GetCallerIdentity": true, "sts:GetSessionToken": true}

// mayAdminister refuses everybody but callers of the root account.
func mayAdminister(who Identity, action string) error {
	switch {
	case who.Account == "":
		return errUnsigned
	case !who.Root:
		return refuse(Denied, "User: %s is not authorized to perform: %s because only keys of the deployment's root account may", who.Principal, action)
	}
	return nil
}

// Authorize says whether who may do what r says. The root user of an account may
// do everything in it, everybody else what policies allow; what belongs to which
// account is the business of whoever does it. r.Principal is filled in.
func Authorize(who *Identity, r *policy.Request) error {
	if who.Account == "" {
		return errUnsigned
	}
	if adminActions[r.Action] {
		if err := mayAdminister(*who, r.Action); err != nil {
			return err
		}
	}
	if openActions[r.Action] || who.IsRootUser() {
		return nil
	}
	if d, kind := decide(who, r); !d.Allowed {
		return denied(who, r, d, kind)
	}
	return nil
}

// The kinds of policies that decide, in AWS's words.
const (
	identityPolicy = "identity-based policy"
	sessionPolicy  = "session policy"
)

// Decide tells what the policies of a user or role say, and what holds whatever
// they say. A decision of no policy has no name.
func Decide(who *Identity, r *policy.Request) policy.Decision {
	d, _ := decide(who, r)
	return d
}

// decide is Decide, and says of what kind the policy is that decides.
func decide(who *Identity, r *policy.Request) (d policy.Decision, kind string) {
	switch {
	case openActions[r.Action]:
		return policy.Decision{Allowed: true}, identityPolicy
	case who.Access == nil, adminActions[r.Action] && !who.Root:
		return policy.Decision{}, identityPolicy
	}
	r.Principal = who.Principal
	d = policy.Evaluate(who.Access.rules, r)
	if d.Explicit {
		return d, identityPolicy
	}
	if bound := who.Access.bound(r); bound.Explicit || d.Allowed && !bound.Allowed {
		return bound, sessionPolicy
	}
	return d, identityPolicy
}

// bound is what session policies say, which is yes where there are none.
func (a *Access) bound(r *policy.Request) policy.Decision {
	if a == nil || !a.bounded {
		return policy.Decision{Allowed: true}
	}
	return policy.Evaluate(a.bounds, r)
}

// denied is the refusal in AWS's words.
func denied(who *Identity, r *policy.Request, d policy.Decision, kind string) error {
	on := ""
	if r.Resource != "*" {
		on = " on resource: " + clipTo(r.Resource, 512)
	}
	if d.Explicit {
		return refuse(Denied, "User: %s is not authorized to perform: %s%s with an explicit deny in %s", who.Principal, r.Action, on, article(kind))
	}
	return refuse(Denied, "User: %s is not authorized to perform: %s%s because no %s allows the %s action", who.Principal, r.Action, on, kind, r.Action)
}

func article(kind string) string {
	if kind == identityPolicy {
		return "an " + kind
	}
	return "a " + kind
}
