package browser_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// startBrowser starts the one browser that all tests share. Each person in it
// has cookies of their own.
func startBrowser() (context.Context, error) {
	path, err := chromium()
	if err != nil {
		return nil, err
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.UserDataDir(filepath.Join(workshop.dir, "profile")), chromedp.WSURLReadTimeout(patience),
		chromedp.Env("TZ=UTC", "LANGUAGE=en_US", "LC_ALL=C.UTF-8"), // dates are typed in the order of the language
	}
	for _, off := range []string{"quic", "background-networking", "component-update", "sync", "default-apps", "extensions", "dev-shm-usage"} {
		options = append(options, chromedp.Flag("disable-"+off, true))
	}
	options = append(options, chromedp.Flag("hide-scrollbars", true), chromedp.Flag("force-color-profile", "srgb"), chromedp.Flag("lang", "en-US"))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, _ := chromedp.NewContext(allocator)
	workshop.ends = append(workshop.ends, func() error { defer stop(); return chromedp.Cancel(ctx) })
	return ctx, chromedp.Do(ctx)
}

func chromium() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no Chromium: install chromium")
}

// need skips a test that has no browser here, or fails it where everything is
// required.
func need(t *testing.T) {
	t.Helper()
	if _, err := chromium(); err != nil {
		missing(t, err)
	}
}

func missing(t *testing.T, why error) {
	t.Helper()
	if os.Getenv("REEVE_REQUIRE_ALL") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// newTab opens a tab with cookies of its own, and has it watched.
func newTab(t *testing.T, w *watch) context.Context {
	t.Helper()
	shared, err := workshop.browser()
	must(t, "start the browser", err)
	ctx, closeTab := chromedp.NewContext(shared, chromedp.WithNewBrowserContext(), chromedp.WithListener(w.see))
	t.Cleanup(closeTab)
	must(t, "open a tab", chromedp.Do(ctx, chromedp.EmulateViewport(1280, 900)))
	_, err = chromedp.Call(ctx, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: zone})
	must(t, "set the zone", err)
	_, err = chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	must(t, "keep the focus beside other tabs", err)
	w.dismiss = func() {
		_, _ = chromedp.Call(ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: false})
	}
	return ctx
}

// watch notes what no page of ours may do.
type watch struct {
	home    string // the address that everything comes from
	dismiss func()

	mu     sync.Mutex
	others []string // addresses that people are sent to as well
	faults []string
	status int64 // of the last document
}

// see is given every event of a tab, and must be quick.
func (w *watch) see(event any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if u := e.Request.URL; !w.expects(u) {
			w.fault("asks elsewhere: %s", u)
		}
	case *network.EventResponseReceived:
		if e.Type == network.ResourceTypeDocument {
			w.status = e.Response.Status
		} else if e.Response.Status >= 400 {
			w.fault("%s is answered with %d", e.Response.URL, e.Response.Status)
		}
	case *runtime.EventExceptionThrown:
		w.fault("exception: %s at %s", e.ExceptionDetails.Exception.Description, e.ExceptionDetails.URL)
	case *runtime.EventConsoleAPICalled:
		for _, said := range e.Args {
			w.fault("%s in the console: %s%s", e.Type, said.Value, said.Description)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork { // answers are looked at above
			w.fault("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	case *page.EventJavascriptDialogOpening:
		w.fault("dialog: %s", e.Message)
		go w.dismiss()
	}
}

func (w *watch) expects(address string) bool {
	at := func(home string) bool { return strings.HasPrefix(address, home+"/") }
	return at(w.home) || strings.HasPrefix(address, "data:") || slices.ContainsFunc(w.others, at)
}

// allow has people sent to other addresses as well.
func (w *watch) allow(others ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.others = others
}

func (w *watch) fault(format string, args ...any) {
	w.faults = append(w.faults, fmt.Sprintf(format, args...))
}

// report fails a test for what its browser saw.
func (w *watch) report(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, fault := range w.faults {
		t.Errorf("a page %s", fault)
	}
	w.faults = nil
}

func (w *watch) lastStatus() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.status
}

// downloads has a tab put its files into a directory under the names that the
// server gives them.
func downloads(t *testing.T, ctx context.Context) string {
	t.Helper()
	dir := t.TempDir()
	_, err := chromedp.CallBrowser(ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, BrowserContextID: contextID(ctx), DownloadPath: dir, EventsEnabled: new(true),
	})
	must(t, "allow downloads", err)
	return dir
}

func contextID(ctx context.Context) cdp.BrowserContextID {
	return chromedp.FromContext(ctx).BrowserContextID
}
