package console

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"reeve/internal/api"
)

// Bounds of a comparison.
const (
	compareRows  = 100 // of one page
	comparePages = 20  // of the API that are read to count the differences
)

// comparePage is how a configuration's usage differs between two moments.
type comparePage struct {
	Name, Path, Form        string
	Sent                    form   // the moments as they were typed, where they are refused
	From, To                string // as the form has them
	FromMoment, ToMoment    stamp
	Now                     bool // the later one is
	Before, After           int64
	BoughtBefore, BoughtNow *int64
	Added, Removed, Changed changeSum
	Cut                     bool // there are more differences than are counted and listed
	Rows                    []compareRow
	Presets                 []link
	Pages                   pages
	CSV                     string
	later                   // the differences
}

// changeSum is how many resources changed in one way, and by how many licences.
type changeSum struct{ Count, Licences int64 }

// Net is the licences with their sign.
func (s changeSum) Net() string { return signed(s.Licences) }

type compareRow struct {
	*resourceLink
	Change, Class, Badge, Owner string
	StatusBefore, StatusAfter   string
	Before, After               int64
	Explain                     string
}

var changeWords = map[string][2]string{"added": {"new", "good"}, "removed": {"no longer", "warn"}, "changed": {"changed", ""}}

// Net is how many licences more are consumed, with its sign.
func (p *comparePage) Net() string { return signed(p.After - p.Before) }

// Net is the same for one resource.
func (r *compareRow) Net() string { return signed(r.After - r.Before) }

func signed(n int64) string {
	if n > 0 {
		return "+" + grouped(n)
	}
	return grouped(n)
}

func (c *console) compare(v *visit) error {
	arn, err := v.configurationARN()
	if err != nil {
		return err
	}
	body := &comparePage{Path: v.configurationPath(arn), Form: v.URL.Path, Presets: []link{
		{Text: "End of last month to now", Href: v.URL.Path + "?from=" + v.lastMonth()},
		{Text: "End of last year to now", Href: v.URL.Path + "?from=" + v.lastYear()},
	}}
	if err := body.read(v, arn); err != nil {
		return v.again(err, v.sent(), []member{{"from", "from"}, {"to", "to"}}, func(status int, f form) error {
			if status == http.StatusForbidden || status == http.StatusNotFound {
				return err // no other moment helps
			}
			return v.show(status, "compare", "Compare", &comparePage{Name: shortName(arn), Path: body.Path, Form: body.Form, Presets: body.Presets, Sent: f, From: f.Value("from"), To: f.Value("to")})
		})
	}
	return v.show(http.StatusOK, "compare", "Compare "+body.Name, body)
}

// read fills the page with what the API says of the two moments.
func (p *comparePage) read(v *visit, arn string) error {
	p.Now = strings.TrimSpace(v.FormValue("to")) == ""
	in, name, err := v.comparison(arn)
	if err != nil {
		return err
	}
	p.FromMoment, p.ToMoment, p.From, p.To = v.when(in.From), v.when(in.To), v.field(in.From), v.field(in.To)
	if p.Now { // stays now when the form is sent again
		p.To = ""
	}
	query := url.Values{"from": {*in.From}, "to": {*in.To}}
	p.CSV = withQuery(p.Form+"/csv", query)
	if p.Name = name; name == "" {
		if p.Name, err = v.nameAt(arn, in.To); err != nil {
			return err
		}
	}
	var first *api.CompareUsageOutput
	if !p.mayWait(v, in) {
		if first, err = p.begin(v, in); err != nil {
			return err
		}
	}
	p.later = v.after(func() (err error) {
		if first == nil {
			if first, err = p.begin(v, in); err != nil {
				return err
			}
		}
		all, err := p.others(v, in, first)
		if err != nil {
			return err
		}
		return p.list(v, in, query, all)
	})
	return nil
}

// mayWait reports whether nothing can be refused any more: the ledger was looked at
// as it stands, and from is before that, and not before 1970.
func (p *comparePage) mayWait(v *visit, in *api.CompareUsageInput) bool {
	from := moment(in.From)
	return p.Now && from.Unix() >= 0 && !from.After(moment(in.To)) && v.allows("CompareUsage", in)
}

// begin reads what both moments had, with the first differences.
func (p *comparePage) begin(v *visit, in *api.CompareUsageInput) (*api.CompareUsageOutput, error) {
	first := new(api.CompareUsageOutput)
	in.MaxResults = new(int64(compareRows))
	if err := v.call("CompareUsage", in, first); err != nil {
		return nil, err
	}
	p.Before, p.After = told(first.FromConsumedLicenses), told(first.ToConsumedLicenses)
	p.BoughtBefore, p.BoughtNow = first.FromLicenseCount, first.ToLicenseCount
	return first, nil
}

// others adds the differences behind the first ones.
func (p *comparePage) others(v *visit, in *api.CompareUsageInput, first *api.CompareUsageOutput) (all []api.UsageDifference, err error) {
	all, in.NextToken, in.MaxResults = first.Differences, first.NextToken, nil
	for range comparePages {
		if in.NextToken == nil {
			return all, nil
		}
		var out api.CompareUsageOutput
		if err := v.call("CompareUsage", in, &out); err != nil {
			return nil, err
		}
		all, in.NextToken = append(all, out.Differences...), out.NextToken
	}
	p.Cut = in.NextToken != nil
	return all, nil
}

// list counts what changed, and shows one page of it.
func (p *comparePage) list(v *visit, in *api.CompareUsageInput, query url.Values, all []api.UsageDifference) error {
	sums := map[string]*changeSum{"added": &p.Added, "removed": &p.Removed, "changed": &p.Changed}
	for i := range all {
		if sum := sums[told(all[i].Change)]; sum != nil {
			sum.Count++
			sum.Licences += told(all[i].ToConsumedLicenses) - told(all[i].FromConsumedLicenses)
		}
	}
	var from, to int
	p.Pages, from, to = pagesOf(p.Form, query, v.pageNumber(), compareRows, len(all))
	var links []*resourceLink
	for i := range all[from:to] {
		row := v.difference(in, &all[from+i])
		p.Rows, links = append(p.Rows, row), append(links, row.resourceLink)
	}
	return v.nameLinks(links...)
}

// comparison reads the two moments of the address: the end of last month and
// now where it names none. With the present it finds the name that the configuration
// has then.
func (v *visit) comparison(arn string) (in *api.CompareUsageInput, name string, err error) {
	if v.FormValue("from") == "" {
		v.Form.Set("from", v.lastMonth())
	}
	from, err := v.momentOf("from")
	if err != nil {
		return nil, "", err
	}
	to, err := v.momentOf("to")
	if err != nil {
		return nil, "", err
	}
	if from != nil && to != nil && from.After(*to) {
		return nil, "", refuse(http.StatusBadRequest, "From is after To. Swap the two moments.")
	}
	in = &api.CompareUsageInput{LicenseConfigurationArn: &arn, From: wire(from), To: wire(to)}
	if in.From != nil && in.To != nil {
		return in, "", nil
	}
	now, terms, err := v.headAt(arn, nil)
	if err != nil {
		return nil, "", err
	}
	if in.To == nil { // as the ledger stands, whatever this machine's clock says
		in.To = now.Time
	}
	if in.From == nil {
		in.From = now.Time
	}
	return in, clipped(told(terms.Name)), nil
}

// field is a moment as the browser's field has it.
func (v *visit) field(text *string) string {
	t, err := time.Parse(time.RFC3339Nano, told(text))
	if err != nil {
		return ""
	}
	return t.In(v.zone).Format(localForm)
}

func (v *visit) difference(in *api.CompareUsageInput, d *api.UsageDifference) compareRow {
	words := changeWords[told(d.Change)]
	at := in.To
	if told(d.Change) == "removed" {
		at = in.From
	}
	return compareRow{
		resourceLink: linkTo(told(d.ResourceArn)), Change: words[0], Class: words[1], Badge: kindName(told(d.ResourceType)), Owner: clipped(told(d.ResourceOwnerId)),
		StatusBefore: clipped(told(d.FromStatus)), StatusAfter: clipped(told(d.ToStatus)), Before: told(d.FromConsumedLicenses), After: told(d.ToConsumedLicenses),
		Explain: v.configurationPath(*in.LicenseConfigurationArn) + "/explain?" + url.Values{"resource": {told(d.ResourceArn)}, "at": {*at}}.Encode(),
	}
}

func (c *console) compareSheet(v *visit) error {
	arn, err := v.configurationARN()
	if err != nil {
		return err
	}
	in, _, err := v.comparison(arn)
	if err != nil {
		return err
	}
	header := []string{"Change", "ARN", "Type", "Account", "State before", "State after", "Licences before", "Licences after"}
	return v.sendSheet("comparison.csv", header, func(token *string) (rows [][]string, next *string, err error) {
		var out api.CompareUsageOutput
		in.NextToken = token
		err = v.call("CompareUsage", in, &out)
		for i := range out.Differences {
			d := &out.Differences[i]
			rows = append(rows, []string{told(d.Change), told(d.ResourceArn), told(d.ResourceType), told(d.ResourceOwnerId), told(d.FromStatus), told(d.ToStatus),
				strconv.FormatInt(told(d.FromConsumedLicenses), 10), strconv.FormatInt(told(d.ToConsumedLicenses), 10)})
		}
		return rows, out.NextToken, err
	})
}
