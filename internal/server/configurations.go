package server

import (
	"context"
	"strings"

	"reeve/internal/api"
	"reeve/internal/license"
)

// The filters of ListLicenseConfigurations, in AWS's spelling.
const (
	filterCountingType = "licenseCountingType"
	filterEnforced     = "enforceLicenseCount"
	filterExceeded     = "usagelimitExceeded"
)

func (s *server) createLicenseConfiguration(ctx context.Context, who license.Caller, in *api.CreateLicenseConfigurationInput) (*api.CreateLicenseConfigurationOutput, error) {
	arn, err := s.manager.CreateConfiguration(ctx, who, license.ConfigurationSpec{Terms: license.Terms{
		Name:         value(in.Name),
		Description:  value(in.Description),
		CountingType: license.CountingType(value(in.LicenseCountingType)),
		Count:        in.LicenseCount,
		HardLimit:    value(in.LicenseCountHardLimit),
		Rules:        in.LicenseRules,
		Disassociate: value(in.DisassociateWhenNotFound),
		Products:     convertGiven(in.ProductInformationList, product),
		Expiry:       in.LicenseExpiry,
		Tags:         convertGiven(in.Tags, tag),
	}})
	return &api.CreateLicenseConfigurationOutput{LicenseConfigurationArn: &arn}, err
}

func (s *server) getLicenseConfiguration(ctx context.Context, who license.Caller, in *api.GetLicenseConfigurationInput) (*api.GetLicenseConfigurationOutput, error) {
	c, err := s.manager.Configuration(ctx, who, value(in.LicenseConfigurationArn))
	if err != nil {
		return nil, err
	}
	shape := configuration(c)
	return &api.GetLicenseConfigurationOutput{
		LicenseConfigurationId:     shape.LicenseConfigurationId,
		LicenseConfigurationArn:    shape.LicenseConfigurationArn,
		Name:                       shape.Name,
		Description:                shape.Description,
		LicenseCountingType:        shape.LicenseCountingType,
		LicenseRules:               shape.LicenseRules,
		LicenseCount:               shape.LicenseCount,
		LicenseCountHardLimit:      shape.LicenseCountHardLimit,
		ConsumedLicenses:           shape.ConsumedLicenses,
		Status:                     shape.Status,
		OwnerAccountId:             shape.OwnerAccountId,
		ConsumedLicenseSummaryList: shape.ConsumedLicenseSummaryList,
		ManagedResourceSummaryList: shape.ManagedResourceSummaryList,
		Tags:                       convertGiven(c.Terms.Tags, tagShape),
		ProductInformationList:     shape.ProductInformationList,

		AutomatedDiscoveryInformation: shape.AutomatedDiscoveryInformation,

		DisassociateWhenNotFound: shape.DisassociateWhenNotFound,
		LicenseExpiry:            shape.LicenseExpiry,
	}, nil
}

func (s *server) updateLicenseConfiguration(ctx context.Context, who license.Caller, in *api.UpdateLicenseConfigurationInput) (*api.UpdateLicenseConfigurationOutput, error) {
	err := s.manager.UpdateConfiguration(ctx, who, value(in.LicenseConfigurationArn), license.ConfigurationChange{
		Name:         in.Name,
		Description:  in.Description,
		Status:       in.LicenseConfigurationStatus,
		Count:        in.LicenseCount,
		HardLimit:    in.LicenseCountHardLimit,
		Disassociate: in.DisassociateWhenNotFound,
		Rules:        in.LicenseRules,
		Products:     convertGiven(in.ProductInformationList, product),
		Expiry:       in.LicenseExpiry,
	})
	return &api.UpdateLicenseConfigurationOutput{}, err
}

func (s *server) deleteLicenseConfiguration(ctx context.Context, who license.Caller, in *api.DeleteLicenseConfigurationInput) (*api.DeleteLicenseConfigurationOutput, error) {
	err := s.manager.DeleteConfiguration(ctx, who, value(in.LicenseConfigurationArn))
	return &api.DeleteLicenseConfigurationOutput{}, err
}

func (s *server) listLicenseConfigurations(ctx context.Context, who license.Caller, in *api.ListLicenseConfigurationsInput) (*api.ListLicenseConfigurationsOutput, error) {
	filter, p, err := s.configurationList(who, in.Filters, in.LicenseConfigurationArns, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	after, err := p.created()
	if err != nil {
		return nil, err
	}
	page, next, err := s.manager.ListConfigurations(ctx, who, filter, after, p.limit)
	if err != nil {
		return nil, err
	}
	return &api.ListLicenseConfigurationsOutput{
		LicenseConfigurations: convert(page, listedConfiguration),
		NextToken:             p.afterCreated(next),
	}, nil
}

// configurationList reads what a list of configurations is asked for, of one
// account or of an organization.
func (s *server) configurationList(who license.Caller, filters []api.Filter, arns []string, most *int64, token *string) (filter license.ConfigurationFilter, p pager, err error) {
	values, err := readFilters(filters, filterCountingType, filterEnforced, filterExceeded)
	if err != nil {
		return filter, p, err
	}
	if filter, err = configurationFilter(values, arns); err != nil {
		return filter, p, err
	}
	p, err = s.pager(who, most, token, append(values.parts(), arns...)...)
	return filter, p, err
}

func listedConfiguration(c **license.Configuration) api.LicenseConfiguration {
	return configuration(*c)
}

// configurationFilter turns the values of the filters, in the order of their
// names above, into what the rules select by.
func configurationFilter(values filterValues, arns []string) (license.ConfigurationFilter, error) {
	filter := license.ConfigurationFilter{CountingType: license.CountingType(wanted(values[0]))}
	if len(arns) > 0 { // an empty list selects all, as an absent one does
		filter.ARNs = arns
	}
	var err error
	if filter.HardLimit, err = flag(filterEnforced, values[1]); err != nil {
		return filter, err
	}
	filter.Exceeded, err = flag(filterExceeded, values[2])
	return filter, err
}

// flag reads a filter whose value is true or false, as AWS's clients spell
// them: JSON's way or Python's.
func flag(name string, v *string) (*bool, error) {
	switch {
	case v == nil:
		return nil, nil
	case strings.EqualFold(*v, "true"):
		return new(true), nil
	case strings.EqualFold(*v, "false"):
		return new(false), nil
	}
	return nil, invalid("Filter %s takes true or false, and not %q.", name, clip(*v))
}

// configuration is the shape of one configuration, as lists have it. What was
// not set is left out; AutomatedDiscoveryInformation is, until discovery has run.
func configuration(c *license.Configuration) api.LicenseConfiguration {
	return api.LicenseConfiguration{
		LicenseConfigurationId:     &c.ID,
		LicenseConfigurationArn:    new(c.ARN()),
		Name:                       &c.Terms.Name,
		Description:                present(c.Terms.Description),
		LicenseCountingType:        new(string(c.Terms.CountingType)),
		LicenseRules:               append([]string{}, c.Terms.Rules...),
		LicenseCount:               c.Terms.Count,
		LicenseCountHardLimit:      &c.Terms.HardLimit,
		DisassociateWhenNotFound:   &c.Terms.Disassociate,
		ConsumedLicenses:           &c.Counters.Consumed,
		Status:                     &c.Terms.Status,
		OwnerAccountId:             &c.Account,
		ConsumedLicenseSummaryList: consumedSummary(&c.Counters),
		ManagedResourceSummaryList: managedSummary(&c.Counters),
		ProductInformationList:     convertGiven(c.Terms.Products, productShape),

		AutomatedDiscoveryInformation: discoveryInformation(c),

		LicenseExpiry: c.Terms.Expiry,
	}
}

// The summaries name AWS's types always, with zeros, in AWS's order. AWS's own
// answers have no line for RDS; Reeve's do when there is something to count,
// so that the lines add up to the total.
var (
	consumedTypes = []license.ResourceType{license.EC2Instance, license.EC2Host, license.ManagedInstance}
	managedTypes  = []license.ResourceType{license.EC2Instance, license.EC2Host, license.EC2AMI, license.ManagedInstance}
)

func consumedSummary(counters *license.Counters) []api.ConsumedLicenseSummary {
	return summary(consumedTypes, &counters.ConsumedBy, func(kind license.ResourceType, n int64) api.ConsumedLicenseSummary {
		return api.ConsumedLicenseSummary{ResourceType: new(string(kind)), ConsumedLicenses: &n}
	})
}

func managedSummary(counters *license.Counters) []api.ManagedResourceSummary {
	return summary(managedTypes, &counters.AssociatedBy, func(kind license.ResourceType, n int64) api.ManagedResourceSummary {
		return api.ManagedResourceSummary{ResourceType: new(string(kind)), AssociationCount: &n}
	})
}

// summary makes a line of every given type, and of RDS when it has a count.
func summary[Line any](kinds []license.ResourceType, counts *[len(license.ResourceTypes)]int64, line func(license.ResourceType, int64) Line) []Line {
	lines := make([]Line, 0, len(license.ResourceTypes))
	for _, kind := range kinds {
		lines = append(lines, line(kind, counts[kind.Number()]))
	}
	if n := counts[license.RDS.Number()]; n > 0 {
		lines = append(lines, line(license.RDS, n))
	}
	return lines
}

func product(p *api.ProductInformation) license.ProductInformation {
	return license.ProductInformation{
		ResourceType: value(p.ResourceType),
		Filters: convert(p.ProductInformationFilterList, func(f *api.ProductInformationFilter) license.ProductFilter {
			return license.ProductFilter{
				Name:       value(f.ProductInformationFilterName),
				Values:     f.ProductInformationFilterValue,
				Comparator: value(f.ProductInformationFilterComparator),
			}
		}),
	}
}

func productShape(p *license.ProductInformation) api.ProductInformation {
	return api.ProductInformation{
		ResourceType: &p.ResourceType,
		ProductInformationFilterList: convert(p.Filters, func(f *license.ProductFilter) api.ProductInformationFilter {
			return api.ProductInformationFilter{
				ProductInformationFilterName:       &f.Name,
				ProductInformationFilterValue:      f.Values,
				ProductInformationFilterComparator: &f.Comparator,
			}
		}),
	}
}
