package license

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Bounds of what is told of one resource at once.
const (
	detailUses     = 100 // configurations
	detailGuests   = 100 // machines on a host
	detailVersions = 100 // of facts, to find since when each holds
)

// ResourceState says how much a resource is there.
type ResourceState string

// The states: still reported, its report overdue, silent for so long that its
// licences were released, and out of the inventory.
const (
	StateActive   ResourceState = "ACTIVE"
	StateLost     ResourceState = "LOST"
	StateInactive ResourceState = "INACTIVE"
	StateGone     ResourceState = "GONE"
)

// State tells a resource's state from its facts.
func (f *Facts) State() ResourceState {
	switch {
	case f.Gone():
		return StateGone
	case f.Status == inactive:
		return StateInactive
	case f.Status == connectionLost:
		return StateLost
	}
	return StateActive
}

// ResourceDetails is what is known of a resource now.
type ResourceDetails struct {
	*Resource
	Known      []KnownFact
	Uses       []ResourceUse // in the order of the configurations' numbers
	MoreUses   bool          // there are more than Uses has
	Guests     []*Resource   // what runs on it, in the order of numbers
	MoreGuests bool
	Software   SoftwareList
}

// ResourceUse is a resource in one configuration: what it consumes there, and
// why it does not.
type ResourceUse struct {
	ConfigurationARN, Name string
	CountingType           CountingType
	Association            *Association // nil when it is only counted for others, excluded or refused
	Consumed               int64
	CountedOn              string     // ARN of the resource that carries the count; "" when nothing is consumed
	Failure                string     // why it has no licence
	Exclusion              *Exclusion // that holds
}

// SoftwareList is one page of the applications of a resource.
type SoftwareList struct {
	Version    int64 // of the list; 0: no software was ever reported
	Total      int   // of all applications
	Found      int   // of those that the search found
	Page       []FoundApplication
	NextOffset int // 0 after the last page
}

// FoundApplication is an installed program with what it is taken for.
type FoundApplication struct {
	Application
	Product Product
	Known   bool // Product says what it is
}

// SoftwareQuery selects what of a resource's software is listed.
type SoftwareQuery struct {
	Contains string // in the name, publisher or product, whatever the case; "" for all
	Version  int64  // that a page began with; 0 for the newest
	Offset   int
	Limit    int
}

// ResourceDetails returns what is known of one resource of the caller's
// inventory: gone ones are there too. Its configurations are those of the
// caller's account and region.
func (m *Manager) ResourceDetails(ctx context.Context, who Caller, arn string, q SoftwareQuery) (d *ResourceDetails, err error) {
	err = m.viewResource(ctx, who, arn, func(tx Tx, r *Resource) error {
		d = &ResourceDetails{Resource: r}
		for _, fill := range []func(Tx, Caller, *ResourceDetails) error{m.fillFacts, m.fillUses, m.fillGuests} {
			if err := fill(tx, who, d); err != nil {
				return err
			}
		}
		d.Software, err = m.findSoftware(tx, r, q)
		return err
	})
	return d, err
}

// viewResource runs fn over a resource of the caller's inventory.
func (m *Manager) viewResource(ctx context.Context, who Caller, arn string, fn func(Tx, *Resource) error) error {
	if _, err := ParseResourceARN(arn); err != nil {
		return err
	}
	return m.store.View(ctx, func(tx Tx) error {
		r, err := tx.Resource(who.Account, arn)
		if err != nil {
			return fmt.Errorf("read resource: %w", err)
		}
		if r == nil {
			return refuse(InvalidParameter, "Resource %s is not in the inventory.", clip(arn))
		}
		return fn(tx, r)
	})
}

// fillFacts finds since when each fact holds, going back from the newest.
func (m *Manager) fillFacts(tx Tx, _ Caller, d *ResourceDetails) error {
	versions, err := tx.FactsVersions(d.Num, d.Version+1, detailVersions)
	if err != nil {
		return fmt.Errorf("read versions of facts: %w", err)
	}
	d.Known = d.Facts.list()
	whole := len(versions) < detailVersions || versions[len(versions)-1].Version == 1
	values := make([]map[string]string, len(versions))
	for i := range versions {
		values[i] = map[string]string{}
		for _, f := range versions[i].Facts.list() {
			values[i][f.Name] = f.Value
		}
	}
	for i := range d.Known {
		f := &d.Known[i]
		same := 0
		for same < len(versions) && holdsFact(values[same], f) {
			same++
		}
		if same > 0 && (same < len(versions) || whole) {
			f.Since = versions[same-1].At
		}
	}
	return nil
}

func holdsFact(values map[string]string, f *KnownFact) bool {
	value, has := values[f.Name]
	return has && value == f.Value
}

func (m *Manager) fillGuests(tx Tx, who Caller, d *ResourceDetails) error {
	if d.Type != EC2Host && d.Type != ManagedInstance {
		return nil
	}
	guests, err := tx.GuestsOf(who.Account, d.ARN, detailGuests+1)
	if err != nil {
		return fmt.Errorf("read guests: %w", err)
	}
	d.MoreGuests = len(guests) > detailGuests
	d.Guests = guests[:min(len(guests), detailGuests)]
	return nil
}

// findSoftware lists a page of one version of a resource's software.
func (m *Manager) findSoftware(tx Tx, r *Resource, q SoftwareQuery) (SoftwareList, error) {
	list := SoftwareList{Version: r.Facts.Software}
	if q.Version > 0 {
		list.Version = min(q.Version, r.Facts.Software)
	}
	if list.Version == 0 {
		return list, nil
	}
	all, err := tx.Software(r.Num, list.Version)
	if err != nil {
		return list, fmt.Errorf("read software: %w", err)
	}
	list.Total = len(all)
	wanted := strings.ToLower(q.Contains)
	for _, a := range all {
		found := FoundApplication{Application: a}
		found.Product, found.Known = m.settings.Normalise(a)
		if !found.contains(wanted) {
			continue
		}
		if list.Found >= q.Offset && len(list.Page) < q.Limit {
			list.Page = append(list.Page, found)
		}
		list.Found++
	}
	if end := q.Offset + len(list.Page); end < list.Found && len(list.Page) > 0 {
		list.NextOffset = end
	}
	return list, nil
}

// contains reports whether an application is what somebody looks for; text is
// in lower case.
func (a *FoundApplication) contains(text string) bool {
	return text == "" || slices.ContainsFunc([]string{a.Name, a.Publisher, a.Product.FullName(), a.Product.Publisher},
		func(s string) bool { return strings.Contains(strings.ToLower(s), text) })
}
