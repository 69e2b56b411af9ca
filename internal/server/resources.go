package server

import (
	"context"

	"reeve/internal/api"
	"reeve/internal/license"
)

func (s *server) putResources(ctx context.Context, who license.Caller, in *api.PutResourcesInput) (*api.PutResourcesOutput, error) {
	result, err := s.manager.PutResources(ctx, who, license.Put{
		Mode:    license.Mode(value(in.Mode)),
		DryRun:  value(in.DryRun),
		Reports: convert(in.Resources, report),
	})
	if err != nil {
		return nil, err
	}
	return &api.PutResourcesOutput{
		Created:   new(int64(result.Created)),
		Changed:   new(int64(result.Changed)),
		Unchanged: new(int64(result.Unchanged)),
		Failures:  convert(result.Failures, resourceFailure),
	}, nil
}

func report(r *api.Resource) license.Report {
	return license.Report{
		ARN:             value(r.ResourceArn),
		Type:            license.ResourceType(value(r.ResourceType)),
		Status:          r.Status,
		Platform:        r.Platform,
		PlatformType:    r.PlatformType,
		PlatformVersion: r.PlatformVersion,
		InstanceType:    r.InstanceType,
		AMI:             r.AmiId,
		Host:            r.HostId,
		Tenancy:         r.Tenancy,
		VCPUs:           r.VCpus,
		Cores:           r.Cores,
		ThreadsPerCore:  r.ThreadsPerCore,
		Sockets:         r.Sockets,
		Virtual:         r.Virtual,
		UsageOperation:  r.UsageOperation,
		ProductCodes:    r.MarketplaceProductCodes,
		LicenseIncluded: r.LicenseIncluded,
		EngineEdition:   r.EngineEdition,
		LicensePacks:    r.LicensePacks,
		Name:            r.Name,
		Tags:            convertGiven(r.Tags, tag),
		Applications:    convertGiven(r.Applications, application),
	}
}

func application(a *api.Application) license.Application {
	return license.Application{Name: value(a.Name), Publisher: value(a.Publisher), Version: value(a.Version)}
}

func resourceFailure(f *license.PutFailure) api.ResourceFailure {
	return api.ResourceFailure{ResourceArn: &f.ResourceARN, LicenseConfigurationArn: &f.ConfigurationARN, Message: &f.Message}
}

func (s *server) deleteResources(ctx context.Context, who license.Caller, in *api.DeleteResourcesInput) (*api.DeleteResourcesOutput, error) {
	deleted, err := s.manager.DeleteResources(ctx, who, in.ResourceArns)
	return &api.DeleteResourcesOutput{Deleted: new(int64(deleted))}, err
}
