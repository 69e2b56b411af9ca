package browser_test

import (
	"bytes"
	"encoding/csv"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/xuri/excelize/v2"
)

// TestTheMainJobsNeedNoScripts does them in a browser that runs none.
func TestTheMainJobsNeedNoScripts(t *testing.T) {
	t.Parallel()
	p := arrive(t)
	f := furnish(t, p.server)
	_, err := chromedp.Call(p.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	must(t, "switch scripts off", err)
	p.open("/console/")
	p.signIn(rootKeyID, rootSecret)
	p.heading("Overview")
	p.follow("tbody th a | " + oracle)
	p.sees("Bought 1,200")
	p.follow("#list td a[href*='/explain?']")
	p.heading("Why this count?")

	p.open("/console/")
	p.follow(".tile a | Unlicensed machines")
	p.sees(sqlServer)

	p.open(f.path(oracle) + "?at=" + spring.day())
	p.sees("Bought 1,072", spring.Format("2 Jan 2006"))

	p.open("/console/what-if")
	p.put("form select[name=configuration]", f.arns[oracle])
	p.fill("input[name=vcpus]", "8")
	p.follow("main button.primary")
	p.sees("1,336 of 1,200")

	p.open("/console/configurations/new")
	p.follow("button[value=add-machines]")
	p.sees("Machines, rule 1")
	p.fill("input[name=name]", "Made without a script")
	p.fill("input[name=count]", "many")
	p.follow("button.primary[value=save]")
	p.sees("Enter a whole number")

	p.open("/console/settings")
	p.click("details.who > summary")
	p.follow("form[action='/console/sign-out'] button")
	p.heading("Sign in")
}

// TestPagesPrint: what is to be clicked is left out, nothing is cut off at the
// side of a sheet of A4, and the paper stays white.
func TestPagesPrint(t *testing.T) {
	t.Parallel()
	p := signedIn(t)
	f := furnish(t, p.server)
	const sheetWidth = 718 // of A4 with Chromium's margins, in CSS pixels
	p.width(sheetWidth)
	for _, path := range []string{"/console/", f.path(oracle), f.path(sqlServer) + "?tab=failures", f.path(oracle) + "?tab=revisions", "/console/configurations", "/console/configurations/failures",
		f.path(oracle) + "/explain?resource=" + url.QueryEscape(f.users(t, p.server, oracle)[0]), f.path(oracle) + "/compare?from=" + spring.day(), "/console/inventory"} {
		before := time.Now()
		p.open(path)
		_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Media: "print", Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}})
		must(t, "print", err)
		if left := ask[[]string](p, `[...document.querySelectorAll(".top, form, button, nav.tabs")].filter(e => e.getClientRects().length > 0).map(e => e.outerHTML.slice(0, 80))`); len(left) > 0 {
			t.Errorf("%s prints %q", path, left)
		}
		if said := p.text(".printed"); !strings.Contains(said, "printed ") || !strings.Contains(said, before.Format("2006")) && !strings.Contains(said, time.Now().Format("2006")) {
			t.Errorf("%s does not say when it was printed: %q", path, said)
		}
		if wide := ask[[]string](p, `[...document.querySelectorAll("main *")].filter(e => e.getClientRects().length > 0 && e.getBoundingClientRect().right > `+strconv.Itoa(sheetWidth+1)+` && !e.closest(".hidden, svg")).slice(0, 3).map(e => Math.round(e.getBoundingClientRect().right) + " " + e.outerHTML.slice(0, 100))`); len(wide) > 0 {
			t.Errorf("%s is cut off at the side: %q", path, wide)
		}
		if paper := ask[string](p, `getComputedStyle(document.body).color`); paper != "rgb(29, 33, 37)" {
			t.Errorf("%s prints in the colour %s", path, paper)
		}
		_, err = chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{})
		must(t, "go back to the screen", err)
	}
}

// TestTimesAreTheViewers: every time is in the browser's zone, and says UTC when
// it is pointed at.
func TestTimesAreTheViewers(t *testing.T) {
	t.Parallel()
	p := arrive(t)
	f := furnish(t, p.server)
	const zone = "America/New_York"
	_, err := chromedp.Call(p.ctx, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: zone})
	must(t, "move the browser", err)
	p.open("/console/")
	p.signIn(rootKeyID, rootSecret)
	place, err := time.LoadLocation(zone)
	must(t, "find the zone", err)
	for _, path := range []string{"/console/", f.path(oracle), f.path(oracle) + "?tab=revisions", "/console/settings"} {
		p.open(path)
		type shown struct{ Text, UTC, Title string }
		times := ask[[]shown](p, `[...document.querySelectorAll("main time")].filter(e => /[0-9]:[0-9]/.test(e.textContent)).map(e => ({Text: e.textContent, UTC: e.dateTime, Title: e.title}))`)
		if len(times) == 0 {
			t.Errorf("%s has no times", path)
		}
		for _, one := range times {
			at, err := time.Parse(time.RFC3339Nano, one.UTC)
			must(t, "read a time", err)
			if want := at.In(place).Format("2 Jan 2006 15:04"); one.Text != want || !strings.HasPrefix(one.Title, at.UTC().Format("2006-01-02T15:04")) {
				t.Errorf("%s shows %+v, want %s with UTC on hover", path, one, want)
			}
		}
	}
}

// TestFilesOfAPageAreItsList downloads usage by the page's own links, and holds the
// files against the API.
func TestFilesOfAPageAreItsList(t *testing.T) {
	t.Parallel()
	p := signedIn(t)
	f := furnish(t, p.server)
	var want []string
	for _, u := range f.usage(t, p.server, oracle) {
		want = append(want, *u.ResourceArn+" "+*u.ResourceStatus+" "+*u.ResourceOwnerId+" "+strconv.FormatInt(*u.ConsumedLicenses, 10))
	}
	p.open(f.path(oracle))
	book, err := excelize.OpenReader(strings.NewReader(p.download("#list a | Excel")))
	must(t, "open the workbook", err)
	defer book.Close()
	sheet, err := book.GetRows(book.GetSheetName(0))
	must(t, "read the sheet", err)
	reader := csv.NewReader(bytes.NewReader([]byte(p.download("#list a | CSV"))))
	reader.FieldsPerRecord = -1
	text, err := reader.ReadAll()
	must(t, "read the file", err)
	for name, rows := range map[string][][]string{"workbook": sheet[2:], "CSV": text[2 : len(text)-1]} {
		var got []string
		for _, r := range rows {
			got = append(got, r[0]+" "+r[2]+" "+r[3]+" "+r[4])
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("the %s has %d rows, the API %d; it begins %.300q", name, len(got), len(want), got)
		}
	}
}
