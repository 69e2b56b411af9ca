package browser_test

import "testing"

func TestSigningInAndOut(t *testing.T) {
	t.Parallel()
	p := arrive(t)
	p.open("/console/inventory?q=windows")
	p.heading("Sign in")
	p.signIn(rootKeyID, "not the secret")
	p.heading("Sign in")
	if said := p.text("[role=alert]"); said == "" {
		t.Error("a wrong secret is refused without a word")
	}
	if id := ask[string](p, "document.querySelector('input[name=access_key_id]').value"); id != rootKeyID {
		t.Errorf("the key's ID has to be typed again, the field has %q", id)
	}
	p.fill("input[name=secret_access_key]", rootSecret)
	p.follow("form[action='/console/sign-in'] button")
	p.heading("Inventory")
	if p.query("q") != "windows" {
		t.Errorf("who signs in ends at %s, not where they wanted to go", p.address())
	}
	p.click("details.who > summary")
	p.follow("form[action='/console/sign-out'] button")
	p.heading("Sign in")
	p.open("/console/inventory")
	p.heading("Sign in")
}
