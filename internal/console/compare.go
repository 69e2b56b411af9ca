package console

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"reeve/internal/api"
)

const compareRows = 100

// comparePage is how a configuration's usage differs between two moments.
type comparePage struct {
	Name, Path, Form        string
	From, To                string // as the form has them
	FromMoment, ToMoment    stamp
	Now                     bool // the later one is
	Before, After           int64
	BoughtBefore, BoughtNow *int64
	Rows                    []compareRow
	Presets                 []preset
	Next, First, CSV        string
}

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
	in, err := v.comparison()
	if err != nil {
		return err
	}
	var out api.CompareUsageOutput
	in.MaxResults, in.NextToken = new(int64(compareRows)), formToken(v, "page")
	if err := v.call("CompareUsage", in, &out); err != nil {
		return err
	}
	body := &comparePage{
		Path: v.configurationPath(*in.LicenseConfigurationArn), Form: v.URL.Path, Before: told(out.FromConsumedLicenses), After: told(out.ToConsumedLicenses),
		BoughtBefore: out.FromLicenseCount, BoughtNow: out.ToLicenseCount, FromMoment: v.when(in.From), ToMoment: v.when(in.To),
		From: v.field(in.From), To: v.field(in.To),
	}
	body.Now = strings.TrimSpace(v.FormValue("to")) == ""
	if body.Now { // stays now when the form is sent again
		body.To = ""
	}
	if body.Name, err = v.named(*in.LicenseConfigurationArn); err != nil {
		return err
	}
	for i := range out.Differences {
		body.Rows = append(body.Rows, v.difference(in, &out.Differences[i]))
	}
	body.link(v, in, out.NextToken)
	return v.show(http.StatusOK, "compare", "Compare "+body.Name, body)
}

// comparison reads the two moments of the address: the end of last month and
// now where it names none.
func (v *visit) comparison() (*api.CompareUsageInput, error) {
	arn, err := v.configurationARN()
	if err != nil {
		return nil, err
	}
	if v.FormValue("from") == "" {
		v.Form.Set("from", v.lastMonth())
	}
	from, err := v.momentOf("from")
	if err != nil {
		return nil, err
	}
	to, err := v.momentOf("to")
	if err != nil {
		return nil, err
	}
	in := &api.CompareUsageInput{LicenseConfigurationArn: &arn, From: wire(from), To: wire(to)}
	if in.From != nil && in.To != nil {
		return in, nil
	}
	now, err := v.newest(arn)
	if in.To == nil {
		in.To = now
	}
	if in.From == nil {
		in.From = now
	}
	return in, err
}

// newest is the moment of the newest entry of a ledger, by which it stands as
// it does now, whatever this machine's clock says.
func (v *visit) newest(arn string) (*string, error) {
	var out api.ListRevisionsOutput
	err := v.call("ListRevisions", &api.ListRevisionsInput{LicenseConfigurationArn: &arn, MaxResults: new(int64(1)), MaxChanges: new(int64(1))}, &out)
	if err != nil {
		return nil, err
	}
	if len(out.Revisions) == 0 {
		return nil, refuse(http.StatusNotFound, "The ledger of this licence configuration is empty.")
	}
	return out.Revisions[0].Time, nil
}

// field is a moment as the browser's field has it.
func (v *visit) field(text *string) string {
	t, err := time.Parse(time.RFC3339Nano, told(text))
	if err != nil {
		return ""
	}
	return t.In(v.zone).Format("2006-01-02T15:04:05")
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

func (p *comparePage) link(v *visit, in *api.CompareUsageInput, next *string) {
	query := url.Values{"from": {*in.From}, "to": {*in.To}}
	p.CSV = p.Form + "/csv?" + query.Encode()
	if in.NextToken != nil {
		p.First = p.Form + "?" + query.Encode()
	}
	if next != nil {
		query.Set("page", *next)
		p.Next = p.Form + "?" + query.Encode()
	}
	p.Presets = []preset{
		{"End of last month to now", p.Form + "?from=" + v.lastMonth()},
		{"End of last year to now", p.Form + "?from=" + v.lastYear()},
	}
}

func (c *console) compareSheet(v *visit) error {
	in, err := v.comparison()
	if err != nil {
		return err
	}
	var out api.CompareUsageOutput
	if err := v.call("CompareUsage", in, &out); err != nil {
		return err
	}
	s := newSheet(v, "comparison.csv", "Change", "ARN", "Type", "Account", "State before", "State after", "Licences before", "Licences after")
	write := func() *string {
		for i := range out.Differences {
			d := &out.Differences[i]
			s.row(told(d.Change), told(d.ResourceArn), told(d.ResourceType), told(d.ResourceOwnerId), told(d.FromStatus), told(d.ToStatus),
				strconv.FormatInt(told(d.FromConsumedLicenses), 10), strconv.FormatInt(told(d.ToConsumedLicenses), 10))
		}
		return out.NextToken
	}
	return s.pages(write(), func(token *string) (*string, error) {
		out = api.CompareUsageOutput{}
		in.NextToken = token
		if err := v.call("CompareUsage", in, &out); err != nil {
			return nil, err
		}
		return write(), nil
	})
}
