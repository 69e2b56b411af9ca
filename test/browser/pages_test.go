package browser_test

import (
	"net/url"
	"testing"
)

// sheet is one page in one state.
type sheet struct {
	name string
	open func(p *person)
}

// at is a page that an address leads to.
func at(name, path string) sheet { return sheet{name, func(p *person) { p.open(path) }} }

// sheets are all pages, part by part, for somebody who is signed in with the root
// account's key. What a form leads to is here too. Those of a part are opened in
// their order.
func sheets(t *testing.T, s *server) map[string][]sheet {
	f := furnish(t, s)
	return map[string][]sheet{
		"positions": positionSheets(f), "forms": formSheets(f), "evidence": evidenceSheets(t, s, f),
		"inventory": inventorySheets(t, s, f), "settings": settingsSheets(), "others": otherSheets(), "member": memberSheets(f.member),
		"single sign-on": ssoSheets(t),
	}
}

func positionSheets(f fleet) []sheet {
	over := f.path(oracle)
	return []sheet{
		at("overview", "/console/"),
		at("overview-past", "/console/?at="+spring.day()),
		at("configurations", "/console/configurations"),
		at("failures", "/console/configurations/failures"),
		at("configurations-none", "/console/configurations?q=no+such+name"),
		at("configuration", over),
		at("configuration-past", over+"?at="+spring.day()+"&range=1y"),
		at("configuration-associations", over+"?tab=associations"),
		at("configuration-discovery", f.path(proxies)+"?tab=discovery"),
		at("configuration-revisions", over+"?tab=revisions"),
		at("configuration-failures", f.path(sqlServer)+"?tab=failures"),
		at("configuration-before", over+"?at=2020-01-01"),
	}
}

func formSheets(f fleet) []sheet {
	return []sheet{
		at("form-new", "/console/configurations/new"),
		{"form-refused", func(p *person) {
			p.open("/console/configurations/new")
			p.fill("input[name=count]", "many")
			p.click("input[name=hard]")
			p.follow("button.primary[value=save]")
			p.await("a fault is shown", `!!document.querySelector(".fault")`)
		}},
		at("form-edit", f.path(proxies)+"/edit"),
		{"form-preview", func(p *person) {
			p.open(f.path(proxies) + "/edit")
			p.fill("#rules textarea", "node_exporter")
			p.follow("button[value=preview]")
			p.await("the preview is shown", `!!document.querySelector("#preview")`)
		}},
		at("delete-refused", f.path(oracle)+"/delete"),
	}
}

func evidenceSheets(t *testing.T, s *server, f fleet) []sheet {
	over, machine := f.path(oracle), url.QueryEscape(f.users(t, s, oracle)[0])
	without := url.QueryEscape(f.failed(t, s, sqlServer))
	return []sheet{
		at("explain", over+"/explain?resource="+machine),
		at("explain-past", over+"/explain?at="+spring.day()+"&resource="+machine),
		at("explain-host", f.path(sqlServer)+"/explain?resource="+url.QueryEscape(f.users(t, s, sqlServer)[0])),
		at("explain-nothing", f.path(sqlServer)+"/explain?resource="+without),
		at("explain-ask", over+"/explain"),
		at("compare", over+"/compare?from="+spring.day()),
		at("compare-default", over+"/compare"),
		at("what-if", "/console/what-if"),
		at("what-if-refused", "/console/what-if?do=launch&machines=10&vcpus=64&configuration="+url.QueryEscape(f.arns["SAP HANA"])),
		at("what-if-fits", "/console/what-if?do=launch&machines=10&vcpus=8&configuration="+url.QueryEscape(f.arns[oracle])),
	}
}

func inventorySheets(t *testing.T, s *server, f fleet) []sheet {
	machine := func(arn string) string { return "/console/inventory/machine?arn=" + url.QueryEscape(arn) }
	found := f.users(t, s, proxies)[0]
	return []sheet{
		at("inventory", "/console/inventory"),
		at("inventory-found", "/console/inventory?q=windows"),
		at("inventory-conditions", "/console/inventory?field=platform&tag=&is=EQUALS&value=Windows&add=1"),
		at("inventory-nothing", "/console/inventory?q=no+such+machine"),
		at("machine", machine(found)),
		at("machine-host", machine(f.users(t, s, sqlServer)[0])),
		at("machine-unlicensed", machine(f.failed(t, s, sqlServer))),
		at("software-uncounted", "/console/inventory/software?unmatched=1"),
		at("sources", "/console/sources"),
		at("source", "/console/sources/factory"),
	}
}

func settingsSheets() []sheet {
	return []sheet{
		at("settings", "/console/settings"),
		at("users", "/console/settings/users"),
		at("user", "/console/settings/users/grace"),
		at("role", "/console/settings/roles/Auditors"),
		at("role-asked", "/console/settings/roles/Auditors?actions=reeve:CreateAgentToken+reeve:ListPositions"),
		at("policy-delete", "/console/settings/roles/Auditors/policies/delete?policy=no-agents"),
		at("keys", "/console/settings/keys"),
		{"key-issued", func(p *person) {
			p.open("/console/settings/users/grace")
			p.follow("form[method=post][action='/console/settings/keys'] button")
			p.await("the key is shown", `!!document.querySelector("code.secret")`)
		}},
		at("agents", "/console/settings/agents"),
		{"agent-revoke", func(p *person) {
			p.open("/console/settings/agents")
			p.follow("a[href$='/revoke']")
			p.await("it asks", `!!document.querySelector("button.danger")`)
		}},
		at("service", "/console/settings/service"),
		at("accounts", "/console/settings/accounts"),
	}
}

// memberSheets are what somebody of a member of the organization sees; the first
// one signs in as that.
func memberSheets(m member) []sheet {
	return []sheet{
		{"member-overview", func(p *person) { p.become(m.id, m.secret) }},
		at("member-configurations", "/console/configurations"),
		at("member-configuration", m.path),
		at("member-configuration-past", m.path+"?at="+spring.day()),
		at("member-associations", m.path+"?tab=associations"),
		at("member-discovery", m.path+"?tab=discovery"),
		at("member-explain", m.path+"/explain?resource="+url.QueryEscape(m.machine)),
		at("member-machine", "/console/inventory/machine?arn="+url.QueryEscape(m.machine)),
		at("member-refused", m.path+"/edit"),
		at("member-service", "/console/settings/service"),
	}
}

func otherSheets() []sheet {
	return []sheet{
		at("nothing-here", "/console/no-such-page"),
		at("moment-refused", "/console/?at=2031-02-30"),
		at("machine-unknown", "/console/inventory/machine?arn=arn:aws:ec2:us-east-1:111122223333:instance/i-none"),
		{"menu", func(p *person) {
			p.open("/console/")
			p.click("details.who > summary")
			p.await("the menu is open", `document.querySelector("details.who").open`)
		}},
		at("software", "/console/inventory/software"), // late: programs are counted behind the reports
		{"help", func(p *person) {
			p.open("/console/")
			p.shortcut("?")
			p.await("the help is open", `document.querySelector("dialog").open`)
		}},
		{"first-run", func(p *person) {
			p.inRegion("ap-south-1")
			p.open("/console/")
		}},
		{"configurations-empty", func(p *person) { p.open("/console/configurations") }},
		{"sign-in", func(p *person) {
			p.inRegion(region)
			p.click("details.who > summary")
			p.follow("form[action='/console/sign-out'] button")
		}},
		{"sign-in-refused", func(p *person) { p.signIn(rootKeyID, "not the secret") }},
	}
}
