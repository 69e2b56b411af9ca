package server

import (
	"context"

	"reeve/internal/api"
	"reeve/internal/license"
	"reeve/internal/source"
)

func (s *server) putResources(ctx context.Context, who license.Caller, in *api.PutResourcesInput) (*api.PutResourcesOutput, error) {
	result, err := s.manager.PutResources(ctx, who, license.Put{
		Mode:    license.Mode(value(in.Mode)),
		DryRun:  value(in.DryRun),
		Reports: convert(in.Resources, source.Report),
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

func resourceFailure(f *license.PutFailure) api.ResourceFailure {
	return api.ResourceFailure{ResourceArn: &f.ResourceARN, LicenseConfigurationArn: &f.ConfigurationARN, Message: &f.Message}
}

func (s *server) deleteResources(ctx context.Context, who license.Caller, in *api.DeleteResourcesInput) (*api.DeleteResourcesOutput, error) {
	deleted, err := s.manager.DeleteResources(ctx, who, in.ResourceArns)
	return &api.DeleteResourcesOutput{Deleted: new(int64(deleted))}, err
}
