package schedule_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"reeve/internal/license"
	"reeve/internal/source/schedule"
)

func TestPutIsAllOrNothing(t *testing.T) {
	w := newWorld(t)
	good := schedule.Definition{Name: "good", Kind: new("test"), Settings: new(`{"place":"x"}`)}
	for name, c := range map[string]struct {
		bad  schedule.Definition
		want string
	}{
		"kind":             {schedule.Definition{Name: "bad", Kind: new("teleport"), Settings: new("{}")}, "Expected one of test"},
		"no kind":          {schedule.Definition{Name: "bad"}, "needs a Kind"},
		"no object":        {schedule.Definition{Name: "bad", Kind: new("test"), Settings: new("[]")}, "no JSON object"},
		"unknown member":   {schedule.Definition{Name: "bad", Kind: new("test"), Settings: new(`{"place":"x","password":"y"}`)}, "password"},
		"checked settings": {schedule.Definition{Name: "bad", Kind: new("test"), Settings: new(`{}`)}, "Source bad: The settings cannot be used: place is missing"},
		"name":             {schedule.Definition{Name: "../bad"}, "Invalid name"},
		"again":            {good, "more than once"},
		"interval":         {schedule.Definition{Name: "bad", Kind: new("test"), Settings: good.Settings, Every: new(time.Second)}, "invalid interval"},
		"account":          {schedule.Definition{Name: "bad", Kind: new("test"), Settings: good.Settings, Account: new("999999999999")}, "there is no account"},
	} {
		_, err := w.sources.Put(t.Context(), who, []schedule.Definition{good, c.bad})
		if license.KindOf(err) != license.InvalidParameter || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	list, _, err := w.sources.List(t.Context(), schedule.Place{}, 10)
	if err != nil || len(list) != 0 {
		t.Errorf("a refused request left %d sources, %v", len(list), err)
	}
}

func TestPutAgainChangesWhatItSays(t *testing.T) {
	w := newWorld(t)
	d := schedule.Definition{Name: "x", Kind: new("test"), Settings: new(`{"place": "p"}`)}
	if r := w.put(d); r.Created != 1 || r.Sources[0].Every != time.Hour || r.Sources[0].Account != account || r.Sources[0].Region != who.Region {
		t.Errorf("created %+v", r.Sources[0])
	}
	d.Settings = new(`{ "place" : "p" }`)
	if r := w.put(d); r.Unchanged != 1 {
		t.Errorf("the same settings in other words: %+v", r)
	}
	if r := w.put(schedule.Definition{Name: "x", Paused: new(true)}); r.Changed != 1 || r.Sources[0].Settings != `{"place":"p"}` {
		t.Errorf("changed %+v", r.Sources[0])
	}
	_, err := w.sources.Put(t.Context(), who, []schedule.Definition{{Name: "x", Account: new("999999999999")}})
	if err == nil || !strings.Contains(err.Error(), "cannot change") {
		t.Errorf("another account: %v", err)
	}
}

func TestAPausedSourceWaits(t *testing.T) {
	w := newWorld(t)
	p := w.add("cloud", "a")
	w.add("other", "b")
	w.serve(w.sources, "one")
	w.run("other")
	if w.get("cloud").Run != 0 || p.pulls != 0 {
		t.Error("a paused source ran")
	}
	w.put(schedule.Definition{Name: "cloud", Paused: new(false)})
	w.advance(time.Minute)
	w.ended("cloud", 1)
}

func TestSourcesAreListedInPages(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		w.add(fmt.Sprint("s", i))
	}
	var got []string
	for after := (schedule.Place{}); ; {
		list, next, err := w.sources.List(t.Context(), after, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range list {
			got = append(got, d.Name)
		}
		if next == nil {
			break
		}
		after = *next
	}
	if strings.Join(got, " ") != "s0 s1 s2 s3 s4" {
		t.Errorf("listed %q", got)
	}
}

func TestTheLastRunsAreKept(t *testing.T) {
	w := newWorld(t)
	w.add("cloud", "a")
	w.serve(w.sources, "one")
	for range schedule.KeptRuns + 3 {
		w.run("cloud")
	}
	runs, more, err := w.sources.Runs(t.Context(), "cloud", 0, 1000)
	if err != nil || more || len(runs) != schedule.KeptRuns || runs[0].Number != schedule.KeptRuns+3 {
		t.Errorf("%d runs are kept, %v, %v", len(runs), more, err)
	}
}
