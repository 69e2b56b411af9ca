package browser_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"

	"reeve/internal/api"
	"reeve/internal/client"
)

// hostile is a text that somebody else chose: markup that runs, and a character
// that turns round what follows it.
const hostile = `<script>alert(1)</script>"><img src=x onerror=alert(2)> ` + "\u202e" + `fdp.exe`

// endless is a name without a place to break it.
var endless = strings.Repeat("W", 250)

// besieged is an account of its own in which everything that has a name has a
// hostile one.
func besieged(t *testing.T, s *server) (key *api.CreateAccessKeyOutput, f fleet, machine string) {
	t.Helper()
	account := call[api.CreateAccountOutput](t, s, "Reeve.CreateAccount", &api.CreateAccountInput{Name: new(hostile)})
	key = call[api.CreateAccessKeyOutput](t, s, "Reeve.CreateAccessKey", &api.CreateAccessKeyInput{AccountId: account.AccountId})
	own, err := client.New(s.url, region, client.Credentials{AccessKeyID: *key.AccessKeyId, SecretAccessKey: *key.SecretAccessKey})
	must(t, "open a client", err)
	theirs := &server{url: s.url, root: own}
	arn := func(id string) *string {
		return new("arn:aws:ec2:" + region + ":" + *account.AccountId + ":instance/" + id)
	}
	program := []api.Application{{Name: new(hostile), Publisher: new(hostile), Version: new(hostile)}}
	for _, name := range []string{"before " + hostile, hostile} {
		call[api.PutResourcesOutput](t, theirs, "Reeve.PutResources", &api.PutResourcesInput{Resources: []api.Resource{
			{ResourceArn: arn("i-1"), Name: &name, Status: new("running"), VCpus: new(int64(2)), Platform: new(hostile), Tags: []api.Tag{{Key: new("k" + hostile), Value: &name}}, Applications: program},
			{ResourceArn: arn("i-2"), Name: &endless, Status: new("running"), VCpus: new(int64(2)), Platform: &endless, Tags: []api.Tag{{Key: new(endless[:120]), Value: &endless}}, Applications: program},
		}})
	}
	rules := []api.ProductInformation{{ResourceType: new("SSM_MANAGED"), ProductInformationFilterList: []api.ProductInformationFilter{{
		ProductInformationFilterName: new("Application Name"), ProductInformationFilterValue: []string{hostile}, ProductInformationFilterComparator: new("EQUALS")}}}}
	f = fleet{arns: map[string]string{}}
	for _, name := range []string{hostile, endless} {
		made := call[api.CreateLicenseConfigurationOutput](t, theirs, "AWSLicenseManager.CreateLicenseConfiguration", &api.CreateLicenseConfigurationInput{
			Name: &name, Description: &name, LicenseCountingType: new("vCPU"), LicenseCount: new(int64(1)), ProductInformationList: rules, Tags: []api.Tag{{Key: new("k"), Value: &name}}})
		f.arns[name] = *made.LicenseConfigurationArn
		discover(t, theirs, *made.LicenseConfigurationArn)
		call[api.ExcludeResourceOutput](t, theirs, "Reeve.ExcludeResource", &api.ExcludeResourceInput{LicenseConfigurationArn: made.LicenseConfigurationArn, ResourceArn: arn("i-2"), Reason: &name, Owner: &name})
	}
	call[api.CreateAgentTokenOutput](t, theirs, "Reeve.CreateAgentToken", &api.CreateAgentTokenInput{Name: new(hostile)})
	return key, f, *arn("i-1")
}

func TestHostileNamesAreTextOnEveryPage(t *testing.T) {
	t.Parallel()
	p := arrive(t)
	key, f, machine := besieged(t, p.server)
	text, long := url.QueryEscape(hostile), strings.Repeat("w", 10_000)
	p.open("/console/sign-in?next=" + url.QueryEscape("/console/inventory?q="+hostile))
	p.signIn(hostile, hostile)
	p.harmless("sign-in", true)
	p.signIn(*key.AccessKeyId, *key.SecretAccessKey)
	p.heading("Inventory")
	one, other, arn := f.path(hostile), f.path(endless), url.QueryEscape(machine)
	for path, shows := range map[string]bool{
		"/console/": true, "/console/?at=" + text: false, "/console/configurations?q=" + text: true, "/console/configurations?q=" + long: false,
		one: true, one + "?tab=associations": true, one + "?tab=discovery": true, one + "?tab=revisions": true, one + "?tab=failures": true,
		other: false, other + "?tab=discovery": true, other + "?tab=revisions": false, one + "?arn=" + text + "&owner=" + text: true, one + "?arn=" + long: true,
		one + "/edit": true, one + "/delete": true, other + "/edit": true,
		one + "/explain?resource=" + arn: true, one + "/explain?resource=" + text: false, one + "/compare?from=" + text: false, one + "/compare": true,
		"/console/what-if?do=launch&machines=2&application=" + text + "&type=" + text: true, "/console/what-if?do=stop&resource=" + text: true, "/console/what-if?do=stop&resource=" + long: false,
		"/console/inventory": true, "/console/inventory?q=" + text: true, "/console/inventory?q=" + long: false, "/console/inventory?field=application_name&tag=&is=EQUALS&value=" + text: true,
		"/console/inventory/machine?arn=" + arn: true, "/console/inventory/machine?arn=" + strings.Replace(arn, "i-1", "i-2", 1): true,
		"/console/inventory/machine?software=" + text + "&arn=" + arn: true, "/console/inventory/software": false, "/console/settings/agents": true, "/console/settings": false,
	} {
		p.open(path)
		p.harmless(path[:min(len(path), 100)], shows)
	}
	root := signedIn(t)
	root.open("/console/settings/accounts")
	root.harmless("accounts", true)
}

// harmless looks at a page that shows hostile names, and wants them shown where
// it says so. What a script would do, the watch would see.
func (p *person) harmless(name string, shows bool) {
	p.t.Helper()
	if made := ask[int](p, `document.querySelectorAll("main script, main img, body > script").length`); made > 0 {
		p.t.Errorf("%s: a name became %d elements", name, made)
	}
	read := `document.body.innerText + [...document.querySelectorAll("input, textarea, option")].map(e => e.value + e.text).join()`
	if shows && !ask[bool](p, `(`+read+`).replace(/\s+/g, " ").includes(`+strconv.Quote(`<script>alert(1)</script>"><img src=x onerror=alert(2)> `)+`)`) {
		p.t.Errorf("%s does not show the name:\n%.2000s", name, p.text("main"))
	}
	if status := p.watch.lastStatus(); status >= 500 {
		p.t.Errorf("%s is answered with %d", name, status)
	}
	if turned := ask[[]string](p, turnedRound); len(turned) > 0 {
		p.t.Errorf("%s: a name turns round what stands behind it: %q", name, turned)
	}
	p.width(360)
	if wide := ask[int](p, "document.documentElement.scrollWidth"); wide > 360 {
		p.t.Errorf("%s is %d pixels wide on a screen of 360: %s", name, wide, p.widest())
	}
	p.width(1280)
}

// turnedRound finds what a character of a name could turn round: other things that
// share a line with it and are not kept apart from it. Sentences are left out.
const turnedRound = `(() => {
	const found = [], walk = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
	while (walk.nextNode()) {
		const text = walk.currentNode.data;
		if (!text.includes("\u202e") || !walk.currentNode.parentElement.checkVisibility()) continue;
		let e = walk.currentNode.parentElement;
		while (getComputedStyle(e).display === "inline" && !/isolate|plaintext/.test(getComputedStyle(e).unicodeBidi)) e = e.parentElement;
		if (e.matches("option, textarea, p, li, ins, a[href^='#'], .fault") || e.innerText.trim().endsWith("fdp.exe")) continue;
		found.push(e.outerHTML.slice(0, 150) + " … " + e.innerText.slice(-30));
	}
	return found.slice(0, 3);
})()`
