package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"reeve/internal/api"
	"reeve/internal/licensetest"
)

// found lists everything that a search finds, in pages of two, by ID.
func found(s *licensetest.Server, in api.FindResourcesInput) string {
	var ids []string
	for in.MaxResults = new(int64(2)); ; {
		var out api.FindResourcesOutput
		s.Call(alice, "Reeve.FindResources", &in, &out)
		for _, r := range out.Resources {
			ids = append(ids, *r.ResourceId)
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return strings.Join(ids, " ")
		}
	}
}

func TestResourcesAreFoundByWhatPeopleKnow(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	for i, name := range []string{"Web-01", "", "db", "web-02", "web-03"} {
		r := licensetest.Machine(alice, fmt.Sprintf("i-%d", i), 2)
		if i == 2 {
			r = api.Resource{ResourceArn: new(discoveredARN)}
		}
		r.Name = &name
		if i == 3 {
			r.Tags, r.Platform, r.HostId = []api.Tag{{Key: new("team"), Value: new("Red")}}, new("BeOS"), new("h-0abc")
		}
		s.Put(alice, r)
		s.Clock.Advance(time.Millisecond)
	}
	s.Put(bob, licensetest.Machine(bob, "i-web", 1))
	s.Call(alice, "Reeve.DeleteResources", &api.DeleteResourcesInput{ResourceArns: []string{licensetest.MachineARN(alice, "i-4")}}, nil)
	mi := discoveredARN[strings.LastIndexByte(discoveredARN, '/')+1:]
	for _, test := range []struct {
		in   api.FindResourcesInput
		want string
	}{
		{api.FindResourcesInput{}, "i-0 i-1 " + mi + " i-3"},
		{api.FindResourcesInput{Text: new("WEB")}, "i-0 i-3"},
		{api.FindResourcesInput{Text: new("i-1")}, "i-1"},
		{api.FindResourcesInput{Text: new(licensetest.MachineARN(alice, "i-3"))}, "i-3"},
		{api.FindResourcesInput{Text: new("TEAM=red")}, "i-3"},
		{api.FindResourcesInput{Text: new("beos")}, "i-3"},
		{api.FindResourcesInput{Text: new("h-0abc")}, "i-3"},
		{api.FindResourcesInput{Text: new("nothing")}, ""},
		{api.FindResourcesInput{State: new("LOST")}, ""},
	} {
		if got := found(s, test.in); got != test.want {
			t.Errorf("%+v finds %q, want %q", test.in, got, test.want)
		}
	}
	s.Clock.Advance(3 * 24 * time.Hour)
	if _, err := s.Manager.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := found(s, api.FindResourcesInput{State: new("LOST")}); got != mi {
		t.Errorf("lost are %q", got)
	}
	var named api.FindResourcesOutput
	s.Call(alice, "Reeve.FindResources", &api.FindResourcesInput{ResourceArns: []string{
		licensetest.MachineARN(alice, "i-4"), licensetest.MachineARN(bob, "i-web"), discoveredARN, discoveredARN}}, &named)
	if len(named.Resources) != 2 || *named.Resources[0].State != "GONE" || *named.Resources[1].State != "LOST" {
		t.Errorf("by ARN: %+v", named.Resources)
	}
	if got := s.Send(s.URL, alice, "Reeve.FindResources", `{"Text":"x","ResourceArns":["y"]}`); got.Status != 400 || !strings.Contains(got.Body, "leave out") {
		t.Errorf("both answers %d %s", got.Status, got.Body)
	}
}

// A search through a large inventory answers page by page, also where nothing
// is found.
func TestASearchGivesUpInTime(t *testing.T) {
	if testing.Short() {
		t.Skip("reports 10,500 machines")
	}
	s := licensetest.Start(t, licensetest.Options{})
	for batch := range 11 {
		var machines []api.Resource
		for i := range 1000 {
			machines = append(machines, licensetest.Machine(alice, fmt.Sprintf("i-%02d%03d", batch, i), 1))
		}
		s.Put(alice, machines...)
		s.Clock.Advance(time.Millisecond)
	}
	var first api.FindResourcesOutput
	s.Call(alice, "Reeve.FindResources", &api.FindResourcesInput{Text: new("i-10999")}, &first)
	if len(first.Resources) != 0 || first.NextToken == nil {
		t.Errorf("the first page has %d and %v", len(first.Resources), first.NextToken)
	}
	if got := found(s, api.FindResourcesInput{Text: new("i-10999")}); got != "i-10999" {
		t.Errorf("found %q", got)
	}
}
