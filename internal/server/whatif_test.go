package server_test

import (
	"strings"
	"testing"

	"reeve/internal/api"
	"reeve/internal/licensetest"
)

func TestSimulateUsage(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	arn := fleet(t, s, alice, 2) // uses 3
	in := &api.SimulateUsageInput{Actions: []api.SimulatedAction{
		{Configure: &api.SimulatedTerms{LicenseConfigurationArn: &arn, LicenseCount: new(int64(10)), LicenseCountHardLimit: new(true)}},
		{Launch: &api.SimulatedLaunch{Machines: new(int64(4)), VCpus: new(int64(2)), LicenseConfigurationArns: []string{arn}}},
	}}
	var out api.SimulateUsageOutput
	s.Call(alice, "Reeve.SimulateUsage", in, &out)
	if *out.Fits || len(out.Actions) != 2 || *out.Actions[1].Fit != 3 || !strings.Contains(*out.Actions[1].Refusal, "limit is hard") {
		t.Errorf("it answers %+v", out.Actions)
	}
	c := out.Configurations[0]
	if *c.LicenseConfigurationArn != arn || *c.Before.ConsumedLicenses != 3 || *c.After.ConsumedLicenses != 9 || *c.After.LicenseCount != 10 || *c.After.OverUse != 0 {
		t.Errorf("the configuration goes from %+v to %+v", c.Before, c.After)
	}
	if got := getConfiguration(t, s.Client(alice), arn); *got.ConsumedLicenses != 3 || got.LicenseCount != nil && *got.LicenseCount == 10 {
		t.Errorf("now it is %+v", got)
	}
	if got := s.Send(s.URL, alice, "Reeve.SimulateUsage", `{"Actions":[{}]}`); got.Status != 400 || !strings.Contains(got.Body, "Action 1: ") {
		t.Errorf("an empty action answers %d %s", got.Status, got.Body)
	}
}

// TestASimulationNeedsThePermissionForWhatItNames: for every configuration, and
// for the inventory when it is about machines.
func TestASimulationNeedsThePermissionForWhatItNames(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	mine, other := configuration(t, s, alice, "mine"), configuration(t, s, alice, "other")
	key := person(t, s, alice, "ana", allow("reeve:SimulateUsage", mine, ""))
	buy := func(arns ...string) (in api.SimulateUsageInput) {
		for _, arn := range arns {
			in.Actions = append(in.Actions, api.SimulatedAction{Configure: &api.SimulatedTerms{LicenseConfigurationArn: &arn, LicenseCount: new(int64(1))}})
		}
		return in
	}
	launch := api.SimulateUsageInput{Actions: []api.SimulatedAction{{Launch: &api.SimulatedLaunch{Machines: new(int64(1)), LicenseConfigurationArns: []string{mine}}}}}
	for name, c := range map[string]struct {
		in      api.SimulateUsageInput
		refused bool
	}{"own": {buy(mine), false}, "both": {buy(mine, other), true}, "another partition": {buy(strings.Replace(other, "arn:aws:", "arn:aws-cn:", 1)), true}, "machines": {launch, true}} {
		if got := callAs(t, s, key, "Reeve.SimulateUsage", c.in); strings.HasPrefix(got, "AuthorizationException") != c.refused {
			t.Errorf("%s: %q", name, got)
		}
	}
}
