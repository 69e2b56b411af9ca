package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"

	"reeve/internal/api"
	"reeve/internal/licensetest"
)

const (
	hostARN  = "arn:aws:ec2:eu-west-1:" + alice + ":dedicated-host/h-0"
	metalARN = "arn:aws:ssm:eu-west-1:" + alice + ":managed-instance/mi-metal"
)

func getResource(s *licensetest.Server, in *api.GetResourceInput) *api.GetResourceOutput {
	var out api.GetResourceOutput
	s.Call(alice, "Reeve.GetResource", in, &out)
	return &out
}

func factsOf(out *api.GetResourceOutput) map[string]string {
	facts := map[string]string{}
	for _, f := range out.Facts {
		facts[*f.Name] = *f.Value
		if f.Since != nil {
			facts[*f.Name] += " since " + (*f.Since)[:len("2026-01-01T00")]
		}
	}
	return facts
}

func TestGetResourceTellsSinceWhenFactsHold(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	machine := licensetest.Machine(alice, "i-0", 2)
	machine.Name, machine.Tags = new("web"), []api.Tag{{Key: new("env"), Value: new("")}}
	s.Put(alice, machine)
	s.Clock.Advance(time.Hour)
	s.Put(alice, licensetest.Machine(alice, "i-0", 8))
	s.Clock.Advance(time.Hour)
	s.Put(alice, licensetest.Machine(alice, "i-0", 2)) // back again: since the third report, not the first

	out := getResource(s, &api.GetResourceInput{ResourceArn: machine.ResourceArn})
	facts := factsOf(out)
	for name, want := range map[string]string{
		"Name": "web since 2026-01-01T00", "Status": "running since 2026-01-01T00", "VCpus": "2 since 2026-01-01T02", "tag:env": " since 2026-01-01T00",
	} {
		if facts[name] != want {
			t.Errorf("%s is %q, want %q", name, facts[name], want)
		}
	}
	if *out.State != "ACTIVE" || *out.Version != 3 || *out.ResourceId != "i-0" || *out.FirstSeenTime != "2026-01-01T00:00:00.000000Z" || *out.LastSeenTime != "2026-01-01T02:00:00.000000Z" {
		t.Errorf("got %s, version %d of %s, seen from %s to %s", *out.State, *out.Version, *out.ResourceId, *out.FirstSeenTime, *out.LastSeenTime)
	}
	s.Call(alice, "Reeve.DeleteResources", &api.DeleteResourcesInput{ResourceArns: []string{*machine.ResourceArn}}, nil)
	if got := *getResource(s, &api.GetResourceInput{ResourceArn: machine.ResourceArn}).State; got != "GONE" {
		t.Errorf("a deleted resource is %s", got)
	}
}

func TestSinceIsLeftOutWhenItIsTooLongAgo(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	for n := range int64(102) {
		s.Put(alice, licensetest.Machine(alice, "i-0", n+1))
	}
	facts := factsOf(getResource(s, &api.GetResourceInput{ResourceArn: new(licensetest.MachineARN(alice, "i-0"))}))
	if facts["Status"] != "running" || facts["VCpus"] != "102 since 2026-01-01T00" {
		t.Errorf("after 102 versions the facts are %v", facts)
	}
}

// TestGetResourceAgreesWithExplainUsage counts machines, hosts and guests by
// every basis: what a machine's page says is what its explanation says.
func TestGetResourceAgreesWithExplainUsage(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	client := s.Client(alice)
	var configurations []string
	for _, kind := range []types.LicenseCountingType{types.LicenseCountingTypeVcpu, types.LicenseCountingTypeInstance, types.LicenseCountingTypeCore, types.LicenseCountingTypeSocket} {
		configurations = append(configurations, configure(t, client, func(in *licensemanager.CreateLicenseConfigurationInput) {
			in.Name, in.LicenseCountingType = aws.String(string(kind)), kind
			if kind == types.LicenseCountingTypeCore {
				in.LicenseRules = []string{"#licenseAffinityToHost=7"}
			}
		}))
	}
	resources := []api.Resource{
		{ResourceArn: new(hostARN), Cores: new(int64(24)), Sockets: new(int64(2))},
		{ResourceArn: new(metalARN), Cores: new(int64(16)), Sockets: new(int64(1)), VCpus: new(int64(32)), Virtual: new(false)},
		licensetest.Machine(alice, "i-guest", 4), licensetest.Machine(alice, "i-idle", 8), licensetest.Machine(alice, "i-free", 2),
	}
	resources[2].HostId, resources[3].HostId = new("h-0"), new("h-0")
	s.Put(alice, resources...)
	for i, c := range configurations {
		associate(t, client, c, *resources[2].ResourceArn)
		associate(t, client, c, *resources[3].ResourceArn)
		associate(t, client, c, metalARN)
		if i < 2 {
			associate(t, client, c, *resources[4].ResourceArn)
		}
	}
	stop := func(r api.Resource) {
		r.Status = new("stopped")
		s.Put(alice, r)
	}
	stop(resources[3])
	agree(t, s, configurations, resources)
	host := getResource(s, &api.GetResourceInput{ResourceArn: new(hostARN)})
	if len(host.Guests) != 2 || *host.Guests[0].ResourceArn != *resources[2].ResourceArn || len(host.Usage) != 2 || *host.Usage[0].Associated {
		t.Errorf("the host has the guests %+v and the usage %+v", host.Guests, host.Usage)
	}
	stop(resources[2]) // its licence is held on the host
	agree(t, s, configurations, resources)
}

// agree compares what GetResource says of each resource with ExplainUsage.
func agree(t *testing.T, s *licensetest.Server, configurations []string, resources []api.Resource) {
	t.Helper()
	for _, r := range resources {
		uses := map[string]api.ResourceUse{}
		for _, u := range getResource(s, &api.GetResourceInput{ResourceArn: r.ResourceArn}).Usage {
			uses[*u.LicenseConfigurationArn] = u
		}
		for _, c := range configurations {
			var want api.ExplainUsageOutput
			s.Call(alice, "Reeve.ExplainUsage", &api.ExplainUsageInput{LicenseConfigurationArn: &c, ResourceArn: r.ResourceArn}, &want)
			got, ok := uses[c]
			if !ok {
				got = api.ResourceUse{ConsumedLicenses: new(int64(0)), Associated: new(false)}
			}
			if *got.ConsumedLicenses != *want.ConsumedLicenses || *got.Associated != *want.Associated || aws.ToString(got.CountedOnResourceArn) != aws.ToString(want.CountedOnResourceArn) {
				t.Errorf("%s of %s: %d (%v) on %s, but explained as %d (%v) on %s", *r.ResourceArn, c, *got.ConsumedLicenses, *got.Associated, aws.ToString(got.CountedOnResourceArn),
					*want.ConsumedLicenses, *want.Associated, aws.ToString(want.CountedOnResourceArn))
			}
		}
	}
}

func TestGetResourceFlagsWhatHasNoLicence(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	client := s.Client(alice)
	arn := configure(t, client, func(in *licensemanager.CreateLicenseConfigurationInput) {
		in.LicenseCount, in.LicenseCountHardLimit = aws.Int64(4), aws.Bool(true)
	})
	s.Put(alice, licensetest.Machine(alice, "i-0", 4))
	associate(t, client, arn, licensetest.MachineARN(alice, "i-0"))
	s.Put(alice, licensetest.Machine(alice, "i-0", 8))
	out := getResource(s, &api.GetResourceInput{ResourceArn: new(licensetest.MachineARN(alice, "i-0"))})
	if u := out.Usage[0]; !*u.Unlicensed || *u.ConsumedLicenses != 0 || !strings.Contains(aws.ToString(u.FailureMessage), "limit is hard") || *u.Origin != "request" {
		t.Errorf("got %+v", u)
	}
	s.Call(alice, "Reeve.ExcludeResource", &api.ExcludeResourceInput{LicenseConfigurationArn: &arn, ResourceArn: out.ResourceArn, Reason: new("spare"), Owner: new("ops"), Until: new("2026-02-01T00:00:00Z")}, nil)
	out = getResource(s, &api.GetResourceInput{ResourceArn: out.ResourceArn})
	if u := out.Usage[0]; *u.Associated || u.Exclusion == nil || *u.Exclusion.Reason != "spare" || *u.Exclusion.Until != "2026-02-01T00:00:00.000000Z" {
		t.Errorf("excluded: got %+v", u)
	}
	s.Clock.Advance(40 * 24 * time.Hour)
	if out = getResource(s, &api.GetResourceInput{ResourceArn: out.ResourceArn}); len(out.Usage) != 0 {
		t.Errorf("after the end of the exclusion: got %+v", out.Usage)
	}
}

func TestSoftwareOfAResourceIsSearchedAndPaged(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	machine := discovered()
	for n := range 25 {
		machine.Applications = append(machine.Applications, api.Application{Name: new(fmt.Sprintf("App %02d", n)), Publisher: new("Émile & Co"), Version: new("1")})
	}
	s.Put(alice, machine)
	in := &api.GetResourceInput{ResourceArn: machine.ResourceArn, MaxResults: new(int64(10)), SoftwareContains: new("émile")}
	var names []string
	for range 4 {
		out := getResource(s, in)
		if *out.SoftwareTotal != 25 || *out.SoftwareFound != 25 || !*out.SoftwareReported {
			t.Fatalf("%d of %d found", *out.SoftwareFound, *out.SoftwareTotal)
		}
		for _, a := range out.Software {
			names = append(names, *a.Name)
		}
		if len(names) == 10 { // other software from now on; the list goes on as it began
			s.Put(alice, discovered("Else"))
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if len(names) != 25 || names[0] != "App 00" || names[24] != "App 24" {
		t.Errorf("listed %v", names)
	}
	out := getResource(s, &api.GetResourceInput{ResourceArn: machine.ResourceArn, SoftwareContains: new("LS")})
	if len(out.Software) != 1 || *out.Software[0].Name != "Else" {
		t.Errorf("found %+v", out.Software)
	}
}

func TestResourceOperationsRefuse(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	s.Put(alice, licensetest.Machine(alice, "i-0", 1))
	for _, target := range []string{"Reeve.GetResource", "Reeve.ListResourceVersions"} {
		for body, want := range map[string]string{
			`{}`:                       "resourceArn",
			`{"ResourceArn":"web-01"}`: "Invalid resource ARN",
			`{"ResourceArn":"` + licensetest.MachineARN(alice, "i-1") + `"}`:                  "is not in the inventory",
			`{"ResourceArn":"` + licensetest.MachineARN(alice, "i-0") + `","NextToken":"x"}`:  "NextToken",
			`{"ResourceArn":"` + licensetest.MachineARN(alice, "i-0") + `","MaxResults":0}`:   "maxResults",
			`{"ResourceArn":"` + licensetest.MachineARN(alice, "i-0") + `","MaxResults":"1"}`: "",
		} {
			if got := s.Send(s.URL, alice, target, body); got.Status != 400 || !strings.Contains(got.Body, want) {
				t.Errorf("%s %s answers %d %s", target, body, got.Status, got.Body)
			}
		}
	}
}
