package console

import (
	"net/http"

	"reeve/internal/api"
)

func (c *console) attachPolicy(v *visit) error {
	h, err := v.holder()
	if err != nil {
		return err
	}
	f := v.sent()
	if f.need("policy", "Choose a policy."); len(f.Flaws) > 0 {
		return v.showHolder(http.StatusBadRequest, f)
	}
	in := &api.AttachPolicyInput{PolicyArn: f.given("policy"), UserName: h.user(), RoleName: h.role(), AccountId: h.account}
	if err := v.call("AttachPolicy", in, &api.AttachPolicyOutput{}); err != nil {
		return v.again(err, f, []member{{"policy", "policy"}}, v.showHolder)
	}
	return v.done(h.path(), "Policy %s is attached, and holds on every server within seconds.", shortName(*in.PolicyArn))
}

func (c *console) detachPolicy(v *visit) error {
	h, err := v.holder()
	if err != nil {
		return err
	}
	f := v.sent()
	in := &api.DetachPolicyInput{PolicyArn: new(f.Value("policy")), UserName: h.user(), RoleName: h.role(), AccountId: h.account}
	if err := v.call("DetachPolicy", in, &api.DetachPolicyOutput{}); err != nil {
		return v.again(err, f, nil, v.showHolder)
	}
	return v.done(h.path(), "Policy %s is detached, on every server within seconds.", shortName(*in.PolicyArn))
}

// putPolicy keeps a policy that the holder alone has, new or changed.
func (c *console) putPolicy(v *visit) error {
	h, err := v.holder()
	if err != nil {
		return err
	}
	f := v.sent()
	f.need("name", "Enter a name for the policy.")
	f.need("document", "Write the policy: what is allowed or denied.")
	if len(f.Flaws) > 0 {
		return v.showHolder(http.StatusBadRequest, f)
	}
	in := &api.PutPolicyInput{PolicyName: f.given("name"), PolicyDocument: new(f.Value("document")), UserName: h.user(), RoleName: h.role(), AccountId: h.account}
	if err := v.call("PutPolicy", in, &api.PutPolicyOutput{}); err != nil {
		return v.again(err, f, []member{{"policy's name", "name"}, {"'policyName'", "name"}, {"policy", "document"}}, v.showHolder)
	}
	return v.done(h.path(), "Policy %s is kept, and holds on every server within seconds.", *in.PolicyName)
}

func (c *console) confirmDeletePolicy(v *visit) error {
	h, err := v.holder()
	if err != nil {
		return err
	}
	name := v.FormValue("policy")
	return v.confirm("Delete policy "+clipped(name)+" of "+clipped(h.Name), confirmation{
		Text:   "Policy " + clipped(name) + " of " + string(h.Kind) + " " + clipped(h.Name) + " is gone within seconds, with its text. What it denies is denied no longer, and what it allows is not allowed by it.",
		Button: "Delete the policy", Fields: map[string]string{"policy": name, "account": told(h.account)}, Back: h.path(),
	})
}

func (c *console) deletePolicy(v *visit) error {
	h, err := v.holder()
	if err != nil {
		return err
	}
	in := &api.DeletePolicyInput{PolicyName: new(v.PostFormValue("policy")), UserName: h.user(), RoleName: h.role(), AccountId: h.account}
	if err := v.call("DeletePolicy", in, &api.DeletePolicyOutput{}); err != nil {
		return err
	}
	return v.done(h.path(), "Policy %s is deleted.", *in.PolicyName)
}
