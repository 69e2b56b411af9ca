package server

import (
	"context"

	"reeve/internal/api"
	"reeve/internal/license"
)

// The filters of ListUsageForLicenseConfiguration. asOf, the point in time, is
// Reeve's own (see DIFFERENCES.md).
const (
	filterARN     = "resourceArn"
	filterType    = "resourceType"
	filterAccount = "resourceAccount"
	filterAsOf    = "asOf"
)

// noMatch stands for a filter value that no resource can have. The empty value
// needs it, because the rules read "" as no filter at all.
const noMatch = "-"

func (s *server) listUsageForLicenseConfiguration(ctx context.Context, who license.Caller, in *api.ListUsageForLicenseConfigurationInput) (*usageAnswer, error) {
	arn := value(in.LicenseConfigurationArn)
	values, err := readFilters(in.Filters, filterARN, filterType, filterAccount, filterAsOf)
	if err != nil {
		return nil, err
	}
	filter, err := usageFilter(values)
	if err != nil {
		return nil, err
	}
	p, err := s.pager(who, in.MaxResults, in.NextToken, append(values.parts(), arn)...)
	if err != nil {
		return nil, err
	}
	cursor, err := p.revision()
	if err != nil {
		return nil, err
	}
	if cursor == nil {
		first, err := s.manager.UsageCursor(ctx, who, arn, filter.AsOf)
		if err != nil {
			return nil, err
		}
		cursor = &first
	}
	key := pageKey{cursor: *cursor, limit: p.limit, list: p.scope.name()}
	kept := cursor.Only == 0 // a member's pages are checked again: sharing may have ended
	if body := s.pages.page(key); kept && body != nil {
		return &usageAnswer{kept: body}, nil
	}
	return &usageAnswer{write: func(dst []byte) ([]byte, error) {
		start := len(dst)
		w := newUsageWriter(dst)
		next, err := s.manager.WriteUsage(ctx, who, filter, *cursor, p.limit, w)
		if err != nil {
			return dst, err
		}
		dst = w.end(p.afterRevision(next))
		if kept {
			s.pages.offer(key, dst[start:])
		}
		return dst, nil
	}}, nil
}

// usageFilter turns the values of the filters, in the order of their names
// above, into what the rules select by.
func usageFilter(values filterValues) (license.UsageFilter, error) {
	filter := license.UsageFilter{
		ResourceARN:  wanted(values[0]),
		ResourceType: wanted(values[1]),
		Account:      wanted(values[2]),
	}
	if values[3] == nil {
		return filter, nil
	}
	moment, err := license.ParseMoment(*values[3])
	if err != nil {
		return filter, invalid("Filter %s: %s", filterAsOf, err)
	}
	filter.AsOf = &moment
	return filter, nil
}

// wanted returns a filter's value as the rules take it: "" for no filter.
func wanted(v *string) string {
	if v != nil && *v == "" {
		return noMatch
	}
	return value(v)
}

// usageAnswer is one page of usage, which was written before or is written
// where its bytes go.
type usageAnswer struct {
	kept  []byte
	write func(dst []byte) ([]byte, error)
}

// written returns the page if it was written before.
func (a *usageAnswer) written() []byte { return a.kept }

// AppendJSON reads the page and writes it.
func (a *usageAnswer) AppendJSON(dst []byte) ([]byte, error) { return a.write(dst) }
