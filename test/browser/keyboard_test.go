package browser_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// focus is what the keyboard is at.
type focus struct {
	What    string // its tag and what it is called
	Visible bool   // that it has the focus can be seen
	Inside  bool   // it is on the screen
}

// focused describes the element that has the focus. Nothing here has an outline
// without it.
const focused = `(() => {
	const e = document.activeElement;
	if (!e || e === document.body) return {What: "", Visible: true, Inside: true};
	const s = getComputedStyle(e), b = e.getBoundingClientRect();
	return {
		What: e.tagName.toLowerCase() + (e.name ? "[" + e.name + "]" : "") + " " + (e.ariaLabel || e.innerText || e.value || "").trim().slice(0, 60),
		Visible: s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 1,
		Inside: b.width > 0 && b.height > 0 && b.bottom > 0 && b.right > 0 && b.top < innerHeight && b.left < innerWidth,
	};
})()`

// focus says where the keyboard is, and fails the test if that cannot be seen.
func (p *person) focus() focus {
	p.t.Helper()
	at := ask[focus](p, focused)
	if !at.Visible || !at.Inside {
		p.t.Errorf("on %s the focus is at %q, and cannot be seen (outlined: %t, on the screen: %t)", p.address(), at.What, at.Visible, at.Inside)
	}
	return at
}

// tabTo presses Tab until the focus is at what a selector finds.
func (p *person) tabTo(selector string) {
	p.t.Helper()
	for range 400 {
		p.press(kb.Tab)
		p.focus()
		if ask[bool](p, "document.activeElement === "+one(selector)) {
			return
		}
	}
	p.t.Fatalf("on %s Tab does not lead to %s", p.address(), selector)
}

// enter goes to what a selector finds with Tab, and presses Enter, which leads
// to another page.
func (p *person) enter(selector string) {
	p.t.Helper()
	p.tabTo(selector)
	p.leave(func() { p.press(kb.Enter) })
}

// keyed is somebody who signed in without a mouse.
func keyed(t *testing.T) *person {
	t.Helper()
	p := arrive(t)
	p.open("/console/")
	if at := p.focus(); !strings.HasPrefix(at.What, "input[access_key_id]") {
		t.Errorf("the sign-in begins at %q", at.What)
	}
	p.press(rootKeyID)
	p.tabTo("input[name=secret_access_key]")
	p.press(rootSecret)
	p.leave(func() { p.press(kb.Enter) })
	p.heading("Overview")
	return p
}

func TestPositionsAreReadWithTheKeyboard(t *testing.T) {
	t.Parallel()
	p := keyed(t)
	p.press(kb.Tab)
	if at := p.focus(); !strings.HasPrefix(at.What, "a Skip") {
		t.Errorf("the first thing is %q, not the way past the bar", at.What)
	}
	p.press(kb.Enter)
	p.await("the content has the focus", `document.activeElement.id === "main"`)
	p.tabTo("form.moment input[name=at]")
	p.press(spring.Format("01022006") + "120000PM")
	p.leave(func() { p.press(kb.Enter) })
	p.sees(spring.shown())
	p.enter(".positions a | " + oracle)
	p.heading(oracle)
	p.tabTo("#list input[name=owner]")
	p.press("222233334444")
	p.leave(func() { p.press(kb.Enter) })
	if p.query("owner") != "222233334444" || p.query("at") == "" {
		t.Errorf("the filter leads to %s", p.address())
	}
	p.enter("#list tbody a[href*='/explain']")
	p.heading("Why")
	p.shortcut("g", "o")
	p.await("the keys lead home", `location.pathname === "/console/" && document.readyState === "complete"`)
}

func TestAPlanIsMadeWithTheKeyboard(t *testing.T) {
	t.Parallel()
	p := keyed(t)
	p.enter("header nav a | What if")
	launch := "form:has(input[name=do][value=launch]) "
	p.tabTo(launch + "input[name=vcpus]")
	p.press("8")
	p.tabTo(launch + "select[name=configuration]")
	p.press(kb.ArrowDown)
	p.enter(launch + "button.primary")
	p.await("there is an answer", `!!document.querySelector("section[aria-labelledby=then]")`)
}

func TestAConfigurationIsMadeWithTheKeyboard(t *testing.T) {
	t.Parallel()
	p := keyed(t)
	p.enter("main .button.primary")
	p.tabTo("input[name=name]")
	p.press("Typed names")
	p.tabTo("input[name=counting][value=vCPU]")
	p.press(kb.ArrowDown)
	p.await("the arrow chooses", `document.querySelector("input[name=counting][value=Instance]").checked`)
	p.focus()
	p.tabTo("input[name=count]")
	p.press("3")
	p.tabTo("input[name=hard]")
	p.press(" ")
	p.enter("button.primary[value=save]")
	p.heading("Typed names")
	p.enter("main .button[href$='/delete']")
	p.enter("button.danger")
	p.await("it is gone", `location.pathname === "/console/configurations"`)
}

func TestAMachineIsFoundWithTheKeyboard(t *testing.T) {
	t.Parallel()
	p := keyed(t)
	f := furnish(t, p.server)
	machine := f.users(t, p.server, proxies)[1]
	p.enter("header nav a | Inventory")
	p.shortcut("/")
	p.await("/ leads to the search", `document.activeElement.type === "search"`)
	p.focus()
	p.press(machine)
	p.leave(func() { p.press(kb.Enter) })
	p.await("it is the machine's page", `location.pathname.endsWith("/inventory/machine")`)
	p.tabTo("#licences details > summary")
	p.press(kb.Enter)
	p.tabTo("#licences input[name=reason]")
	p.tabTo("#licences form[action$='exclude'] button")
}

// TestTheKeyboardIsTrappedNowhere goes through whole pages and out of them
// again, and sees the focus all the way.
func TestTheKeyboardIsTrappedNowhere(t *testing.T) {
	t.Parallel()
	p := keyed(t)
	f := furnish(t, p.server)
	for _, path := range []string{f.path(proxies) + "/edit", "/console/inventory?field=platform&add=1", "/console/settings", "/console/what-if"} {
		p.open(path)
		stops := p.round()
		if first := slices.Index(stops, "a Skip to the content"); first != 0 {
			t.Errorf("%s begins with %q", path, stops[:min(3, len(stops))])
		}
		all := ask[int](p, `[...document.querySelectorAll("a[href], button, input:not([type=hidden], [type=radio]), select, textarea, summary, [tabindex='0']")].filter(e => e.tabIndex >= 0 && !e.disabled && e.checkVisibility()).length`)
		if len(stops) < all {
			t.Errorf("on %s Tab stops %d times, and %d things can be used:\n%s", path, len(stops), all, strings.Join(stops, "\n"))
		}
	}
}

// round presses Tab until the focus has left the page, and returns where it was.
func (p *person) round() []string {
	p.t.Helper()
	var stops []string
	for range 500 {
		p.press(kb.Tab)
		at := p.focus()
		if at.What == "" || len(stops) > 1 && at.What == stops[0] {
			return stops
		}
		stops = append(stops, at.What)
	}
	p.t.Fatalf("%s has a trap: after %s stops the focus is at %q", p.address(), strconv.Itoa(len(stops)), stops[len(stops)-1])
	return nil
}

func TestTheMenuAndTheHelpAreUsedWithTheKeyboard(t *testing.T) {
	t.Parallel()
	p := keyed(t)
	p.tabTo("details.who > summary")
	p.press(kb.Enter)
	p.await("the menu opens", `document.querySelector("details.who").open`)
	p.tabTo("details.who button[value=dark]")
	p.press(kb.Escape)
	p.await("Escape closes the menu, and keeps the place", `!document.querySelector("details.who").open && document.activeElement.tagName === "SUMMARY"`)
	p.focus()
	p.shortcut("?")
	p.await("the help opens", `document.querySelector("dialog").open`)
	p.focus()
	p.press(kb.Escape)
	p.await("Escape closes the help", `!document.querySelector("dialog").open`)
}
