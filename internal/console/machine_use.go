package console

import (
	"net/http"
	"net/url"
	"strings"

	"reeve/internal/api"
)

// machineUse is a resource in one licence configuration.
type machineUse struct {
	ARN, Name, Path, Explain string // of the configuration
	Unit                     string
	Consumed                 int64
	Origin                   string
	Since                    stamp
	CountedOn                *resourceLink
	Unlicensed               bool
	Failure                  string
	MayExclude               bool
	Exclusion                *machineExclusion
}

type machineExclusion struct {
	Reason, Owner, By string
	Since             stamp
	Until             *stamp // nil: until somebody includes it again
}

func (v *visit) use(resource string, u *api.ResourceUse) machineUse {
	arn := told(u.LicenseConfigurationArn)
	m := machineUse{
		ARN: arn, Name: clipped(told(u.LicenseConfigurationName)), Path: v.configurationPath(arn),
		Explain: v.configurationPath(arn) + "/explain?" + url.Values{"resource": {resource}}.Encode(),
		Unit:    worded(unitWords, told(u.LicenseCountingType)), Consumed: told(u.ConsumedLicenses),
		Origin: worded(originWords, told(u.Origin)), Since: v.since(u.AssociationTime),
		Unlicensed: told(u.Unlicensed), Failure: clippedTo(told(u.FailureMessage), longest),
	}
	if on := told(u.CountedOnResourceArn); on != "" && on != resource {
		m.CountedOn = linkTo(on)
	}
	if u.Origin == nil && m.Consumed > 0 {
		m.Origin = "counted for what runs on it"
	}
	m.MayExclude = u.Exclusion == nil && (told(u.Origin) == "discovery" || m.Failure != "" && u.Origin == nil)
	if e := u.Exclusion; e != nil {
		m.Exclusion = &machineExclusion{Reason: clippedTo(told(e.Reason), longest), Owner: clipped(told(e.Owner)), By: clipped(told(e.CreatedBy)), Since: v.since(e.CreationTime)}
		if e.Until != nil {
			m.Exclusion.Until = new(v.when(e.Until))
		}
	}
	return m
}

// doneWords say what a form on the page of a machine did.
var doneWords = map[string]string{
	"excluded": "The machine is left out of the licence from now on. Who, why and until when is on record.",
	"included": "The machine is no longer left out. If a rule finds it, it counts again at once.",
}

func (c *console) exclude(v *visit) error {
	until, err := v.momentOf("until")
	if err != nil {
		return err
	}
	if until == nil && strings.TrimSpace(v.FormValue("until")) != "" {
		return refuse(http.StatusBadRequest, "The last day must be after today. Leave it empty to leave the machine out until somebody includes it again.")
	}
	in := &api.ExcludeResourceInput{
		LicenseConfigurationArn: new(v.PostFormValue("configuration")), ResourceArn: new(v.PostFormValue("arn")),
		Reason: new(strings.TrimSpace(v.PostFormValue("reason"))), Owner: new(strings.TrimSpace(v.PostFormValue("owner"))), Until: wire(until),
	}
	if *in.Reason == "" || *in.Owner == "" {
		return refuse(http.StatusBadRequest, "Say why the machine needs no licence, and who answers for it: an auditor will ask for both.")
	}
	if err := v.call("ExcludeResource", in, &api.ExcludeResourceOutput{}); err != nil {
		return err
	}
	v.redirect(machineAt(url.Values{"arn": {*in.ResourceArn}, "done": {"excluded"}}, "licences"))
	return nil
}

func (c *console) include(v *visit) error {
	in := &api.IncludeResourceInput{LicenseConfigurationArn: new(v.PostFormValue("configuration")), ResourceArn: new(v.PostFormValue("arn"))}
	if err := v.call("IncludeResource", in, &api.IncludeResourceOutput{}); err != nil {
		return err
	}
	v.redirect(machineAt(url.Values{"arn": {*in.ResourceArn}, "done": {"included"}}, "licences"))
	return nil
}
