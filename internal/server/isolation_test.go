package server_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"reeve/internal/api"
	"reeve/internal/licensetest"
)

// TestNothingOfAnotherAccountCanBeReached asks, as another account, every
// operation that takes a configuration or a resource for what is not its own.
// Whatever it is told must be what it would be told of something that does not
// exist.
func TestNothingOfAnotherAccountCanBeReached(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	theirs := fleet(t, s, alice, 2)
	nobodys := theirs[:len(theirs)-32] + strings.Repeat("0", 32)
	machine, none := licensetest.MachineARN(alice, "i-0000"), licensetest.MachineARN(alice, "i-none")
	own := configure(t, s.Client(bob), nil)
	organize(s, alice, carol)
	shareWith(s, alice, theirs, carol)

	for target, body := range map[string]string{
		"AWSLicenseManager.GetLicenseConfiguration":                       `{"LicenseConfigurationArn":"C"}`,
		"AWSLicenseManager.UpdateLicenseConfiguration":                    `{"LicenseConfigurationArn":"C","Name":"mine"}`,
		"AWSLicenseManager.DeleteLicenseConfiguration":                    `{"LicenseConfigurationArn":"C"}`,
		"AWSLicenseManager.ListUsageForLicenseConfiguration":              `{"LicenseConfigurationArn":"C"}`,
		"AWSLicenseManager.ListAssociationsForLicenseConfiguration":       `{"LicenseConfigurationArn":"C"}`,
		"AWSLicenseManager.ListFailuresForLicenseConfigurationOperations": `{"LicenseConfigurationArn":"C"}`,
		"AWSLicenseManager.ListLicenseConfigurations":                     `{"LicenseConfigurationArns":["C"]}`,
		"AWSLicenseManager.ListLicenseSpecificationsForResource":          `{"ResourceArn":"R"}`,
		"AWSLicenseManager.UpdateLicenseSpecificationsForResource":        `{"ResourceArn":"R","AddLicenseSpecifications":[{"LicenseConfigurationArn":"` + own + `"}]}`,
		"AWSLicenseManager.ListResourceInventory":                         `{}`,
		"AWSLicenseManager.TagResource":                                   `{"ResourceArn":"C","Tags":[{"Key":"k","Value":"v"}]}`,
		"AWSLicenseManager.UntagResource":                                 `{"ResourceArn":"C","TagKeys":["k"]}`,
		"AWSLicenseManager.ListTagsForResource":                           `{"ResourceArn":"C"}`,
		"Reeve.ExplainUsage":                                              `{"LicenseConfigurationArn":"C","ResourceArn":"R"}`,
		"Reeve.GetUsageHistory":                                           `{"LicenseConfigurationArn":"C"}`,
		"Reeve.CompareUsage":                                              `{"LicenseConfigurationArn":"C","From":"0","To":"1"}`,
		"Reeve.SimulateUsage":                                             `{"Actions":[{"Associate":{"ResourceArn":"R","AddLicenseConfigurationArns":["C"]}},{"Change":{"ResourceArn":"R","VCpus":8}},{"DeleteResourceArn":"R"},{"Configure":{"LicenseConfigurationArn":"C","LicenseCount":5}}]}`,
		"Reeve.ExportLedger":                                              `{"LicenseConfigurationArn":"C"}`,
		"Reeve.DeleteResources":                                           `{"ResourceArns":["R"]}`,
		"Reeve.FindResources":                                             `{"ResourceArns":["R"]}`,
		"Reeve.GetResource":                                               `{"ResourceArn":"R"}`,
		"Reeve.ListResourceVersions":                                      `{"ResourceArn":"R"}`,
		"Reeve.DiscoverResources":                                         `{"LicenseConfigurationArn":"C"}`,
		"Reeve.ExcludeResource":                                           `{"LicenseConfigurationArn":"C","ResourceArn":"R","Reason":"r","Owner":"o"}`,
		"Reeve.IncludeResource":                                           `{"LicenseConfigurationArn":"C","ResourceArn":"R"}`,
		"Reeve.ListExclusions":                                            `{"LicenseConfigurationArn":"C"}`,
		"Reeve.ListSoftware":                                              `{}`,
		"Reeve.ListRevisions":                                             `{"LicenseConfigurationArn":"C","IncludeTerms":true,"MaxChanges":10}`,
		"Reeve.ListPositions":                                             `{"LicenseConfigurationArns":["C"],"IncludeHistory":true}`,
		"Reeve.ListAssociations":                                          `{"LicenseConfigurationArn":"C"}`,
		"Reeve.ShareLicenseConfiguration":                                 `{"LicenseConfigurationArn":"C","Principal":"organization"}`,
		"Reeve.UnshareLicenseConfiguration":                               `{"LicenseConfigurationArn":"C","Principal":"` + carol + `","Force":true}`,
		"Reeve.ListLicenseConfigurationShares":                            `{"LicenseConfigurationArn":"C"}`,
	} {
		t.Run(target, func(t *testing.T) {
			ask := func(configuration, resource string) string {
				text := strings.NewReplacer(`"C"`, `"`+configuration+`"`, `"R"`, `"`+resource+`"`).Replace(body)
				answer := s.Send(s.URL, bob, target, text).Body
				return strings.NewReplacer(configuration, "C", resource, "R").Replace(answer)
			}
			if got, want := ask(theirs, machine), ask(nobodys, none); got != want {
				t.Errorf("of another account's it is told\n%s\nand of what does not exist\n%s", got, want)
			}
		})
	}
	if got := getConfiguration(t, s.Client(alice), theirs); *got.Name != "windows" || *got.ConsumedLicenses != 3 {
		t.Errorf("another account changed it to %+v", got)
	}
}

func TestAccountsAndKeys(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	var account api.CreateAccountOutput
	s.Call(licensetest.Root, "Reeve.CreateAccount", &api.CreateAccountInput{Name: new("sales")}, &account)
	var key api.CreateAccessKeyOutput
	s.Call(licensetest.Root, "Reeve.CreateAccessKey", &api.CreateAccessKeyInput{AccountId: account.AccountId}, &key)
	if *key.AccountId != *account.AccountId || *key.AccessKeyId == "" || *key.SecretAccessKey == "" || *account.Name != "sales" {
		t.Errorf("got the account %+v", account)
	}
	for target, body := range map[string]string{
		"Reeve.CreateAccount":   `{"Name":"mine"}`,
		"Reeve.CreateAccessKey": `{"AccountId":"` + licensetest.Root + `"}`,
	} {
		if got := s.Send(s.URL, alice, target, body); got.Status != 400 || !strings.Contains(got.Body, "AuthorizationException") {
			t.Errorf("%s by an ordinary account answers %d %s", target, got.Status, got.Body)
		}
	}
	s.Credentials(alice)
	if got := s.Send(s.URL, licensetest.Root, "Reeve.CreateAccount", `{"Name":"again","AccountId":"`+alice+`"}`); got.Status != 400 || !strings.Contains(got.Body, invalidParameter) {
		t.Errorf("an account that exists answers %d %s", got.Status, got.Body)
	}
}

func TestUnsignedRequestsAreRefused(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AWSLicenseManager.ListLicenseConfigurations")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	if response.StatusCode != 400 || !strings.Contains(string(text), "MissingAuthenticationTokenException") || response.Header.Get("X-Amzn-Requestid") == "" {
		t.Errorf("got %d %s", response.StatusCode, text)
	}
}

func TestAFaultOfOursIsLoggedAndNotTold(t *testing.T) {
	log := &memory{}
	s := licensetest.Start(t, licensetest.Options{Log: log})
	arn := configure(t, s.Client(alice), nil)
	s.Credentials(alice)
	if err := s.Store.Close(); err != nil {
		t.Fatal(err)
	}
	got := s.Send(s.URL, alice, "AWSLicenseManager.GetLicenseConfiguration", `{"LicenseConfigurationArn":"`+arn+`"}`)
	var fault struct {
		Type    string `json:"__type"`
		Message string
	}
	if err := json.Unmarshal([]byte(got.Body), &fault); err != nil {
		t.Fatal(err)
	}
	if got.Status != 500 || fault.Type != "ServerInternalException" || strings.Contains(fault.Message, "database") {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
	if id := got.Header.Get("X-Amzn-Requestid"); !strings.Contains(log.text, id) || id == "" {
		t.Errorf("the log says %q, want the request id %q in it", log.text, id)
	}
}

// memory is a log that a test reads.
type memory struct{ text string }

func (*memory) Enabled(context.Context, slog.Level) bool { return true }
func (m *memory) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		m.text += a.String() + " "
	}
	return m
}
func (m *memory) WithGroup(string) slog.Handler { return m }
func (m *memory) Handle(_ context.Context, r slog.Record) error {
	m.text += r.Message + " "
	r.Attrs(func(a slog.Attr) bool { m.text += a.String() + " "; return true })
	return nil
}
