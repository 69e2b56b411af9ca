package server_test

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"reeve/internal/api"
	"reeve/internal/client"
	"reeve/internal/license"
	"reeve/internal/licensetest"
	"reeve/internal/source/schedule"
)

// sourceClient is our own client, as an account's key.
func sourceClient(t *testing.T, s *licensetest.Server, account string) *client.Client {
	t.Helper()
	c, err := client.New(s.URL, licensetest.Region, s.Credentials(account))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSourcesAreForTheRootAccountAlone(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	const tenant = "222222222222"
	for target, body := range map[string]string{
		"PutSources":     `{"Sources": [{"Name": "etc", "Kind": "directory", "Settings": "{\"path\":\"/etc\"}"}]}`,
		"GetSource":      `{"Name": "etc"}`,
		"ListSources":    `{}`,
		"DeleteSource":   `{"Name": "etc"}`,
		"RunSource":      `{"Name": "etc"}`,
		"ListSourceRuns": `{"Name": "etc"}`,
	} {
		answer := s.Send(s.URL, tenant, api.Reeve+"."+target, body)
		if answer.Status != http.StatusBadRequest || !strings.Contains(answer.Body, "AuthorizationException") {
			t.Errorf("%s by a tenant: %d %s", target, answer.Status, answer.Body)
		}
	}
}

func TestASourceOverTheAPI(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	c := sourceClient(t, s, licensetest.Root)
	dir := t.TempDir()
	table := "resource_arn,vcpus\n" + licensetest.MachineARN(licensetest.Root, "i-1") + ",2\nnonsense,2\n"
	if err := os.WriteFile(filepath.Join(dir, "machines.csv"), []byte(table), 0o600); err != nil {
		t.Fatal(err)
	}
	put, err := client.Call[api.PutSourcesInput, api.PutSourcesOutput](t.Context(), c, "Reeve.PutSources", &api.PutSourcesInput{Sources: []api.SourceDefinition{
		{Name: new("drop"), Kind: new("directory"), Settings: new(`{"path": "` + dir + `"}`), EverySeconds: new(int64(60)), Paused: new(true)},
		{Name: new("other"), Kind: new("directory"), Settings: new(`{"path": "/nowhere"}`), Paused: new(true)},
	}})
	if err != nil || *put.Created != 2 || *put.Sources[0].Paused != true || put.Sources[0].NextRunTime != nil {
		t.Fatalf("put %+v, %v", put, err)
	}
	run, err := client.Call[api.RunSourceInput, api.RunSourceOutput](t.Context(), c, "Reeve.RunSource", &api.RunSourceInput{Name: new("drop")})
	if err != nil || *run.Run != 1 {
		t.Fatalf("run %+v, %v", run, err)
	}
	get := func() *api.Source {
		out, err := client.Call[api.GetSourceInput, api.GetSourceOutput](t.Context(), c, "Reeve.GetSource", &api.GetSourceInput{Name: new("drop")})
		if err != nil {
			t.Fatal(err)
		}
		return out.Source
	}
	if asked := get(); !*asked.Asked || *asked.Running || asked.LastRun != nil {
		t.Errorf("before the run: %+v", asked)
	}
	runScheduler(t, s, func() bool { r := get().LastRun; return r != nil && r.EndTime != nil })
	last := get().LastRun
	if *last.Status != "SUCCEEDED" || *last.Created != 1 || *last.Failed != 1 || *last.Failures[0].Place != "machines.csv:3" {
		t.Errorf("last run %+v", last)
	}
	runs, err := client.Call[api.ListSourceRunsInput, api.ListSourceRunsOutput](t.Context(), c, "Reeve.ListSourceRuns", &api.ListSourceRunsInput{Name: new("drop")})
	if err != nil || len(runs.Runs) != 1 || runs.NextToken != nil {
		t.Errorf("runs %+v, %v", runs, err)
	}
	var names []string
	var token *string
	for range 3 {
		page, err := client.Call[api.ListSourcesInput, api.ListSourcesOutput](t.Context(), c, "Reeve.ListSources", &api.ListSourcesInput{MaxResults: new(int64(1)), NextToken: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range page.Sources {
			names = append(names, *one.Name)
		}
		if token = page.NextToken; token == nil {
			break
		}
	}
	if strings.Join(names, " ") != "drop other" && strings.Join(names, " ") != "other drop" { // created at the same moment
		t.Errorf("listed %q", names)
	}
	if _, err := client.Call[api.DeleteSourceInput, api.DeleteSourceOutput](t.Context(), c, "Reeve.DeleteSource", &api.DeleteSourceInput{Name: new("drop")}); err != nil {
		t.Error(err)
	}
	for _, target := range []string{"GetSource", "RunSource", "DeleteSource", "ListSourceRuns"} {
		answer := s.Send(s.URL, licensetest.Root, api.Reeve+"."+target, `{"Name": "drop"}`)
		if !strings.Contains(answer.Body, `InvalidParameterValueException`) || !strings.Contains(answer.Body, "There is no source") {
			t.Errorf("%s of a source that is gone: %s", target, answer.Body)
		}
	}
}

// runScheduler runs the server's sources until a condition holds.
func runScheduler(t *testing.T, s *licensetest.Server, until func() bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	scheduler := s.Sources.Scheduler(schedule.Options{
		NewManager: func(store license.Store) *license.Manager { return license.New(store, license.Settings{}) },
		Server:     "test", Log: slog.New(slog.DiscardHandler), Poll: 20 * time.Millisecond,
	})
	done := make(chan struct{})
	go func() { defer close(done); scheduler.Run(ctx) }()
	defer func() { cancel(); <-done }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for late := time.Now().Add(5 * time.Minute); time.Now().Before(late); {
		if until() {
			return
		}
		<-tick.C
	}
	t.Fatal("the run did not end")
}
