package main

import (
	"fmt"
	"strings"

	"reeve/internal/api"
)

var whatIfConfigurations = []column{
	{key: "Name", title: "CONFIGURATION"},
	{key: "Before", title: "NOW", right: true},
	{key: "After", title: "THEN", right: true},
	{key: "LicenseCount", title: "OF", right: true},
	{key: "OverUse", title: "OVER", right: true},
}

var whatIfActions = []column{
	{key: "Action", title: "ACTION"},
	{key: "Fit", title: "FIT", right: true},
	{key: "Why", title: "WHY"},
}

// printWhatIf prints what would come of a plan.
func printWhatIf(p *process, output outputFlag, in *api.SimulateUsageInput, out *api.SimulateUsageOutput) error {
	if !output.forPeople() {
		return printJSON(p.stdout, out)
	}
	t := newRecords(p.stdout, output, whatIfConfigurations)
	for _, c := range out.Configurations {
		var count any
		if c.After.LicenseCount != nil {
			count = *c.After.LicenseCount
		}
		if err := t.row(val(c.Name), val(c.Before.ConsumedLicenses), val(c.After.ConsumedLicenses), count, val(c.After.OverUse)); err != nil {
			return err
		}
	}
	if err := t.end(); err != nil {
		return err
	}
	t = newRecords(p.stdout, output, whatIfActions)
	for i, a := range out.Actions {
		if err := t.row(actionText(&in.Actions[i]), fmt.Sprintf("%d of %d", val(a.Fit), val(a.Machines)), actionNote(&a)); err != nil {
			return err
		}
	}
	if err := t.end(); err != nil {
		return err
	}
	return printUnlicensed(p, out)
}

func actionNote(a *api.SimulatedActionResult) string {
	note := val(a.Refusal)
	if a.SizedLikeResourceArn != nil {
		note = strings.TrimPrefix(note+"; ", "; ") + "sized like " + lastPart(*a.SizedLikeResourceArn)
	}
	return note
}

// printUnlicensed says who would stand without a licence, and the answer.
func printUnlicensed(p *process, out *api.SimulateUsageOutput) error {
	for _, f := range out.Failures[:min(len(out.Failures), 20)] {
		if _, err := fmt.Fprintf(p.stdout, "without a licence: %s\n", printable(val(f.Message))); err != nil {
			return err
		}
	}
	answer := "everything fits"
	if !val(out.Fits) {
		answer = "not everything fits"
		if n := len(out.Failures); n > 0 {
			answer += fmt.Sprintf(": %s without a licence", counted(int64(n), "machine"))
		}
	}
	_, err := fmt.Fprintln(p.stdout, answer)
	return err
}

// actionText says in a few words what an action is.
func actionText(a *api.SimulatedAction) string {
	switch {
	case a.Launch != nil:
		return strings.TrimSpace(fmt.Sprintf("launch %d %s", val(a.Launch.Machines), val(a.Launch.InstanceType)))
	case a.Change != nil:
		return "change " + lastPart(val(a.Change.ResourceArn))
	case a.Associate != nil:
		return "associate " + lastPart(val(a.Associate.ResourceArn))
	case a.Configure != nil:
		return "terms of " + lastPart(val(a.Configure.LicenseConfigurationArn))
	}
	return "terminate " + lastPart(val(a.DeleteResourceArn))
}
