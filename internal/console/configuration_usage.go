package console

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"reeve/internal/api"
)

// Bounds of the list of usage.
const (
	usageRows    = 50     // of one page
	usageCounted = 1000   // rows that are read to count them, in one call
	usageWhole   = 10_000 // rows that are read when they are to be sorted
)

// usageTab is who uses what.
type usageTab struct {
	Filters usageFilters
	Rows    []usageRow
	Columns []sortColumn
	Pages   pages
	Large   bool  // there are more rows than are counted
	TooLong bool  // and more than are sorted, which was asked for
	Total   int64 // of the licences of all rows that match, when not Large
	Count   int64 // of these rows
	Empty   string
}

// usageFilters are the filters of ListUsageForLicenseConfiguration.
type usageFilters struct {
	Path             string
	Hidden           []parameter
	ARN, Type, Owner string
	Types            []choice
	Any              bool
	Clear            string
}

// choice is an entry of a select.
type choice struct {
	Value, Text string
	Chosen      bool
}

// usageRow is what one resource uses.
type usageRow struct {
	resourceCell
	Status   string
	Licences int64
	Since    stamp
}

// sortColumn is the head of a column that can be sorted by.
type sortColumn struct{ Text, Href, Order, Class string }

func (v *configurationView) usageTab() (*usageTab, error) {
	t := &usageTab{Filters: v.usageFilters()}
	rows, whole, err := v.readUsage(t.Filters.Any)
	if err != nil {
		return nil, err
	}
	if t.Large = !whole; t.Large {
		return t, v.largeUsage(t)
	}
	t.Count = int64(len(rows))
	for i := range rows {
		t.Total += told(rows[i].ConsumedLicenses)
	}
	t.Columns = v.sortColumns(rows)
	var from, to int
	t.Pages, from, to = pagesOf(v.URL.Path, v.usageKept("sort"), v.pageNumber(), usageRows, len(rows))
	if len(rows) == 0 {
		t.Empty = v.emptyUsage(t.Filters.Any)
	}
	t.Rows, err = v.usageRows(rows[from:to])
	return t, err
}

// emptyUsage says of a list without rows why, and what to do next.
func (v *configurationView) emptyUsage(filtered bool) string {
	switch {
	case filtered && v.at != nil:
		return "Nothing that matches the filters used this licence at that moment. Show all, or choose another moment."
	case filtered:
		return "Nothing that matches the filters uses this licence. Show all, or change the filters."
	case v.owner != "" && v.at != nil:
		return "None of your machines used this licence at that moment. Choose another one."
	case v.at != nil:
		return "Nothing used this licence at that moment. Choose another one."
	case v.owner != "":
		return "None of your machines uses this licence. Associate one with it by request, as you would with a configuration of your own."
	case v.out.DeletionTime != nil:
		return "Nothing uses it any more. Choose a moment before it was deleted."
	}
	return "Nothing uses this licence yet. Edit it to have discovery rules find machines by themselves."
}

func (v *configurationView) usageKept(more ...string) url.Values {
	return v.kept(append([]string{"at", "range", "from", "to", "tab", "arn", "type", "owner"}, more...)...)
}

func (v *configurationView) usageFilters() usageFilters {
	q := v.URL.Query()
	f := usageFilters{Path: v.URL.Path, ARN: q.Get("arn"), Type: q.Get("type"), Owner: q.Get("owner")}
	f.Any = f.ARN != "" || f.Type != "" || f.Owner != ""
	for _, kind := range []string{"EC2_INSTANCE", "EC2_HOST", "RDS", "SYSTEMS_MANAGER_MANAGED_INSTANCE"} {
		f.Types = append(f.Types, choice{kind, kindName(kind), f.Type == kind})
	}
	keep := v.kept("at", "range", "from", "to", "sort")
	for _, name := range sortedKeys(keep) {
		f.Hidden = append(f.Hidden, parameter{name, keep.Get(name)})
	}
	f.Clear = v.URL.Path + "?" + keep.Encode() + "#list"
	return f
}

// usageInput asks for the usage at the page's revision, by the filters of the
// address.
func (v *configurationView) usageInput(limit int64) *api.ListUsageForLicenseConfigurationInput {
	in := &api.ListUsageForLicenseConfigurationInput{LicenseConfigurationArn: &v.arn, MaxResults: &limit}
	filter := func(name, value string) {
		if value != "" {
			in.Filters = append(in.Filters, api.Filter{Name: &name, Values: []string{value}})
		}
	}
	q := v.URL.Query()
	filter("asOf", v.asOf)
	filter("resourceArn", strings.TrimSpace(q.Get("arn")))
	filter("resourceType", q.Get("type"))
	filter("resourceAccount", strings.TrimSpace(q.Get("owner")))
	return in
}

// readUsage reads a list whole, unless it is too long for that. Of what has more
// associations than are counted it does not find out whether fewer are in use: to
// sort it does.
func (v *configurationView) readUsage(filtered bool) (rows []api.LicenseConfigurationUsage, whole bool, err error) {
	q := v.URL.Query()
	switch {
	case q.Get("token") != "":
		return nil, false, nil
	case q.Get("sort") != "":
		return v.wholeUsage()
	case !filtered && told(v.head.AssociationCount) > usageCounted:
		return nil, false, nil
	}
	return v.countedUsage()
}

// countedUsage reads a list that one call answers.
func (v *configurationView) countedUsage() (rows []api.LicenseConfigurationUsage, whole bool, err error) {
	var text jsontext.Value // a thousand rows are not decoded to learn that there are more
	if err := v.call("ListUsageForLicenseConfiguration", v.usageInput(usageCounted), &text); err != nil {
		return nil, false, err
	}
	var more struct{ NextToken *string }
	if err := json.Unmarshal(text, &more); err != nil || more.NextToken != nil {
		return nil, false, err
	}
	var out api.ListUsageForLicenseConfigurationOutput
	err = json.Unmarshal(text, &out)
	return out.LicenseConfigurationUsageList, true, err
}

// wholeUsage reads a list to be sorted.
func (v *configurationView) wholeUsage() (rows []api.LicenseConfigurationUsage, whole bool, err error) {
	in := v.usageInput(usageCounted)
	for len(rows) < usageWhole {
		var out api.ListUsageForLicenseConfigurationOutput
		if err := v.call("ListUsageForLicenseConfiguration", in, &out); err != nil {
			return nil, false, err
		}
		rows = append(rows, out.LicenseConfigurationUsageList...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return rows, true, nil
		}
	}
	return nil, false, nil
}

// largeUsage shows one page of a list that is too long to be read whole, in
// the order that the API has.
func (v *configurationView) largeUsage(t *usageTab) error {
	in, list := v.usageInput(usageRows), v.usagePaging()
	in.NextToken = list.token()
	var out api.ListUsageForLicenseConfigurationOutput
	if err := v.call("ListUsageForLicenseConfiguration", in, &out); err != nil {
		return err
	}
	if t.TooLong = v.URL.Query().Get("sort") != ""; !t.TooLong {
		t.Columns = v.sortColumns(nil)
	} else {
		for _, o := range usageOrders {
			t.Columns = append(t.Columns, sortColumn{Text: o.text, Class: o.class})
		}
	}
	t.Pages = list.pages(out.NextToken)
	var err error
	t.Rows, err = v.usageRows(out.LicenseConfigurationUsageList)
	return err
}

func (v *configurationView) usagePaging() paging { return v.paging(v.usageKept()) }

// paging pages a list by the API's tokens. Its later pages are of the moment of
// the first one.
func (v *configurationView) paging(keep url.Values) paging {
	keep = cloned(keep)
	if v.at == nil && v.asOf != "" {
		keep.Set("at", v.asOf)
	}
	return v.pagedPart(v.URL.Path, keep, "token", "list")
}

func (v *configurationView) usageRows(list []api.LicenseConfigurationUsage) ([]usageRow, error) {
	rows := make([]usageRow, len(list))
	links := make([]*resourceLink, len(list))
	for i := range list {
		u := &list[i]
		rows[i] = usageRow{
			resourceCell: v.resourceCell(u.ResourceArn, u.ResourceType, u.ResourceOwnerId),
			Status:       told(u.ResourceStatus), Licences: told(u.ConsumedLicenses), Since: v.visit.at(clockTime(u.AssociationTime)),
		}
		links[i] = rows[i].resourceLink
	}
	return rows, v.nameLinks(links...)
}

// usageOrders are the columns that a whole list can be sorted by.
var usageOrders = []struct {
	name, text, class string
	compare           func(a, b *api.LicenseConfigurationUsage) int
}{
	{"resource", "Resource", "", func(a, b *api.LicenseConfigurationUsage) int {
		return cmp.Compare(shortName(told(a.ResourceArn)), shortName(told(b.ResourceArn)))
	}},
	{"", "Type", "", nil}, {"", "Account", "", nil}, {"", "Status", "", nil},
	{"licences", "Licences", "num", func(a, b *api.LicenseConfigurationUsage) int {
		return cmp.Compare(told(b.ConsumedLicenses), told(a.ConsumedLicenses)) // the largest first
	}},
	{"since", "Since", "", func(a, b *api.LicenseConfigurationUsage) int {
		return cmp.Compare(told(a.AssociationTime), told(b.AssociationTime))
	}},
}

// sortColumns sorts rows as the address asks, and returns the heads of the
// columns. A name with a minus before it is the other way round.
func (v *configurationView) sortColumns(rows []api.LicenseConfigurationUsage) (columns []sortColumn) {
	wanted, backwards := strings.CutPrefix(v.URL.Query().Get("sort"), "-")
	for _, o := range usageOrders {
		column := sortColumn{Text: o.text, Class: o.class}
		if o.name != "" {
			column.Href, column.Order = o.name, "none"
		}
		if o.name != "" && o.name == wanted {
			slices.SortStableFunc(rows, func(a, b api.LicenseConfigurationUsage) int { return o.compare(&a, &b) })
			column.Order = "ascending"
			if o.name == "licences" {
				column.Order = "descending"
			}
			if backwards {
				slices.Reverse(rows)
				column.Order = map[string]string{"ascending": "descending", "descending": "ascending"}[column.Order]
			} else {
				column.Href = "-" + o.name
			}
		}
		if column.Href != "" {
			keep := v.usageKept()
			keep.Set("sort", column.Href)
			column.Href = v.URL.Path + "?" + keep.Encode() + "#list"
		}
		columns = append(columns, column)
	}
	return columns
}
