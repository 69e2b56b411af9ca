package license

import (
	"slices"
	"strings"
)

// Limits of ProductInformationList; the model names none.
const (
	maxProducts       = 50
	maxProductFilters = 50
	maxProductValues  = 100
	maxProductText    = 1024
)

// productFilter says what a discovery filter may compare, and with what.
type productFilter struct {
	comparators []string
	values      []string // nil: any
}

// productFilters lists the filters of each resource type, from the
// documentation of ProductInformation. "Tag:" stands for every tag key.
var productFilters = map[string]map[string]productFilter{
	discoverManaged: {
		filterAppName:      {comparators: []string{"EQUALS"}},
		filterAppPublisher: {comparators: []string{"EQUALS"}},
		filterAppVersion:   {comparators: []string{"EQUALS"}},
		filterPlatform:     {comparators: []string{"EQUALS"}},
		filterPlatformType: {comparators: []string{"EQUALS"}},
		filterTag:          {comparators: []string{"NOT_EQUALS"}},
		filterAccount:      {comparators: []string{"NOT_EQUALS"}},
		filterIncluded: {comparators: []string{"EQUALS", "NOT_EQUALS"}, values: []string{
			"sql-server-enterprise", "sql-server-standard", "sql-server-web", "windows-server-datacenter"}},
	},
	discoverRDS: {
		filterEngine: {comparators: []string{"EQUALS"}, values: []string{
			"oracle-ee", "oracle-se", "oracle-se1", "oracle-se2", "db2-se", "db2-ae"}},
		filterPack: {comparators: []string{"EQUALS"}, values: []string{
			"data guard", "diagnostic pack sqlt", "tuning pack sqlt", "ols", "olap"}},
	},
}

// checkProducts refuses discovery rules that the documentation does not allow.
func checkProducts(products []ProductInformation) error {
	if len(products) > maxProducts {
		return refuse(InvalidParameter, "ProductInformationList has %d entries, at most %d are allowed.", len(products), maxProducts)
	}
	for _, p := range products {
		known, ok := productFilters[p.ResourceType]
		if !ok {
			return refuse(InvalidParameter, "Invalid ResourceType %q in ProductInformationList. Expected SSM_MANAGED or RDS.", clip(p.ResourceType))
		}
		if len(p.Filters) == 0 || len(p.Filters) > maxProductFilters {
			return refuse(InvalidParameter, "ProductInformationFilterList has %d filters, expected 1 to %d.", len(p.Filters), maxProductFilters)
		}
		for _, f := range p.Filters {
			if err := f.check(p.ResourceType, known); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *ProductFilter) check(resourceType string, known map[string]productFilter) error {
	rule, ok := known[f.Name]
	tag := strings.HasPrefix(f.Name, "Tag:") && len(f.Name) > len("Tag:")
	if tag {
		rule, ok = known["Tag:"]
	}
	if !ok || f.Name == "Tag:" {
		return refuse(InvalidParameter, "Invalid ProductInformationFilterName %q for the resource type %s.", clip(f.Name), resourceType)
	}
	if !slices.Contains(rule.comparators, f.Comparator) {
		return refuse(InvalidParameter, "Invalid ProductInformationFilterComparator %q for the filter %q. Expected %s.", clip(f.Comparator), clip(f.Name), strings.Join(rule.comparators, " or "))
	}
	if len(f.Values) == 0 && !tag || len(f.Values) > maxProductValues {
		return refuse(InvalidParameter, "The filter %q has %d values, expected 1 to %d.", clip(f.Name), len(f.Values), maxProductValues)
	}
	return f.checkValues(rule.values)
}

func (f *ProductFilter) checkValues(allowed []string) error {
	for _, v := range f.Values {
		if err := checkText("ProductInformationFilterValue", v, 0, maxProductText); err != nil {
			return err
		}
		if allowed != nil && !slices.Contains(allowed, v) {
			return refuse(InvalidParameter, "Invalid value %q of the filter %q. Expected one of %s.", clip(v), clip(f.Name), strings.Join(allowed, ", "))
		}
		if f.Name == "AccountId" && !validAccount(v) {
			return refuse(InvalidParameter, "Invalid value %q of the filter AccountId. Expected 12 digits.", clip(v))
		}
	}
	return nil
}
