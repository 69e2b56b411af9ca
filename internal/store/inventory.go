package store

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"reeve/internal/license"
	"reeve/internal/store/sqlconn"
)

// license.ResourceTx: ListResourceInventory.
//
// Each filter becomes the numbers of the values that it accepts, and each value
// has its resources in the order of their numbers (table attribute_resource). A
// page is where these lists meet, found by leaping from one to the other
// (search.go), so it costs what lies between its first and its last resource,
// and never more than a budget: a page whose budget is spent ends early.
//
// A filter that accepts very many values has no list that is worth merging. Most
// resources then have one of them, so it is asked of each resource that the other
// filters leave (candidate.go). Only where few turn out to, the lists are merged
// after all.
//
// Every condition is a comparison by byte: LIKE is not used, since it folds case
// in SQLite and needs escapes.

// maxInventoryFilters bounds the lists; the API's own limit is lower.
const maxInventoryFilters = 64

// searchLimits bound what a search does.
type searchLimits struct {
	narrow  int // values of a filter whose lists are merged without a second thought
	wide    int // those that are merged where that is worth it
	scanned int // values of an attribute that are read to find those that a filter accepts

	// What a page may cost in rows of an index, all in all and before the lists
	// of a wide filter are merged.
	page, probe int
}

var defaultSearchLimits = searchLimits{narrow: 32, wide: 2000, scanned: 50_000, page: 50_000, probe: 5_000}

// Inventory implements license.ResourceTx.
func (t *tx) Inventory(account string, filters []license.InventoryFilter, after int64, limit int) (page []*license.Resource, next int64, err error) {
	if len(filters) == 0 {
		page, err = t.resources("list inventory", selectResource+`
			WHERE r.account = $1 AND r.num > $2 AND r.gone = 0 ORDER BY r.num LIMIT $3`, account, after, int64(limit))
		if err == nil && len(page) == limit && limit > 0 {
			next = page[limit-1].Num
		}
		return page, next, err
	}
	nums, at, err := t.search(account, filters, after, limit)
	if err != nil {
		return nil, 0, err
	}
	found, err := t.ResourcesByNum(nums)
	if err != nil {
		return nil, 0, err
	}
	for _, num := range nums {
		page = append(page, found[num])
	}
	if at != noMore {
		next = at - 1
	}
	return page, next, nil
}

// search returns the numbers of a page, and the number below which everything
// was looked at.
func (t *tx) search(account string, filters []license.InventoryFilter, after int64, limit int) ([]int64, int64, error) {
	s := &search{tx: t, account: account, at: after + 1}
	possible, err := s.plan(filters)
	if err != nil || !possible || limit <= 0 {
		return nil, noMore, err
	}
	if len(s.in) > 0 {
		return s.page(nil, limit, t.limits.page)
	}
	s.in = []*union{s.everything()}
	if len(s.ask) == 0 {
		return s.page(nil, limit, t.limits.page)
	}
	found, at, err := s.page(nil, limit, t.limits.probe)
	if err != nil || len(found) == limit || at == noMore {
		return found, at, err
	}
	if err := s.widen(); err != nil {
		return nil, 0, err
	}
	return s.page(found, limit, t.limits.page)
}

// plan sorts the filters by how they are looked at; false when one of them
// accepts nothing that any resource has.
func (s *search) plan(filters []license.InventoryFilter) (possible bool, err error) {
	if len(filters) > maxInventoryFilters {
		return false, fmt.Errorf("list inventory: more than %d filters", maxInventoryFilters)
	}
	for i := range filters {
		f := &filters[i]
		if err := checkFilter(f); err != nil {
			return false, err
		}
		if f.Condition == license.NotEquals {
			possible, err = s.planWithout(f)
		} else {
			possible, err = s.planWith(f)
		}
		if err != nil || !possible {
			return false, err
		}
	}
	return true, nil
}

func checkFilter(f *license.InventoryFilter) error {
	switch f.Condition {
	case license.Equals, license.NotEquals, license.BeginsWith, license.Contains:
	default:
		return fmt.Errorf("list inventory: the condition %q is unknown", f.Condition)
	}
	switch f.Name {
	case accountID, applicationName, licenseIncluded, platform, resourceID:
		return nil
	}
	if !strings.HasPrefix(f.Name, tagPrefix) {
		return fmt.Errorf("list inventory: the filter %q is unknown", f.Name)
	}
	return nil
}

func (s *search) planWith(f *license.InventoryFilter) (possible bool, err error) {
	if f.Condition == license.Equals {
		values, err := s.equal(f)
		s.in = append(s.in, s.union(values))
		return len(values) > 0 && (f.Value != "" || !single(f.Name)), err
	}
	values, all, err := s.accepted(f, s.tx.limits.narrow)
	switch {
	case err != nil:
		return false, err
	case all:
		s.in = append(s.in, s.union(values))
		return len(values) > 0, nil
	}
	s.ask = append(s.ask, f)
	return true, nil
}

// planWithout leaves out the resources with a value. Of attributes that every
// resource has exactly one of, it picks those with another value, if there are
// few others: where nearly all have the one, they are found at once.
func (s *search) planWithout(f *license.InventoryFilter) (possible bool, err error) {
	if single(f.Name) {
		others, all, err := s.accepted(f, s.tx.limits.narrow)
		if err != nil {
			return false, err
		}
		if all {
			s.in = append(s.in, s.union(others))
			return len(others) > 0, nil
		}
	}
	equal, err := s.equal(f)
	if len(equal) > 0 && (f.Value != "" || !single(f.Name)) {
		s.out = append(s.out, s.union(equal))
	}
	return true, err
}

// equal returns the number of a filter's own value, if it has one.
func (s *search) equal(f *license.InventoryFilter) (values []int64, err error) {
	err = s.tx.query("find value", `SELECT num FROM attribute_value
		WHERE account = $1 AND attribute = $2 AND value = $3`, []any{s.account, f.Name, f.Value}, func(r sqlconn.Row) error {
		values = append(values, r.Int(0))
		return nil
	})
	return values, err
}

// single reports whether every resource has exactly one value of an attribute,
// of which "" stands for none.
func single(name string) bool { return name == platform || name == accountID }

// errEnough ends a statement that has given enough.
var errEnough = errors.New("enough")

// accepted returns the numbers of the values that a filter accepts; all is
// false when there are more than limit, or too many to look at.
func (s *search) accepted(f *license.InventoryFilter, limit int) (values []int64, all bool, err error) {
	looked := 0
	var text []byte
	first, end := valueRange(f)
	err = s.tx.query("find values", `SELECT num, value FROM attribute_value
		WHERE account = $1 AND attribute = $2 AND value >= $3 AND value < $4 ORDER BY value LIMIT $5`,
		[]any{s.account, f.Name, first, end, int64(s.tx.limits.scanned)}, func(r sqlconn.Row) error {
			looked++
			text = r.AppendText(text[:0], 1)
			if acceptsValue(f, text) {
				values = append(values, r.Int(0))
			}
			if len(values) > limit {
				return errEnough
			}
			return nil
		})
	s.cost += looked
	if errors.Is(err, errEnough) {
		return nil, false, nil
	}
	return values, looked < s.tx.limits.scanned, err
}

// valueRange is where the values that a filter accepts are: first <= value < end.
func valueRange(f *license.InventoryFilter) (first, end string) {
	if f.Condition == license.BeginsWith {
		return f.Value, prefixEnd(f.Value)
	}
	return "", lastText
}

// acceptsValue decides for a value in the range. Of NOT_EQUALS it is asked for
// single attributes alone.
func acceptsValue(f *license.InventoryFilter, value []byte) bool {
	switch {
	case f.Condition == license.NotEquals:
		return len(value) == 0 || string(value) != f.Value
	case len(value) == 0 && single(f.Name):
		return false
	}
	return f.Condition == license.BeginsWith || bytes.Contains(value, []byte(f.Value))
}

// prefixEnd returns the first text, by byte, behind all that begin with prefix,
// or as good as that. UTF-8 orders by byte as its code points do.
func prefixEnd(prefix string) string {
	for prefix != "" {
		last, size := utf8.DecodeLastRuneInString(prefix)
		prefix = prefix[:len(prefix)-size]
		switch {
		case last == utf8.MaxRune:
			continue
		case last == 0xD7FF: // what follows is reserved for UTF-16
			return prefix + "\uE000"
		}
		return prefix + string(last+1)
	}
	return lastText
}

// lastText is behind every value that there is: they are shorter.
var lastText = strings.Repeat(string(utf8.MaxRune), 1024)

// noMore is a number behind those of all resources.
const noMore = math.MaxInt64
