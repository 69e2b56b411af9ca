package browser_test

import (
	"strings"
	"testing"

	"reeve/internal/iam"
)

func TestAUserIsMadeSignsInAndIsSignedOut(t *testing.T) {
	t.Parallel()
	p := signedIn(t)
	p.open("/console/settings/users")
	p.fill("form[method=post][action='/console/settings/users'] input[name=name]", "linus")
	p.follow("form[method=post][action='/console/settings/users'] button")
	p.open("/console/settings/users/linus")
	p.put("form[action$='/attach'] select", iam.ManagedARN("ReadOnly"))
	p.follow("form[action$='/attach'] button")
	p.await("the policy is attached", `!!document.querySelector("form[action$='/detach']")`)
	p.follow("form[method=post][action='/console/settings/keys'] button")
	secrets := p.texts("code.secret")
	if len(secrets) != 2 || !strings.HasPrefix(secrets[0], "AKIA") {
		t.Fatalf("the new key is shown as %q", secrets)
	}
	p.follow("main .button.primary")
	if strings.Contains(p.text("body"), secrets[1]) {
		t.Error("the secret is shown again")
	}

	linus := arrive(t)
	linus.open("/console/")
	linus.signIn(secrets[0], secrets[1])
	linus.heading("Overview")
	p.open("/console/settings")
	p.follow("tbody tr | " + secrets[0] + " >> a[href$='/end']")
	p.follow("button.danger")
	linus.open("/console/configurations")
	linus.heading("Sign in")
}

func TestAnAgentTokenIsMadeAndRevoked(t *testing.T) {
	t.Parallel()
	p := signedIn(t)
	p.open("/console/settings/agents")
	p.fill("input[name=name]", "Warehouse")
	p.follow("form[method=post][action='/console/settings/agents'] button")
	shown := p.texts("code.secret")
	if len(shown) == 0 {
		t.Fatal("the token is not shown")
	}
	p.open("/console/settings/agents")
	for _, secret := range shown {
		if strings.HasPrefix(secret, "http") {
			continue
		}
		if token := p.text("tbody"); len(secret) > 30 && strings.Contains(token, secret) {
			t.Error("the token is shown again")
		}
	}
	p.follow("tbody tr | Warehouse >> a[href$='/revoke']")
	p.follow("button.danger")
	p.await("it is revoked", `!`+one("tbody tr | Warehouse >> a[href$='/revoke']"))
	if row := p.text("tbody tr | Warehouse"); !strings.Contains(row, "revoked") {
		t.Errorf("its row says %s", row)
	}
}
