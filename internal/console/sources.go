package console

import (
	"net/http"
	"net/url"
	"time"

	"reeve/internal/api"
)

const sourcesPath = Home + "sources"

// sourcesPage is the list of sources, or why there is none to see.
type sourcesPage struct {
	Refused bool
	Sources []sourceView
	Pages   pages
}

// sourceView is a source as pages show it.
type sourceView struct {
	Name, Path, Kind, Account, Region string
	State, Class                      string
	Every, Settings                   string
	Paused, Running                   bool
	Next, LastSuccess                 stamp
	FailedRuns                        int64
	Last, Trouble                     *runView
}

type runView struct {
	Number                               int64
	Status, Class, Error                 string
	Start, End                           stamp
	Seen, Created, Changed, Failed, Gone int64
	Failures                             []failureView
}

type failureView struct{ Place, Reason string }

func (c *console) sources(v *visit) error {
	var out api.ListSourcesOutput
	list := v.paged(sourcesPath, nil)
	in := &api.ListSourcesInput{MaxResults: new(int64(50)), NextToken: list.token()}
	err := v.call("ListSources", in, &out)
	if refused(err, "AuthorizationException") || refused(err, "AccessDenied") {
		return v.show(http.StatusForbidden, "sources", "Sources", sourcesPage{Refused: true})
	}
	if err != nil {
		return err
	}
	var body sourcesPage
	for i := range out.Sources {
		body.Sources = append(body.Sources, v.source(&out.Sources[i]))
	}
	body.Pages = list.pages(out.NextToken)
	return v.show(http.StatusOK, "sources", "Sources", body)
}

func (v *visit) source(s *api.Source) sourceView {
	view := sourceView{
		Name: told(s.Name), Path: sourcePath(told(s.Name)), Kind: told(s.Kind), Account: told(s.AccountId), Region: told(s.Region),
		Every: inWords(time.Duration(told(s.EverySeconds)) * time.Second), Settings: clippedTo(told(s.Settings), 2000), Paused: told(s.Paused),
		Running: told(s.Running) || told(s.Asked), Next: v.when(s.NextRunTime), LastSuccess: v.when(s.LastSuccessTime), FailedRuns: told(s.FailedRuns),
		Last: v.runGiven(s.LastRun), Trouble: v.runGiven(s.TroubledRun),
	}
	view.State, view.Class = sourceState(s)
	return view
}

// sourceState says in a word what a source is about, and how that looks.
func sourceState(s *api.Source) (state, class string) {
	switch {
	case told(s.Running):
		return "running", "good"
	case told(s.Asked):
		return "about to run", "good"
	case told(s.Paused):
		return "paused", "warn"
	case told(s.FailedRuns) > 0:
		return "failing", "bad"
	}
	return "waiting", ""
}

func sourcePath(name string) string { return sourcesPath + "/" + url.PathEscape(name) }

// runWords say how a run ended, and how that looks.
var runWords = map[string][2]string{
	"RUNNING": {"running", "good"}, "SUCCEEDED": {"succeeded", ""}, "FAILED": {"failed", "bad"}, "REFUSED": {"not believed", "warn"},
	"STOPPED": {"stopped", "warn"}, "LOST": {"lost", "warn"},
}

func (v *visit) runGiven(r *api.SourceRun) *runView {
	if r == nil {
		return nil
	}
	return new(v.run(r))
}

func (v *visit) run(r *api.SourceRun) runView {
	words := runWords[told(r.Status)]
	view := runView{
		Number: told(r.Run), Status: words[0], Class: words[1], Error: clippedTo(told(r.Error), 1000), Start: v.when(r.StartTime), End: v.when(r.EndTime),
		Seen: told(r.Seen), Created: told(r.Created), Changed: told(r.Changed), Failed: told(r.Failed), Gone: told(r.Gone),
	}
	for _, f := range r.Failures[:min(len(r.Failures), 50)] {
		view.Failures = append(view.Failures, failureView{clippedTo(told(f.Place), longest), clippedTo(told(f.Reason), longest)})
	}
	return view
}
