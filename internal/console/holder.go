package console

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"reeve/internal/api"
)

// holderKind is what may have policies.
type holderKind string

const (
	ofUser holderKind = "user"
	ofRole holderKind = "role"
)

// holder is a user or role of an account, which may have policies.
type holder struct {
	account *string // nil for one's own
	Kind    holderKind
	Name    string
}

// userPath is the address of a user's page.
func userPath(name string, account *string) string { return holder{account, ofUser, name}.path() }

func (h holder) path() string { return inAccount(h.part(""), h.account) }

// part is the address of what a form of the page asks for, without the account.
func (h holder) part(action string) string {
	base := usersPath
	if h.Kind == ofRole {
		base = rolesPath
	}
	return base + "/" + url.PathEscape(h.Name) + action
}

// user and role are the members of operations' inputs that name the holder.
func (h holder) user() *string { return h.only(ofUser) }
func (h holder) role() *string { return h.only(ofRole) }

func (h holder) only(kind holderKind) *string {
	if h.Kind == kind {
		return &h.Name
	}
	return nil
}

// holder is the user or role that the address names.
func (v *visit) holder() (holder, error) {
	account, err := v.account()
	h := holder{account, ofUser, v.PathValue("name")}
	if v.tab() == "roles" {
		h.Kind = ofRole
	}
	return h, err
}

// holderPage is a user or role with its policies, and with its keys or who may
// assume it.
type holderPage struct {
	holder
	Account    string // that a form is about; "" for one's own
	Choice     accountChoice
	Sent       form // that was refused
	Keys       keyTable
	Trust      string // policy of a role
	MaxSession string // of a role
	Attached   []policyLine
	Attachable []policyLine
	Inline     []inlinePolicy
	Simulation []simulatedLine
	Action     string // where the page's forms go
}

// policyLine is an attached policy, or one that may be.
type policyLine struct{ Name, ARN, Description, Text string }

// inlinePolicy is the form of a policy that the holder alone has.
type inlinePolicy struct {
	Name, Text field
	New, Open  bool
}

func (c *console) holder(v *visit) error {
	f := v.sent()
	if !f.asksSimulation() {
		f = form{}
	}
	return v.showHolder(http.StatusOK, f)
}

// showHolder shows a user's or role's page; of a form on it that was refused,
// with what was typed.
func (v *visit) showHolder(status int, sent form) error {
	h, err := v.holder()
	if err != nil {
		return err
	}
	body := holderPage{holder: h, Account: told(h.account), Sent: sent, Action: h.part("")}
	if err := together(
		func() error { return body.readPolicies(v) },
		func() error { return body.readAttachable(v) },
		func() error { return body.readRest(v) },
	); err != nil {
		return err
	}
	body.Attachable = slices.DeleteFunc(body.Attachable, func(p policyLine) bool {
		return slices.ContainsFunc(body.Attached, func(a policyLine) bool { return a.ARN == p.ARN })
	})
	if sent.asksSimulation() {
		if refused := body.simulate(v); refused > 0 {
			status = refused
		}
	}
	title := "User "
	if h.Kind == ofRole {
		title = "Role "
	}
	return v.show(status, "holder", title+h.Name, body)
}

// readPolicies reads what the holder has.
func (p *holderPage) readPolicies(v *visit) error {
	var out api.ListPoliciesOutput
	if err := v.call("ListPolicies", &api.ListPoliciesInput{UserName: p.user(), RoleName: p.role(), AccountId: p.account}, &out); err != nil {
		return err
	}
	for i := range out.Policies {
		if one := &out.Policies[i]; one.PolicyArn != nil {
			p.Attached = append(p.Attached, policyLineOf(one))
		} else {
			p.Inline = append(p.Inline, inlinePolicy{Name: field{"name", told(one.PolicyName), ""}, Text: field{"document", indented(told(one.PolicyDocument)), ""}})
		}
	}
	p.Inline = append(p.Inline, inlinePolicy{Name: field{Name: "name"}, Text: field{Name: "document", Value: emptyPolicy}, New: true})
	p.keepInline()
	return nil
}

// emptyPolicy is what a new policy begins with.
const emptyPolicy = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": ["license-manager:Get*", "license-manager:List*"],
      "Resource": "*"
    }
  ]
}`

// keepInline puts a policy that was refused back where it was typed.
func (p *holderPage) keepInline() {
	if !p.Sent.values.Has("document") {
		return
	}
	for i := range p.Inline {
		one := &p.Inline[i]
		if fresh := p.Sent.Value("new") != ""; one.New == fresh && (fresh || one.Name.Value == p.Sent.Value("name")) {
			one.Name, one.Text, one.Open = p.Sent.Field("name"), p.Sent.Field("document"), true
		}
	}
}

// readAttachable reads what can be attached.
func (p *holderPage) readAttachable(v *visit) error {
	var out api.ListPoliciesOutput
	err := v.call("ListPolicies", &api.ListPoliciesInput{AccountId: p.account}, &out)
	for i := range out.Policies {
		p.Attachable = append(p.Attachable, policyLineOf(&out.Policies[i]))
	}
	return err
}

func policyLineOf(p *api.Policy) policyLine {
	return policyLine{told(p.PolicyName), told(p.PolicyArn), told(p.Description), indented(told(p.PolicyDocument))}
}

// indented is a policy for reading.
func indented(text string) string {
	value := jsontext.Value(text)
	if value.Indent(jsontext.WithIndent("  ")) != nil {
		return text
	}
	return string(value)
}

// readRest reads the keys of a user, or who may assume a role.
func (p *holderPage) readRest(v *visit) (err error) {
	if p.Choice, err = v.accountChoice(usersPath, p.account); err != nil {
		return err
	}
	p.Choice.Accounts = nil // the account is chosen on the page before
	if p.Kind == ofUser {
		p.Keys, err = v.keyTable(p.user(), p.account)
		return err
	}
	r, err := v.roleNamed(p.Name, p.account)
	if err == nil {
		p.Trust, p.MaxSession = indented(told(r.AssumeRolePolicyDocument)), inWords(time.Duration(told(r.MaxSessionDuration))*time.Second)
	}
	return err
}

// roleNamed finds a role in the list of them.
func (v *visit) roleNamed(name string, account *string) (*api.Role, error) {
	for in := (&api.ListRolesInput{AccountId: account}); ; {
		var out api.ListRolesOutput
		if err := v.call("ListRoles", in, &out); err != nil {
			return nil, err
		}
		for i := range out.Roles {
			if told(out.Roles[i].RoleName) == name {
				return &out.Roles[i], nil
			}
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return nil, refuse(http.StatusNotFound, "There is no role %s.", clipped(name))
		}
	}
}
