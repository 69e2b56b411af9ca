package license

import (
	"slices"
	"strings"
)

// Product is what the table of products makes of an application: one name for
// all the spellings of its vendor.
type Product struct {
	Name      string // such as Microsoft SQL Server
	Publisher string
	Version   string // "" when the name of the application does not tell it
	Edition   string
}

// FullName is the product with its version and edition, as far as known.
func (p *Product) FullName() string { return joinWords(p.Name, p.Version, p.Edition) }

// anyVersion is the product with its edition alone.
func (p *Product) anyVersion() string { return joinWords(p.Name, p.Edition) }

func joinWords(words ...string) string {
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}

// The resource types of discovery rules (ProductInformation.ResourceType).
const (
	discoverManaged = "SSM_MANAGED"
	discoverRDS     = "RDS"
)

// The filters of discovery rules. That of a tag has its key behind the colon.
const (
	filterAppName      = "Application Name"
	filterAppPublisher = "Application Publisher"
	filterAppVersion   = "Application Version"
	filterPlatform     = "Platform Name"
	filterPlatformType = "Platform Type"
	filterTag          = "Tag:"
	filterAccount      = "AccountId"
	filterIncluded     = "License Included"
	filterEngine       = "Engine Edition"
	filterPack         = "License Pack"
)

// discoveryRules are the rules of one configuration's ProductInformationList,
// made ready for matching. A resource that matches any of them is discovered.
type discoveryRules []discoveryRule

// discoveryRule is one ProductInformation: all of its filters must hold, those
// of applications for the same application.
type discoveryRule struct {
	number       int // its place in the list, from 1
	rds          bool
	applications []discoveryFilter
	others       []discoveryFilter
}

// discoveryFilter is one condition. It holds when any of the values equals
// what the resource has, or, negated, when none does.
type discoveryFilter struct {
	name    string
	key     string // of a tag
	negated bool
	values  map[string]bool // folded, but for those of tags and accounts
}

// fold makes texts equal that differ in nothing but their case, or in spaces
// around them: vendors change both from one release to the next.
func fold(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

func compileRules(products []ProductInformation) discoveryRules {
	rules := make(discoveryRules, len(products))
	for i, p := range products {
		rule := discoveryRule{number: i + 1, rds: p.ResourceType == discoverRDS}
		for _, given := range p.Filters {
			f := given.compile()
			switch f.name {
			case filterAppName, filterAppPublisher, filterAppVersion:
				rule.applications = append(rule.applications, f)
			default:
				rule.others = append(rule.others, f)
			}
		}
		rules[i] = rule
	}
	return rules
}

func (f *ProductFilter) compile() discoveryFilter {
	c := discoveryFilter{name: f.Name, negated: f.Comparator == string(NotEquals), values: make(map[string]bool, len(f.Values))}
	spelling := fold
	if key, ok := strings.CutPrefix(f.Name, filterTag); ok {
		c.name, c.key = filterTag, key
		spelling = func(s string) string { return s }
	}
	for _, v := range f.Values {
		c.values[spelling(v)] = true
	}
	return c
}

// Match says which rule of a ProductInformationList a resource matches, and
// by what.
type Match struct {
	Rule  int // its place in the list, from 1
	Facts []MatchedFact
}

// MatchedFact is one filter with what the resource has that satisfied it.
type MatchedFact struct {
	Filter  string
	Value   string
	KnownAs string // the product's text, when that is what the filter names
}

// match returns the first rule that a resource matches, or nil.
func (d discoveryRules) match(s *subject) *Match {
	for i := range d {
		if facts, ok := d[i].match(s); ok {
			return &Match{Rule: d[i].number, Facts: facts}
		}
	}
	return nil
}

func (d *discoveryRule) match(s *subject) ([]MatchedFact, bool) {
	if !d.applies(s.Resource) {
		return nil, false
	}
	facts := make([]MatchedFact, 0, len(d.others)+len(d.applications))
	for i := range d.others {
		value, ok := d.others[i].match(s)
		if !ok {
			return nil, false
		}
		facts = append(facts, MatchedFact{Filter: d.others[i].name + d.others[i].key, Value: value})
	}
	if len(d.applications) == 0 {
		return facts, true
	}
	found, ok := d.matchApplications(s)
	return append(found, facts...), ok
}

// applies reports whether a rule is about such resources at all: SSM_MANAGED
// is every machine whose software somebody reports, RDS every database whose
// licence is not in its price.
func (d *discoveryRule) applies(r *Resource) bool {
	switch {
	case r.Facts.Gone():
		return false
	case d.rds:
		return r.Type == RDS && len(r.Facts.LicenseIncluded) == 0
	}
	return r.Type == ManagedInstance || r.Type == EC2Instance && r.Facts.Software > 0
}

// matchApplications finds the first application that satisfies every filter.
func (d *discoveryRule) matchApplications(s *subject) ([]MatchedFact, bool) {
	for _, i := range d.candidates(s) {
		if facts, ok := d.matchApplication(&s.apps()[i]); ok {
			return facts, true
		}
	}
	return nil, false
}

// candidates are the places of the applications to look at, in their order:
// those of the right name, when the rule says which.
func (d *discoveryRule) candidates(s *subject) []int {
	at := slices.IndexFunc(d.applications, func(f discoveryFilter) bool { return f.name == filterAppName })
	if at < 0 {
		all := make([]int, len(s.apps()))
		for i := range all {
			all[i] = i
		}
		return all
	}
	var found []int
	byName := s.byName()
	for v := range d.applications[at].values {
		found = append(found, byName[v]...)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func (d *discoveryRule) matchApplication(a *knownApplication) ([]MatchedFact, bool) {
	facts := make([]MatchedFact, 0, len(d.applications))
	for i := range d.applications {
		f := &d.applications[i]
		reported, value, ok := a.match(f)
		if !ok {
			return nil, false
		}
		fact := MatchedFact{Filter: f.name, Value: reported}
		if fold(value) != fold(reported) {
			fact.KnownAs = value
		}
		facts = append(facts, fact)
	}
	return facts, true
}

// match reports whether a condition on the machine itself holds, and by which
// value of it.
func (f *discoveryFilter) match(s *subject) (string, bool) {
	switch f.name {
	case filterPlatform:
		return f.equals(append([]string{s.Facts.Platform, s.Facts.System}, s.platformNames()...)...)
	case filterPlatformType:
		return f.equals(s.Facts.PlatformType)
	case filterAccount:
		return f.equals(s.Owner)
	case filterIncluded:
		return f.equals(s.Facts.LicenseIncluded...)
	case filterEngine:
		return f.equals(s.Facts.EngineEdition)
	case filterPack:
		return f.equals(s.Facts.LicensePacks...)
	}
	return f.matchTag(s.Facts.Tags)
}

// equals compares what the resource has with the values.
func (f *discoveryFilter) equals(has ...string) (string, bool) {
	for _, value := range has {
		if f.values[fold(value)] {
			return value, !f.negated
		}
	}
	return "", f.negated
}

// matchTag reports whether a machine is not excluded by a tag: by its key
// alone when the filter names no value.
func (f *discoveryFilter) matchTag(tags []Tag) (string, bool) {
	for _, t := range tags {
		if t.Key == f.key {
			return t.Value, len(f.values) > 0 && !f.values[t.Value]
		}
	}
	return "", true
}

// knownApplication is an application with the product that it is.
type knownApplication struct {
	Application
	product Product
	known   bool
}

func (a *knownApplication) names() []string {
	if !a.known {
		return []string{a.Name}
	}
	return []string{a.Name, a.product.FullName(), a.product.anyVersion()}
}

// match compares the reported text, then the product's, and returns both what
// was reported and what matched.
func (a *knownApplication) match(f *discoveryFilter) (reported, matched string, ok bool) {
	var names []string
	switch f.name {
	case filterAppName:
		reported, names = a.Name, a.names()
	case filterAppPublisher:
		reported, names = a.Publisher, []string{a.Publisher, a.product.Publisher}
	default:
		reported, names = a.Version, []string{a.Version, a.product.Version}
	}
	matched, ok = f.equals(names...)
	return reported, matched, ok
}

// subject is a resource that rules are matched with. What takes time is worked
// out when a rule asks for it.
type subject struct {
	*Resource
	software  []Application
	normalise func(Application) (Product, bool)

	known []knownApplication
	index map[string][]int
}

func (s *subject) apps() []knownApplication {
	if s.known == nil && len(s.software) > 0 {
		s.known = make([]knownApplication, len(s.software))
		for i, a := range s.software {
			p, ok := s.normalise(a)
			s.known[i] = knownApplication{a, p, ok}
		}
	}
	return s.known
}

// byName finds applications by their folded names.
func (s *subject) byName() map[string][]int {
	if s.index == nil {
		apps := s.apps()
		s.index = make(map[string][]int, 2*len(apps))
		for i := range apps {
			for _, name := range apps[i].names() {
				key := fold(name)
				s.index[key] = append(s.index[key], i)
			}
		}
	}
	return s.index
}

// platformNames are what the table of products calls the operating system.
func (s *subject) platformNames() (names []string) {
	for _, a := range []Application{{Name: s.Facts.Platform, Version: s.Facts.PlatformVersion}, {Name: s.Facts.System, Version: s.Facts.SystemVersion}} {
		if a.Name == "" {
			continue
		}
		if p, ok := s.normalise(a); ok {
			names = append(names, p.FullName(), p.anyVersion())
		}
	}
	return names
}

// needsSoftware reports whether any of the rules looks at applications.
func (d discoveryRules) needsSoftware() bool {
	return slices.ContainsFunc(d, func(r discoveryRule) bool { return len(r.applications) > 0 })
}

// discovers reports whether the terms discover anything now.
func (t *Terms) discovers() bool { return t.Status == Available && len(t.Products) > 0 }
