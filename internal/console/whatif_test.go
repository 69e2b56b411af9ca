package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"

	"reeve/internal/licensetest"
)

func TestAPlanIsMadeByFormsAndSharedByItsAddress(t *testing.T) {
	d := signedIn(t, licensetest.Root)
	made, err := d.Client(licensetest.Root).CreateLicenseConfiguration(t.Context(), &licensemanager.CreateLicenseConfigurationInput{
		Name: new("Oracle <DB>"), LicenseCountingType: types.LicenseCountingTypeVcpu, LicenseCount: new(int64(20)), LicenseCountHardLimit: new(true)})
	if err != nil {
		t.Fatal(err)
	}
	arn := *made.LicenseConfigurationArn
	id := arn[strings.LastIndex(arn, ":")+1:]
	shows := func(path string, words ...string) string {
		t.Helper()
		status, text := d.get(path)
		for _, w := range words {
			if status != http.StatusOK || !strings.Contains(text, w) {
				t.Errorf("%s: %d, want %q in\n%s", path, status, w, text)
			}
		}
		return text
	}
	shows("/console/what-if?configuration="+id, `value="`+arn+`" selected>Oracle &lt;DB&gt;`)
	form := url.Values{"do": {"launch"}, "machines": {"10"}, "vcpus": {"4"}, "configuration": {arn}}
	shows("/console/what-if?"+form.Encode(), "Launch 10 × 4 vCPUs, using Oracle &lt;DB&gt;", "5 of 10 fit", "Not everything fits", "0 → <strong>20</strong> of 20", "a new machine needs 4 more of Oracle &lt;DB&gt;, 20 of 20 are in use and the limit is hard")

	plan := url.Values{"plan": {form.Encode()}}
	plan.Set("facts", "1")
	shows("/console/what-if?"+plan.Encode(), "5 without a licence")
	bought := url.Values{"plan": {form.Encode()}, "do": {"terms"}, "configuration": {arn}, "licences": {"+20"}}
	shows("/console/what-if?"+bought.Encode(), "Buy 20 licences for Oracle", "of 40")
	ordered := url.Values{"plan": {"do=terms&licences=%2B20&configuration=" + url.QueryEscape(arn), form.Encode()}}
	shows("/console/what-if?"+ordered.Encode(), "Everything fits", "0 → <strong>40</strong> of 40")

	shows("/console/what-if?do=stop&resource=i-none", "Stop i-none", "is not in the inventory")
	status, text := d.get("/console/what-if?do=launch&machines=many&type=m5.%3Cb%3E")
	if status != http.StatusBadRequest || !strings.Contains(text, "is no whole number") || !strings.Contains(text, `value="many"`) || !strings.Contains(text, `value="m5.&lt;b&gt;"`) {
		t.Errorf("what is no number is answered with %d\n%s", status, text)
	}
	shows("/console/what-if?plan=do%3Dnothing", "has an action that is none")
	if status, _ := d.get("/console/what-if?" + strings.Repeat("plan=x&", 31)); status != http.StatusRequestURITooLong {
		t.Errorf("a plan of 31 actions: %d", status)
	}
}
