package console

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"reeve/internal/api"
)

// explainPage says why a resource consumes what it consumes at a moment.
type explainPage struct {
	ID, Name, Path string        // of the configuration; Path at the moment
	Resource       *resourceLink // nil where none is named
	Sent           form          // that asks, where it was refused
	Form           string        // where the form for another moment goes
	At             string        // as the form has it; "" for now
	Moment         stamp
	Consumed       int64
	Associated     bool
	Since          stamp
	Why            string // it consumes nothing
	CountedOn      *resourceLink
	Revision       int64
	Recorded       stamp
	Rungs          []rung
	Presets        []link
	later          // who reported each fact, and what resources are called
}

func (c *console) explainPage(v *visit) error {
	arn, err := v.configurationARN()
	if err != nil {
		return err
	}
	body := &explainPage{ID: shortName(arn), Form: v.URL.Path, Path: v.configurationPath(arn)}
	if resource := strings.TrimSpace(v.FormValue("resource")); resource != "" {
		body.Resource = linkTo(resource)
	}
	if err := body.read(v, arn); err != nil {
		return v.again(err, v.sent(), []member{{"moment", "at"}, {"future", "at"}, {"time", "at"}, {"resource", "resource"}, {"arn", "resource"}}, func(status int, f form) error {
			if status == http.StatusForbidden {
				return err
			}
			return v.show(status, "explain", "Explain a count", &explainPage{ID: body.ID, Name: body.ID, Path: body.Path, Form: body.Form, Sent: f})
		})
	}
	title := "Explain a count of " + body.Name
	if body.Resource != nil {
		title = "Why " + body.Name + " counts " + body.Resource.Called()
	}
	return v.show(http.StatusOK, "explain", title, body)
}

// read fills the page with what held at its moment.
func (p *explainPage) read(v *visit, arn string) error {
	at, err := v.momentOf("at")
	if err != nil {
		return err
	}
	name := func() (err error) {
		p.Name, err = v.nameAt(arn, wire(at))
		return err
	}
	if p.Resource == nil {
		return name()
	}
	p.place(at, v)
	return together(name,
		func() error { return p.explain(v, arn, at) },
		func() error { return p.call(v, at) })
}

// call finds what the resource was called, for the title.
func (p *explainPage) call(v *visit, at *time.Time) error {
	if at == nil {
		return v.nameLinks(p.Resource)
	}
	then, err := v.reportedAt(p.Resource.ARN, at, nil)
	if err == nil {
		p.Resource.call(then.Name)
	}
	return err
}

// place sets what depends on the moment that is looked at.
func (p *explainPage) place(at *time.Time, v *visit) {
	if at != nil {
		p.Path += "?" + url.Values{"at": {*wire(at)}}.Encode()
		p.At, p.Moment = at.In(v.zone).Format(localForm), v.at(*at)
	}
	for _, choice := range []struct{ label, at string }{{"Now", ""}, {"End of last month", v.lastMonth()}, {"End of last year", v.lastYear()}} {
		p.Presets = append(p.Presets, link{Text: choice.label, Href: p.Form + "?" + url.Values{"resource": {p.Resource.ARN}, "at": {choice.at}}.Encode()})
	}
}

// lastMonth and lastYear are the days that the last month and year ended with
// for the viewer.
func (v *visit) lastMonth() string {
	now := v.c.Now().In(v.zone)
	return time.Date(now.Year(), now.Month(), 0, 0, 0, 0, 0, v.zone).Format(time.DateOnly)
}

func (v *visit) lastYear() string {
	return time.Date(v.c.Now().In(v.zone).Year(), 1, 0, 0, 0, 0, 0, v.zone).Format(time.DateOnly)
}

func (p *explainPage) explain(v *visit, arn string, at *time.Time) error {
	var out api.ExplainUsageOutput
	if err := v.call("ExplainUsage", &api.ExplainUsageInput{LicenseConfigurationArn: &arn, ResourceArn: &p.Resource.ARN, AsOf: wire(at)}, &out); err != nil {
		return err
	}
	p.Consumed, p.Associated, p.Since = told(out.ConsumedLicenses), told(out.Associated), v.since(out.AssociationTime)
	p.Revision, p.Recorded = told(out.Revision), v.when(out.RevisionTime)
	links := []*resourceLink{}
	if told(out.CountedOnResourceArn) != p.Resource.ARN {
		p.CountedOn = linkGiven(out.CountedOnResourceArn)
		links = append(links, p.CountedOn)
	}
	for i := range out.Steps {
		s := &out.Steps[i]
		p.Rungs = append(p.Rungs, v.rung(s))
		links = append(links, p.Rungs[i].Link)
		for _, part := range p.Rungs[i].Note {
			links = append(links, part.Link)
		}
	}
	if p.Consumed == 0 {
		p.Why = whyNothing(out.Steps)
	}
	p.later = v.after(func() error {
		return together(
			func() error { return v.nameLinks(links...) },
			func() error { return p.addOrigins(v, at) })
	})
	return nil
}

// addOrigins says of each fact since when it is so and who reported it. Physical
// cores and sockets are those of the resource that carries the count.
func (p *explainPage) addOrigins(v *visit, at *time.Time) error {
	wanted := map[string][]string{p.Resource.ARN: {}}
	of := func(r *rung) (arn, fact string) {
		if arn = p.Resource.ARN; p.CountedOn != nil && (r.Fact == "Cores" || r.Fact == "Sockets") {
			arn = p.CountedOn.ARN
		}
		return arn, r.Fact
	}
	for i := range p.Rungs {
		if arn, fact := of(&p.Rungs[i]); fact != "" {
			wanted[arn] = append(wanted[arn], fact)
		}
	}
	for arn, names := range wanted {
		found, err := v.reportedAt(arn, at, names)
		if err != nil {
			return err
		}
		if arn == p.Resource.ARN {
			p.Resource.call(found.Name)
		}
		for i := range p.Rungs {
			if on, fact := of(&p.Rungs[i]); on == arn {
				p.Rungs[i].Origin = found.origins[fact]
			}
		}
	}
	return nil
}
