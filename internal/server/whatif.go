package server

import (
	"context"
	"slices"

	"reeve/internal/api"
	"reeve/internal/license"
	"reeve/internal/source"
)

func (s *server) simulateUsage(ctx context.Context, who license.Caller, in *api.SimulateUsageInput) (*api.SimulateUsageOutput, error) {
	result, err := s.manager.SimulateUsage(ctx, who, license.Simulation{
		Mode:    license.Mode(value(in.Mode)),
		Actions: convert(in.Actions, simulatedAction),
	})
	if err != nil {
		return nil, err
	}
	return &api.SimulateUsageOutput{
		Fits:           &result.Fits,
		SimulationTime: microTime(result.At),
		Actions:        convert(result.Actions, simulatedActionResult),
		Configurations: convert(result.Configurations, simulatedConfiguration),
		Resources:      convert(result.Resources, simulatedResource),
		Failures:       convert(result.Failures, resourceFailure),
	}, nil
}

// simulatedArns lists the configurations that a simulation names; a plan that
// names a resource or launches machines may look at others as well, so it is
// also about "*".
func simulatedArns(in *api.SimulateUsageInput) []string {
	var arns []string
	for _, a := range in.Actions {
		if a.Launch != nil {
			arns = append(arns, a.Launch.LicenseConfigurationArns...)
		}
		if a.Associate != nil {
			arns = slices.Concat(arns, a.Associate.AddLicenseConfigurationArns, a.Associate.RemoveLicenseConfigurationArns)
		}
		if a.Configure != nil {
			arns = append(arns, value(a.Configure.LicenseConfigurationArn))
		} else {
			arns = append(arns, "*")
		}
	}
	slices.Sort(arns)
	return slices.Compact(arns)
}

func simulatedAction(a *api.SimulatedAction) license.SimulatedAction {
	out := license.SimulatedAction{Delete: value(a.DeleteResourceArn)}
	if a.Launch != nil {
		out.Launch = simulatedLaunch(a.Launch)
	}
	if a.Change != nil {
		out.Change = new(source.Report(a.Change))
	}
	if a.Associate != nil {
		out.Associate = &license.SimulatedAssociation{
			Resource: value(a.Associate.ResourceArn),
			Add:      a.Associate.AddLicenseConfigurationArns,
			Remove:   a.Associate.RemoveLicenseConfigurationArns,
		}
	}
	if a.Configure != nil {
		out.Configure = &license.SimulatedTerms{
			Configuration: value(a.Configure.LicenseConfigurationArn),
			Count:         a.Configure.LicenseCount,
			AddCount:      a.Configure.AddLicenseCount,
			HardLimit:     a.Configure.LicenseCountHardLimit,
		}
	}
	return out
}

func simulatedLaunch(l *api.SimulatedLaunch) *license.Launch {
	return &license.Launch{
		Machines:       int(value(l.Machines)),
		Configurations: l.LicenseConfigurationArns,
		Report: source.Report(&api.Resource{
			InstanceType: l.InstanceType, VCpus: l.VCpus, Cores: l.Cores, ThreadsPerCore: l.ThreadsPerCore, Sockets: l.Sockets,
			Status: l.Status, Platform: l.Platform, PlatformType: l.PlatformType, AmiId: l.AmiId, HostId: l.HostId,
			Tenancy: l.Tenancy, Tags: l.Tags, Applications: l.Applications,
		}),
	}
}

func simulatedActionResult(a *license.ActionResult) api.SimulatedActionResult {
	return api.SimulatedActionResult{
		Machines: new(int64(a.Machines)), Fit: new(int64(a.Fit)),
		Refusal: present(a.Refusal), SizedLikeResourceArn: present(a.SizedLike),
	}
}

func simulatedConfiguration(c *license.ConfigurationResult) api.SimulatedConfiguration {
	return api.SimulatedConfiguration{
		LicenseConfigurationArn: new(c.After.ARN()),
		Name:                    &c.After.Terms.Name,
		LicenseCountingType:     new(string(c.After.Terms.CountingType)),
		Before:                  simulatedPosition(c.Before),
		After:                   simulatedPosition(c.After),
	}
}

func simulatedPosition(c *license.Configuration) *api.SimulatedPosition {
	return &api.SimulatedPosition{
		ConsumedLicenses: &c.Counters.Consumed, LicenseCount: c.Terms.Count,
		LicenseCountHardLimit: &c.Terms.HardLimit, OverUse: new(c.OverUse()),
	}
}

func simulatedResource(r *license.ResourceResult) api.SimulatedResource {
	return api.SimulatedResource{
		Action: new(int64(r.Action)), ResourceArn: &r.ARN, New: &r.New, Outcome: &r.Outcome,
		Message: present(r.Message), Usage: convert(r.Usage, simulatedUse),
	}
}

func simulatedUse(u *license.SimulatedUsage) api.SimulatedUsage {
	return api.SimulatedUsage{
		LicenseConfigurationArn: &u.ConfigurationARN, Name: &u.Name, Before: &u.Before, After: &u.After,
		CountedOnResourceArn: present(u.CountedOn),
	}
}
