package console_test

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"reeve/internal/api"
	"reeve/internal/licensetest"
	"reeve/internal/sigv4"
)

const anaPath = "/console/settings/users/ana"

// withUser is a desk of the root account that has the user ana.
func withUser(t *testing.T) *desk {
	t.Helper()
	d := signedIn(t, licensetest.Root)
	d.post("/console/settings/users", url.Values{"name": {"ana"}})
	return d
}

func TestAPolicyIsAttachedAndDetached(t *testing.T) {
	d := withUser(t)
	d.says(d.page(anaPath), "No policy is attached", "There are no access keys")
	readOnly := "arn:aws:iam::aws:policy/ReadOnly"
	var listed api.ListPoliciesOutput
	d.Call(licensetest.Root, "Reeve.ListPolicies", &api.ListPoliciesInput{}, &listed)
	for _, p := range listed.Policies {
		if *p.PolicyName == "ReadOnly" {
			readOnly = *p.PolicyArn
		}
	}
	_, text := d.post(anaPath+"/attach", url.Values{"policy": {readOnly}})
	d.says(text, "Policy ReadOnly is attached", "license-manager:GetLicenseConfiguration")
	if strings.Contains(text, `<option value="`+readOnly+`"`) {
		t.Error("what is attached is offered again")
	}
	page := d.page(anaPath + "?" + url.Values{"actions": {"license-manager:ListLicenseConfigurations\nreeve:PutResources"}, "keys": {"aws:SourceIp=192.0.2.7"}}.Encode())
	d.says(page, "license-manager:ListLicenseConfigurations any allowed by statement 1 of ReadOnly", "reeve:PutResources any not allowed no statement allows it")
	_, text = d.post(anaPath+"/detach", url.Values{"policy": {readOnly}})
	d.says(text, "Policy ReadOnly is detached", "No policy is attached")
	for _, form := range []url.Values{nil, {"policy": {"arn:aws:iam::aws:policy/None"}}} {
		status, text := d.post(anaPath+"/attach", form)
		if status != http.StatusBadRequest {
			t.Errorf("%v is answered with %d", form, status)
		}
		d.has("the refused form", text, "autofocus", `id="field-policy"`)
	}
}

func TestAPolicyOfOnesOwnIsWrittenChangedAndDeleted(t *testing.T) {
	d := withUser(t)
	policy := `{"Version": "2012-10-17", "Statement": {"Sid": "Tags", "Effect": "Deny", "Action": "license-manager:TagResource", "Resource": "*"}}`
	_, text := d.post(anaPath+"/policies", url.Values{"new": {"1"}, "name": {"no-tags"}, "document": {policy}})
	d.says(text, "Policy no-tags is kept")
	d.has("the page", text, html.EscapeString(`"Sid": "Tags"`))
	ask := anaPath + "?actions=license-manager:TagResource"
	d.says(d.page(ask), "license-manager:TagResource any denied by statement 1 of no-tags (Tags)")
	status, text := d.post(anaPath+"/policies", url.Values{"name": {"no-tags"}, "document": {`{"Statement": {"Effect": "Perhaps <b>"}}`}})
	if status != http.StatusBadRequest {
		t.Errorf("a policy that is none is answered with %d", status)
	}
	d.has("the refused form", text, html.EscapeString(`{"Statement": {"Effect": "Perhaps <b>"}}`), "autofocus", `id="field-document"`, "<details open><summary>no-tags")
	d.says(text, "Nothing is changed.", "The policy is not usable", "Effect")
	for _, form := range []url.Values{
		{"new": {"1"}, "name": {""}, "document": {policy}}, {"new": {"1"}, "name": {"a b"}, "document": {policy}}, {"new": {"1"}, "name": {"x"}, "document": {""}},
		{"new": {"1"}, "name": {strings.Repeat("x", 129)}, "document": {policy}},
	} {
		status, text := d.post(anaPath+"/policies", form)
		if status != http.StatusBadRequest || !strings.Contains(text, `value="`+form.Get("name")+`"`) || strings.Contains(text, "validation error") {
			t.Errorf("%q is answered with %d\n%s", form, status, words(text))
		}
	}
	path := d.linkOf(d.page(anaPath), "Delete no-tags")
	d.says(d.page(path), "Policy no-tags of user ana is gone")
	_, text = d.post(anaPath+"/policies/delete", url.Values{"policy": {"no-tags"}})
	d.says(text, "Policy no-tags is deleted")
	d.says(d.page(ask), "license-manager:TagResource any not allowed")
}

func TestARefusedQuestionIsAskedAgain(t *testing.T) {
	d := withUser(t)
	for field, query := range map[string]url.Values{
		"actions": {"actions": {""}, "keys": {"a=b"}}, "keys": {"actions": {"license-manager:*"}, "keys": {"no equals sign"}},
	} {
		status, text := d.get(anaPath + "?" + query.Encode())
		if status != http.StatusBadRequest {
			t.Errorf("%v is answered with %d", query, status)
		}
		d.has("the page", text, `id="field-`+field+`"`, "autofocus", query.Get("keys"))
	}
}

func TestARoleShowsWhoMayAssumeIt(t *testing.T) {
	d := withUser(t)
	d.says(d.page("/console/settings/users"), "There are no roles", "ana")
	d.Call(licensetest.Root, "Reeve.CreateRole", &api.CreateRoleInput{RoleName: new("importer"), AssumeRolePolicyDocument: new(anybody), MaxSessionDuration: new(int64(7200))}, nil)
	path := d.linkOf(d.page("/console/settings/users"), "importer")
	page := d.page(path)
	d.says(page, "Role importer", "sts:AssumeRole", "2 hours")
	d.silent(page, "Access keys of user")
	_, text := d.post(path+"/policies", url.Values{"new": {"1"}, "name": {"p"}, "document": {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`}})
	d.says(text, "Policy p is kept")
	if status, _ := d.get("/console/settings/roles/nobody"); status < 400 {
		t.Errorf("a role that is not there is answered with %d", status)
	}
}

func TestTheRootAccountLooksAfterOthers(t *testing.T) {
	const other = "222222222222"
	d := signedIn(t, licensetest.Root)
	d.post("/console/settings/accounts", url.Values{"name": {"Büro"}, "account": {other}})
	accounts := d.page("/console/settings/accounts")
	for _, begin := range []string{"Users of " + other, "Keys of " + other, "Agent tokens of " + other} {
		d.says(d.page(d.linkOf(accounts, begin)), "This is account "+other, "not your own.", other+" Büro")
	}
	in := url.Values{"account": {other}}
	_, text := d.post("/console/settings/users", url.Values{"account": {other}, "name": {"bea"}})
	d.says(text, "User bea is there", "not your own")
	shown := d.shownOnce("/console/settings/keys", url.Values{"account": {other}, "user": {"bea"}})
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["license-manager:*","reeve:*"],"Resource":"*"}]}`
	d.post("/console/settings/users/bea/policies", url.Values{"account": {other}, "new": {"1"}, "name": {"all"}, "document": {policy}})
	d.says(d.page("/console/settings/users/bea?"+in.Encode()), shown[0], "all")
	token := d.shownOnce("/console/settings/agents", url.Values{"account": {other}, "name": {"Zürich"}})
	d.says(d.page("/console/settings/agents?"+in.Encode()), "Zürich", token[2])
	d.silent(d.page("/console/settings/agents"), "Zürich")
	d.silent(d.page("/console/settings/users"), "bea")
	_, text = d.post(d.linkOf(d.page("/console/settings/agents?"+in.Encode()), "Revoke"), in)
	d.says(text, "is revoked", "not your own")

	bea := d.copied()
	bea.client.Jar = d.emptyJar()
	bea.signIn(sigv4.Credentials{AccessKeyID: shown[0], SecretAccessKey: shown[1]})
	page := bea.page("/console/settings/users")
	bea.silent(page, "Account "+licensetest.Root, "Choose")
	if status, _ := bea.get("/console/settings/users?account=" + licensetest.Root); status != http.StatusForbidden {
		t.Errorf("another account's user sees the root account's users: %d", status)
	}
	if status, _ := d.get("/console/settings/users?account=nonsense"); status != http.StatusBadRequest {
		t.Errorf("what is no account is answered with %d", status)
	}
}
