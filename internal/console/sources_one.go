package console

import (
	"net/http"
	"net/url"

	"reeve/internal/api"
)

// runRows is how many runs a page has.
const runRows = 50

// sourcePage is one source with its runs.
type sourcePage struct {
	sourceView
	Runs  []runView
	Pages pages
	Done  string
}

// sourceDone say what a button on the page of a source did.
var sourceDone = map[string]string{
	"run":    "A run is asked for. It begins within moments; load this page again to follow it.",
	"pause":  "The source is paused: the clock runs it no more.",
	"resume": "The source runs by the clock again.",
}

func (c *console) sourceDetails(v *visit) error {
	s, err := v.sourceNamed()
	if err != nil {
		return err
	}
	var out api.ListSourceRunsOutput
	list := v.pagedPart(sourcePath(told(s.Name)), nil, "page", "runs")
	in := &api.ListSourceRunsInput{Name: s.Name, MaxResults: new(int64(runRows)), NextToken: list.token()}
	if err := v.call("ListSourceRuns", in, &out); err != nil {
		return err
	}
	body := sourcePage{sourceView: v.source(s), Done: sourceDone[v.FormValue("done")]}
	for i := range out.Runs {
		body.Runs = append(body.Runs, v.run(&out.Runs[i]))
	}
	body.Pages = list.pages(out.NextToken)
	return v.show(http.StatusOK, "source", "Source "+body.Name, body)
}

// sourceNamed reads the source of the address, so that a mistyped name is not
// taken for a new one.
func (v *visit) sourceNamed() (*api.Source, error) {
	var out api.GetSourceOutput
	err := v.call("GetSource", &api.GetSourceInput{Name: new(v.PathValue("name"))}, &out)
	if refused(err, "AuthorizationException") || refused(err, "AccessDenied") {
		return nil, refuse(http.StatusForbidden, "Sources are kept by the root account: they read files and credentials of the server.")
	}
	if err == nil && out.Source == nil {
		err = refuse(http.StatusNotFound, "There is no source with this name.")
	}
	return out.Source, err
}

// sourceAction is what a button on the page of a source does.
func (c *console) sourceAction(v *visit) error {
	s, err := v.sourceNamed()
	if err != nil {
		return err
	}
	action := v.PathValue("action")
	switch action {
	case "run":
		in := &api.RunSourceInput{Name: s.Name}
		if v.PostFormValue("allow-shrink") != "" {
			in.AllowShrink = new(true)
		}
		err = v.call("RunSource", in, &api.RunSourceOutput{})
	case "pause", "resume":
		in := &api.PutSourcesInput{Sources: []api.SourceDefinition{{Name: s.Name, Paused: new(action == "pause")}}}
		err = v.call("PutSources", in, &api.PutSourcesOutput{})
	default:
		err = c.nothingHere(v)
	}
	if err != nil {
		return err
	}
	v.redirect(withQuery(sourcePath(told(s.Name)), url.Values{"done": {action}}))
	return nil
}
