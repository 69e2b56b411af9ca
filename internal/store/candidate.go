package store

import (
	"slices"
	"strings"

	"reeve/internal/license"
	"reeve/internal/store/sqlconn"
)

// What inventory filters that accept very many values ask of each resource.

// widen replaces the list of everything by those of the values that one of the
// filters accepts, of which every resource was asked so far, if there are not
// too many.
func (s *search) widen() error {
	for i, f := range s.ask {
		values, all, err := s.accepted(f, s.tx.limits.wide)
		if err != nil {
			return err
		}
		if all {
			s.in = []*union{s.union(values)}
			s.ask = slices.Delete(s.ask, i, i+1)
			return nil
		}
	}
	return nil
}

// asked returns those of the resources that every filter accepts. They are
// read from the database one kind of filter after the other.
func (s *search) asked(nums []int64) ([]int64, error) {
	var ofFacts, ofSoftware []*license.InventoryFilter
	for _, f := range s.ask {
		if f.Name == applicationName {
			ofSoftware = append(ofSoftware, f)
		} else {
			ofFacts = append(ofFacts, f)
		}
	}
	nums, err := s.askFacts(nums, ofFacts)
	if err != nil {
		return nil, err
	}
	return s.askSoftware(nums, ofSoftware)
}

func (s *search) askFacts(nums []int64, filters []*license.InventoryFilter) ([]int64, error) {
	if len(filters) == 0 {
		return nums, nil
	}
	s.cost += askCost * len(nums)
	found, err := s.tx.ResourcesByNum(nums)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(nums, func(num int64) bool {
		r := found[num]
		has := factAttributes(r, &r.Facts)
		return slices.ContainsFunc(filters, func(f *license.InventoryFilter) bool {
			return !slices.ContainsFunc(has, func(a attribute) bool { return a.name == f.Name && wideAccepts(f, a.value) })
		})
	}), nil
}

// wideAccepts decides for any value; the conditions that accept many are two.
func wideAccepts(f *license.InventoryFilter, value string) bool {
	switch f.Condition {
	case license.BeginsWith:
		return strings.HasPrefix(value, f.Value) && (value != "" || !single(f.Name))
	case license.Contains:
		return strings.Contains(value, f.Value) && (value != "" || !single(f.Name))
	}
	return false
}

// askSoftware leaves out of nums the resources without an application that a
// filter accepts.
func (s *search) askSoftware(nums []int64, filters []*license.InventoryFilter) ([]int64, error) {
	if len(filters) == 0 {
		return nums, nil
	}
	s.cost += askCost * len(nums)
	has := make(map[int64]bool, len(nums))
	err := s.tx.queryEach("read current software", selectSearchable, eachOf(nums), func(i int, r sqlconn.Row) (err error) {
		has[nums[i]], err = hasApplications(r.Text(2), filters)
		return err
	})
	return slices.DeleteFunc(nums, func(num int64) bool { return !has[num] }), err
}

// hasApplications reports whether a list of applications, as it is stored, has
// one for each filter.
func hasApplications(text string, filters []*license.InventoryFilter) (bool, error) {
	var apps []license.Application
	if err := decodeApplications(text, &apps); err != nil {
		return false, err
	}
	return !slices.ContainsFunc(filters, func(f *license.InventoryFilter) bool {
		return !slices.ContainsFunc(apps, func(a license.Application) bool { return wideAccepts(f, a.Name) })
	}), nil
}
