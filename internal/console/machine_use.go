package console

import (
	"net/http"
	"net/url"

	"reeve/internal/api"
)

// machineUse is a resource in one licence configuration.
type machineUse struct {
	ARN, Name, Path, Explain string // of the configuration
	Lender                   string // account that shares it; "" for this one's own
	Consumed                 int64
	Origin                   string
	Since                    stamp
	CountedOn                *resourceLink
	Unlicensed               bool
	Failure                  string
	MayExclude               bool
	Leave                    form // that leaves it out, as it was typed
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
		ARN: arn, Name: clipped(told(u.LicenseConfigurationName)), Path: v.configurationPath(arn), Lender: v.lender(arn),
		Explain:  v.configurationPath(arn) + "/explain?" + url.Values{"resource": {resource}}.Encode(),
		Consumed: told(u.ConsumedLicenses),
		Origin:   worded(originWords, told(u.Origin)), Since: v.since(u.AssociationTime),
		Unlicensed: told(u.Unlicensed), Failure: clippedTo(plainMessage(told(u.FailureMessage), arn, told(u.LicenseConfigurationName)), longest),
	}
	if told(u.CountedOnResourceArn) != resource {
		m.CountedOn = linkGiven(u.CountedOnResourceArn)
	}
	if u.Origin == nil && m.Consumed > 0 {
		m.Origin = "counted for what runs on it"
	}
	m.MayExclude = m.Lender == "" && u.Exclusion == nil && (told(u.Origin) == "discovery" || m.Failure != "" && u.Origin == nil)
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

// exclude leaves a machine out of a licence; a form that is refused is shown
// again.
func (c *console) exclude(v *visit) error {
	f := v.sent()
	until, err := v.momentOf("until")
	f.need("reason", "Say why the machine needs no licence: an auditor will ask.")
	f.need("owner", "Say who answers for it: an auditor will ask.")
	switch {
	case err != nil:
		f.blame("until", err.Error())
	case until == nil && f.text("until") != "":
		f.blame("until", "The last day must be after today. Leave it empty to leave the machine out until somebody includes it again.")
	}
	if len(f.Flaws) > 0 {
		return v.showMachine(http.StatusBadRequest, f)
	}
	in := &api.ExcludeResourceInput{
		LicenseConfigurationArn: new(f.Value("configuration")), ResourceArn: new(f.Value("arn")), Reason: f.given("reason"), Owner: f.given("owner"), Until: wire(until),
	}
	if err := v.call("ExcludeResource", in, &api.ExcludeResourceOutput{}); err != nil {
		return v.again(err, f, []member{{"reason", "reason"}, {"owner", "owner"}, {"until", "until"}}, v.showMachine)
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
