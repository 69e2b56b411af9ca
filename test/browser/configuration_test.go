package browser_test

import (
	"net/url"
	"strings"
	"testing"

	"reeve/internal/api"
)

func TestAConfigurationIsCreatedEditedAndDeleted(t *testing.T) {
	t.Parallel()
	p := signedIn(t)
	const save = "button.primary[value=save]"
	p.open("/console/configurations")
	p.follow("main .button.primary")
	p.fill("input[name=name]", "Plotters")
	p.click("input[name=counting][value=Instance]")
	p.fill("input[name=count]", "a few")
	p.follow("button[value=add-machines]")
	rule := "fieldset.rule textarea"
	if !p.has(rule) {
		p.follow("fieldset.rule button[value^='add.']")
	}
	p.follow(save)
	p.await("the number is refused", `document.querySelector("input[name=count]").ariaInvalid === "true"`)
	if said := p.texts(".fault"); len(said) < 2 {
		t.Errorf("a bad number and a rule without values are refused with %q", said)
	}
	if kept := ask[string](p, `document.querySelector("input[name=name]").value`); kept != "Plotters" {
		t.Errorf("the name became %q when something else was refused", kept)
	}
	p.fill("input[name=count]", "5")
	p.fill(rule, "Plotter Suite That Nobody Has")
	p.follow(save)
	p.heading("Plotters")
	if bought := p.tile("Bought"); !strings.Contains(bought, "5") {
		t.Errorf("it was bought: %s", bought)
	}
	address := strings.Split(p.address(), "?")[0]
	p.follow("#list a | Discovery rules")
	p.sees("Plotter Suite That Nobody Has")

	p.follow("main .button[href$='/edit']")
	p.follow("button[value=preview]")
	p.sees("Nothing is changed yet.", "None matches.")
	p.fill("input[name=name]", "Plotters of the drawing office")
	p.fill("input[name=count]", "7")
	p.follow(save)
	p.heading("Plotters of the drawing office")
	p.open(address + "?tab=revisions")
	p.sees("5 → 7")

	p.follow("main .button[href$='/delete']")
	p.follow("button.danger")
	p.open("/console/configurations?q=Plotters")
	if p.has("tbody a[href='" + address + "']") {
		t.Error("it is listed after it was deleted")
	}
	p.open(address)
	p.sees("This configuration was deleted at")
}

func TestWhoEditsIsToldThatSomebodyElseDid(t *testing.T) {
	t.Parallel()
	p := signedIn(t)
	made := call[api.CreateLicenseConfigurationOutput](t, p.server, "AWSLicenseManager.CreateLicenseConfiguration",
		&api.CreateLicenseConfigurationInput{Name: new("Contended"), LicenseCountingType: new("vCPU"), LicenseCount: new(int64(1))})
	f := fleet{arns: map[string]string{"Contended": *made.LicenseConfigurationArn}}
	p.open(f.path("Contended") + "/edit")
	call[api.UpdateLicenseConfigurationOutput](t, p.server, "AWSLicenseManager.UpdateLicenseConfiguration",
		&api.UpdateLicenseConfigurationInput{LicenseConfigurationArn: made.LicenseConfigurationArn, LicenseCount: new(int64(2))})
	p.fill("input[name=count]", "3")
	p.follow("button.primary[value=save]")
	p.await("it is refused", `!!document.querySelector("[role=alert]")`)
	now := call[api.GetLicenseConfigurationOutput](t, p.server, "AWSLicenseManager.GetLicenseConfiguration",
		&api.GetLicenseConfigurationInput{LicenseConfigurationArn: made.LicenseConfigurationArn})
	if *now.LicenseCount != 2 {
		t.Errorf("%d licences, want the 2 of who was first", *now.LicenseCount)
	}
}

func TestAMachineThatWasFoundIsLeftOutAndCountedAgain(t *testing.T) {
	t.Parallel()
	p := signedIn(t)
	f := furnish(t, p.server)
	found := f.users(t, p.server, proxies)
	machine := found[len(found)-1]
	p.open("/console/inventory/machine?arn=" + url.QueryEscape(machine))
	p.click("#licences details > summary")
	p.fill("#licences input[name=reason]", "It only forwards requests.")
	p.fill("#licences input[name=owner]", "Ada Keller")
	p.follow("form[action='/console/inventory/exclude'] button")
	p.sees("It only forwards requests.", "Ada Keller")
	if still := f.users(t, p.server, proxies); len(still) != len(found)-1 {
		t.Errorf("%d machines count, of %d before", len(still), len(found))
	}
	p.follow("form[action='/console/inventory/include'] button")
	p.await("it counts again", `!document.querySelector("form[action='/console/inventory/include']")`)
	if again := f.users(t, p.server, proxies); len(again) != len(found) {
		t.Errorf("%d machines count again, of %d", len(again), len(found))
	}
}
