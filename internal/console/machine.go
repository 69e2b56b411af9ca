package console

import (
	"net/http"
	"net/url"
	"strings"

	"reeve/internal/api"
)

// How much of a resource one page shows.
const (
	softwareRows = 50
	versionRows  = 10
)

// machinePage is what is known of one resource, and what it uses.
type machinePage struct {
	ARN, ID, Name, Badge, Owner, Zone string
	State, StateClass, StateNote      string
	FirstSeen, LastSeen               stamp
	Facts                             []machineFact
	Uses                              []machineUse
	MoreUses                          bool
	Guests                            []machineGuest
	MoreGuests                        bool
	Software                          softwarePart
	History                           []machineVersion
	HistoryPages                      pages
	Done                              string
	Flaws                             []flaw // of the form that leaves it out
	later                                    // its history, and what other resources are called
}

type machineFact struct {
	Title, Technical, Value string
	Link                    *resourceLink
	Since                   stamp
}

type machineGuest struct {
	*resourceLink
	Status string
}

// softwarePart is one page of what is installed.
type softwarePart struct {
	Reported     bool
	Search       string
	Total, Found int64
	Rows         []programRow
	Pages        pages
}

type programRow struct{ Name, Publisher, Version, Product string }

var stateWords = map[string][3]string{
	"ACTIVE":   {"active", "good", ""},
	"LOST":     {"not heard of", "warn", "Its report is overdue. What was last known still counts."},
	"INACTIVE": {"silent", "warn", "It has not been heard of for so long that its licences were released."},
	"GONE":     {"gone", "", "It is out of the inventory. What it consumed stays in the ledgers."},
}

func (c *console) machine(v *visit) error { return v.showMachine(http.StatusOK, form{}) }

// showMachine shows the page of the resource that the request names; of a form
// on it that was refused, with what was typed.
func (v *visit) showMachine(status int, leave form) error {
	keep := url.Values{"arn": {v.FormValue("arn")}}
	if search := v.FormValue("software"); search != "" {
		keep.Set("software", search)
	}
	list := v.pagedPart(machinePath, keep, "page", "software")
	in := &api.GetResourceInput{ResourceArn: new(v.FormValue("arn")), MaxResults: new(int64(softwareRows)), NextToken: list.token()}
	if keep.Has("software") {
		in.SoftwareContains = new(keep.Get("software"))
	}
	if *in.ResourceArn == "" {
		return refuse(http.StatusBadRequest, "The address names no machine. Find one in the inventory.")
	}
	var out api.GetResourceOutput
	if err := v.call("GetResource", in, &out); err != nil {
		return err
	}
	body := v.machinePage(&out)
	body.leave(leave)
	body.software(&out, in)
	body.Software.Pages = list.pages(out.NextToken)
	if err := body.wait(v); err != nil {
		return err
	}
	return v.show(status, "machine", body.title(), body)
}

// wait leaves the history for later, unless it may be refused: for policies, or for a
// token in the address.
func (p *machinePage) wait(v *visit) error {
	links := func() error { return v.nameLinks(p.links()...) }
	if _, in := p.versions(v); in.NextToken != nil || !v.allows("ListResourceVersions", in) {
		p.later = v.after(links)
		return p.history(v)
	}
	p.later = v.after(func() error { return together(links, func() error { return p.history(v) }) })
	return nil
}

// leave puts a form that was refused beside the licence that it is about.
func (p *machinePage) leave(f form) {
	p.Flaws = f.Flaws
	for i := range p.Uses {
		if p.Uses[i].ARN == f.Value("configuration") {
			p.Uses[i].Leave = f
		}
	}
}

// links are those to other resources whose names are not known yet.
func (p *machinePage) links() (links []*resourceLink) {
	for _, f := range p.Facts {
		links = append(links, f.Link)
	}
	for _, u := range p.Uses {
		links = append(links, u.CountedOn)
	}
	return links
}

func (p *machinePage) title() string {
	if p.Name != "" {
		return p.Name
	}
	return p.ID
}

func (v *visit) machinePage(out *api.GetResourceOutput) *machinePage {
	state := stateWords[told(out.State)]
	p := &machinePage{
		ARN: told(out.ResourceArn), ID: shortName(told(out.ResourceArn)), Name: clipped(told(out.Name)), Badge: kindName(told(out.ResourceType)),
		Owner: clipped(told(out.ResourceOwnerId)), Zone: told(out.Region), State: state[0], StateClass: state[1], StateNote: state[2],
		FirstSeen: v.when(out.FirstSeenTime), LastSeen: v.when(out.LastSeenTime), MoreUses: told(out.MoreUsage), MoreGuests: told(out.MoreGuests),
		Done: doneWords[v.FormValue("done")],
	}
	for _, f := range out.Facts {
		fact := v.fact(&f)
		if fact.Since == p.FirstSeen { // as most are: that it ever was different is the news
			fact.Since = stamp{}
		}
		p.Facts = append(p.Facts, fact)
	}
	for i := range out.Usage {
		p.Uses = append(p.Uses, v.use(p.ARN, &out.Usage[i]))
	}
	for _, g := range out.Guests {
		guest := machineGuest{linkTo(told(g.ResourceArn)), clipped(told(g.Status))}
		guest.call(told(g.Name))
		p.Guests = append(p.Guests, guest)
	}
	return p
}

func (p *machinePage) software(out *api.GetResourceOutput, in *api.GetResourceInput) {
	p.Software = softwarePart{Reported: told(out.SoftwareReported), Search: told(in.SoftwareContains), Total: told(out.SoftwareTotal), Found: told(out.SoftwareFound)}
	for i := range out.Software {
		a := &out.Software[i]
		row := programRow{Name: clipped(told(a.Name)), Publisher: clipped(told(a.Publisher)), Version: clipped(told(a.Version))}
		row.Product = productName(a.ProductPublisher, a.Product, a.Edition, a.ProductVersion)
		p.Software.Rows = append(p.Software.Rows, row)
	}
}

// productName is what a product is called, with its publisher unless that is in
// its name.
func productName(publisher, product, edition, version *string) string {
	var words []string
	if name := told(publisher); name != "" && !strings.HasPrefix(told(product), name) {
		words = append(words, clipped(name))
	}
	for _, part := range []*string{product, edition, version} {
		if part != nil {
			words = append(words, clipped(*part))
		}
	}
	return strings.Join(words, " ")
}

const machinePath = inventoryPath + "/machine"

// machineAt is the address of a part of a machine's page.
func machineAt(query url.Values, part string) string {
	return withQuery(machinePath, query) + "#" + part
}

// factWords are the facts' names for people.
var factWords = map[string]string{
	"AmiId": "Image it was launched from", "Cores": "Processor cores", "EngineEdition": "Edition of the database", "HostId": "Host it runs on",
	"InstanceType": "Size (instance type)", "LicenseIncluded": "Licences included in its price", "LicensePacks": "Licence packs",
	"MarketplaceProductCodes": "Marketplace products", "MovedTo": "Moved to", "Platform": "Operating system", "PlatformType": "Kind of system",
	"PlatformVersion": "Version of the system", "Sockets": "Physical processors (sockets)", "Status": "State", "System": "System",
	"SystemVersion": "Version of the system as reported", "Tenancy": "Shared or dedicated hardware", "ThreadsPerCore": "Threads per core",
	"UsageOperation": "Billing code", "VCpus": "Virtual processors (vCPU)", "Virtual": "Is a virtual machine",
}

func (v *visit) fact(f *api.ResourceFact) machineFact {
	name, value := told(f.Name), told(f.Value)
	m := machineFact{Title: factTitle(name), Value: clippedTo(factValue(name, value), longest), Since: v.when(f.Since)}
	if m.Title != name {
		m.Technical = clipped(name)
	}
	if isARN(value) {
		m.Link = linkTo(value)
	}
	return m
}

// factValue is the value of a fact for people: numbers of processors with their
// digits in groups, other resources by their IDs.
func factValue(name, value string) string {
	if isARN(value) {
		return shortName(value)
	}
	switch name {
	case "Tenancy":
		return strings.Join(tenancyWords(value), ", ")
	case "Virtual":
		return worded(map[string]string{"true": "yes", "false": "no"}, value)
	case "VCpus", "Cores", "Sockets", "ThreadsPerCore":
		return groupedText(value)
	}
	return value
}

// isARN reports whether a fact names another resource.
func isARN(value string) bool { return strings.HasPrefix(value, "arn:") && len(value) < 512 }

// factTitle is the name of a fact for people; tags keep theirs.
func factTitle(name string) string {
	if key, ok := strings.CutPrefix(name, "tag:"); ok {
		return "Tag " + clipped(key)
	}
	return worded(factWords, name)
}
