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
	enter := func(name, heading string, groups ...string) sheet {
		return sheet{name, func(p *person) {
			provider.Tell(groups...)
			p.signInAtProvider(s, heading)
		}}
	}
	return []sheet{
		{"sso-away", func(p *person) {
			p.watch.allow(s.url, provider.URL)
			provider.Leave(true) // before the server knows its pages
			p.open(s.url + "/console/sign-in/sso")
			p.sees("The identity provider does not answer.")
			provider.Leave(false)
		}},
		at("sso-sign-in", s.url+"/console/sign-in"),
		{"sso-refused", func(p *person) { p.signIn(rootKeyID, "not the secret") }},
		enter("sso-role", "Choose a role", "staff", "owners", "auditors"),
		enter("sso-no-role", "No role for you", "staff", "Domain Users", "cn=licences,ou=groups,dc=example"),
		enter("sso-no-group", "No role for you"),
		enter("sso-role-missing", "You are not signed in", "ghosts"),
		at("sso-too-late", s.url+"/console/sign-in/callback?code=none"),
		enter("sso-signed-in", "Overview", "auditors"),
		{"sso-signed-out", func(p *person) {
			provider.Hold() // else the browser goes on to there
			p.click("details.who > summary")
			p.follow("form[action='/console/sign-out'] button")
			p.heading("You are signed out here")
		}},
	}
}

// signInAtProvider leads to the page with a heading. The server remembers for a
// moment that the provider was away, so it may take more than one attempt.
func (p *person) signInAtProvider(s *server, heading string) {
	p.t.Helper()
	must(p.t, "sign in at the provider", awaited("the page is "+heading, func() bool {
		p.open(s.url + "/console/sign-in/sso")
		return p.text("h1") == heading
	}))
}
