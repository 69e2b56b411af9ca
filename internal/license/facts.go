package license

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// KnownFact is one fact of a resource as people read it.
type KnownFact struct {
	Name  string // as PutResources names it, or "tag:" and the key of a tag
	Value string // lists are joined with ", "
	Since Time   // when it was first reported like this; 0: longer ago than was looked
}

// list returns what is known, in the order in which people look for it. What is
// not known is left out; a tag may have an empty value.
func (f *Facts) list() []KnownFact {
	var known []KnownFact
	text := func(name, value string) {
		if value != "" {
			known = append(known, KnownFact{Name: name, Value: value})
		}
	}
	number := func(name string, n int64) {
		if n != 0 {
			text(name, strconv.FormatInt(n, 10))
		}
	}
	text("Status", f.Status)
	text("Name", f.Name)
	text("Platform", f.Platform)
	text("PlatformType", f.PlatformType)
	text("PlatformVersion", f.PlatformVersion)
	text("System", f.System)
	text("SystemVersion", f.SystemVersion)
	text("InstanceType", f.InstanceType)
	number("VCpus", f.VCPUs)
	number("Cores", f.Cores)
	number("ThreadsPerCore", f.ThreadsPerCore)
	number("Sockets", f.Sockets)
	if f.Virtual != nil {
		text("Virtual", strconv.FormatBool(*f.Virtual))
	}
	text("HostId", f.Host)
	text("Tenancy", f.Tenancy)
	text("AmiId", f.AMI)
	text("EngineEdition", f.EngineEdition)
	text("UsageOperation", f.UsageOperation)
	text("LicenseIncluded", strings.Join(f.LicenseIncluded, ", "))
	text("LicensePacks", strings.Join(f.LicensePacks, ", "))
	text("MarketplaceProductCodes", strings.Join(f.ProductCodes, ", "))
	text("MovedTo", f.MovedTo)
	for _, t := range f.Tags {
		known = append(known, KnownFact{Name: "tag:" + t.Key, Value: t.Value})
	}
	return known
}

// FactChange is a fact that differs between two versions; nil where there was
// none.
type FactChange struct {
	Name     string
	From, To *string
}

// changedFacts compares two versions, in the order of the later one; what it
// lacks comes last.
func changedFacts(from, to *Facts) []FactChange {
	before := map[string]string{}
	old := from.list()
	for _, f := range old {
		before[f.Name] = f.Value
	}
	var changes []FactChange
	for _, f := range to.list() {
		was, had := before[f.Name]
		switch {
		case !had:
			changes = append(changes, FactChange{f.Name, nil, &f.Value})
		case was != f.Value:
			changes = append(changes, FactChange{f.Name, &was, &f.Value})
		}
		delete(before, f.Name)
	}
	for _, f := range old {
		if _, lost := before[f.Name]; lost {
			changes = append(changes, FactChange{f.Name, &f.Value, nil})
		}
	}
	return changes
}

// SoftwareChange is an application whose version differs between two reports;
// nil where it was not installed.
type SoftwareChange struct {
	Name, Publisher      string
	FromVersion, Version *string
}

// changedSoftware compares two lists of applications. A name that has several
// versions on one of the sides pairs them in their order.
func changedSoftware(from, to []Application) []SoftwareChange {
	type program struct{ name, publisher string }
	type sides struct{ from, to []string }
	all := map[program]*sides{}
	var order []program
	of := func(a *Application) *sides {
		p := program{a.Name, a.Publisher}
		if all[p] == nil {
			all[p] = &sides{}
			order = append(order, p)
		}
		return all[p]
	}
	for i := range from {
		s := of(&from[i])
		s.from = append(s.from, from[i].Version)
	}
	for i := range to {
		s := of(&to[i])
		s.to = append(s.to, to[i].Version)
	}
	slices.SortFunc(order, func(a, b program) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.publisher, b.publisher))
	})
	var changes []SoftwareChange
	for _, p := range order {
		for _, v := range changedVersions(all[p].from, all[p].to) {
			changes = append(changes, SoftwareChange{p.name, p.publisher, v[0], v[1]})
		}
	}
	return changes
}

// changedVersions pairs the versions that are on one side alone.
func changedVersions(from, to []string) [][2]*string {
	lost := slices.DeleteFunc(slices.Clone(from), func(v string) bool { return slices.Contains(to, v) })
	come := slices.DeleteFunc(slices.Clone(to), func(v string) bool { return slices.Contains(from, v) })
	pairs := make([][2]*string, max(len(lost), len(come)))
	for i := range lost {
		pairs[i][0] = &lost[i]
	}
	for i := range come {
		pairs[i][1] = &come[i]
	}
	return pairs
}
