package console_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"reeve/internal/api"
	"reeve/internal/licensetest"
)

var (
	linkInPage   = regexp.MustCompile(`href="(/console/[^"#]*)`)
	titleInPage  = regexp.MustCompile(`<title>(.*?)</title>`)
	machineTime  = regexp.MustCompile(`\d{4}-\d{2}-\d{2}T\d{2}:\d{2}`)
	labelOfTable = regexp.MustCompile(`<table[^>]*>\s*<caption`)
)

// furnished is a desk of the root account that has something on every page.
func furnished(t *testing.T) *desk {
	t.Helper()
	d := openDeskWith(t, atTheClockOfTheLedgers)
	d.signIn(d.Credentials(licensetest.Root))
	var machines []string
	for n := range 3 {
		m := licensetest.Machine(licensetest.Root, fmt.Sprintf("i-%d", n), int64(1000+n))
		m.Name, m.Applications = new(fmt.Sprintf("billing-%d", n)), []api.Application{{Name: new("Toad"), Version: new("1")}}
		d.Put(licensetest.Root, m)
		machines = append(machines, *m.ResourceArn)
	}
	arn, _ := d.counting(machines...)
	d.Clock.Advance(31 * 24 * time.Hour)
	m := licensetest.Machine(licensetest.Root, "i-1", 2000)
	d.Put(licensetest.Root, m)
	d.Call(licensetest.Root, "Reeve.ExcludeResource", &api.ExcludeResourceInput{LicenseConfigurationArn: &arn, ResourceArn: &machines[2], Reason: new("a spare"), Owner: new("ann")}, nil)
	d.Call(licensetest.Root, "Reeve.PutSources", &api.PutSourcesInput{Sources: []api.SourceDefinition{{
		Name: new("drop"), Kind: new("directory"), Settings: new(`{"path":"` + t.TempDir() + `"}`), AccountId: new(licensetest.Root), Region: new(licensetest.Region)}}}, nil)
	d.post("/console/settings/users", url.Values{"name": {"ana"}})
	d.Call(licensetest.Root, "Reeve.CreateRole", &api.CreateRoleInput{RoleName: new("importer"), AssumeRolePolicyDocument: new(anybody)}, nil)
	d.shownOnce("/console/settings/agents", url.Values{"name": {"a"}})
	d.shownOnce("/console/settings/keys", url.Values{"user": {"ana"}})
	d.Clock.Advance(time.Hour)
	return d
}

// TestEveryPageThatIsLinkedIsWhole follows the links of every page.
func TestEveryPageThatIsLinkedIsWhole(t *testing.T) {
	d := furnished(t)
	seen, ofPath, titles := map[string]bool{}, map[string]int{}, map[string]string{}
	for queue := []string{"/console/"}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		path, _, _ := strings.Cut(at, "?")
		if seen[at] || ofPath[path] == 8 || strings.HasPrefix(at, "/console/assets/") {
			continue
		}
		seen[at] = true
		ofPath[path]++
		status, text := d.get(at)
		if status != http.StatusOK {
			t.Errorf("%s answers %d", at, status)
			continue
		}
		if !strings.Contains(text, "<html") {
			continue // a download
		}
		checkWhole(t, at, text)
		title := titleInPage.FindStringSubmatch(text)[1]
		if other, taken := titles[title]; taken && other != path {
			t.Errorf("%s and %s are both called %s", path, other, title)
		}
		titles[title] = path
		for _, link := range linkInPage.FindAllStringSubmatch(text, -1) {
			queue = append(queue, html.UnescapeString(link[1]))
		}
	}
	if len(ofPath) < 30 {
		t.Errorf("only %d pages are linked", len(ofPath))
	}
}

// checkWhole checks what holds of every page.
func checkWhole(t *testing.T, at, text string) {
	t.Helper()
	if n := len(text); n > 100_000 {
		t.Errorf("%s has %d bytes", at, n)
	}
	if n := strings.Count(text, "<h1"); n != 1 {
		t.Errorf("%s has %d headings of the first order", at, n)
	}
	if tables, captions := strings.Count(text, "<table"), len(labelOfTable.FindAllString(text, -1)); tables != captions {
		t.Errorf("%s has %d tables and %d captions", at, tables, captions)
	}
	if raw := machineTime.FindString(body(words(text))); raw != "" {
		t.Errorf("%s shows the moment %s as machines write it", at, raw)
	}
	for _, one := range regexp.MustCompile(`<time [^>]*>`).FindAllString(text, -1) {
		if !strings.Contains(one, "title=") {
			t.Errorf("%s: %s says no UTC on hover", at, one)
		}
	}
	if number := regexp.MustCompile(`\b(1000|1001|1002|2000|3003)\b`).FindString(body(words(text))); number != "" {
		t.Errorf("%s shows %s without groups of digits:\n%s", at, number, body(words(text)))
	}
}
