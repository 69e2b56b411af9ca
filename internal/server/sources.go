package server

import (
	"context"
	"time"

	"reeve/internal/api"
	"reeve/internal/license"
	"reeve/internal/source"
	"reeve/internal/source/schedule"
)

// largestRunPage is the largest page of runs: each has a list of failures.
const largestRunPage = 20

func (s *server) putSources(ctx context.Context, who license.Caller, in *api.PutSourcesInput) (*api.PutSourcesOutput, error) {
	result, err := s.sources.Put(ctx, who, convert(in.Sources, definition))
	if err != nil {
		return nil, err
	}
	return &api.PutSourcesOutput{
		Created:   new(int64(result.Created)),
		Changed:   new(int64(result.Changed)),
		Unchanged: new(int64(result.Unchanged)),
		Sources: convert(result.Sources, func(s **schedule.Source) api.Source {
			return wireSource(&schedule.Details{Source: *s})
		}),
	}, nil
}

func definition(d *api.SourceDefinition) schedule.Definition {
	out := schedule.Definition{
		Name: value(d.Name), Kind: d.Kind, Account: d.AccountId, Region: d.Region,
		Settings: d.Settings, Paused: d.Paused, AllowShrink: d.AllowShrink,
	}
	if d.EverySeconds != nil {
		out.Every = new(time.Duration(*d.EverySeconds) * time.Second)
	}
	return out
}

func (s *server) getSource(ctx context.Context, _ license.Caller, in *api.GetSourceInput) (*api.GetSourceOutput, error) {
	found, err := s.sources.Get(ctx, value(in.Name))
	if err != nil {
		return nil, err
	}
	return &api.GetSourceOutput{Source: new(wireSource(found))}, nil
}

func (s *server) listSources(ctx context.Context, who license.Caller, in *api.ListSourcesInput) (*api.ListSourcesOutput, error) {
	page, err := s.pager(who, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	after, err := page.created()
	if err != nil {
		return nil, err
	}
	if after == nil {
		after = &license.ConfigurationCursor{}
	}
	list, next, err := s.sources.List(ctx, schedule.Place{Created: after.Created, Num: after.Num}, min(page.limit, 100))
	if err != nil {
		return nil, err
	}
	out := &api.ListSourcesOutput{Sources: convert(list, func(d **schedule.Details) api.Source {
		listed := wireSource(*d)
		listed.TroubledRun = nil // GetSource has it; a page would be long
		return listed
	})}
	if next != nil {
		out.NextToken = page.afterCreated(&license.ConfigurationCursor{Created: next.Created, Num: next.Num})
	}
	return out, nil
}

func (s *server) deleteSource(ctx context.Context, _ license.Caller, in *api.DeleteSourceInput) (*api.DeleteSourceOutput, error) {
	return &api.DeleteSourceOutput{}, s.sources.Delete(ctx, value(in.Name))
}

func (s *server) runSource(ctx context.Context, _ license.Caller, in *api.RunSourceInput) (*api.RunSourceOutput, error) {
	number, err := s.sources.Ask(ctx, value(in.Name), value(in.AllowShrink))
	return &api.RunSourceOutput{Run: &number}, err
}

func (s *server) listSourceRuns(ctx context.Context, who license.Caller, in *api.ListSourceRunsInput) (*api.ListSourceRunsOutput, error) {
	page, err := s.pager(who, in.MaxResults, in.NextToken, value(in.Name))
	if err != nil {
		return nil, err
	}
	before, err := page.number()
	if err != nil {
		return nil, err
	}
	runs, more, err := s.sources.Runs(ctx, value(in.Name), before, min(page.limit, largestRunPage))
	if err != nil {
		return nil, err
	}
	out := &api.ListSourceRunsOutput{Runs: convert(runs, func(r **schedule.Run) api.SourceRun { return wireRun(*r) })}
	if more {
		out.NextToken = page.afterNumber(runs[len(runs)-1].Number)
	}
	return out, nil
}

func wireSource(d *schedule.Details) api.Source {
	out := api.Source{
		SourceId: new(d.ID()), Name: &d.Name, Kind: &d.Kind, Settings: &d.Settings,
		AccountId: &d.Account, Region: &d.Region, EverySeconds: new(int64(d.Every / time.Second)),
		Paused: &d.Paused, AllowShrink: &d.AllowShrink,
		CreatedTime: new(d.Created.String()), CreatedBy: &d.CreatedBy,
		Running: new(d.Running()), Asked: new(d.Asked != schedule.NotAsked),
		FailedRuns: &d.Failed, LastSuccessTime: momentGiven(d.Succeeded),
		LastRun: wireRunGiven(d.LastRun), TroubledRun: wireRunGiven(d.Troubled),
	}
	if !d.Paused {
		out.NextRunTime = momentGiven(d.Due)
	}
	if d.Found >= 0 {
		out.Found = &d.Found
	}
	return out
}

// momentGiven leaves out what has not happened.
func momentGiven(t license.Time) *string {
	if t == 0 {
		return nil
	}
	return new(t.String())
}

func wireRunGiven(r *schedule.Run) *api.SourceRun {
	if r == nil {
		return nil
	}
	return new(wireRun(r))
}

func wireRun(r *schedule.Run) api.SourceRun {
	return api.SourceRun{
		Run: &r.Number, Status: new(string(r.Status)), Server: &r.Server,
		StartTime: momentGiven(r.Started), EndTime: momentGiven(r.Ended),
		Seen: &r.Counts.Seen, Created: &r.Counts.Created, Changed: &r.Counts.Changed, Unchanged: &r.Counts.Unchanged,
		Failed: &r.Counts.Failed, Gone: &r.Counts.Gone, Error: present(r.Error),
		Failures: convert(r.Failures, func(f *source.Failure) api.SourceFailure {
			return api.SourceFailure{Place: &f.Place, Reason: &f.Reason}
		}),
	}
}
