package console

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"reeve/internal/api"
)

// agreed is what a form asks for, in the API's terms.
type agreed struct {
	count, expiry *int64
	rules         []string
	products      []api.DiscoveryRule
	tags          []api.Tag
}

// check reads a form's fields, and says beside each what is wrong with it. It
// reports whether nothing is.
func (f *configurationForm) check(v *visit) (a agreed, good bool) {
	f.checkTexts()
	a.count = f.checkCount()
	a.expiry = f.checkExpiry(v)
	a.rules = f.checkRules()
	a.tags = f.checkTags()
	f.Builder.check()
	a.products = f.Builder.rules()
	return a, len(f.Flaws()) == 0
}

// Flaws are everything that is wrong, in the order of the page.
func (f configurationForm) Flaws() (list []flaw) {
	add := func(at, text string) {
		if text != "" {
			list = append(list, flaw{at, text})
		}
	}
	add("", f.Error)
	for _, one := range []field{f.Title, f.Description, f.Counting, f.Count, f.Expiry} {
		add(placeOf(one.Name), one.Error)
	}
	add(placeOf("hard"), f.HardError)
	add(placeOf("rules"), f.RulesError)
	for _, s := range f.Sizes {
		add(placeOf(s.Name), s.Error)
	}
	add(placeOf(f.Affinity.Name), f.Affinity.Error)
	for _, text := range f.Builder.flaws() {
		add("rules", text)
	}
	add("tags", f.TagsError)
	for _, t := range f.Tags {
		add(placeOf(t.KeyName), t.Error)
	}
	return list
}

func (f *configurationForm) checkTexts() {
	switch n := len([]rune(f.Title.Value)); {
	case n == 0:
		f.Title.Error = "Enter a name: what people call this licence."
	case n > longestName:
		f.Title.Error = "The name has " + grouped(n) + " characters; " + grouped(longestName) + " are allowed."
	}
	if n := len([]rune(f.Description.Value)); n > longestDescription {
		f.Description.Error = "The description has " + grouped(n) + " characters; " + grouped(longestDescription) + " are allowed."
	}
	if _, ok := units[f.Counting.Value]; !ok {
		f.Counting.Error = "Choose what is counted."
	}
}

// countWritten is how people write a number: its digits alone, or in groups as
// in 1,200 and 12 00 000. What looks like a part, as 1,5 does, is none.
var countWritten = regexp.MustCompile(`^[0-9]+$|^[0-9]{1,3}(?:[, \x{a0}\x{202f}'’][0-9]{2,3})*[, \x{a0}\x{202f}'’][0-9]{3}$`)

// checkCount reads the number of licences.
func (f *configurationForm) checkCount() *int64 {
	written := strings.TrimSpace(f.Count.Value)
	if written == "" {
		if f.Hard {
			f.HardError = "A hard limit needs a number of licences to enforce."
		}
		if f.Editing && f.was.LicenseCount != nil {
			f.Count.Error = "The number can be changed, but not taken away. For unlimited use, create another configuration."
		}
		return nil
	}
	text := strings.NewReplacer(",", "", " ", "", "\u00a0", "", "\u202f", "", "'", "", "’", "").Replace(written)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n > mostLicences || !countWritten.MatchString(written) {
		f.Count.Error = "Enter a whole number, 0 or more, without decimals. Leave it empty for unlimited use."
		return nil
	}
	return &n
}

// checkExpiry reads the last day of a licence: it ends with that day, for the
// viewer. A day that was not touched stays the moment that it was.
func (f *configurationForm) checkExpiry(v *visit) *int64 {
	if f.Expiry.Value == "" {
		if f.Editing && f.was.LicenseExpiry != nil {
			f.Expiry.Error = "The day can be changed, but not taken away."
		}
		return nil
	}
	day, next, err := dayNamed(f.Expiry.Value, v.zone)
	if err != nil || day.Year() < 1970 || day.Year() > 9999 {
		f.Expiry.Error = "Enter a day, such as 2027-03-31."
		return nil
	}
	if f.Editing && f.was.LicenseExpiry != nil && time.Unix(*f.was.LicenseExpiry, 0).In(v.zone).Format(time.DateOnly) == f.Expiry.Value {
		return f.was.LicenseExpiry
	}
	return new(next.Unix() - 1)
}

// checkRules makes licence rules of the fields that the counting type allows.
// Those of an existing configuration stay; only the hold on a host can be added.
func (f *configurationForm) checkRules() []string {
	if f.Editing {
		rules := slices.Clone(f.was.LicenseRules)
		if !f.AffinityFixed && f.onHosts() {
			rules = append(rules, f.affinityRule()...)
		}
		return rules
	}
	var rules []string
	var chosen []string
	for _, t := range f.Tenancies {
		if t.Chosen {
			chosen = append(chosen, t.Value)
		}
	}
	if len(chosen) > 0 && len(chosen) < len(f.Tenancies) { // all is what none means
		rules = append(rules, "#allowedTenancy="+strings.Join(chosen, ","))
	}
	rules = append(rules, f.sizeRules()...)
	if f.onHosts() {
		rules = append(rules, f.affinityRule()...)
	}
	if f.Honour && f.Counting.Value == "vCPU" {
		rules = append(rules, "#honorVcpuOptimization=True")
	}
	if f.Stopped {
		rules = append(rules, "#includedStoppedInstances=True")
	}
	return rules
}

// onHosts reports whether licences are counted by the hardware.
func (f *configurationForm) onHosts() bool {
	return f.Counting.Value == "Core" || f.Counting.Value == "Socket"
}

func (f *configurationForm) affinityRule() []string {
	if f.Affinity.Value == "" {
		return nil
	}
	n, err := strconv.Atoi(f.Affinity.Value)
	if err != nil || n < 1 || n > 180 {
		f.Affinity.Error = "Enter a number of days from 1 to 180, or leave it empty."
		return nil
	}
	return []string{"#licenseAffinityToHost=" + strconv.Itoa(n)}
}

func (f *configurationForm) sizeRules() (rules []string) {
	size := map[string]int{}
	for i := range f.Sizes {
		s := &f.Sizes[i]
		if s.Value == "" || !slices.Contains(sizeRuleFields[i].countings, f.Counting.Value) {
			continue
		}
		n, err := strconv.Atoi(s.Value)
		if err != nil || n < 1 || n > 10_000 {
			s.Error = "Enter a whole number from 1 to 10,000, or leave it empty."
			continue
		}
		size[s.Name] = n
		rules = append(rules, "#"+s.Name+"="+strconv.Itoa(n))
		least, ok := size[strings.Replace(s.Name, "maximum", "minimum", 1)]
		if ok && n < least {
			s.Error = "This is below the least that is allowed, " + grouped(least) + ": no machine could match both."
		}
	}
	return rules
}

// checkTags reads the tags; lines without a key and a value are left out.
func (f *configurationForm) checkTags() (tags []api.Tag) {
	seen := map[string]bool{}
	for i := range f.Tags {
		t := &f.Tags[i]
		if t.Key == "" && t.Value == "" {
			continue
		}
		switch {
		case t.Key == "":
			t.Error = "Enter a key for this value."
		case len([]rune(t.Key)) > longestTagKey:
			t.Error = "A key may have 128 characters at most."
		case len([]rune(t.Value)) > longestTagValue:
			t.Error = "A value may have 256 characters at most."
		case strings.HasPrefix(strings.ToLower(t.Key), "aws:"):
			t.Error = "Keys that begin with aws: belong to AWS. Choose another one."
		case seen[t.Key]:
			t.Error = "There is another tag with this key."
		}
		seen[t.Key] = true
		tags = append(tags, api.Tag{Key: new(t.Key), Value: new(t.Value)})
	}
	if len(tags) > mostTags {
		f.TagsError = "There are " + grouped(len(tags)) + " tags; " + grouped(mostTags) + " are allowed."
	}
	return tags
}

// blame puts a refusal of the API beside the field that it is about.
func (f *configurationForm) blame(text string) {
	for _, about := range []struct {
		word string
		to   *string
	}{
		{"LicenseCountHardLimit", &f.HardError}, {"LicenseCountingType", &f.Counting.Error}, {"LicenseCount", &f.Count.Error},
		{"icense rule", &f.RulesError}, {"LicenseRules", &f.RulesError}, {"LicenseExpiry", &f.Expiry.Error},
		{"ProductInformation", &f.Builder.Error}, {"the filter", &f.Builder.Error}, {"Invalid Description", &f.Description.Error}, {"Invalid Name", &f.Title.Error},
		{"tag", &f.TagsError}, {"Tag", &f.TagsError},
	} {
		if strings.Contains(text, about.word) {
			*about.to = text
			return
		}
	}
	f.Error = text
}
