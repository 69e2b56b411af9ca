package browser_test

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// axe is the source of axe-core, installed as js/package-lock.json has it.
var axe = sync.OnceValues(func() (string, error) {
	const file = "js/node_modules/axe-core/axe.min.js"
	if _, err := os.Stat(file); err != nil {
		install := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
		install.Dir = "js"
		if out, err := install.CombinedOutput(); err != nil {
			return "", fmt.Errorf("npm ci in test/browser/js: %w\n%s", err, out)
		}
	}
	text, err := os.ReadFile(file)
	return string(text), err
})

// TestEveryPage looks at what must hold of all pages.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	need(t)
	source, err := axe()
	if err != nil {
		missing(t, err)
	}
	s, err := workshop.server()
	must(t, "start the server", err)
	for part, pages := range sheets(t, s) {
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			p := signedIn(t)
			for _, page := range pages {
				t.Run(page.name, func(t *testing.T) { p.with(t).inspect(page, source) })
			}
		})
	}
}

// with is the person in another test, such as a part of this one.
func (p *person) with(t *testing.T) *person {
	other := *p
	other.t = t
	return &other
}

// inspect opens a page and wants it free of barriers, in all colours and on a
// narrow screen too.
func (p *person) inspect(page sheet, axe string) {
	p.t.Helper()
	page.open(p)
	p.unfold()
	p.do("load axe", chromedp.Evaluate[chromedp.Void](axe+";void 0"))
	p.colours("light")
	p.clearOf("light", standards)
	p.colours("dark")
	p.clearOf("dark", `["color-contrast"]`)
	p.colours("light")
	p.width(360)
	p.clearOf("narrow", `["scrollable-region-focusable", "target-size"]`)
	if wide := ask[int](p, "document.documentElement.scrollWidth"); wide > 360 {
		p.t.Errorf("on a screen of 360 pixels it is %d wide: %s", wide, p.widest())
	}
	p.width(1280)
	if heavy := ask[[]string](p, `performance.getEntries().filter(e => e.decodedBodySize > 100_000).map(e => e.name + ": " + e.decodedBodySize)`); len(heavy) > 0 {
		p.t.Errorf("of more than 100 kB are %q", heavy)
	}
	p.watch.report(p.t)
}

// unfold opens what a page keeps folded, but for menus, which lie over it.
func (p *person) unfold() {
	p.t.Helper()
	p.do("unfold", chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details:not(.menu)").forEach(e => e.open = true)`))
}

// standards are the rules of WCAG 2.2 AA, and those that axe-core's makers advise.
const standards = `["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]`

// clearOf fails the test for whatever axe-core finds to be against rules.
func (p *person) clearOf(how, rules string) {
	p.t.Helper()
	found, err := chromedp.Run(p.ctx, chromedp.Evaluate[[]string](`axe.run(document, {runOnly: `+rules+`, resultTypes: ["violations"]}).then(r => r.violations.map(v => v.impact + ": " + v.id + ": " + v.help + ": " + v.nodes.slice(0, 3).map(n => n.html.slice(0, 200) + " (" + n.any.concat(n.all, n.none).map(c => c.message).join("; ") + ")").join("\n    ")))`,
		chromedp.EvalAwaitPromise))
	must(p.t, "run axe", err)
	for _, barrier := range found {
		p.t.Errorf("%s: %s", how, barrier)
	}
}

// widest says what sticks out of a narrow screen.
func (p *person) widest() string {
	p.t.Helper()
	return strings.Join(ask[[]string](p, `[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > 361 && !e.closest(".scroll, .top nav, pre")).slice(0, 4).map(e => e.outerHTML.slice(0, 120))`), "\n")
}

// TestScreenshots takes pictures of every page: light, dark and narrow.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("REEVE_SCREENSHOTS")
	if dir == "" {
		t.Skip("REEVE_SCREENSHOTS names no directory")
	}
	must(t, "make the directory", os.MkdirAll(dir, 0o755))
	p := signedIn(t)
	for _, pages := range sheets(t, p.server) {
		for _, page := range pages {
			page.open(p)
			p.colours("light")
			p.photograph(filepath.Join(dir, page.name+"-light.png"))
			p.width(360)
			p.photograph(filepath.Join(dir, page.name+"-narrow.png"))
			p.width(1280)
			p.colours("dark")
			p.photograph(filepath.Join(dir, page.name+"-dark.png"))
		}
		p.signInAgain()
	}
}

// TestReadmeScreenshots takes the pictures that the README shows: what is first
// seen of a page.
func TestReadmeScreenshots(t *testing.T) {
	dir := os.Getenv("REEVE_README_SCREENSHOTS")
	if dir == "" {
		t.Skip("REEVE_README_SCREENSHOTS names no directory")
	}
	p := signedIn(t)
	f := fleet{arns: configurations(t, p.server)}
	why := f.path(oracle) + "/explain?resource=" + url.QueryEscape(f.users(t, p.server, oracle)[0])
	plan := "/console/what-if?do=launch&machines=10&vcpus=8&configuration=" + url.QueryEscape(f.arns[oracle])
	p.colours("light")
	p.do("make the window smaller", chromedp.EmulateViewport(1160, 700))
	for name, path := range map[string]string{"overview": "/console/", "configuration": f.path(oracle) + "?at=" + spring.day(), "explain": why, "what-if": plan} {
		p.open(path)
		picture, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
		must(t, "take a picture", err)
		if len(picture) > 150_000 {
			t.Errorf("%s has %d bytes", name, len(picture))
		}
		must(t, "keep it", os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644))
	}
}

func (p *person) photograph(file string) {
	p.t.Helper()
	picture, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	must(p.t, "take a picture", err)
	must(p.t, "keep it", os.WriteFile(file, picture, 0o644))
}

// signInAgain is for after pages that are for strangers.
func (p *person) signInAgain() {
	p.t.Helper()
	p.become(rootKeyID, rootSecret)
}
