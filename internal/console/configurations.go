package console

import (
	"net/http"
	"strings"

	"reeve/internal/api"
)

// Bounds of the list of configurations.
const (
	listRows  = 50 // of one page
	listPages = 5  // of 1000 that are looked through
)

// configurationsBody is the list of configurations.
type configurationsBody struct {
	Filters listFilters
	Rows    []configurationRow
	Pages   pages
	Cut     bool
	Any     bool // there are configurations, whether they match or not
}

type listFilters struct {
	Query, Counting string
	Countings       []choice
	Over, Hard      bool
	Active          bool
}

type configurationRow struct {
	Name, Path, ID, Description, Unit, Status string
	Used                                      int64
	Bought                                    *int64
	Hard, Over                                bool
	Rules                                     []string
	Discovery                                 int
	Expiry                                    expiry
	Associated                                int64
	Owner                                     string // account that shares it with this one; "" for this one's own
}

// configurations lists every configuration that matches, by name.
func (c *console) configurations(v *visit) error {
	q := v.URL.Query()
	f := listFilters{Query: strings.TrimSpace(q.Get("q")), Counting: q.Get("counting"), Over: q.Get("over") != "", Hard: q.Get("hard") != ""}
	f.Active = f.Query != "" || f.Counting != "" || f.Over || f.Hard
	for _, kind := range countings {
		f.Countings = append(f.Countings, choice{kind.Value, kind.Value, kind.Value == f.Counting})
	}
	all, cut, err := v.matching(f)
	if err != nil {
		return err
	}
	body := configurationsBody{Filters: f, Cut: cut, Any: f.Active || len(all) > 0}
	var from, to int
	body.Pages, from, to = pagesOf(v.URL.Path, v.kept("q", "counting", "over", "hard"), v.pageNumber(), listRows, len(all))
	for i := range all[from:to] {
		body.Rows = append(body.Rows, v.configurationRow(&all[from+i]))
	}
	return v.show(http.StatusOK, "configurations", "Configurations", body)
}

// matching lists the configurations that match, in the order of their creation.
func (v *visit) matching(f listFilters) (all []api.LicenseConfiguration, cut bool, err error) {
	in := &api.ListLicenseConfigurationsInput{}
	for name, value := range f.api() {
		in.Filters = append(in.Filters, api.Filter{Name: &name, Values: []string{value}})
	}
	for range listPages {
		var out api.ListLicenseConfigurationsOutput
		if err := v.call("ListLicenseConfigurations", in, &out); err != nil {
			return nil, false, err
		}
		for _, c := range out.LicenseConfigurations {
			if f.matches(&c) {
				all = append(all, c)
			}
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return all, false, nil
		}
	}
	return all, true, nil
}

// api are the filters that the API has.
func (f *listFilters) api() map[string]string {
	filters := map[string]string{}
	if f.Counting != "" {
		filters["licenseCountingType"] = f.Counting
	}
	if f.Over {
		filters["usagelimitExceeded"] = "true"
	}
	if f.Hard {
		filters["enforceLicenseCount"] = "true"
	}
	return filters
}

// matches looks for the text that was asked for, in what people know.
func (f *listFilters) matches(c *api.LicenseConfiguration) bool {
	text := strings.ToLower(told(c.Name) + "\n" + told(c.Description) + "\n" + told(c.LicenseConfigurationId))
	return strings.Contains(text, strings.ToLower(f.Query))
}

func (v *visit) configurationRow(c *api.LicenseConfiguration) configurationRow {
	row := configurationRow{
		Name: told(c.Name), Path: v.configurationPath(told(c.LicenseConfigurationArn)), ID: told(c.LicenseConfigurationId), Description: told(c.Description),
		Owner: v.lender(told(c.LicenseConfigurationArn)), Unit: unitOf(told(c.LicenseCountingType)), Status: told(c.Status), Used: told(c.ConsumedLicenses), Bought: c.LicenseCount,
		Hard: told(c.LicenseCountHardLimit), Rules: ruleWords(c.LicenseRules), Discovery: len(c.ProductInformationList), Expiry: v.expiryOf(c.LicenseExpiry, v.c.Now()),
	}
	row.Over = c.LicenseCount != nil && row.Used > *c.LicenseCount
	for _, s := range c.ManagedResourceSummaryList {
		row.Associated += told(s.AssociationCount)
	}
	return row
}
