package main

import (
	"fmt"
	"strings"

	"reeve/internal/api"
)

var whatIfView = view[api.SimulatedConfiguration]{
	[]column{
		{key: "LicenseConfigurationArn"},
		{key: "Name", title: "CONFIGURATION"},
		{key: "Before", title: "NOW", right: true},
		{key: "After", title: "THEN", right: true},
		{key: "LicenseCount", title: "OF", right: true},
		{key: "OverUse", title: "OVER", right: true},
	},
	func(c *api.SimulatedConfiguration) []any {
		before, after := val(c.Before), val(c.After)
		over := any(val(after.OverUse))
		if val(after.OverUse) > 0 {
			over = alarming(over)
		}
		return []any{val(c.LicenseConfigurationArn), val(c.Name), val(before.ConsumedLicenses), val(after.ConsumedLicenses), number(after.LicenseCount), over}
	},
}

// plannedAction is an action with what came of it.
type plannedAction struct {
	action api.SimulatedAction
	result api.SimulatedActionResult
}

var plannedView = view[plannedAction]{
	[]column{{title: "ACTION"}, {title: "FIT", right: true}, {title: "WHY"}},
	func(a *plannedAction) []any {
		return []any{actionText(&a.action), fmt.Sprintf("%d of %d", val(a.result.Fit), val(a.result.Machines)), actionNote(&a.result)}
	},
}

// printWhatIf prints what would come of a plan.
func printWhatIf(p *process, in *api.SimulateUsageInput, out *api.SimulateUsageOutput) error {
	if p.output == "json" {
		return printJSON(p.stdout, out)
	}
	if err := printAll(p, whatIfView, out.Configurations); err != nil || !p.forPeople() {
		return err
	}
	if len(out.Configurations) > 0 {
		fmt.Fprintln(p.stdout)
	}
	var actions []plannedAction
	for i, a := range out.Actions {
		actions = append(actions, plannedAction{in.Actions[i], a})
	}
	if err := printAll(p, plannedView, actions); err != nil {
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
