package console

import (
	"net/http"
	"strings"

	"reeve/internal/api"
)

const servicePath = settingsPath + "/service"

// servicePage is what the account and region have of service settings.
type servicePage struct {
	Region, Bucket, Topic, SourceRegions string
	Integration, CrossAccount            bool
}

func (c *console) service(v *visit) error {
	var out api.GetServiceSettingsOutput
	if err := v.call("GetServiceSettings", &api.GetServiceSettingsInput{}, &out); err != nil {
		return err
	}
	body := servicePage{
		Region: v.who.Region, Bucket: told(out.S3BucketArn), Topic: told(out.SnsTopicArn), SourceRegions: strings.Join(out.CrossRegionDiscoverySourceRegions, " "),
		CrossAccount: out.EnableCrossAccountsDiscovery != nil && *out.EnableCrossAccountsDiscovery,
	}
	if o := out.OrganizationConfiguration; o != nil && o.EnableIntegration != nil {
		body.Integration = *o.EnableIntegration
	}
	return v.show(http.StatusOK, "service", "Service settings", body)
}

// changeService leaves an ARN that is not given as it is: AWS has no way to
// take one back either.
func (c *console) changeService(v *visit) error {
	on := func(name string) *bool { return new(v.PostFormValue(name) == "on") }
	in := &api.UpdateServiceSettingsInput{
		S3BucketArn: v.given("bucket"), SnsTopicArn: v.given("topic"),
		OrganizationConfiguration:    &api.OrganizationConfiguration{EnableIntegration: on("integration")},
		EnableCrossAccountsDiscovery: on("cross_account"),
	}
	in.EnabledDiscoverySourceRegions = append([]string{}, strings.Fields(v.PostFormValue("source_regions"))...)
	if err := v.call("UpdateServiceSettings", in, &api.UpdateServiceSettingsOutput{}); err != nil {
		return err
	}
	return v.done(servicePath, "The service settings of %s are changed.", v.who.Region)
}
