package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"reeve/internal/api"
	"reeve/internal/licensetest"
	"reeve/internal/sigv4"
)

func TestTheRootAccountMakesAccountsAndHandsThemOver(t *testing.T) {
	d := signedIn(t, licensetest.Root)
	_, text := d.post("/console/settings/accounts", url.Values{"name": {"Büro <b>"}, "account": {"222222222222"}})
	d.has("the list", text, "Account 222222222222 is there", "Büro &lt;b&gt;", licensetest.Root, "root account")
	if status, _ := d.post("/console/settings/accounts", url.Values{"name": {"again"}, "account": {"222222222222"}}); status != http.StatusBadRequest {
		t.Errorf("a number that is taken is answered with %d", status)
	}
	shown := d.shownOnce("/console/settings/accounts/222222222222/keys", nil)
	other := d.copied()
	other.client.Jar = d.emptyJar()
	_, text = other.signIn(sigv4.Credentials{AccessKeyID: shown[0], SecretAccessKey: shown[1]})
	if !strings.Contains(text, "222222222222") {
		t.Fatalf("the new account's key does not sign in\n%s", text)
	}
	if _, text := other.get("/console/settings"); strings.Contains(text, "/console/settings/accounts") {
		t.Error("another account is offered the list of accounts")
	}
	for path, form := range map[string]url.Values{"/console/settings/accounts": {"name": {"x"}}, "/console/settings/accounts/" + licensetest.Root + "/keys": nil} {
		if status, _ := other.post(path, form); status != http.StatusForbidden {
			t.Errorf("another account is answered with %d by %s", status, path)
		}
	}
	if status, text := other.get("/console/settings/accounts"); status != http.StatusForbidden || strings.Contains(text, "Büro") {
		t.Errorf("another account sees the accounts: %d", status)
	}
}

func TestServiceSettingsAreChanged(t *testing.T) {
	d := signedIn(t, licensetest.Root)
	d.Call(licensetest.Root, "Reeve.CreateOrganization", &api.CreateOrganizationInput{}, nil)
	bucket := "arn:aws:s3:::aws-license-manager-service-x"
	_, text := d.post("/console/settings/service", url.Values{"source_regions": {"eu-west-1  us-east-1"}, "bucket": {bucket}, "cross_account": {"on"}, "integration": {"on"}})
	d.has("the page after the change", text, "The service settings of eu-west-1 are changed", `value="eu-west-1 us-east-1"`, bucket, `name="cross_account" checked`)
	_, text = d.post("/console/settings/service", url.Values{"source_regions": {""}})
	d.has("the page after the second change", text, `name="source_regions" value=""`, bucket, `name="cross_account">`)
	if status, _ := d.post("/console/settings/service", url.Values{"bucket": {"no ARN"}}); status != http.StatusBadRequest {
		t.Errorf("what is no bucket is answered with %d", status)
	}
}

func TestATimeZoneIsChosenWithoutAScript(t *testing.T) {
	d := signedIn(t, licensetest.Root)
	at, err := url.Parse(d.url + "/console/")
	if err != nil {
		t.Fatal(err)
	}
	d.client.Jar.SetCookies(at, []*http.Cookie{{Name: "reeve-zone", Value: "Europe/Berlin", Path: "/console/"}})
	_, text := d.get("/console/settings")
	d.has("the settings", text, "<dd>Europe/Berlin</dd>")
	_, text = d.post("/console/settings/zone", url.Values{"zone": {"Asia/Tokyo"}})
	d.has("the settings after the choice", text, "<dd>Asia/Tokyo</dd>")
	for _, wrong := range []string{"Local", "../../etc/passwd", "Nowhere/City", strings.Repeat("A", 100)} {
		if status, _ := d.post("/console/settings/zone", url.Values{"zone": {wrong}}); status != http.StatusBadRequest {
			t.Errorf("%q is answered with %d", wrong, status)
		}
	}
	_, text = d.post("/console/settings/zone", nil)
	d.has("the settings after the choice was taken back", text, "<dd>Europe/Berlin</dd>")
}

// The lists of settings say when things were made: today.
func TestListsSayWhenThingsWereMade(t *testing.T) {
	d := signedIn(t, licensetest.Root)
	d.shownOnce("/console/settings/agents", url.Values{"name": {"a"}})
	for _, path := range []string{"accounts", "keys", "agents"} {
		_, text := d.get("/console/settings/" + path)
		found := regexp.MustCompile(`<time datetime="([^"]+)"`).FindStringSubmatch(text)
		if found == nil {
			t.Fatalf("%s shows no time\n%s", path, text)
		}
		made, err := time.Parse(time.RFC3339, found[1])
		if err != nil || time.Since(made).Abs() > 24*time.Hour {
			t.Errorf("%s shows %s (%v)", path, found[1], err)
		}
	}
}

// A form that is refused has what was typed, says beside the field what is wrong,
// and begins with a summary that has the focus.
func TestRefusedFormsOfSettingsKeepWhatWasTyped(t *testing.T) {
	d := signedIn(t, licensetest.Root)
	d.post("/console/settings/users", url.Values{"name": {"ana"}})
	for path, form := range map[string]url.Values{
		"users":    {"name": {"a b"}},
		"accounts": {"name": {"Office"}, "account": {"12"}},
		"agents":   {"name": {strings.Repeat("n", 129)}},
		"service":  {"bucket": {"no ARN"}, "source_regions": {"eu-west-1"}, "cross_account": {"on"}},
		"zone":     {"zone": {"Nowhere/City"}},
	} {
		status, text := d.post("/console/settings/"+path, form)
		if status != http.StatusBadRequest {
			t.Errorf("%s is answered with %d", path, status)
		}
		for name, values := range form {
			if want := `value="` + values[0] + `"`; values[0] != "on" && !strings.Contains(text, want) {
				t.Errorf("%s: %s is lost\n%s", path, name, words(text))
			}
		}
		d.has(path, text, `role="alert" tabindex="-1" autofocus`, "-fault", `aria-invalid="true"`)
		if strings.Contains(text, "validation error") {
			t.Errorf("%s says\n%s", path, words(text))
		}
	}
	if _, text := d.post("/console/settings/users", url.Values{"name": {"ana"}}); !strings.Contains(text, "exists already") {
		t.Errorf("a user who is there is answered with\n%s", words(text))
	}
}

// What another account shares is in the list with its owner, and is nobody
// else's to edit.
func TestSharedConfigurationsNameTheirOwner(t *testing.T) {
	const lender = "777777777777"
	d := signedIn(t, ledgerAccount)
	d.Credentials(lender)
	var made api.CreateLicenseConfigurationOutput
	d.Call(lender, "AWSLicenseManager.CreateLicenseConfiguration", &api.CreateLicenseConfigurationInput{Name: new("lent"), LicenseCountingType: new("vCPU")}, &made)
	d.create(api.CreateLicenseConfigurationInput{Name: new("own"), LicenseCountingType: new("vCPU")})
	d.Call(licensetest.Root, "Reeve.CreateOrganization", &api.CreateOrganizationInput{ManagementAccountId: new(lender)}, nil)
	d.Call(licensetest.Root, "Reeve.AddAccountToOrganization", &api.AddAccountToOrganizationInput{AccountId: new(ledgerAccount)}, nil)
	d.Call(lender, "Reeve.ShareLicenseConfiguration", &api.ShareLicenseConfigurationInput{LicenseConfigurationArn: made.LicenseConfigurationArn, Principal: new(ledgerAccount)}, nil)
	text := d.page("/console/configurations")
	d.says(text, "lent shared by "+lender, "own")
	if strings.Contains(text, "Edit lent") || !strings.Contains(text, "Edit own") {
		t.Error("what another account shares can be edited, or one's own cannot")
	}
}

// A session names its browser as people do, and says the rest when it is pointed at.
func TestSessionsNameTheirBrowser(t *testing.T) {
	const agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"
	d := openDesk(t)
	d.client.Transport = agentOf(agent)
	d.signIn(d.Credentials(licensetest.Root))
	text := d.page("/console/settings")
	d.says(text, "Edge on Windows")
	if !strings.Contains(text, `title="`+agent) {
		t.Error("what the browser says of itself is not there")
	}
}

// agentOf is a browser that says this of itself.
type agentOf string

func (a agentOf) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", string(a))
	return http.DefaultTransport.RoundTrip(r)
}
