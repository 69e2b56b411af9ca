package console

import "reeve/internal/api"

// Bounds of a preview.
const (
	previewPages = 10 // of the API, each of which looks at a bounded number of resources
	previewRows  = 20 // that are listed; all are counted
)

// preview is what discovery would do by the rules of a form.
type preview struct {
	Looked   int64
	Cut      bool // the inventory is larger than was looked at
	Outcomes []outcome
	Rows     []previewRow
	More     int64 // rows that are not listed
	Consumed int64
	Adds     int64
	After    int64
	Limit    *int64
	Over     int64 // how much more than bought would be in use
}

// outcome is what discovery would do with some resources.
type outcome struct {
	Text  string
	Count int64
	Tone  string
}

type previewRow struct {
	*resourceLink
	Kind, Outcome, Tone, Why string
	Adds                     int64
}

// outcomes are what discovery does with a resource, for people, in their order; the
// texts go with one resource as with many.
var outcomes = []struct{ name, text, tone string }{
	{"associate", "would be associated", "good"},
	{"refused", "matching, but not allowed to use the licence", "bad"},
	{"excluded", "matching, but excluded", "warn"},
	{"associated", "associated already", ""},
	{"release", "would be released", "warn"},
	{"stays", "matching no rule any more, and kept", ""},
}

// previewOf asks what discovery would do in a configuration by other rules.
func (v *visit) previewOf(arn string, rules []api.DiscoveryRule) (*preview, error) {
	p := &preview{}
	found, adds := map[string]int64{}, map[string]int64{}
	in := &api.DiscoverResourcesInput{LicenseConfigurationArn: &arn, DryRun: new(true), ProductInformationList: rules}
	for range previewPages {
		var out api.DiscoverResourcesOutput
		if err := v.call("DiscoverResources", in, &out); err != nil {
			return nil, err
		}
		p.Looked += told(out.Looked)
		p.Consumed, p.Limit = told(out.ConsumedLicenses), out.LicenseCount
		for i := range out.Finds {
			p.add(&out.Finds[i], found, adds)
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	p.Cut = in.NextToken != nil
	for _, n := range adds {
		p.Adds += n
	}
	p.After = p.Consumed + p.Adds
	if p.Limit != nil {
		p.Over = max(0, p.After-*p.Limit)
	}
	for _, o := range outcomes {
		if n := found[o.name]; n > 0 {
			p.Outcomes = append(p.Outcomes, outcome{o.text, n, o.tone})
		}
	}
	var links []*resourceLink
	for i := range p.Rows {
		links = append(links, p.Rows[i].resourceLink)
	}
	return p, v.nameLinks(links...)
}

// add counts a find. What several finds count on, such as their host, is added
// once: adds has the most for each.
func (p *preview) add(f *api.Find, found, adds map[string]int64) {
	name := told(f.Outcome)
	found[name]++
	if on := told(f.CountedOnResourceArn); name == "associate" && on != "" {
		adds[on] = max(adds[on], told(f.AdditionalLicenses))
	}
	if name == "associated" {
		return // nothing would change
	}
	if len(p.Rows) == previewRows {
		p.More++
		return
	}
	row := previewRow{resourceLink: linkTo(told(f.ResourceArn)), Kind: kindName(told(f.ResourceType)), Outcome: name}
	for _, o := range outcomes {
		if o.name == name {
			row.Outcome, row.Tone = o.text, o.tone
		}
	}
	if name == "associate" {
		row.Adds = told(f.AdditionalLicenses)
	}
	row.Why = findWords(f)
	p.Rows = append(p.Rows, row)
}

// findWords say why a resource was found, or what is in its way.
func findWords(f *api.Find) string {
	if note := told(f.Note); note != "" {
		return note
	}
	if f.Exclusion != nil {
		return told(f.Exclusion.Reason)
	}
	text := ""
	for i, fact := range f.Facts {
		if i > 0 {
			text += ", "
		}
		text += told(fact.Value)
	}
	return text
}
