package console

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"reeve/internal/api"
	"reeve/internal/server"
)

// asked is a visit with an address, by somebody in Berlin.
func asked(t testing.TB, query string) *visit {
	t.Helper()
	berlin, ok := zoneNamed("Europe/Berlin")
	if !ok {
		t.Fatal("there is no Europe/Berlin")
	}
	now := func() time.Time { return time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC) }
	box, err := newSealer(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	r := &http.Request{Method: http.MethodGet, Host: "localhost", Header: http.Header{}, URL: &url.URL{Path: Home, RawQuery: query}}
	who := server.Caller{Region: "eu-west-1"}
	who.Identity.Account = "222222222222"
	return &visit{Request: r, c: &console{Config: Config{Now: now}, sealer: box}, w: httptest.NewRecorder(), who: who, zone: berlin}
}

// FuzzConfigurationForm reads any form: what it takes for good, the API's
// model takes too, and whatever button was pressed, the form can be shown.
func FuzzConfigurationForm(f *testing.F) {
	for _, form := range []string{
		"name=a&counting=vCPU&count=1,000&hard=1&expiry=2027-03-31&minimumVcpus=2&tag.0.key=k&tag.0.value=v",
		"name=a&counting=Core&licenseAffinityToHost=180&allowedTenancy=EC2-Default&includedStoppedInstances=1",
		"name=a&counting=vCPU&do=remove.0.0&rule.0.type=SSM_MANAGED&rule.0.condition.0.name=Tag:&rule.0.condition.0.key=k&rule.0.condition.0.value=a%0Ab",
		"do=remove-tag.0&tag.0.key=&name=%ff&count=-1&counting=Socket&rule.0.type=RDS&rule.0.condition.0.name=License+Pack&rule.0.condition.0.value=olap",
	} {
		f.Add(form)
	}
	v := asked(f, "")
	f.Fuzz(func(t *testing.T, text string) {
		form, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		c := newForm()
		c.read(form)
		c.do(form.Get("do"), form)
		if len(c.Tags) > mostTags+2 || len(c.Builder.Rules) > builderRules {
			t.Fatalf("%d tags, %d rules", len(c.Tags), len(c.Builder.Rules))
		}
		a, good := c.check(v)
		if !good {
			return
		}
		in := &api.CreateLicenseConfigurationInput{
			Name: &c.Title.Value, LicenseCountingType: &c.Counting.Value, LicenseCount: a.count, LicenseRules: a.rules, Tags: a.tags,
		}
		if found := in.Validate(); len(found) > 0 {
			t.Fatalf("%q is taken, and the API says %s", text, found.Error())
		}
	})
}

// FuzzPlan reads any entry of a plan: it is refused with a sentence, or it is
// an action that people can be told in words.
func FuzzPlan(f *testing.F) {
	for _, plan := range []string{
		"do=launch&machines=3&type=m5.large&vcpus=8&host=h-1&image=ami-1&application=Oracle", "do=terms&configuration=c&licences=%2B8&hard=on",
		"do=resize&resource=i-0aa1&cores=9223372036854775808", "do=move&resource=mi-1", "do=stop&resource=x", "do=terminate&resource=arn:", "%ff=&do",
	} {
		f.Add(plan)
	}
	f.Fuzz(func(t *testing.T, plan string) {
		values, err := url.ParseQuery(plan)
		if err != nil {
			return
		}
		r := &planReader{Values: values, account: "222222222222", region: "eu-west-1", names: func(arn string) string { return arn }}
		a, err := r.action()
		var said *refusal
		switch {
		case err != nil && !errors.As(err, &said):
			t.Fatalf("%q is refused with %v", plan, err)
		case err == nil && (a.Launch == nil && a.Change == nil && a.Configure == nil && a.DeleteResourceArn == nil || len(r.text()) < 4):
			t.Fatalf("%q is %+v, in words %q", plan, a, r.text())
		}
	})
}

// FuzzMomentOf reads any moment of an address: one that is taken is taken
// again when it is written as programs do.
func FuzzMomentOf(f *testing.F) {
	for _, text := range []string{"2026-03-29", "2026-03-29T02:30", "2026-03-31", "2026-10-25 02:30", "2026-01-01T00:00:00+14:00", "0000-01-01", "9999-12-31"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := asked(t, url.Values{"at": {text}}.Encode()).momentOf("at")
		if err != nil {
			if len(err.Error()) > 1000 {
				t.Fatalf("the refusal has %d bytes", len(err.Error()))
			}
			return
		}
		if got == nil || got.UTC().Year() < 0 || got.UTC().Year() > 9999 {
			return // now, or one that RFC 3339 cannot write
		}
		again, err := asked(t, url.Values{"at": {*wire(got)}}.Encode()).momentOf("at")
		if err != nil || again == nil || !again.Equal(*got) {
			t.Fatalf("%q is %v, and written again %v, %v", text, got, again, err)
		}
	})
}

// FuzzCookie holds anything for a cookie of ours: none opens that was not made
// here, under its name and in its time.
func FuzzCookie(f *testing.F) {
	v := asked(f, "")
	if err := v.flash("Saved %d.", 3); err != nil {
		f.Fatal(err)
	}
	made, _, _ := strings.Cut(strings.TrimPrefix(v.w.Header().Get("Set-Cookie"), flashCookie+"="), ";")
	f.Add(made)
	f.Add("")
	f.Add("AAAA")
	f.Fuzz(func(t *testing.T, value string) {
		v := asked(t, "")
		v.Header.Set("Cookie", flashCookie+"="+value+"; other="+value)
		if text, ok := kept[string](v, flashCookie); ok && text != "Saved 3." {
			t.Fatalf("%q opens as %q", value, text)
		}
		if text, ok := kept[string](v, "other"); ok {
			t.Fatalf("%q opens under another name as %q", value, text)
		}
	})
}
