package license

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Bounds of a search: resources that one page looks at, and those that are
// read at once.
const (
	findLooks  = 10_000
	findChunk  = 1000
	maxFindARN = 1000
)

// ResourceQuery says which resources somebody looks for; empty members select
// all. Gone resources are found by ARN alone.
type ResourceQuery struct {
	Text  string // in what people know it by, whatever the case; see selects
	State ResourceState
	ARNs  []string // these, in the order given; nothing else selects then
}

// FindResources returns up to limit resources of the caller's inventory in the
// order of their numbers, after one of them, and where to go on; 0 after the
// last one. A page may end early, even empty, when finding more would take
// long.
func (m *Manager) FindResources(ctx context.Context, who Caller, q ResourceQuery, after int64, limit int) (list []*Resource, next int64, err error) {
	if len(q.ARNs) > maxFindARN {
		return nil, 0, refuse(InvalidParameter, "ResourceArns has %d entries, at most %d are allowed.", len(q.ARNs), maxFindARN)
	}
	err = m.store.View(ctx, func(tx Tx) error {
		if q.ARNs != nil {
			list, err = namedResources(tx, who, q.ARNs)
			return err
		}
		list, next, err = q.search(tx, who, after, limit)
		return err
	})
	return list, next, err
}

func namedResources(tx Tx, who Caller, arns []string) ([]*Resource, error) {
	found, err := tx.ResourcesByARN(who.Account, arns)
	if err != nil {
		return nil, fmt.Errorf("read resources: %w", err)
	}
	var list []*Resource
	for _, arn := range arns {
		if r := found[arn]; r != nil {
			list = append(list, r)
			delete(found, arn)
		}
	}
	return list, nil
}

func (q *ResourceQuery) search(tx Tx, who Caller, after int64, limit int) (list []*Resource, next int64, err error) {
	text := strings.ToLower(q.Text)
	for looked := 0; looked < findLooks; looked += findChunk {
		chunk, _, err := tx.Inventory(who.Account, nil, after, findChunk)
		if err != nil {
			return nil, 0, fmt.Errorf("list inventory: %w", err)
		}
		for _, r := range chunk {
			if !q.selects(r, text) {
				continue
			}
			if len(list) == limit {
				return list, list[limit-1].Num, nil
			}
			list = append(list, r)
		}
		if len(chunk) < findChunk {
			return list, 0, nil
		}
		after = chunk[len(chunk)-1].Num
	}
	return list, after, nil
}

// selects compares a resource: its ARN, name, host, image, size, platform, and
// tags as key=value. text is in lower case.
func (q *ResourceQuery) selects(r *Resource, text string) bool {
	if q.State != "" && r.Facts.State() != q.State {
		return false
	}
	if text == "" || has(r.ARN, text) {
		return true
	}
	f := &r.Facts
	return slices.ContainsFunc([]string{f.Name, f.Host, f.AMI, f.InstanceType, f.Platform, f.PlatformVersion, f.System},
		func(s string) bool { return has(s, text) }) ||
		slices.ContainsFunc(f.Tags, func(t Tag) bool { return has(t.Key+"="+t.Value, text) })
}

// has reports whether a text is in s, whatever the case; text is in lower case.
func has(s, text string) bool { return s != "" && strings.Contains(strings.ToLower(s), text) }
