package console

import (
	"net/http"
	"net/url"
	"strings"

	"reeve/internal/api"
)

const servicePath = settingsPath + "/service"

// servicePage is what the account and region have of service settings.
type servicePage struct {
	Sent                      form // that was refused
	Region                    string
	Integration, CrossAccount bool
}

func (c *console) service(v *visit) error { return v.showService(http.StatusOK, form{}) }

func (v *visit) showService(status int, sent form) error {
	if len(sent.Flaws) > 0 {
		body := servicePage{Sent: sent, Region: v.who.Region, CrossAccount: sent.Value("cross_account") == "on", Integration: sent.Value("integration") == "on"}
		return v.show(status, "service", "Service settings", body)
	}
	var out api.GetServiceSettingsOutput
	if err := v.call("GetServiceSettings", &api.GetServiceSettingsInput{}, &out); err != nil {
		return err
	}
	body := servicePage{Region: v.who.Region, CrossAccount: told(out.EnableCrossAccountsDiscovery)}
	if o := out.OrganizationConfiguration; o != nil {
		body.Integration = told(o.EnableIntegration)
	}
	body.Sent.values = url.Values{
		"bucket": {told(out.S3BucketArn)}, "topic": {told(out.SnsTopicArn)}, "source_regions": {strings.Join(out.CrossRegionDiscoverySourceRegions, " ")},
	}
	return v.show(status, "service", "Service settings", body)
}

// changeService leaves an ARN that is not given as it is: AWS has no way to
// take one back either.
func (c *console) changeService(v *visit) error {
	f := v.sent()
	on := func(name string) *bool { return new(f.Value(name) == "on") }
	in := &api.UpdateServiceSettingsInput{
		S3BucketArn: f.given("bucket"), SnsTopicArn: f.given("topic"),
		OrganizationConfiguration:    &api.OrganizationConfiguration{EnableIntegration: on("integration")},
		EnableCrossAccountsDiscovery: on("cross_account"),
	}
	in.EnabledDiscoverySourceRegions = append([]string{}, strings.Fields(f.Value("source_regions"))...)
	if err := v.call("UpdateServiceSettings", in, &api.UpdateServiceSettingsOutput{}); err != nil {
		return v.again(err, f, []member{{"bucket", "bucket"}, {"topic", "topic"}, {"region", "source_regions"}}, v.showService)
	}
	return v.done(servicePath, "The service settings of %s are changed.", v.who.Region)
}
