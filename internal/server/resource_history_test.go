package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"reeve/internal/api"
	"reeve/internal/licensetest"
)

// history lists every version of a resource in pages of two, as text.
func history(s *licensetest.Server, arn string) []string {
	var lines []string
	for in := (&api.ListResourceVersionsInput{ResourceArn: &arn, MaxResults: new(int64(2))}); ; {
		var out api.ListResourceVersionsOutput
		s.Call(alice, "Reeve.ListResourceVersions", in, &out)
		for _, v := range out.Versions {
			lines = append(lines, versionText(&v))
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return lines
		}
	}
}

func versionText(v *api.ResourceVersion) string {
	text := []string{fmt.Sprintf("%d at %s", *v.Version, (*v.Time)[11:16])}
	for _, c := range v.Changes {
		text = append(text, fmt.Sprintf("%s %s→%s", *c.Name, orNone(c.From), orNone(c.To)))
	}
	for _, c := range v.SoftwareChanges {
		text = append(text, fmt.Sprintf("%s %s→%s", *c.Name, orNone(c.FromVersion), orNone(c.ToVersion)))
	}
	for _, e := range v.Effects {
		text = append(text, fmt.Sprintf("%s revision %d by %s: %d→%d", *e.LicenseConfigurationName, *e.Revision, *e.Cause, *e.FromConsumedLicenses, *e.ToConsumedLicenses))
	}
	return strings.Join(text, "; ")
}

func orNone(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}

func TestVersionsOfAResourceTellWhatChanged(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	client := s.Client(alice)
	arn := configure(t, client, nil)
	machine := licensetest.Machine(alice, "i-0", 2)
	report := func(change func(r *api.Resource)) {
		s.Clock.Advance(time.Hour)
		r := licensetest.Machine(alice, "i-0", 2)
		change(&r)
		s.Put(alice, r)
	}
	s.Put(alice, machine)
	associate(t, client, arn, *machine.ResourceArn)
	report(func(r *api.Resource) { r.VCpus = new(int64(8)) })
	report(func(r *api.Resource) {
		r.VCpus = new(int64(8))
		r.Applications = []api.Application{{Name: new("SQL"), Version: new("1")}, {Name: new("Mail")}}
	})
	report(func(r *api.Resource) {
		r.VCpus, r.Status = new(int64(8)), new("stopped")
		r.Applications = []api.Application{{Name: new("SQL"), Version: new("2")}}
	})
	want := []string{
		"4 at 03:00; Status running→stopped; Mail →-; SQL 1→2; windows revision 4 by PutResources: 8→0",
		"3 at 02:00; Mail -→; SQL -→1",
		"2 at 01:00; VCpus 2→8; windows revision 3 by PutResources: 2→8",
		"1 at 00:00; Status -→running; VCpus -→2",
	}
	got := history(s, *machine.ResourceArn)
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestADiscoveredMachineNamesItsFirstRevision(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	discovers(t, s, "Oracle")
	s.Put(alice, discovered("Oracle"))
	got := history(s, discoveredARN)
	if len(got) != 1 || !strings.Contains(got[0], "revision 2 by PutResources: 0→4") {
		t.Errorf("got %v", got)
	}
}

// An exclusion ends the association, and not what was.
func TestAnExcludedMachineKeepsItsHistory(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	arn := discovers(t, s, "Oracle")
	s.Put(alice, discovered("Oracle"))
	s.Clock.Advance(time.Hour)
	s.Call(alice, "Reeve.ExcludeResource", &api.ExcludeResourceInput{LicenseConfigurationArn: &arn, ResourceArn: new(discoveredARN), Reason: new("spare"), Owner: new("ops")}, nil)
	if got := history(s, discoveredARN); len(got) != 1 || !strings.Contains(got[0], "revision 2 by PutResources: 0→4") {
		t.Errorf("got %v", got)
	}
}

// A page of versions goes on below the last one, also when there are new ones.
func TestVersionsAddedMeanwhileDoNotShiftPages(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	for n := range int64(5) {
		s.Put(alice, licensetest.Machine(alice, "i-0", n+1))
	}
	in := &api.ListResourceVersionsInput{ResourceArn: new(licensetest.MachineARN(alice, "i-0")), MaxResults: new(int64(2))}
	var first, second api.ListResourceVersionsOutput
	s.Call(alice, "Reeve.ListResourceVersions", in, &first)
	s.Put(alice, licensetest.Machine(alice, "i-0", 9))
	in.NextToken = first.NextToken
	s.Call(alice, "Reeve.ListResourceVersions", in, &second)
	if *first.Versions[1].Version != 4 || *second.Versions[0].Version != 3 || aws.ToString(second.Versions[0].Changes[0].From) != "2" {
		t.Errorf("the second page begins with %d", *second.Versions[0].Version)
	}
}
