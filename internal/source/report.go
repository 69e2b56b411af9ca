package source

import (
	"reeve/internal/api"
	"reeve/internal/license"
)

// Report is a resource of the API as the rules take it: absent members stay
// nil, which leaves what is known as it is.
func Report(r *api.Resource) license.Report {
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
		Tags:            convert(r.Tags, tag),
		Applications:    convert(r.Applications, application),
	}
}

func tag(t *api.Tag) license.Tag { return license.Tag{Key: value(t.Key), Value: value(t.Value)} }

func application(a *api.Application) license.Application {
	return license.Application{Name: value(a.Name), Publisher: value(a.Publisher), Version: value(a.Version)}
}

// convert keeps nil nil: unchanged.
func convert[To, From any](from []From, one func(*From) To) []To {
	if from == nil {
		return nil
	}
	to := make([]To, len(from))
	for i := range from {
		to[i] = one(&from[i])
	}
	return to
}

func value[T any](p *T) T {
	var v T
	if p != nil {
		v = *p
	}
	return v
}
