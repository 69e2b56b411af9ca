package server

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reeve/internal/api"
	"reeve/internal/license"
)

func filter(name string, values ...string) api.Filter {
	return api.Filter{Name: &name, Values: values}
}

func TestFiltersAreReadInTheOrderOfTheirNames(t *testing.T) {
	values, err := readFilters([]api.Filter{filter("c", "3"), filter("a", "")}, "a", "b", "c")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(filterValues{new(""), nil, new("3")}, values); diff != "" {
		t.Errorf("read differently (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"=", "", "=3"}, values.parts()); diff != "" {
		t.Errorf("parts differ (-want +got):\n%s", diff)
	}
}

func TestFiltersThatAreRefused(t *testing.T) {
	many := make([]api.Filter, 11)
	for i := range many {
		many[i] = filter("a", "1")
	}
	tests := map[string]struct {
		filters []api.Filter
		kind    license.Kind
		says    string
	}{
		"Unknown":     {[]api.Filter{filter("x", "1")}, license.InvalidParameter, `"x"`},
		"Case":        {[]api.Filter{filter("A", "1")}, license.InvalidParameter, "a, b"},
		"EmptyName":   {[]api.Filter{filter("", "1")}, license.InvalidParameter, "a, b"},
		"NoName":      {[]api.Filter{{Values: []string{"1"}}}, license.InvalidParameter, "a, b"},
		"NoValues":    {[]api.Filter{{Name: new("a")}}, license.InvalidParameter, "a"},
		"EmptyValues": {[]api.Filter{filter("a")}, license.InvalidParameter, "a"},
		"Twice":       {[]api.Filter{filter("a", "1"), filter("a", "1")}, license.InvalidParameter, "a"},
		"TwoValues":   {[]api.Filter{filter("a", "1", "1")}, license.FilterLimit, "a"},
		"TooMany":     {many, license.FilterLimit, "10"},
		"LongName":    {[]api.Filter{filter(strings.Repeat("x", 1<<16), "1")}, license.InvalidParameter, "xxx"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := readFilters(test.filters, "a", "b")
			if license.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.says) || len(err.Error()) > 500 {
				t.Errorf("got %v, want kind %d with %q", err, test.kind, test.says)
			}
		})
	}
}

// Whatever filters say, the answer is values that belong to known names, or a
// refusal of bounded length.
func FuzzFilters(f *testing.F) {
	f.Add("resourceArn", "arn:aws:ec2:eu-west-1:123456789012:instance/i-1", "asOf", "2026-01-31T23:59:59Z", 1)
	f.Add("resourceType", "EC2_HOST", "resourceType", "EC2_HOST", 2)
	f.Add("ResourceAccount", "", "", "\x00\xff", 0)
	f.Add("asOf", "NaN", "resourceAccount", "99999999999999999999", 11)
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2 string, repeat int) {
		filters := []api.Filter{filter(name1, value1)}
		for range min(max(repeat, 0), 20) {
			filters = append(filters, filter(name2, value2))
		}
		values, err := readFilters(filters, filterARN, filterType, filterAccount, filterAsOf)
		if err == nil {
			_, err = usageFilter(values)
		}
		if err == nil && len(filters) > 2 {
			t.Errorf("%d filters of two names were taken", len(filters))
		}
		if err != nil && (license.KindOf(err) == license.Internal || len(err.Error()) > 1000) {
			t.Errorf("refused as kind %d with %d bytes", license.KindOf(err), len(err.Error()))
		}
	})
}
