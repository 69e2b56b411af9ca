package browser_test

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"reeve/internal/api"
)

// Why does this machine consume 32?
func TestAUsageRecordLeadsToItsExplanation(t *testing.T) {
	t.Parallel()
	p := signedIn(t)
	f := furnish(t, p.server)
	record := f.usage(t, p.server, oracle)[0]
	explained := call[api.ExplainUsageOutput](t, p.server, "Reeve.ExplainUsage", &api.ExplainUsageInput{LicenseConfigurationArn: new(f.arns[oracle]), ResourceArn: record.ResourceArn})
	p.open(f.path(oracle))
	p.follow("#list tbody a[href*='/explain'] | why")
	if got := p.query("resource"); got != *record.ResourceArn {
		t.Fatalf("the first row explains %s, not %s", got, *record.ResourceArn)
	}
	if figure := p.text(".why-figure .huge"); figure != strconv.FormatInt(*record.ConsumedLicenses, 10) {
		t.Errorf("%s licences are explained, not %d", figure, *record.ConsumedLicenses)
	}
	if steps := p.texts(".ladder > li"); len(steps) != len(explained.Steps) {
		t.Errorf("%d steps are shown of %d", len(steps), len(explained.Steps))
	}
	p.follow("main a[href*='/inventory/machine']")
	p.await("the machine is shown", `document.body.innerText.includes(`+strconv.Quote(*record.ResourceArn)+`)`)
}

// What changed between two moments?
func TestTwoMomentsAreCompared(t *testing.T) {
	t.Parallel()
	p := signedIn(t)
	f := furnish(t, p.server)
	at := func(moment string) []api.LicenseConfigurationUsage {
		return f.usage(t, p.server, oracle, api.Filter{Name: new("asOf"), Values: []string{moment}})
	}
	before, after := at(spring.asOf()), at(autumn.asOf())
	p.open(f.path(oracle))
	p.follow("main .button[href*='/compare']")
	p.put("input[name=from]", spring.field())
	p.put("input[name=to]", autumn.field())
	p.follow("form.filters button")
	figures := p.texts(".tile .figure")
	if want := []string{consumed(before), "+" + grouped(sum(after)-sum(before)), consumed(after)}; !slices.Equal(figures, want) {
		t.Errorf("the figures are %q, want %q", figures, want)
	}
	changes := 0
	for _, text := range ask[[]string](p, `[...document.querySelectorAll("tbody tr td.num:nth-last-child(2)")].map(e => e.innerText)`) {
		n, err := strconv.Atoi(strings.NewReplacer("+", "", "−", "-", ",", "").Replace(text))
		must(t, "read a change", err)
		changes += n
	}
	if want := sum(after) - sum(before); changes != want {
		t.Errorf("the rows change %d licences, and all of them %d", changes, want)
	}
	p.follow("tbody a[href*='/explain']")
	if resource := p.query("resource"); resource == "" {
		t.Errorf("no explanation, but %s", p.address())
	}
}

// What if we launch ten more?
func TestAPlanIsAnsweredAndShared(t *testing.T) {
	t.Parallel()
	p := signedIn(t)
	f := furnish(t, p.server)
	p.follow("header nav a | What if")
	launch := "form:has(input[name=do][value=launch]) "
	p.fill(launch+"input[name=machines]", "10")
	p.fill(launch+"input[name=vcpus]", "8")
	p.put(launch+"select[name=configuration]", f.arns[oracle])
	p.follow(launch + "button.primary")
	before := sum(f.usage(t, p.server, oracle))
	p.sees(strings.Join([]string{grouped(before), "→", grouped(before + 80), "of 1,200"}, " "), "136 over", "It is allowed")
	answer, address := p.text("section[aria-labelledby=then]"), p.address()

	other := arrive(t)
	other.open(address)
	other.heading("Sign in")
	other.signIn(rootKeyID, rootSecret)
	other.heading("What if?")
	if again := other.text("section[aria-labelledby=then]"); again != answer {
		t.Errorf("somebody else sees\n%s\nunder the address of\n%s", again, answer)
	}
	if now := sum(f.usage(t, p.server, oracle)); now != before {
		t.Errorf("the plan was carried out: %d are in use, not %d", now, before)
	}
}

// What is unlicensed?
func TestAnUnlicensedMachineIsFoundWithItsHistory(t *testing.T) {
	t.Parallel()
	p := signedIn(t)
	f := furnish(t, p.server)
	without := f.failed(t, p.server, sqlServer)
	p.follow(".positions tr:has(a[href*='tab=failures']) a[href='" + f.path(sqlServer) + "?tab=failures']")
	p.sees("What is wrong")
	if !p.has("#list a[href*='" + url.QueryEscape(without) + "']") {
		t.Errorf("%s is not among the failures", without)
	}
	p.follow("header nav a | Inventory")
	p.fill("main input[type=search]", without[strings.LastIndex(without, "/")+1:])
	p.press("\r")
	machine := "main a[href*='" + url.QueryEscape(without) + "']"
	p.await("it is found", "!!"+one(machine)+` || location.pathname.endsWith("/machine")`)
	if p.has(machine) {
		p.follow(machine)
	}
	p.await("it has no licence", `!!document.querySelector("#licences .badge.bad")`)
	if moments := p.texts("#history > ol > li"); len(moments) < 2 {
		t.Errorf("its history has %q", moments)
	}
}
