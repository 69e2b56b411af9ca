package server

import (
	"context"

	"reeve/internal/api"
	"reeve/internal/license"
)

func (s *server) getServiceSettings(ctx context.Context, who license.Caller, _ *api.GetServiceSettingsInput) (*api.GetServiceSettingsOutput, error) {
	settings, err := s.manager.ServiceSettings(ctx, who)
	if err != nil {
		return nil, err
	}
	return &api.GetServiceSettingsOutput{
		S3BucketArn:                       present(settings.S3BucketARN),
		SnsTopicArn:                       present(settings.SNSTopicARN),
		OrganizationConfiguration:         &api.OrganizationConfiguration{EnableIntegration: &settings.Integration},
		EnableCrossAccountsDiscovery:      &settings.CrossAccountDiscovery,
		LicenseManagerResourceShareArn:    present(settings.ResourceShareARN),
		CrossRegionDiscoverySourceRegions: settings.SourceRegions,
	}, nil
}

func (s *server) updateServiceSettings(ctx context.Context, who license.Caller, in *api.UpdateServiceSettingsInput) (*api.UpdateServiceSettingsOutput, error) {
	change := license.ServiceSettingsChange{
		S3BucketARN:           in.S3BucketArn,
		SNSTopicARN:           in.SnsTopicArn,
		CrossAccountDiscovery: in.EnableCrossAccountsDiscovery,
		SourceRegions:         in.EnabledDiscoverySourceRegions,
	}
	if in.OrganizationConfiguration != nil {
		change.Integration = in.OrganizationConfiguration.EnableIntegration
	}
	return &api.UpdateServiceSettingsOutput{}, s.manager.UpdateServiceSettings(ctx, who, change)
}
