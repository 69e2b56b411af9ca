package license

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// counter counts resources against one configuration's terms. It is pure: the
// same facts give the same count for the API, the limit check, an explanation
// and a verification.
type counter struct {
	terms *Terms
	rules rules
}

// newCounter takes the rules of terms apart. Rules were checked when the
// terms were set, so an error here is a fault of the store.
func newCounter(terms *Terms) (counter, error) {
	rs, err := parseRules(terms.CountingType, terms.Rules)
	if err != nil {
		return counter{}, fmt.Errorf("read license rules of the ledger: %w", err)
	}
	return counter{terms: terms, rules: rs}, nil
}

// verdict is how one associated resource counts.
type verdict struct {
	consumes int64  // licences of the place it counts on; 0 while it holds none
	refusal  string // why it may not use the licence, in words that follow its ARN; "" when it may
}

// explainer collects the steps of a count; a nil one collects nothing.
type explainer struct{ steps []Step }

func (e *explainer) add(kind, name, value, note string) {
	if e != nil {
		e.steps = append(e.steps, Step{Kind: kind, Name: name, Value: value, Note: note})
	}
}

func (e *explainer) number(name string, n int64, note string) {
	if e == nil {
		return
	}
	value := "not known"
	if n > 0 {
		value = strconv.FormatInt(n, 10)
	}
	e.add("fact", name, value, note)
}

// onHost reports whether a resource counts on the row of the host it runs on:
// physical cores and sockets are counted once per host, however many of its
// machines are associated.
func (c counter) onHost(t ResourceType, f *Facts) bool {
	if c.terms.CountingType != Core && c.terms.CountingType != Socket || t == EC2Host || t == EC2AMI {
		return false
	}
	return f.Host != "" && !isPhysical(f)
}

// isPhysical: reported as not virtual. Not reported is virtual for an EC2
// instance and physical for a managed instance (see count).
func isPhysical(f *Facts) bool { return f.Virtual != nil && !*f.Virtual }

// count judges r. host is the resource that its facts name, nil when that is
// not in the inventory; it is looked at only when r counts on its host.
func (c counter) count(r, host *Resource, ex *explainer) verdict {
	ex.add("term", "LicenseCountingType", string(c.terms.CountingType), "the basis of the count")
	ex.add("fact", "ResourceType", string(r.Type), "")
	ex.add("fact", "Status", r.Facts.Status, "")
	if r.Type == EC2AMI {
		ex.add("rule", "images", "0", "An image never consumes; machines launched from it inherit its associations.")
		return verdict{}
	}
	place := r
	if c.onHost(r.Type, &r.Facts) {
		ex.add("fact", "Host", r.Facts.Host, "cores and sockets are physical, so they are counted once, on the host")
		if host == nil || host.Facts.Gone() {
			return verdict{refusal: "the host " + r.Facts.Host + " that it runs on is not in the inventory"}
		}
		place = host
	}
	if refusal := c.refusal(r, place, ex); refusal != "" {
		return verdict{refusal: refusal}
	}
	n := c.size(place, ex)
	if n == 0 {
		return verdict{refusal: fmt.Sprintf("its number of %s is not known", unitName(c.terms.CountingType))}
	}
	if !c.holds(r, ex) {
		return verdict{}
	}
	return verdict{consumes: n}
}

func (c counter) holds(r *Resource, ex *explainer) bool {
	if c.rules.stoppedToo {
		ex.add("rule", ruleStopped, "True", "stopped machines go on consuming")
	}
	if holdsLicences(r.Type, &r.Facts, c.rules.stoppedToo) {
		return true
	}
	ex.add("rule", "status", r.Facts.Status, "A resource in this state holds no licence; it stays associated.")
	return false
}

// refusal says why r, counted on place, may not use the licence: its type,
// its tenancy or its size.
func (c counter) refusal(r, place *Resource, ex *explainer) string {
	if why := c.typeRefusal(r); why != "" {
		return why
	}
	if why := c.tenancyRefusal(r, ex); why != "" {
		return why
	}
	for _, rule := range c.rules.sizes {
		size := sizeOf(&place.Facts, rule.unit)
		ex.add("rule", rule.name, strconv.FormatInt(rule.value, 10), fmt.Sprintf("the resource has %d %s", size, unitName(rule.unit)))
		if why := rule.forbids(size); why != "" {
			return why
		}
	}
	return ""
}

func (c counter) typeRefusal(r *Resource) string {
	physical := c.terms.CountingType == Core || c.terms.CountingType == Socket
	switch {
	case r.Type == RDS && c.terms.CountingType != VCPU:
		return "RDS databases are counted by vCPU only"
	case !physical || r.Type == EC2Host || r.Facts.Host != "" || isPhysical(&r.Facts):
		return ""
	case r.Type == EC2Instance:
		return "licenses counted by " + string(c.terms.CountingType) + " need a Dedicated Host, and no host is known for it"
	case r.Facts.Virtual != nil:
		return "it is virtual, and the host that it runs on is not known"
	}
	return ""
}

func (c counter) tenancyRefusal(r *Resource, ex *explainer) string {
	if len(c.rules.tenancies) == 0 || r.Type != EC2Instance && r.Type != EC2Host {
		return ""
	}
	tenancy := tenancyOf(r)
	allowed := strings.Join(c.rules.tenancies, ",")
	ex.add("fact", "Tenancy", tenancy, "")
	ex.add("rule", ruleTenancy, allowed, "")
	if slices.Contains(c.rules.tenancies, tenancy) {
		return ""
	}
	return fmt.Sprintf("its tenancy is %s, and the license rule is %s=%s", tenancy, ruleTenancy, allowed)
}

// tenancyOf is the reported tenancy, or what follows from the placement: on a
// named host it is that host's, else EC2's default.
func tenancyOf(r *Resource) string {
	switch {
	case r.Facts.Tenancy != "":
		return r.Facts.Tenancy
	case r.Type == EC2Host || r.Facts.Host != "":
		return TenancyHost
	}
	return TenancyDefault
}

// size is the number of licences that place consumes, 0 when a fact it needs
// is not known.
func (c counter) size(place *Resource, ex *explainer) int64 {
	f := &place.Facts
	switch c.terms.CountingType {
	case Instance:
		ex.add("rule", "Instance", "1", "every resource counts 1")
		return 1
	case VCPU:
		return c.vcpus(f, ex)
	}
	n := sizeOf(f, c.terms.CountingType)
	ex.number(string(c.terms.CountingType)+"s", n, "physical, of "+place.ARN)
	return n
}

func (c counter) vcpus(f *Facts, ex *explainer) int64 {
	custom := f.Cores * f.ThreadsPerCore
	if c.rules.honorOptions && custom > 0 {
		ex.add("rule", ruleHonorOptions, "True", "cores × threads per core are counted instead of the default vCPUs")
		ex.number("Cores", f.Cores, "")
		ex.number("ThreadsPerCore", f.ThreadsPerCore, "")
		return custom
	}
	n := sizeOf(f, VCPU)
	note := "the default number of vCPUs"
	if f.VCPUs == 0 && n > 0 {
		note = "cores × threads per core, as no number of vCPUs was reported"
	}
	ex.number("VCpus", n, note)
	return n
}

// sizeOf is how many of a unit the facts give, 0 when not known.
func sizeOf(f *Facts, unit CountingType) int64 {
	switch {
	case unit == Core:
		return f.Cores
	case unit == Socket:
		return f.Sockets
	case f.VCPUs > 0:
		return f.VCPUs
	}
	return f.Cores * f.ThreadsPerCore
}

// countingFacts is the part of a resource's facts that any count looks at:
// when it is the same, no ledger changes.
type countingFacts struct {
	status, tenancy, host                 string
	vcpus, cores, threadsPerCore, sockets int64
	virtual                               int8 // -1 not known, 0, 1
}

func countingFactsOf(f *Facts) countingFacts {
	virtual := int8(-1)
	if f.Virtual != nil {
		virtual = 0
		if *f.Virtual {
			virtual = 1
		}
	}
	return countingFacts{f.Status, f.Tenancy, f.Host, f.VCPUs, f.Cores, f.ThreadsPerCore, f.Sockets, virtual}
}
