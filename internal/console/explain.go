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
	ID, Name, Path  string // of the configuration; Path at the moment
	Resource, Short string
	Machine         string // address of its page
	Form            string // where the form for another moment goes
	At              string // as the form has it; "" for now
	Moment          stamp
	Asked           bool // a resource is named
	Consumed        int64
	Unit            string
	Associated      bool
	Since           stamp
	Why             string // it consumes nothing
	CountedOn       *resourceLink
	Revision        int64
	Recorded        stamp
	Rungs           []rung
	Presets         []preset
}

// preset is a choice of moments that people often want.
type preset struct{ Label, Path string }

func (c *console) explainPage(v *visit) error {
	arn, err := v.configurationARN()
	if err != nil {
		return err
	}
	at, err := v.momentOf("at")
	if err != nil {
		return err
	}
	resource := strings.TrimSpace(v.FormValue("resource"))
	body := explainPage{ID: shortName(arn), Resource: resource, Short: shortName(resource), Asked: resource != "", Machine: resourcePath(resource), Form: v.URL.Path}
	if body.Name, err = v.nameAt(arn, wire(at)); err != nil {
		return err
	}
	body.place(v, arn, at)
	if body.Asked {
		if err := body.explain(v, arn, at); err != nil {
			return err
		}
	}
	return v.show(http.StatusOK, "explain", "Why "+body.Name+" counts "+body.Short, body)
}

// place sets what depends on the moment that is looked at.
func (p *explainPage) place(v *visit, arn string, at *time.Time) {
	p.Path = v.configurationPath(arn)
	if at != nil {
		p.Path += "?" + url.Values{"at": {*wire(at)}}.Encode()
		p.At, p.Moment = at.In(v.zone).Format(localForm), v.at(*at)
	}
	month, year := v.lastMonth(), v.lastYear()
	for _, choice := range []struct{ label, at string }{{"Now", ""}, {"End of last month", month}, {"End of last year", year}} {
		p.Presets = append(p.Presets, preset{choice.label, p.Form + "?" + url.Values{"resource": {p.Resource}, "at": {choice.at}}.Encode()})
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
	if err := v.call("ExplainUsage", &api.ExplainUsageInput{LicenseConfigurationArn: &arn, ResourceArn: &p.Resource, AsOf: wire(at)}, &out); err != nil {
		return err
	}
	p.Consumed, p.Associated, p.Since = told(out.ConsumedLicenses), told(out.Associated), v.since(out.AssociationTime)
	p.Revision, p.Recorded = told(out.Revision), v.when(out.RevisionTime)
	if on := told(out.CountedOnResourceArn); on != "" && on != p.Resource {
		p.CountedOn = linkTo(on)
	}
	for i := range out.Steps {
		s := &out.Steps[i]
		if told(s.Name) == "LicenseCountingType" {
			p.Unit = worded(unitWords, told(s.Value))
		}
		p.Rungs = append(p.Rungs, v.rung(s))
	}
	if p.Consumed == 0 {
		p.Why = whyNothing(out.Steps)
	}
	return nil
}
