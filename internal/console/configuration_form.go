package console

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"reeve/internal/api"
)

// Bounds of what a form takes; the API has the same.
const (
	longestName        = 255
	longestDescription = 4096
	mostLicences       = 1 << 53
	mostTags           = 50
	longestTagKey      = 128
	longestTagValue    = 256
)

// configurationForm is the form of a configuration, new or existing.
type configurationForm struct {
	Action, Back string // addresses
	Editing      bool
	Error        string // of the form as a whole

	Title           field
	Description     field
	Counting        field
	Countings       []choice
	Count           field
	Hard            bool
	HardError       string
	Expiry          field // a day
	Disabled        bool
	Disassociate    bool
	Tenancies       []choice
	Sizes           []sizeField
	Affinity        field
	AffinityFixed   bool // it is there already, and cannot be changed
	Honour, Stopped bool
	Rules           []string // of an existing configuration, in words: they stay
	RulesError      string
	Tags            []tagField
	TagsError       string
	Builder         ruleBuilder
	Preview         *preview
	PreviewOffered  bool

	was  *api.Terms // of an existing one, before
	Seen string     // what tells the terms that the form was filled with from others
}

// sizeField bounds the size of a machine.
type sizeField struct {
	field
	Text, Hint, Class string
}

type tagField struct {
	Place           int
	Key, Value      string
	Error           string
	KeyName, ValueN string
}

// countings are the counting types with what each counts.
var countings = []choice{
	{Value: "vCPU", Text: "vCPU: the virtual processors of each machine"},
	{Value: "Instance", Text: "Instance: each machine once"},
	{Value: "Core", Text: "Core: the physical cores of each host"},
	{Value: "Socket", Text: "Socket: the physical processors of each host"},
}

var tenancies = []choice{
	{Value: "EC2-Default", Text: "shared hardware"},
	{Value: "EC2-DedicatedHost", Text: "Dedicated Hosts"},
	{Value: "EC2-DedicatedInstance", Text: "Dedicated Instances"},
}

// sizeRuleFields are the licence rules that bound the size of a machine, with
// the counting types that allow them. The classes are of positions.css, which
// shows a field where its counting type is chosen.
var sizeRuleFields = []struct {
	rule, words, text string
	countings         []string
}{
	{"minimumVcpus", "only machines with at least %s vCPUs", "At least, vCPUs", []string{"vCPU", "Instance"}},
	{"maximumVcpus", "only machines with at most %s vCPUs", "At most, vCPUs", []string{"vCPU", "Instance"}},
	{"minimumCores", "only machines with at least %s cores", "At least, cores", []string{"Instance", "Core"}},
	{"maximumCores", "only machines with at most %s cores", "At most, cores", []string{"Instance", "Core"}},
	{"minimumSockets", "only machines with at least %s sockets", "At least, sockets", []string{"Instance", "Socket"}},
	{"maximumSockets", "only machines with at most %s sockets", "At most, sockets", []string{"Instance", "Socket"}},
}

// newForm is an empty form.
func newForm() configurationForm {
	f := configurationForm{Action: Home + "configurations", Back: Home + "configurations"}
	f.Counting.Value = "vCPU"
	f.name()
	return f
}

// name gives the fields their names, and choices what was chosen.
func (f *configurationForm) name() {
	f.Title.Name, f.Description.Name, f.Counting.Name, f.Count.Name = "name", "description", "counting", "count"
	f.Expiry.Name, f.Affinity.Name = "expiry", "licenseAffinityToHost"
	f.Countings = slices.Clone(countings)
	for i := range f.Countings {
		f.Countings[i].Chosen = f.Countings[i].Value == f.Counting.Value
	}
	if f.Tenancies == nil {
		f.Tenancies = slices.Clone(tenancies)
	}
	if f.Sizes == nil {
		for _, s := range sizeRuleFields {
			class := "for"
			for _, c := range s.countings {
				class += " for-" + c
			}
			f.Sizes = append(f.Sizes, sizeField{field: field{Name: s.rule}, Text: s.text, Class: class})
		}
	}
	for i := range f.Tags {
		t := &f.Tags[i]
		t.Place, t.KeyName, t.ValueN = i, "tag."+strconv.Itoa(i)+".key", "tag."+strconv.Itoa(i)+".value"
	}
}

// formOf is the form of an existing configuration.
func (v *visit) formOf(arn string, out *api.GetLicenseConfigurationOutput) configurationForm {
	f := newForm()
	path := v.configurationPath(arn)
	f.Editing, f.Action, f.Back, f.PreviewOffered = true, path+"/edit", path, true
	f.Title.Value, f.Description.Value, f.Counting.Value = told(out.Name), told(out.Description), told(out.LicenseCountingType)
	if out.LicenseCount != nil {
		f.Count.Value = strconv.FormatInt(*out.LicenseCount, 10)
	}
	f.Hard, f.Disassociate, f.Disabled = told(out.LicenseCountHardLimit), told(out.DisassociateWhenNotFound), told(out.Status) == "DISABLED"
	if out.LicenseExpiry != nil {
		f.Expiry.Value = time.Unix(*out.LicenseExpiry, 0).In(v.zone).Format(time.DateOnly)
	}
	for _, t := range out.Tags {
		f.Tags = append(f.Tags, tagField{Key: told(t.Key), Value: told(t.Value)})
	}
	f.Builder = builderOf(discoveryRules(out.ProductInformationList))
	f.keep(out)
	f.Seen = f.mark()
	return f
}

// keep remembers what an existing configuration has and no form can change.
func (f *configurationForm) keep(out *api.GetLicenseConfigurationOutput) {
	f.Counting.Value = told(out.LicenseCountingType)
	f.Rules = ruleWords(out.LicenseRules)
	for _, r := range out.LicenseRules {
		if strings.HasPrefix(r, "#licenseAffinityToHost=") {
			f.AffinityFixed = true
		}
	}
	f.was = &api.Terms{
		Name: out.Name, Description: out.Description, LicenseCount: out.LicenseCount, LicenseCountHardLimit: out.LicenseCountHardLimit, LicenseRules: out.LicenseRules,
		Status: out.Status, DisassociateWhenNotFound: out.DisassociateWhenNotFound, LicenseExpiry: out.LicenseExpiry, Tags: out.Tags,
		ProductInformationList: discoveryRules(out.ProductInformationList), LicenseCountingType: out.LicenseCountingType,
	}
	f.name()
}

// mark tells the terms that a configuration has from any others.
func (f *configurationForm) mark() string {
	text, _ := json.Marshal(f.was) // which came as JSON
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// discoveryRules is the other way round than products.
func discoveryRules(list []api.ProductInformation) (rules []api.DiscoveryRule) {
	for _, p := range list {
		r := api.DiscoveryRule{ResourceType: p.ResourceType}
		for _, f := range p.ProductInformationFilterList {
			r.ProductInformationFilterList = append(r.ProductInformationFilterList, api.DiscoveryFilter(f))
		}
		rules = append(rules, r)
	}
	return rules
}

// read fills a form with what was sent.
func (f *configurationForm) read(form url.Values) {
	text := func(name string) string { return strings.TrimSpace(form.Get(name)) }
	f.Title.Value, f.Description.Value = text("name"), strings.ReplaceAll(text("description"), "\r\n", "\n")
	if !f.Editing {
		f.Counting.Value = form.Get("counting")
	}
	f.Count.Value, f.Expiry.Value, f.Affinity.Value = text("count"), text("expiry"), text("licenseAffinityToHost")
	f.Hard, f.Disabled, f.Disassociate = form.Has("hard"), form.Has("disabled"), form.Has("disassociate")
	f.Honour, f.Stopped = form.Has("honorVcpuOptimization"), form.Has("includedStoppedInstances")
	f.Tenancies = slices.Clone(tenancies)
	for i := range f.Tenancies {
		f.Tenancies[i].Chosen = slices.Contains(form["allowedTenancy"], f.Tenancies[i].Value)
	}
	f.Sizes, f.Tags = nil, nil
	f.name()
	for i := range f.Sizes {
		f.Sizes[i].Value = text(f.Sizes[i].Name)
	}
	for i := range mostTags + 1 {
		place := "tag." + strconv.Itoa(i)
		if !form.Has(place + ".key") {
			break
		}
		f.Tags = append(f.Tags, tagField{Key: text(place + ".key"), Value: text(place + ".value")})
	}
	f.Builder, f.Seen = readBuilder(form), form.Get("seen")
	f.name()
}

// do does what a button other than Save says: it reports whether the form is to
// be shown again.
func (f *configurationForm) do(button string, form url.Values) bool {
	if button == "" || button == "save" {
		return false
	}
	if button == "add-tag" {
		f.Tags = append(f.Tags, tagField{})
		f.name()
		return true
	}
	if place, ok := strings.CutPrefix(button, "remove-tag."); ok {
		if i, err := strconv.Atoi(place); err == nil && i >= 0 && i < len(f.Tags) {
			f.Tags = slices.Delete(f.Tags, i, i+1)
			f.name()
		}
		return true
	}
	f.Builder.do(button, form)
	return true
}
