package console

import (
	"net/http"
	"strings"

	"reeve/internal/api"
)

// simulatedLine is what the policies say of one action on one resource.
type simulatedLine struct {
	Action, Resource string
	Answer, Class    string
	Why              string
}

// asksSimulation reports whether a form asks what a holder may do.
func (f form) asksSimulation() bool { return f.values.Has("actions") }

// simulate asks what the holder may do, as the form says. It returns the status
// of a refusal, which is then beside the form's fields; 0 for none.
func (p *holderPage) simulate(v *visit) (status int) {
	in := &api.SimulatePolicyInput{
		UserName: p.user(), RoleName: p.role(), AccountId: p.account,
		ActionNames: strings.Fields(p.Sent.Value("actions")), ResourceArns: strings.Fields(p.Sent.Value("resources")),
	}
	p.Sent.need("actions", "Enter an action at least, such as license-manager:TagResource.")
	var fault string
	if in.ContextEntries, fault = contextEntries(p.Sent.Value("keys")); fault != "" {
		p.Sent.blame("keys", fault)
	}
	if len(p.Sent.Flaws) > 0 {
		return http.StatusBadRequest
	}
	var out api.SimulatePolicyOutput
	if err := v.call("SimulatePolicy", in, &out); err != nil {
		status, text := v.explain(err)
		name := "actions"
		if strings.Contains(text, "esource") {
			name = "resources"
		}
		p.Sent.blame(name, plainRefusal(text))
		return status
	}
	for i := range out.EvaluationResults {
		p.Simulation = append(p.Simulation, simulatedLineOf(&out.EvaluationResults[i]))
	}
	return 0
}

// contextEntries reads condition keys, one name=value a line; the same name again
// is one more value.
func contextEntries(text string) (entries []api.ContextEntry, fault string) {
	at := map[string]int{}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok || name == "" {
			return nil, "Write each key on a line of its own, as name=value; “" + clipped(line) + "” is not."
		}
		i, known := at[name]
		if !known {
			i = len(entries)
			at[name] = i
			entries = append(entries, api.ContextEntry{ContextKeyName: &name})
		}
		entries[i].ContextKeyValues = append(entries[i].ContextKeyValues, value)
	}
	return entries, ""
}

func simulatedLineOf(r *api.EvaluationResult) simulatedLine {
	line := simulatedLine{Action: told(r.EvalActionName), Resource: told(r.EvalResourceName)}
	switch told(r.EvalDecision) {
	case "allowed":
		line.Answer, line.Class, line.Why = "allowed", "good", "by "
	case "explicitDeny":
		line.Answer, line.Class, line.Why = "denied", "bad", "by "
	default:
		line.Answer, line.Class, line.Why = "not allowed", "warn", "no statement allows it"
		return line
	}
	if r.PolicyName == nil {
		line.Why = ""
		return line
	}
	line.Why += "statement " + grouped(told(r.Statement)) + " of " + shortName(*r.PolicyName)
	if sid := told(r.Sid); sid != "" {
		line.Why += " (" + clipped(sid) + ")"
	}
	return line
}
