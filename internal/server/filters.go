package server

import (
	"slices"
	"strings"

	"reeve/internal/api"
)

// maxFilters is how many filters one request may have.
const maxFilters = 10

// filterValues holds the value of each known filter at the place of its name;
// nil where the request does not have the filter.
type filterValues []*string

// readFilters reads Filters, of which known lists the documented names. Names
// are case-sensitive, each may stand once, and each has exactly one value.
func readFilters(filters []api.Filter, known ...string) (filterValues, error) {
	if len(filters) > maxFilters {
		return nil, filterLimit("The request has %d filters. Use at most %d.", len(filters), maxFilters)
	}
	values := make(filterValues, len(known))
	for _, f := range filters {
		i := slices.Index(known, value(f.Name))
		switch {
		case f.Name == nil:
			return nil, invalid("A filter has no Name. Filters of this operation are %s.", strings.Join(known, ", "))
		case i < 0:
			return nil, invalid("There is no filter %q here. Filters of this operation are %s; their names are case-sensitive.", clip(*f.Name), strings.Join(known, ", "))
		case len(f.Values) > 1:
			return nil, filterLimit("Filter %s has %d values. Give it one value.", known[i], len(f.Values))
		case len(f.Values) == 0:
			return nil, invalid("Filter %s has no value. Give it one value. Filters of this operation are %s.", known[i], strings.Join(known, ", "))
		case values[i] != nil:
			return nil, invalid("Filter %s stands in the request more than once. Give it once, with one value.", known[i])
		}
		values[i] = &f.Values[0]
	}
	return values, nil
}

// parts returns what a page token is bound to: every filter at its place, with
// absent ones told apart from empty values.
func (v filterValues) parts() []string {
	parts := make([]string, len(v))
	for i, p := range v {
		if p != nil {
			parts[i] = "=" + *p
		}
	}
	return parts
}
