package browser_test

import (
	"path/filepath"
	"testing"

	"reeve/internal/api"
	"reeve/internal/console/sso/ssotest"
	"reeve/internal/iam"
)

// ssoServer starts a server at which people sign in at a provider. Both end with
// the test.
func ssoServer(t *testing.T) (*server, *ssotest.Provider) {
	t.Helper()
	provider := ssotest.Open(t)
	data := filepath.Join(t.TempDir(), "data")
	s, stop, err := launch(data, []string{"REEVE_OIDC_CLIENT_SECRET=" + ssotest.Secret},
		"--oidc-issuer", provider.URL, "--oidc-client-id", ssotest.ClientID, "--oidc-name", "Example ID",
		"--oidc-groups", "owners="+rootAccount+":Owners,auditors="+rootAccount+":Auditors,ghosts="+rootAccount+":Ghosts")
	must(t, "start a server with single sign-on", err)
	t.Cleanup(func() { must(t, "stop it", stop()) })
	provider.Serve(s.url)
	for role, policy := range map[string]string{"Owners": "Admin", "Auditors": "Auditor"} {
		call[api.CreateRoleOutput](t, s, "Reeve.CreateRole", &api.CreateRoleInput{RoleName: new(role), AssumeRolePolicyDocument: new(trustOfRoot)})
		call[api.AttachPolicyOutput](t, s, "Reeve.AttachPolicy", &api.AttachPolicyInput{RoleName: new(role), PolicyArn: new(iam.ManagedARN(policy))})
	}
	return s, provider
}

// ssoSheets are the pages of somebody who signs in at a provider, on a server of
// their own.
func ssoSheets(t *testing.T) []sheet {
	s, provider := ssoServer(t)
	enter := func(name string, groups ...string) sheet {
		return sheet{name, func(p *person) {
			provider.Tell(groups...)
			p.open(s.url + "/console/sign-in/sso")
		}}
	}
	return []sheet{
		{"sso-away", func(p *person) {
			p.watch.allow(s.url, provider.URL)
			provider.Leave(true) // before the server knows its pages
			p.open(s.url + "/console/sign-in/sso")
			provider.Leave(false)
		}},
		at("sso-sign-in", s.url+"/console/sign-in"),
		{"sso-refused", func(p *person) { p.signIn(rootKeyID, "not the secret") }},
		enter("sso-role", "staff", "owners", "auditors"),
		enter("sso-no-role", "staff", "Domain Users", "cn=licences,ou=groups,dc=example"),
		enter("sso-no-group"),
		enter("sso-role-missing", "ghosts"),
		at("sso-too-late", s.url+"/console/sign-in/callback?code=none"),
		enter("sso-signed-in", "auditors"),
		{"sso-signed-out", func(p *person) {
			provider.Hold() // else the browser goes on to there
			p.click("details.who > summary")
			p.follow("form[action='/console/sign-out'] button")
			p.heading("You are signed out here")
		}},
	}
}
