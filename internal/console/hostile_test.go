package console_test

import (
	"html"
	"net/url"
	"strings"
	"testing"

	"reeve/internal/api"
	"reeve/internal/licensetest"
)

// hostile are texts that somebody else chooses and a page shows.
var hostile = map[string]string{
	"a script":    `<script>alert(1)</script>`,
	"an image":    `"><img src=x onerror=alert(1)>`,
	"an end":      `</title></textarea><b>`,
	"a turn":      "\u202efdp.exe",
	"a template":  `{{.Person}}`,
	"a long text": strings.Repeat("w", 10_000),
}

func TestTextsOfOthersAreShownAsText(t *testing.T) {
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) {
			d := signedIn(t, licensetest.Root)
			called := text[:min(len(text), 255)] // as long as names can be
			d.Call(licensetest.Root, "AWSLicenseManager.CreateLicenseConfiguration",
				&api.CreateLicenseConfigurationInput{Name: &called, LicenseCountingType: new("vCPU")}, nil)
			stranger := openDesk(t)
			_, signIn := stranger.post("/console/sign-in", url.Values{
				"access_key_id": {text}, "secret_access_key": {text}, "region": {licensetest.Region}, "next": {"/console/?" + text},
			})
			_, place := stranger.get("/console/sign-in?next=" + url.QueryEscape("/console/"+text))
			_, overview := d.get("/console/?q=" + url.QueryEscape(text))
			for page, shown := range map[string]string{"sign-in": signIn, "place": place, "overview": overview} {
				if strings.ContainsAny(text, "<>") && strings.Contains(shown, text) {
					t.Errorf("%s shows it as it is\n%s", page, shown)
				}
				if page != "place" && !strings.Contains(html.UnescapeString(shown), called) {
					t.Errorf("%s does not show it", page)
				}
			}
		})
	}
}
