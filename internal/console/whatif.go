package console

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"reeve/internal/api"
)

// The page on which people plan. The plan is the page's address, one "plan" an
// action, so it can be sent to somebody else and nothing is kept of it.

const whatIfPath = "/console/what-if"

// Bounds of a plan that is an address.
const (
	maxPlanned     = 30   // actions
	maxPlanAddress = 7000 // bytes
	maxChoices     = 1000 // configurations to choose from
)

// whatIfPage is the body of the page.
type whatIfPage struct {
	Configurations []api.LicenseConfiguration
	Chosen         string // ARN of the one that is chosen before anybody chooses
	Facts          bool
	Plans          []string // as the address has them
	Actions        []plannedAction
	Alert          string
	Sent           form   // the action that was to be added, where it was refused
	Share, Other   string // addresses of this plan, and of it in the other mode
	Result         *whatIfResult
	later          // what can be planned, and what would come of it: what refuses that is no error of the page
}

// plannedAction is one line of the plan.
type plannedAction struct {
	Text, Remove string // in words, and the address of the plan without it
	Result       *api.SimulatedActionResult
}

// AllFit reports whether the whole action would happen.
func (a plannedAction) AllFit() bool { return told(a.Result.Fit) == told(a.Result.Machines) }

// Many reports whether it is about more than one machine.
func (a plannedAction) Many() bool { return told(a.Result.Machines) > 1 }

// whatIfResult is what the server says of the plan.
type whatIfResult struct {
	*api.SimulateUsageOutput
	Positions []whatIfPosition
	Machines  []whatIfMachine
}

// AllFit is the answer.
func (r *whatIfResult) AllFit() bool { return told(r.Fits) }

// Allowed reports whether all of it would happen with a licence for everybody: what
// does not fit then goes beyond a number that is no hard limit.
func (r *whatIfResult) Allowed() bool {
	for i := range r.Actions {
		if told(r.Actions[i].Fit) != told(r.Actions[i].Machines) {
			return false
		}
	}
	return r.Unlicensed() == 0
}

// whatIfMachine is what would become of one machine.
type whatIfMachine struct{ *api.SimulatedResource }

// IsNew reports whether it is not there now.
func (m whatIfMachine) IsNew() bool { return told(m.New) }

// DoesFit reports whether it is as it was planned, with every licence.
func (m whatIfMachine) DoesFit() bool { return told(m.Outcome) == "fits" }

// Unlicensed is how many times a machine finds no licence.
func (r *whatIfResult) Unlicensed() int64 { return int64(len(r.Failures)) }

// whatIfPosition is a configuration before and after, and how long its bars are
// in hundredths of the longer one.
type whatIfPosition struct {
	*api.SimulatedConfiguration
	BeforeWidth, AfterWidth, BeforeLimit, AfterLimit int64
}

// WasOver and IsOver are how many licences are in use beyond those bought.
func (p whatIfPosition) WasOver() int64 { return told(p.Before.OverUse) }
func (p whatIfPosition) IsOver() int64  { return told(p.After.OverUse) }

// Hard reports whether the number is a hard limit afterwards.
func (p whatIfPosition) Hard() bool { return told(p.After.LicenseCountHardLimit) }

func (c *console) whatIf(v *visit) error {
	q := v.URL.Query()
	if len(v.URL.RawQuery) > maxPlanAddress || len(q["plan"]) > maxPlanned {
		return refuse(http.StatusRequestURITooLong, "The plan is too long for one address. Plan fewer than %d actions, or use reeve what-if --file.", maxPlanned)
	}
	p := &whatIfPage{Plans: q["plan"], Facts: q.Has("facts")}
	if !v.allows("ListLicenseConfigurations", &api.ListLicenseConfigurationsInput{}) {
		if _, err := v.allConfigurations(); err != nil {
			return err
		}
	}
	if q.Has("do") {
		added, err := plannedStep(q)
		if err == nil {
			v.redirect(whatIfAddress(append(p.Plans, added), p.Facts))
			return nil
		}
		p.Alert, p.Sent = err.Error(), v.sent()
	}
	status := http.StatusOK
	if p.Sent.values != nil {
		status = http.StatusBadRequest
	}
	p.later = v.after(func() (err error) {
		if p.Configurations, err = v.allConfigurations(); err != nil {
			return err
		}
		p.choose(q.Get("configuration"))
		p.simulate(v)
		return nil
	})
	return v.show(status, "what-if", "What if?", p)
}

// allConfigurations lists what a plan can be about.
func (v *visit) allConfigurations() (list []api.LicenseConfiguration, err error) {
	in := &api.ListLicenseConfigurationsInput{}
	for len(list) < maxChoices {
		var out api.ListLicenseConfigurationsOutput
		if err := v.call("ListLicenseConfigurations", in, &out); err != nil {
			return nil, err
		}
		list = append(list, out.LicenseConfigurations...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	return list, nil
}

// IsChosen reports whether a configuration is chosen before anybody chooses.
func (p *whatIfPage) IsChosen(arn string) bool { return arn == p.Chosen }

// choose takes an ARN or a lic- identifier.
func (p *whatIfPage) choose(name string) {
	for _, c := range p.Configurations {
		if name != "" && (told(c.LicenseConfigurationId) == name || told(c.LicenseConfigurationArn) == name) {
			p.Chosen = told(c.LicenseConfigurationArn)
		}
	}
}

// Typed is what somebody typed into one of the forms, which are told by what they
// do; if nothing was refused, it is what the form begins with.
func (p *whatIfPage) Typed(do, name, begin string) string {
	switch sent := p.Sent.Value("do"); {
	case sent == do, do == "change" && sent != "launch" && sent != "terms" && sent != "":
		return p.Sent.Value(name)
	}
	return begin
}

// whatIfAddress is the address of a plan.
func whatIfAddress(plans []string, facts bool) string {
	q := url.Values{}
	if len(plans) > 0 {
		q["plan"] = plans
	}
	if facts {
		q.Set("facts", "1")
	}
	if len(q) == 0 {
		return whatIfPath
	}
	return whatIfPath + "?" + q.Encode()
}

// stepFields are the fields of the forms, in short. "configuration" is the name
// of the field in every one of them.
var stepFields = []string{"do", "machines", "type", "vcpus", "cores", "sockets", "host", "image", "application", "configuration", "licences", "hard", "resource"}

// plannedStep turns what a form sent into one entry of a plan.
func plannedStep(q url.Values) (string, error) {
	step := url.Values{}
	for _, name := range stepFields {
		if text := strings.TrimSpace(q.Get(name)); text != "" {
			step.Set(name, text)
		}
	}
	if _, err := (&planReader{Values: step, names: func(string) string { return "" }}).action(); err != nil {
		return "", err
	}
	return step.Encode(), nil
}

// simulate asks the server what would come of the plan.
func (p *whatIfPage) simulate(v *visit) {
	p.Share, p.Other = whatIfAddress(p.Plans, p.Facts), whatIfAddress(p.Plans, !p.Facts)
	in := &api.SimulateUsageInput{Mode: new("admit")}
	if p.Facts {
		in.Mode = new("observe")
	}
	broken := p.read(v, in)
	if len(in.Actions) == 0 || broken {
		return
	}
	var out api.SimulateUsageOutput
	if err := v.call("SimulateUsage", in, &out); err != nil {
		_, p.Alert = v.explain(err)
		return
	}
	p.Result = &whatIfResult{SimulateUsageOutput: &out, Positions: positions(out.Configurations)}
	plain := p.plainWords()
	for i := range out.Resources {
		plain(out.Resources[i].Message)
		p.Result.Machines = append(p.Result.Machines, whatIfMachine{&out.Resources[i]})
	}
	for i := range out.Actions {
		plain(out.Actions[i].Refusal)
		p.Actions[i].Result = &out.Actions[i]
	}
}

// read turns the plan into actions, and reports whether one of them cannot be
// read.
func (p *whatIfPage) read(v *visit, in *api.SimulateUsageInput) (broken bool) {
	for i, plan := range p.Plans {
		line := plannedAction{Text: plan, Remove: whatIfAddress(slices.Delete(slices.Clone(p.Plans), i, i+1), p.Facts)}
		values, err := url.ParseQuery(plan)
		r := &planReader{Values: values, account: v.who.Identity.Account, region: v.who.Region, names: p.nameOf}
		var action api.SimulatedAction
		if err == nil {
			action, err = r.action()
		}
		if err != nil {
			p.Alert, broken = err.Error(), true
		} else {
			line.Text = r.text()
			in.Actions = append(in.Actions, action)
		}
		p.Actions = append(p.Actions, line)
	}
	return broken
}

func (p *whatIfPage) nameOf(arn string) string {
	for _, c := range p.Configurations {
		if told(c.LicenseConfigurationArn) == arn {
			return told(c.Name)
		}
	}
	return arn
}

// newMachine is the ARN that the server makes up for a machine.
var newMachine = regexp.MustCompile(`arn:aws:ec2:[a-z0-9-]+:[0-9]+:instance/i-what\.if\.[0-9]+`)

// plainWords returns what names configurations in a refusal as people do.
func (p *whatIfPage) plainWords() func(*string) {
	var names []string
	for _, c := range p.Configurations {
		names = append(names, told(c.LicenseConfigurationArn), told(c.Name))
	}
	return func(text *string) {
		if text != nil {
			*text = plainMessage(newMachine.ReplaceAllString(*text, "a new machine"), names...)
		}
	}
}

func positions(list []api.SimulatedConfiguration) []whatIfPosition {
	out := make([]whatIfPosition, len(list))
	for i := range list {
		c := &list[i]
		was, is := c.Before, c.After
		longest := max(1, told(was.ConsumedLicenses), told(is.ConsumedLicenses), told(was.LicenseCount), told(is.LicenseCount))
		share := func(n *int64) int64 { return told(n) * 100 / longest }
		out[i] = whatIfPosition{c, share(was.ConsumedLicenses), share(is.ConsumedLicenses), share(was.LicenseCount), share(is.LicenseCount)}
	}
	return out
}

// planReader reads one entry of a plan.
type planReader struct {
	url.Values
	account, region string
	names           func(arn string) string // of configurations
	err             error
}

// number reads a whole number, nil where there is none.
func (r *planReader) number(field string) *int64 {
	text := r.Get(field)
	if text == "" {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil && r.err == nil {
		r.err = refuse(http.StatusBadRequest, "“%s” is no whole number. Write one such as 8.", text)
	}
	return &n
}

func (r *planReader) given(field string) *string {
	if text := r.Get(field); text != "" {
		return &text
	}
	return nil
}

// action is what an entry asks for.
func (r *planReader) action() (a api.SimulatedAction, err error) {
	switch r.Get("do") {
	case "launch":
		a.Launch = r.launch()
	case "terms":
		a.Configure = r.terms()
	case "resize":
		a.Change = r.machine()
		a.Change.VCpus, a.Change.Cores, a.Change.Sockets = r.number("vcpus"), r.number("cores"), r.number("sockets")
	case "move":
		a.Change = r.machine()
		a.Change.HostId = new(r.Get("host"))
	case "stop":
		a.Change = r.machine()
		a.Change.Status = new("stopped")
	case "terminate":
		a.DeleteResourceArn = r.machine().ResourceArn
	default:
		r.err = refuse(http.StatusBadRequest, "The plan has an action that is none. Take it out of the plan.")
	}
	return a, r.err
}

func (r *planReader) launch() *api.SimulatedLaunch {
	l := &api.SimulatedLaunch{
		Machines: r.number("machines"), InstanceType: r.given("type"), VCpus: r.number("vcpus"), Cores: r.number("cores"), Sockets: r.number("sockets"),
		HostId: r.given("host"), AmiId: r.given("image"),
	}
	if name := r.given("application"); name != nil {
		l.Applications = []api.Application{{Name: name}}
	}
	if arn := r.Get("configuration"); arn != "" {
		l.LicenseConfigurationArns = []string{arn}
	}
	if l.Machines == nil && r.err == nil {
		r.err = refuse(http.StatusBadRequest, "Say how many machines are launched.")
	}
	return l
}

func (r *planReader) terms() *api.SimulatedTerms {
	t := &api.SimulatedTerms{LicenseConfigurationArn: r.given("configuration")}
	if text := r.Get("licences"); strings.HasPrefix(text, "+") || strings.HasPrefix(text, "-") {
		t.AddLicenseCount = r.number("licences")
	} else {
		t.LicenseCount = r.number("licences")
	}
	switch hard := r.Get("hard"); {
	case hard == "on" || hard == "off":
		t.LicenseCountHardLimit = new(hard == "on")
	case hard != "" && r.err == nil:
		r.err = refuse(http.StatusBadRequest, "Say of the hard limit that it is on or off.")
	}
	if r.err == nil && (t.LicenseConfigurationArn == nil || t.LicenseCount == nil && t.AddLicenseCount == nil && t.LicenseCountHardLimit == nil) {
		r.err = refuse(http.StatusBadRequest, "Choose a configuration, and say how many licences it has then.")
	}
	return t
}

// machine is the resource that an entry names, by ARN or by an identifier of
// the person's account and region.
func (r *planReader) machine() *api.Resource {
	id := r.Get("resource")
	switch {
	case strings.HasPrefix(id, "i-"):
		id = "arn:aws:ec2:" + r.region + ":" + r.account + ":instance/" + id
	case strings.HasPrefix(id, "mi-"):
		id = "arn:aws:ssm:" + r.region + ":" + r.account + ":managed-instance/" + id
	case !strings.HasPrefix(id, "arn:") && r.err == nil:
		r.err = refuse(http.StatusBadRequest, "Name the machine by its ARN, or by an identifier such as i-0aa1 or mi-0bb2.")
	}
	return &api.Resource{ResourceArn: &id}
}

// text says in words what an entry asks for.
func (r *planReader) text() string {
	switch r.Get("do") {
	case "launch":
		return r.launchText()
	case "terms":
		return r.termsText()
	case "resize":
		return "Resize " + r.Get("resource") + " to " + r.sizeText()
	case "move":
		if r.Get("host") == "" {
			return "Take " + r.Get("resource") + " off its host"
		}
		return "Move " + r.Get("resource") + " to " + r.Get("host")
	case "stop":
		return "Stop " + r.Get("resource")
	}
	return "Terminate " + r.Get("resource")
}

func (r *planReader) launchText() string {
	text := "Launch " + r.Get("machines") + " × " + strings.TrimSpace(r.Get("type")+" "+r.sizeText())
	for _, part := range []struct{ field, before string }{{"host", " on "}, {"image", " from "}, {"application", " with "}} {
		if r.Has(part.field) {
			text += part.before + r.Get(part.field)
		}
	}
	if arn := r.Get("configuration"); arn != "" {
		text += ", using " + r.names(arn)
	}
	return text
}

func (r *planReader) sizeText() string {
	var parts []string
	for _, part := range []struct{ field, unit string }{{"vcpus", " vCPU"}, {"cores", " core"}, {"sockets", " socket"}} {
		switch n := r.Get(part.field); {
		case n == "1":
			parts = append(parts, n+part.unit)
		case r.Has(part.field):
			parts = append(parts, groupedText(n)+part.unit+"s")
		}
	}
	return strings.Join(parts, ", ")
}

func (r *planReader) termsText() string {
	text := r.names(r.Get("configuration"))
	switch n := r.Get("licences"); {
	case strings.HasPrefix(n, "+"):
		text = "Buy " + n[1:] + " licences for " + text
	case strings.HasPrefix(n, "-"):
		text = "Give back " + n[1:] + " licences of " + text
	case n != "":
		text = "Have " + n + " licences for " + text
	}
	switch r.Get("hard") {
	case "on":
		text += ", as a hard limit"
	case "off":
		text += ", not as a hard limit"
	}
	return text
}
