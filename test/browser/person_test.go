package browser_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// person is somebody at a browser of their own. Methods fail the test, with what
// is on the page, where they cannot do what they say.
type person struct {
	*server
	t     *testing.T
	ctx   context.Context
	watch *watch
}

// arrive is somebody who has not signed in.
func arrive(t *testing.T) *person {
	t.Helper()
	need(t)
	s, err := workshop.server()
	must(t, "start the server", err)
	return arriveAt(t, s)
}

func arriveAt(t *testing.T, s *server) *person {
	t.Helper()
	w := &watch{home: s.url}
	p := &person{s, t, newTab(t, w), w}
	t.Cleanup(func() { w.report(t) })
	return p
}

// signedIn is somebody who signed in with the root account's key.
func signedIn(t *testing.T) *person {
	t.Helper()
	p := arrive(t)
	p.open("/console/")
	p.signIn(rootKeyID, rootSecret)
	p.heading("Overview")
	return p
}

// signIn fills in the form of the sign-in page and sends it.
func (p *person) signIn(id, secret string) {
	p.t.Helper()
	p.fill("input[name=access_key_id]", id)
	p.fill("input[name=secret_access_key]", secret)
	p.follow("form[action='/console/sign-in'] button")
}

// become signs in with a key, whoever is signed in.
func (p *person) become(id, secret string) {
	p.t.Helper()
	p.open("/console/")
	if !p.has("input[name=access_key_id]") {
		p.click("details.who > summary")
		p.follow("form[action='/console/sign-out'] button")
	}
	p.open("/console/")
	p.signIn(id, secret)
	p.heading("Overview")
}

// open goes to an address of the console, as somebody does who has a link.
func (p *person) open(path string) {
	p.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = p.url + path
	}
	p.do("open "+path, chromedp.Navigate(path))
	p.loaded()
}

func (p *person) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
}

// ask evaluates an expression in the page.
func ask[T any](p *person, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	answer, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return answer
}

// await waits until an expression is true of the page, also over the loading of
// another one.
func (p *person) await(what, expression string) {
	p.t.Helper()
	err := awaited(what, func() bool {
		ctx, cancel := context.WithTimeout(p.ctx, patience)
		defer cancel()
		holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression))
		return err == nil && holds
	})
	if err != nil {
		p.t.Fatalf("%v; %s shows\n%.1500s", err, p.address(), p.text("main"))
	}
}

func (p *person) loaded() {
	p.t.Helper()
	p.await("the page is loaded", `document.readyState === "complete" && !window.left`)
}

// click clicks in the middle of the first thing that a selector finds, which
// must be there for people: nothing may cover it.
func (p *person) click(selector string) {
	p.t.Helper()
	p.await(selector+" can be clicked", `(() => { const e = `+one(selector)+`; if (!e) return false;
		e.scrollIntoView({block: "center", inline: "center"});
		const b = e.getClientRects()[0]; if (!b) return false;
		const at = document.elementFromPoint(b.left + b.width / 2, b.top + b.height / 2);
		return !!at && (e.contains(at) || at.contains(e)); })()`)
	at := ask[[]float64](p, `(() => { const b = `+one(selector)+`.getClientRects()[0]; return [b.left + b.width / 2, b.top + b.height / 2]; })()`)
	p.do("click "+selector, chromedp.MouseClickXY(at[0], at[1]))
}

// follow clicks what leads to another page, and waits for that.
func (p *person) follow(selector string) {
	p.t.Helper()
	p.leave(func() { p.click(selector) })
}

// leave waits for the page that something leads to.
func (p *person) leave(by func()) {
	p.t.Helper()
	p.do("mark the page", chromedp.Evaluate[chromedp.Void](`void (window.left = true)`))
	by()
	p.loaded()
}

// one is the expression of the first element that a selector finds. A selector
// "SELECTOR | TEXT" finds the first that shows a text, and ">> SELECTOR" after
// that something in it.
func one(selector string) string {
	outer, inner, within := strings.Cut(selector, " >> ")
	css, text, with := strings.Cut(outer, " | ")
	found := "document.querySelector(" + strconv.Quote(css) + ")"
	if with {
		found = "[...document.querySelectorAll(" + strconv.Quote(css) + ")].find(e => e.textContent.includes(" + strconv.Quote(text) + "))"
	}
	if within {
		found = "(" + found + ")?.querySelector(" + strconv.Quote(inner) + ")"
	}
	return found
}

// fill puts a text into a field, in place of what is there.
func (p *person) fill(selector, text string) {
	p.t.Helper()
	p.click(selector)
	p.do("select the text", chromedp.Evaluate[chromedp.Void](`void `+one(selector)+`.select?.()`))
	if text == "" {
		text = "\b"
	}
	p.do("write "+text, chromedp.KeyEvent(text))
}

// put sets a field that people do not write into: a date, or a choice.
func (p *person) put(selector, value string) {
	p.t.Helper()
	p.await(selector, "!!"+one(selector))
	p.do("set "+selector, chromedp.Evaluate[chromedp.Void](fmt.Sprintf(
		`void (e => { e.value = %s; e.dispatchEvent(new Event("input", {bubbles: true})); e.dispatchEvent(new Event("change", {bubbles: true})); })(%s)`,
		strconv.Quote(value), one(selector))))
	if now := ask[string](p, one(selector)+".value"); now != value && now+":00" != value {
		p.t.Fatalf("%s is %q after it was set to %q", selector, now, value)
	}
}

// text is what the first thing that a selector finds shows.
func (p *person) text(selector string) string {
	p.t.Helper()
	return ask[string](p, "("+one(selector)+")?.innerText ?? ''")
}

// texts are what all things that a selector finds show.
func (p *person) texts(selector string) []string {
	p.t.Helper()
	return ask[[]string](p, "[...document.querySelectorAll("+strconv.Quote(selector)+")].map(e => e.innerText.trim())")
}

// has says whether a selector finds anything.
func (p *person) has(selector string) bool {
	p.t.Helper()
	return ask[bool](p, "!!"+one(selector))
}

// sees waits until the page shows texts.
func (p *person) sees(texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		p.await("the page says "+text, `document.body.innerText.replace(/\s+/g, " ").includes(`+strconv.Quote(text)+`)`)
	}
}

// heading waits for the page with this title.
func (p *person) heading(text string) {
	p.t.Helper()
	p.await("the page is "+text, `document.querySelector("h1")?.innerText.includes(`+strconv.Quote(text)+`) ?? false`)
}

// address is where the person is, without the server's.
func (p *person) address() string {
	p.t.Helper()
	return strings.TrimPrefix(ask[string](p, "location.href"), p.url)
}

// query is a parameter of the address.
func (p *person) query(name string) string {
	p.t.Helper()
	at, err := url.Parse(p.address())
	must(p.t, "read the address", err)
	return at.Query().Get(name)
}

// press presses keys, one after the other.
func (p *person) press(keys ...string) {
	p.t.Helper()
	for _, key := range keys {
		p.do("press "+key, chromedp.KeyEvent(key))
	}
}

// shortcut presses a key as a keyboard does: a page that takes the key for itself
// keeps the letter from being written.
func (p *person) shortcut(keys ...string) {
	p.t.Helper()
	for _, key := range keys {
		for _, kind := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeKeyDown, input.DispatchKeyEventTypeKeyUp} {
			event := input.DispatchKeyEventParams{Type: kind, Key: key}
			if kind == input.DispatchKeyEventTypeKeyDown {
				event.Text = key
			}
			_, err := chromedp.Call(p.ctx, input.DispatchKeyEvent, event)
			must(p.t, "press "+key, err)
		}
	}
}

// inRegion goes to another region.
func (p *person) inRegion(name string) {
	p.t.Helper()
	p.open("/console/")
	p.click("details.who > summary")
	p.fill("input[name=region]", name)
	p.follow("form[action='/console/region'] button")
	p.await("the region is "+name, `document.querySelector("details.who > summary").innerText.includes(`+strconv.Quote(name)+`)`)
}

// colours has the system prefer light or dark.
func (p *person) colours(scheme string) {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
	must(p.t, "choose colours", err)
}

// width makes the window narrower or wider.
func (p *person) width(pixels int64) {
	p.t.Helper()
	p.do("change the window", chromedp.EmulateViewport(pixels, 900))
}

// download clicks what leads to a file, and returns the file's text.
func (p *person) download(selector string) string {
	p.t.Helper()
	dir := downloads(p.t, p.ctx)
	p.click(selector)
	var file []byte
	err := awaited("the file is there", func() bool {
		found, _ := filepath.Glob(filepath.Join(dir, "*"))
		if len(found) != 1 || strings.HasSuffix(found[0], ".crdownload") {
			return false
		}
		var err error
		file, err = os.ReadFile(found[0])
		return err == nil && len(file) > 0
	})
	must(p.t, "download", err)
	return string(file)
}
