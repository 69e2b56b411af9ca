package server

import (
	"context"

	"reeve/internal/api"
	"reeve/internal/license"
)

func (s *server) listAssociationsForLicenseConfiguration(ctx context.Context, who license.Caller, in *api.ListAssociationsForLicenseConfigurationInput) (*api.ListAssociationsForLicenseConfigurationOutput, error) {
	arn := value(in.LicenseConfigurationArn)
	p, err := s.pager(who, in.MaxResults, in.NextToken, arn)
	if err != nil {
		return nil, err
	}
	cursor, err := p.revision()
	if err != nil {
		return nil, err
	}
	page, next, err := s.manager.ListAssociations(ctx, who, arn, cursor, p.limit)
	if err != nil {
		return nil, err
	}
	return &api.ListAssociationsForLicenseConfigurationOutput{
		LicenseConfigurationAssociations: convert(page, association),
		NextToken:                        p.afterRevision(next),
	}, nil
}

func association(a *license.Association) api.LicenseConfigurationAssociation {
	return api.LicenseConfigurationAssociation{
		ResourceArn:         &a.ResourceARN,
		ResourceType:        new(string(a.Type)),
		ResourceOwnerId:     new(license.AccountOf(a.Owner)),
		AssociationTime:     new(api.Time(a.AssociationTime)),
		AmiAssociationScope: present(a.Scope),
	}
}

func (s *server) listFailuresForLicenseConfigurationOperations(ctx context.Context, who license.Caller, in *api.ListFailuresForLicenseConfigurationOperationsInput) (*api.ListFailuresForLicenseConfigurationOperationsOutput, error) {
	arn := value(in.LicenseConfigurationArn)
	p, err := s.pager(who, in.MaxResults, in.NextToken, arn)
	if err != nil {
		return nil, err
	}
	after, err := p.place()
	if err != nil {
		return nil, err
	}
	page, next, err := s.manager.ListFailures(ctx, who, arn, value(after), p.limit)
	if err != nil {
		return nil, err
	}
	return &api.ListFailuresForLicenseConfigurationOperationsOutput{
		LicenseOperationFailureList: convert(page, failure),
		NextToken:                   p.afterPlace(next),
	}, nil
}

func failure(f *license.Failure) api.LicenseOperationFailure {
	return api.LicenseOperationFailure{
		ResourceArn:          &f.ResourceARN,
		ResourceType:         new(string(f.Type)),
		ErrorMessage:         &f.Message,
		FailureTime:          new(api.Time(f.Time)),
		OperationName:        &f.Operation,
		ResourceOwnerId:      new(license.AccountOf(f.Owner)),
		OperationRequestedBy: &f.RequestedBy,
	}
}

func (s *server) listLicenseSpecificationsForResource(ctx context.Context, who license.Caller, in *api.ListLicenseSpecificationsForResourceInput) (*api.ListLicenseSpecificationsForResourceOutput, error) {
	arn := value(in.ResourceArn)
	p, err := s.pager(who, in.MaxResults, in.NextToken, arn)
	if err != nil {
		return nil, err
	}
	after, err := p.number()
	if err != nil {
		return nil, err
	}
	page, next, err := s.manager.ListSpecifications(ctx, who, arn, after, p.limit)
	if err != nil {
		return nil, err
	}
	return &api.ListLicenseSpecificationsForResourceOutput{
		LicenseSpecifications: convert(page, specificationShape),
		NextToken:             p.afterNumber(next),
	}, nil
}

func (s *server) updateLicenseSpecificationsForResource(ctx context.Context, who license.Caller, in *api.UpdateLicenseSpecificationsForResourceInput) (*api.UpdateLicenseSpecificationsForResourceOutput, error) {
	add := convert(in.AddLicenseSpecifications, specification)
	remove := convert(in.RemoveLicenseSpecifications, specification)
	err := s.manager.UpdateSpecifications(ctx, who, value(in.ResourceArn), add, remove)
	return &api.UpdateLicenseSpecificationsForResourceOutput{}, err
}

func specification(s *api.LicenseSpecification) license.Specification {
	return license.Specification{ConfigurationARN: value(s.LicenseConfigurationArn), Scope: value(s.AmiAssociationScope)}
}

func specificationShape(s *license.Specification) api.LicenseSpecification {
	return api.LicenseSpecification{LicenseConfigurationArn: &s.ConfigurationARN, AmiAssociationScope: present(s.Scope)}
}
