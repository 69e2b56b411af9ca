package console

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"reeve/internal/api"
)

// configurationTabs are the parts of a configuration's page, the first by default.
var configurationTabs = []link{
	{Text: "Usage", Href: "usage"}, {Text: "Associations", Href: "associations"}, {Text: "Discovery rules", Href: "discovery"},
	{Text: "Revisions", Href: "revisions"}, {Text: "Failures", Href: "failures"},
}

// configurationBody is what a configuration's page shows, all of it of one
// moment.
type configurationBody struct {
	Moment   momentPicker
	Path     string // of the page itself
	ARN      string
	Terms    api.Terms
	Unit     string
	Status   string
	Rules    []string // licence rules in words
	Tags     []string
	Deleted  stamp // when it was deleted; "" while it exists
	Created  stamp
	Owner    string // account that shares it with the viewer's; "" for the viewer's own
	Existed  bool   // at the moment
	Revision int64
	Since    stamp // from when the revision holds
	Position positionRow
	Ranges   []link
	Range    rangeForm
	Chart    *chartView
	Tabs     []link
	Tab      string
	Links    configurationLinks

	Usage        *usageTab
	Associations *associationsTab
	Discovery    *discoveryTab
	Revisions    *revisionsTab
	Failures     *failuresTab

	later // all but what the ledger's head says
}

// configurationLinks lead on from a configuration.
type configurationLinks struct{ Edit, Delete, Compare, WhatIf, CSV, XLSX string }

// configurationView is a configuration at a moment, as its page reads it.
type configurationView struct {
	*visit
	arn   string
	at    *time.Time // nil: now
	out   api.ListRevisionsOutput
	owner string        // account that shares it with the viewer's; "" for the viewer's own
	head  *api.Revision // that holds at the moment; nil where there was none
	asOf  string        // the moment of head, so that everything is of one revision; "" for now
	query url.Values    // the moment and the range, which links keep
}

// configuration is the page of one configuration, now or at a moment.
func (c *console) configuration(v *visit) error {
	view, err := v.configurationAt()
	if err != nil {
		return err
	}
	body := view.body()
	if err := view.begin(body); err != nil {
		return err
	}
	return v.show(http.StatusOK, "configuration", told(body.Terms.Name), body)
}

// begin has refused what the page can be refused for, and leaves the rest for
// later. The moment and the configuration were looked at with the ledger's head;
// what does not exist yet is named by what fills the page, and what is shared has
// another head, so these are filled at once.
func (v *configurationView) begin(body *configurationBody) error {
	if v.head == nil || v.owner != "" || !v.mayFill(body.Tab) {
		return v.fill(body)
	}
	if err := v.tryAddress(body); err != nil {
		return err
	}
	body.later = v.after(func() error { return v.fill(body) })
	return nil
}

// fill adds what the page shows beside the ledger's head: one part after the other,
// for together they would keep the processors from what sends the head.
func (v *configurationView) fill(body *configurationBody) error {
	if v.owner == "" && body.Chart == nil {
		if err := v.addChart(body); err != nil {
			return err
		}
	}
	if v.head == nil {
		return v.nameBefore(body)
	}
	if err := v.addPosition(body); err != nil {
		return err
	}
	return v.addTab(body)
}

// listOf is the call that lists what a tab shows, for this many rows.
func (v *configurationView) listOf(tab string, rows int64) (operation string, in any) {
	switch tab {
	case "associations":
		return "ListAssociations", v.associationsInput(rows)
	case "discovery":
		return "ListExclusions", v.exclusionsInput(rows)
	case "revisions":
		return "ListRevisions", v.revisionsInput(rows)
	case "failures":
		return "ListFailuresForLicenseConfigurationOperations", v.failuresInput(rows)
	}
	usage := v.usageInput(rows)
	usage.NextToken = v.usagePaging().token()
	return "ListUsageForLicenseConfiguration", usage
}

// mayFill reports whether policies allow all that fills the page.
func (v *configurationView) mayFill(tab string) bool {
	return v.allows("GetUsageHistory", &api.GetUsageHistoryInput{LicenseConfigurationArn: &v.arn}) &&
		v.allows("ListPositions", &api.ListPositionsInput{}) && v.allows(v.listOf(tab, 1))
}

// tryAddress finds out whether the API refuses what the address says beside the
// moment: the days of the chart, and the filters and the token of the list, for
// which it is asked for one row.
func (v *configurationView) tryAddress(body *configurationBody) error {
	given := v.URL.Query().Get
	if given("from") != "" || given("to") != "" {
		if err := v.addChart(body); err != nil {
			return err
		}
	}
	ended := v.out.DeletionTime != nil && (body.Tab == "failures" || body.Tab == "discovery") // of which nothing is asked
	if ended || given("arn") == "" && given("type") == "" && given("owner") == "" && given("token") == "" {
		return nil
	}
	operation, in := v.listOf(body.Tab, 1)
	return v.call(operation, in, new(jsontext.Value))
}

// configurationAt finds the revision that a page is about.
func (v *visit) configurationAt() (*configurationView, error) {
	arn, err := v.configurationARN()
	if err != nil {
		return nil, err
	}
	at, err := v.momentOf("at")
	if err != nil {
		return nil, err
	}
	view := &configurationView{visit: v, arn: arn, owner: v.lender(arn), at: at, query: v.kept("at", "range", "from", "to")}
	if view.owner != "" {
		return view, view.readShared()
	}
	in := &api.ListRevisionsInput{LicenseConfigurationArn: &arn, To: wire(at), MaxResults: new(int64(1)), IncludeTerms: new(true)}
	if err := v.call("ListRevisions", in, &view.out); err != nil {
		return nil, err
	}
	if len(view.out.Revisions) > 0 {
		view.head = &view.out.Revisions[0]
		view.asOf = told(view.head.Time)
	}
	return view, nil
}

// body is what the page shows without asking on.
func (v *configurationView) body() *configurationBody {
	path := v.configurationPath(v.arn)
	b := &configurationBody{
		Path: path, ARN: v.arn, Owner: v.owner, Created: v.when(v.out.CreationTime), Deleted: v.when(v.out.DeletionTime),
		Existed: v.head != nil, Moment: v.picker(v.at, v.kept("range", "from", "to", "tab")),
		Ranges: v.ranges(), Range: v.rangeForm(), Links: v.links(path),
	}
	b.Tab, b.Tabs = v.tabs(path)
	if v.head == nil {
		b.Terms.Name = new(shortName(v.arn))
		return b
	}
	b.Terms, b.Unit, b.Rules = *v.out.Terms, unitOf(told(v.out.Terms.LicenseCountingType)), ruleWords(v.out.Terms.LicenseRules)
	b.Status = told(v.out.Terms.Status)
	for _, t := range v.out.Terms.Tags {
		text := told(t.Key)
		if t.Value != nil && *t.Value != "" {
			text += ": " + *t.Value
		}
		b.Tags = append(b.Tags, text)
	}
	b.Revision, b.Since = told(v.head.Number), v.when(v.head.Time)
	return b
}

func (v *configurationView) links(path string) configurationLinks {
	export := v.kept("at", "arn", "type", "owner")
	compare := url.Values{}
	if v.at != nil {
		compare.Set("from", v.URL.Query().Get("at"))
	}
	return configurationLinks{
		Edit: path + "/edit", Delete: path + "/delete", Compare: withQuery(path+"/compare", compare),
		WhatIf: withQuery(Home+"what-if", url.Values{"configuration": {shortName(v.arn)}}),
		CSV:    withQuery(path+"/usage.csv", export), XLSX: withQuery(path+"/usage.xlsx", export),
	}
}

// tabs are the links to the parts of the page.
func (v *configurationView) tabs(path string) (current string, tabs []link) {
	current = configurationTabs[0].Href
	shown := configurationTabs
	if v.owner != "" {
		shown = slices.DeleteFunc(slices.Clone(shown), func(t link) bool { return t.Href == "revisions" })
	}
	for _, t := range shown {
		if t.Href == v.URL.Query().Get("tab") {
			current = t.Href
		}
	}
	for _, t := range shown {
		q := cloned(v.query)
		if t.Href != configurationTabs[0].Href {
			q.Set("tab", t.Href)
		}
		href := path
		if len(q) > 0 {
			href += "?" + q.Encode()
		}
		tabs = append(tabs, link{t.Text, href + "#list", t.Href == current})
	}
	return current, tabs
}

// nameBefore calls a configuration what it was called later, before it existed.
func (v *configurationView) nameBefore(b *configurationBody) error {
	name, err := v.nameAt(v.arn, nil)
	b.Terms.Name = &name
	return err
}

// addPosition adds the figures at the moment.
func (v *configurationView) addPosition(b *configurationBody) error {
	now := v.c.Now()
	asOf := wire(v.at)
	if v.at != nil {
		now = *v.at
	} else if b.Deleted.UTC != "" {
		return nil // it stands nowhere any more
	}
	var out api.ListPositionsOutput
	err := v.call("ListPositions", &api.ListPositionsInput{LicenseConfigurationArns: []string{v.arn}, AsOf: asOf, IncludeHistory: new(true)}, &out)
	if err != nil || len(out.Positions) == 0 {
		return err
	}
	p := &out.Positions[0]
	// What another change has made since is not of this page.
	p.LicenseCount, p.ConsumedLicenses, p.OverLicenses = v.out.Terms.LicenseCount, v.head.ConsumedLicenses, new(overOf(v.head, v.out.Terms))
	b.Position = v.positionRow(p, v.at, now)
	return nil
}

// overOf is how much more is in use than was bought.
func overOf(r *api.Revision, t *api.Terms) int64 {
	if t.LicenseCount == nil {
		return 0
	}
	return max(0, told(r.ConsumedLicenses)-*t.LicenseCount)
}

// addTab adds the part of the page that was chosen.
func (v *configurationView) addTab(b *configurationBody) (err error) {
	switch b.Tab {
	case "associations":
		b.Associations, err = v.associationsTab()
	case "discovery":
		b.Discovery, err = v.discoveryTab()
	case "revisions":
		b.Revisions, err = v.revisionsTab()
	case "failures":
		b.Failures, err = v.failuresTab()
	default:
		b.Usage, err = v.usageTab()
	}
	return err
}
