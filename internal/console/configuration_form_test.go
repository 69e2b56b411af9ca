package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"reeve/internal/api"
	"reeve/internal/licensetest"
)

// faultOf is what a form says beside a field.
func faultOf(text, field string) string {
	found := regexp.MustCompile(`(?s)id="` + regexp.QuoteMeta(field) + `-fault">(.*?)<`).FindStringSubmatch(text)
	if found == nil {
		return ""
	}
	return words(found[1])
}

// fieldsOf are the fields of a form as a browser would send them, without its
// buttons.
func fieldsOf(text string) url.Values {
	form := url.Values{}
	attribute := func(tag, name string) (string, bool) {
		found := regexp.MustCompile(`\s` + name + `="([^"]*)"`).FindStringSubmatch(tag)
		if found == nil {
			return "", false
		}
		return words(found[1]), true
	}
	_, text, _ = strings.Cut(text, `class="card form`)
	for _, tag := range regexp.MustCompile(`(?s)<input[^>]*>|<textarea.*?</textarea>|<select.*?</select>`).FindAllString(text, -1) {
		name, _ := attribute(tag, "name")
		value, _ := attribute(tag, "value")
		kind, _ := attribute(tag, "type")
		switch {
		case strings.HasPrefix(tag, "<textarea"):
			value = strings.TrimSuffix(tag[strings.Index(tag, ">")+1:], "</textarea>")
		case strings.HasPrefix(tag, "<select"):
			if chosen := regexp.MustCompile(`<option value="([^"]*)" selected`).FindStringSubmatch(tag); chosen != nil {
				value = chosen[1]
			}
		case (kind == "checkbox" || kind == "radio") && !strings.Contains(tag, " checked"):
			continue
		}
		form.Add(name, value)
	}
	return form
}

// send sends a form with a button, and returns what is shown.
func (d *desk) send(path string, form url.Values, button string) (int, string) {
	d.t.Helper()
	form.Set("do", button)
	return d.post(path, form)
}

func (d *desk) configurationOf(arn string) (out api.GetLicenseConfigurationOutput) {
	d.t.Helper()
	d.Call(ledgerAccount, "AWSLicenseManager.GetLicenseConfiguration", &api.GetLicenseConfigurationInput{LicenseConfigurationArn: &arn}, &out)
	return out
}

// only is the single configuration that there is.
func (d *desk) only() api.GetLicenseConfigurationOutput {
	d.t.Helper()
	var out api.ListLicenseConfigurationsOutput
	d.Call(ledgerAccount, "AWSLicenseManager.ListLicenseConfigurations", &api.ListLicenseConfigurationsInput{}, &out)
	if len(out.LicenseConfigurations) != 1 {
		d.t.Fatalf("there are %d configurations, want one", len(out.LicenseConfigurations))
	}
	return d.configurationOf(*out.LicenseConfigurations[0].LicenseConfigurationArn)
}

func TestAConfigurationIsCreatedByAForm(t *testing.T) {
	d := positionDesk(t)
	form := fieldsOf(d.page("/console/configurations/new"))
	form.Set("name", " SQL Server ")
	form.Set("description", "line one\r\nline two")
	form.Set("counting", "Core")
	form.Set("count", "1,200")
	form.Set("hard", "1")
	form.Set("expiry", "2027-03-31")
	form["allowedTenancy"] = []string{"EC2-DedicatedHost"}
	form.Set("minimumCores", "8")
	form.Set("minimumVcpus", "4") // which Core does not have, and the form hides
	form.Set("licenseAffinityToHost", "90")
	form.Set("includedStoppedInstances", "1")
	form.Set("honorVcpuOptimization", "1")
	for _, button := range []string{"add-tag", "add-tag", "add-machines"} {
		_, text := d.send("/console/configurations", form, button)
		form = fieldsOf(text)
	}
	form.Set("tag.0.key", "vendor")
	form.Set("tag.0.value", "Microsoft")
	form.Set("rule.0.condition.0.value", "Microsoft SQL Server 2022 Enterprise\n\n  microsoft sql server  ")
	form.Set("rule.0.add", "Tag:")
	_, text := d.send("/console/configurations", form, "add.0")
	form = fieldsOf(text)
	form.Set("rule.0.condition.1.key", "environment")
	form.Set("rule.0.condition.1.value", "test")
	status, text := d.send("/console/configurations", form, "save")
	if status != http.StatusOK {
		t.Fatalf("%d\n%s", status, words(text))
	}
	d.says(text, "SQL Server Core", "Created SQL Server.", "Bought 1,200 hard limit")

	c := d.only()
	if *c.Name != "SQL Server" || *c.Description != "line one\nline two" || *c.LicenseCount != 1200 || !*c.LicenseCountHardLimit || *c.LicenseCountingType != "Core" {
		t.Errorf("it is %+v", c)
	}
	if end := time.Unix(*c.LicenseExpiry, 0).UTC().Format(time.RFC3339); end != "2027-03-31T23:59:59Z" {
		t.Errorf("it ends at %s", end)
	}
	if diff := gocmp.Diff([]string{"#allowedTenancy=EC2-DedicatedHost", "#minimumCores=8", "#licenseAffinityToHost=90", "#includedStoppedInstances=True"}, c.LicenseRules); diff != "" {
		t.Errorf("its rules (-want +got):\n%s", diff)
	}
	if len(c.Tags) != 1 || *c.Tags[0].Key != "vendor" || *c.Tags[0].Value != "Microsoft" {
		t.Errorf("its tags are %+v", c.Tags)
	}
	filters := c.ProductInformationList[0].ProductInformationFilterList
	if len(filters) != 2 || !slices.Equal(filters[0].ProductInformationFilterValue, []string{"Microsoft SQL Server 2022 Enterprise", "microsoft sql server"}) ||
		*filters[1].ProductInformationFilterName != "Tag:environment" || *filters[1].ProductInformationFilterComparator != "NOT_EQUALS" {
		t.Errorf("its discovery rules are %+v", filters)
	}
}

func TestNumbersAreReadAsPeopleWriteThem(t *testing.T) {
	d := positionDesk(t)
	d.send("/console/configurations", url.Values{"name": {"n"}, "counting": {"vCPU"}, "count": {"1"}}, "save")
	edit := "/console/configurations/" + *d.only().LicenseConfigurationId + "/edit"
	for written, want := range map[string]int64{"0": 0, " 1201 ": 1201, "1,200": 1200, "1 200 000": 1200000, "1\u202f202": 1202, "1’203": 1203, "13,00,000": 1300000} {
		form := fieldsOf(d.page(edit))
		form.Set("count", written)
		d.send(edit, form, "save")
		if got := *d.only().LicenseCount; got != want {
			t.Errorf("%q is read as %d, want %d", written, got, want)
		}
	}
}

func TestWhatIsWrongIsSaidBesideTheField(t *testing.T) {
	d := positionDesk(t)
	base := func() url.Values {
		return url.Values{"name": {"n"}, "counting": {"vCPU"}, "count": {"10"}}
	}
	for name, test := range map[string]struct {
		change url.Values
		field  string
		want   string
	}{
		"no name":              {url.Values{"name": {" "}}, "name", "Enter a name"},
		"a long name":          {url.Values{"name": {strings.Repeat("é", 256)}}, "name", "256 characters"},
		"a long description":   {url.Values{"description": {strings.Repeat("x", 4097)}}, "description", "4,097 characters"},
		"no counting":          {url.Values{"counting": {"Cloud"}}, "counting", "Choose what is counted"},
		"words for a number":   {url.Values{"count": {"many"}}, "count", "whole number"},
		"a part":               {url.Values{"count": {"1.5"}}, "count", "whole number"},
		"a part with a comma":  {url.Values{"count": {"12,5"}}, "count", "whole number"},
		"a part of a thousand": {url.Values{"count": {"1,200,50"}}, "count", "whole number"},
		"two numbers":          {url.Values{"count": {"1 2"}}, "count", "whole number"},
		"a group too long":     {url.Values{"count": {"1200,000"}}, "count", "whole number"},
		"a negative number":    {url.Values{"count": {"-1"}}, "count", "whole number"},
		"too large a number":   {url.Values{"count": {"9007199254740993"}}, "count", "whole number"},
		"an unlimited limit":   {url.Values{"count": {""}, "hard": {"1"}}, "hard", "needs a number of licences"},
		"no day":               {url.Values{"expiry": {"soon"}}, "expiry", "Enter a day"},
		"a small size":         {url.Values{"minimumVcpus": {"0"}}, "minimumVcpus", "from 1 to 10,000"},
		"a large size":         {url.Values{"maximumVcpus": {"10001"}}, "maximumVcpus", "from 1 to 10,000"},
		"sizes that cross":     {url.Values{"minimumVcpus": {"8"}, "maximumVcpus": {"4"}}, "maximumVcpus", "below the least that is allowed, 8"},
		"many days":            {url.Values{"counting": {"Core"}, "licenseAffinityToHost": {"181"}}, "licenseAffinityToHost", "from 1 to 180"},
		"a tag without key":    {url.Values{"tag.0.key": {""}, "tag.0.value": {"v"}}, "tag.0.key", "Enter a key"},
		"a tag of AWS":         {url.Values{"tag.0.key": {"AWS:x"}, "tag.0.value": {"v"}}, "tag.0.key", "belong to AWS"},
		"a tag twice":          {url.Values{"tag.0.key": {"k"}, "tag.0.value": {"1"}, "tag.1.key": {"k"}, "tag.1.value": {"2"}}, "tag.1.key", "another tag"},
		"a long tag":           {url.Values{"tag.0.key": {strings.Repeat("k", 129)}, "tag.0.value": {"v"}}, "tag.0.key", "128 characters"},
		"no value":             {url.Values{"rule.0.type": {"SSM_MANAGED"}, "rule.0.condition.0.name": {"Application Name"}, "rule.0.condition.0.value": {" \n"}}, "rule.0.condition.0", "Enter one at least"},
		"no choice":            {url.Values{"rule.0.type": {"RDS"}, "rule.0.condition.0.name": {"Engine Edition"}}, "rule.0.condition.0", "Choose one"},
		"a tag rule, no key":   {url.Values{"rule.0.type": {"SSM_MANAGED"}, "rule.0.condition.0.name": {"Tag:"}}, "rule.0.condition.0", "key of the tag"},
		"no account":           {url.Values{"rule.0.type": {"SSM_MANAGED"}, "rule.0.condition.0.name": {"AccountId"}, "rule.0.condition.0.value": {"12"}}, "rule.0.condition.0", "12 digits"},
		"a value of no engine": {url.Values{"rule.0.type": {"RDS"}, "rule.0.condition.0.name": {"Engine Edition"}, "rule.0.condition.0.value": {"access-97"}}, "", "Invalid value \"access-97\""},
		"a rule of nothing":    {url.Values{"rule.0.type": {"SSM_MANAGED"}}, "", "Add a condition, or remove the rule"},
	} {
		t.Run(name, func(t *testing.T) {
			form := base()
			for key, values := range test.change {
				form[key] = values
			}
			status, text := d.send("/console/configurations", form, "save")
			if status < 400 || status >= 500 {
				t.Errorf("it answers %d", status)
			}
			if test.field == "" {
				d.says(text, test.want)
			} else if got := faultOf(text, test.field); !strings.Contains(got, test.want) {
				t.Errorf("beside %s it says %q, want %q in\n%s", test.field, got, test.want, body(words(text)))
			}
			if back := fieldsOf(text); back.Get("count") != form.Get("count") && test.field != "count" || back.Get("expiry") != form.Get("expiry") {
				t.Errorf("it forgets what was entered: %v", back)
			}
		})
	}
	if text := d.page("/console/configurations"); !strings.Contains(text, "There is no configuration yet") {
		t.Error("something was created")
	}
}

// TestTheBuilderOffersWhatTheAPITakes creates a configuration by every condition,
// with each of its comparators and choices.
func TestTheBuilderOffersWhatTheAPITakes(t *testing.T) {
	d := positionDesk(t)
	for kind, conditions := range map[string][]string{
		"SSM_MANAGED": {"Application Name", "Application Publisher", "Application Version", "Platform Name", "Platform Type", "License Included", "Tag:", "AccountId"},
		"RDS":         {"Engine Edition", "License Pack"},
	} {
		_, text := d.send("/console/configurations", url.Values{"rule.0.type": {kind}}, "add.0")
		offered := regexp.MustCompile(`<option value="([^"]*)">`).FindAllStringSubmatch(text[strings.Index(text, `name="rule.0.add"`):], len(conditions))
		for i, name := range conditions {
			if len(offered) <= i || offered[i][1] != name {
				t.Fatalf("for %s it offers %v, want %v", kind, offered, conditions)
			}
			_, text := d.send("/console/configurations", url.Values{"rule.0.type": {kind}, "rule.0.add": {name}}, "add.0")
			choices := regexp.MustCompile(`name="rule.0.condition.0.value" value="([^"]*)"`).FindAllStringSubmatch(text, -1)
			form := fieldsOf(text)
			form.Set("name", kind+" "+name)
			form.Set("counting", "vCPU")
			form.Set("rule.0.condition.0.key", "k")
			form.Set("rule.0.condition.0.value", "123456789012")
			if len(choices) > 0 {
				form.Del("rule.0.condition.0.value")
				for _, c := range choices {
					form.Add("rule.0.condition.0.value", c[1])
				}
			}
			for _, comparator := range []string{"EQUALS", "NOT_EQUALS"} {
				form.Set("rule.0.condition.0.comparator", comparator)
				if status, text := d.send("/console/configurations", form, "save"); status != http.StatusOK {
					t.Errorf("%s %s %s is refused:\n%s", kind, name, comparator, body(words(text)))
				}
			}
		}
	}
}

// TestTheFormOffersTheRulesThatTheAPITakes creates a configuration by every
// licence rule that is shown for each counting type.
func TestTheFormOffersTheRulesThatTheAPITakes(t *testing.T) {
	d := positionDesk(t)
	for counting, want := range map[string]int{"vCPU": 5, "Instance": 8, "Core": 5, "Socket": 5} {
		form := fieldsOf(d.page("/console/configurations/new"))
		form.Set("name", counting)
		form.Set("counting", counting)
		form["allowedTenancy"] = []string{"EC2-Default", "EC2-DedicatedHost"}
		for _, size := range []string{"minimumVcpus", "maximumVcpus", "minimumCores", "maximumCores", "minimumSockets", "maximumSockets", "licenseAffinityToHost"} {
			form.Set(size, "7")
		}
		form.Set("honorVcpuOptimization", "1")
		form.Set("includedStoppedInstances", "1")
		status, text := d.send("/console/configurations", form, "save")
		if status != http.StatusOK {
			t.Fatalf("%s is refused:\n%s", counting, body(words(text)))
		}
		id := regexp.MustCompile(`arn:aws:license-manager:\S+:lic-[0-9a-f]+`).FindString(words(text))
		if c := d.configurationOf(id); len(c.LicenseRules) != want {
			t.Errorf("%s has the rules %v, want %d", counting, c.LicenseRules, want)
		}
	}
}

func TestRulesAndConditionsAreAddedAndTakenAway(t *testing.T) {
	d := positionDesk(t)
	form := url.Values{"name": {"kept"}, "counting": {"vCPU"}, "count": {"12"}}
	press := func(button string) {
		t.Helper()
		status, text := d.send("/console/configurations", form, button)
		if status != http.StatusOK {
			t.Fatalf("%s answers %d", button, status)
		}
		form = fieldsOf(text)
		if form.Get("name") != "kept" || form.Get("count") != "12" || form.Get("counting") != "vCPU" {
			t.Fatalf("%s forgets what was entered: %v", button, form)
		}
	}
	press("add-machines")
	press("add-databases")
	form.Set("rule.0.condition.0.value", "first")
	form.Set("rule.0.add", "Platform Name")
	press("add.0")
	form.Set("rule.0.condition.1.value", "second")
	press("remove.0.0")
	if form.Get("rule.0.condition.0.value") != "second" || form.Get("rule.0.condition.0.name") != "Platform Name" || form.Has("rule.0.condition.1.name") {
		t.Errorf("after a condition was taken away: %v", form)
	}
	press("remove.0")
	if form.Get("rule.0.type") != "RDS" || form.Has("rule.1.type") {
		t.Errorf("after a rule was taken away: %v", form)
	}
	for _, nonsense := range []string{"remove.9", "remove.x", "add.0", "remove.0.99", "fly", "remove-tag.7", "remove.-1"} {
		press(nonsense)
	}
	if form.Get("rule.0.type") != "RDS" {
		t.Errorf("nonsense has changed it: %v", form)
	}
}

func TestAConfigurationIsChangedByAForm(t *testing.T) {
	d := positionDesk(t)
	arn, path := d.create(api.CreateLicenseConfigurationInput{
		Name: new("before"), LicenseCountingType: new("Core"), LicenseCount: new(int64(4)), LicenseRules: []string{"#minimumCores=2"}, LicenseExpiry: new(int64(1800000000)),
		Tags: []api.Tag{{Key: new("a"), Value: new("1")}, {Key: new("b"), Value: new("2")}},
		ProductInformationList: []api.ProductInformation{{ResourceType: new("RDS"), ProductInformationFilterList: []api.ProductInformationFilter{
			{ProductInformationFilterName: new("Engine Edition"), ProductInformationFilterComparator: new("EQUALS"), ProductInformationFilterValue: []string{"oracle-ee"}}}}},
	})
	revisions := func() int64 {
		var out api.ListRevisionsOutput
		d.Call(ledgerAccount, "Reeve.ListRevisions", &api.ListRevisionsInput{LicenseConfigurationArn: &arn, MaxResults: new(int64(1))}, &out)
		return *out.Revisions[0].Number
	}
	form := fieldsOf(d.page(path + "/edit"))
	if status, text := d.send(path+"/edit", form, "save"); status != http.StatusOK || revisions() != 1 {
		t.Fatalf("a form that nobody touched answers %d and makes revision %d:\n%s", status, revisions(), body(words(text)))
	}
	form = fieldsOf(d.page(path + "/edit"))
	form.Set("name", "after")
	form.Set("count", "5")
	form.Set("licenseAffinityToHost", "30")
	form.Set("tag.1.value", "3")
	form.Set("tag.0.key", "c")
	form.Set("disabled", "1")
	form.Set("disassociate", "1")
	status, text := d.send(path+"/edit", form, "save")
	if status != http.StatusOK {
		t.Fatalf("%d\n%s", status, body(words(text)))
	}
	d.says(text, "after Core disabled", "Saved.")
	c := d.configurationOf(arn)
	tags := map[string]string{}
	for _, tag := range c.Tags {
		tags[*tag.Key] = *tag.Value
	}
	if diff := gocmp.Diff(map[string]string{"c": "1", "b": "3"}, tags); diff != "" {
		t.Errorf("the tags (-want +got):\n%s", diff)
	}
	if *c.Name != "after" || *c.LicenseCount != 5 || *c.Status != "DISABLED" || !*c.DisassociateWhenNotFound || *c.LicenseExpiry != 1800000000 || len(c.ProductInformationList) != 1 || !slices.Contains(c.LicenseRules, "#licenseAffinityToHost=30") {
		t.Errorf("it is %+v", c)
	}

	form = fieldsOf(d.page(path + "/edit"))
	_, text = d.send(path+"/edit", form, "remove.0")
	if status, _ = d.send(path+"/edit", fieldsOf(text), "save"); status != http.StatusOK || len(d.configurationOf(arn).ProductInformationList) != 0 {
		t.Errorf("without rules it answers %d, and has %v", status, d.configurationOf(arn).ProductInformationList)
	}
	for field, want := range map[string]string{"count": "not taken away", "expiry": "not taken away", "name": "Enter a name"} {
		form := fieldsOf(d.page(path + "/edit"))
		form.Set(field, "")
		if _, text := d.send(path+"/edit", form, "save"); !strings.Contains(faultOf(text, field), want) {
			t.Errorf("without %s it says %q", field, faultOf(text, field))
		}
	}
}

func TestAFormThatOthersOvertookAsksAgain(t *testing.T) {
	d := positionDesk(t)
	arn, path := d.create(api.CreateLicenseConfigurationInput{Name: new("before"), LicenseCount: new(int64(4))})
	form := fieldsOf(d.page(path + "/edit"))
	d.update(api.UpdateLicenseConfigurationInput{LicenseConfigurationArn: &arn, Description: new("of somebody else")})
	form.Set("count", "5")
	status, text := d.send(path+"/edit", form, "save")
	d.says(text, "Somebody has changed this configuration since you opened the form")
	if c := d.configurationOf(arn); status != http.StatusConflict || *c.LicenseCount != 4 || *c.Description != "of somebody else" {
		t.Errorf("it answers %d and leaves %+v", status, c)
	}
	if status, _ = d.send(path+"/edit", fieldsOf(text), "save"); status != http.StatusOK || *d.configurationOf(arn).LicenseCount != 5 {
		t.Errorf("saved again it answers %d", status)
	}
}

func TestWhatRulesWouldMatchIsShownBeforehand(t *testing.T) {
	d := positionDesk(t)
	arn, path := d.create(api.CreateLicenseConfigurationInput{Name: new("preview"), LicenseCount: new(int64(3))})
	for i := range 3 {
		machine := licensetest.Machine(ledgerAccount, fmt.Sprintf("i-%d", i), 2)
		machine.Applications = []api.Application{{Name: new("Paint & <b>Draw</b>")}}
		d.Put(ledgerAccount, machine)
	}
	form := fieldsOf(d.page(path + "/edit"))
	_, text := d.send(path+"/edit", form, "add-machines")
	form = fieldsOf(text)
	if _, text := d.send(path+"/edit", form, "preview"); !strings.Contains(faultOf(text, "rule.0.condition.0"), "Enter one") {
		t.Errorf("an unfinished rule is tried out:\n%s", body(words(text)))
	}
	form.Set("rule.0.condition.0.value", "paint & <b>draw</b>")
	status, text := d.send(path+"/edit", form, "preview")
	d.says(text, "Nothing is changed yet. 3 resources were looked at.", "3 would be associated", "In use: 0 now, 6 then, of 3 bought. That is 3 over.", "i-1 EC2 instance would be associated 2 Paint & <b>Draw</b>")
	if status != http.StatusOK || fieldsOf(text).Get("rule.0.condition.0.value") == "" {
		t.Errorf("%d, and the form has %v", status, fieldsOf(text))
	}
	if c := d.configurationOf(arn); len(c.ProductInformationList) != 0 {
		t.Errorf("it was changed to %+v", c)
	}
	form.Set("rule.0.condition.0.value", "nothing of the kind")
	_, text = d.send(path+"/edit", form, "preview")
	d.says(text, "None matches.")
}

func TestAConfigurationIsDeletedAfterAQuestion(t *testing.T) {
	d := positionDesk(t)
	arn, path := d.create(api.CreateLicenseConfigurationInput{Name: new("unwanted")})
	d.use(arn, 2)
	text := d.page(path + "/delete")
	d.says(text, "Delete unwanted", "1 resource is associated with it, and 2 licences are in use.")
	if status, text := d.post(path+"/delete", nil); status != http.StatusBadRequest || !strings.Contains(words(text), "is in use: 1 resources") {
		t.Errorf("in use it answers %d\n%s", status, body(words(text)))
	}
	d.Call(ledgerAccount, "Reeve.DeleteResources", &api.DeleteResourcesInput{ResourceArns: []string{licensetest.MachineARN(ledgerAccount, "i-0")}}, nil)
	d.says(d.page(path+"/delete"), "Nothing is associated with it.")
	status, text := d.post(path+"/delete", nil)
	if status != http.StatusOK {
		t.Fatalf("%d\n%s", status, body(words(text)))
	}
	d.says(text, "Deleted unwanted.", "There is no configuration yet")
}

func TestTheListOfConfigurationsIsFiltered(t *testing.T) {
	d := positionDesk(t)
	over, _ := d.create(api.CreateLicenseConfigurationInput{Name: new("Oracle Database"), LicenseCount: new(int64(1)), Description: new("of the bank")})
	d.create(api.CreateLicenseConfigurationInput{Name: new("SQL Server"), LicenseCount: new(int64(9)), LicenseCountHardLimit: new(true), LicenseCountingType: new("Core"), LicenseRules: []string{"#minimumCores=4"}})
	d.use(over, 2)
	all := d.page("/console/configurations")
	d.says(all, "Oracle Database of the bank", "2 vCPUs 1 1", "SQL Server", "only machines with at least 4 cores", "1–2 of 2")
	for query, want := range map[string]string{"q=ORACLE": "Oracle", "q=bank": "Oracle", "counting=Core": "SQL", "over=1": "Oracle", "hard=1": "SQL"} {
		text := d.page("/console/configurations?" + query)
		other := map[string]string{"Oracle": "SQL Server", "SQL": "Oracle Database"}[want]
		d.says(text, want, "1–1 of 1")
		d.silent(text, other)
	}
	d.says(d.page("/console/configurations?q=nothing"), "No configuration matches.")
}
