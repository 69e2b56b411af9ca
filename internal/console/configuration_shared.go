package console

import (
	"net/http"
	"strings"

	"reeve/internal/api"
)

// Of a configuration that another account shares with the viewer's, the API tells
// a member the terms and the total as they are, and of the resources its own, now
// and at every moment. The ledger is its owner's: the history of the total and
// the revisions would tell one member of another.

// lender is the account that a configuration is of, "" where it is the viewer's.
func (v *visit) lender(arn string) string {
	if parts := strings.Split(arn, ":"); len(parts) > 4 && parts[4] != v.who.Identity.Account {
		return parts[4]
	}
	return ""
}

// readShared reads what the page of a shared configuration is about.
func (v *configurationView) readShared() error {
	var out api.GetLicenseConfigurationOutput
	if err := v.call("GetLicenseConfiguration", &api.GetLicenseConfigurationInput{LicenseConfigurationArn: &v.arn}, &out); err != nil {
		return err
	}
	if v.at != nil {
		v.asOf = *wire(v.at)
	}
	v.head = &api.Revision{ConsumedLicenses: out.ConsumedLicenses}
	v.out.Terms = &api.Terms{
		Name: out.Name, Description: out.Description, LicenseCountingType: out.LicenseCountingType, LicenseCount: out.LicenseCount,
		LicenseCountHardLimit: out.LicenseCountHardLimit, LicenseRules: out.LicenseRules, Status: out.Status,
		DisassociateWhenNotFound: out.DisassociateWhenNotFound, LicenseExpiry: out.LicenseExpiry,
	}
	for _, r := range out.ProductInformationList {
		v.out.Terms.ProductInformationList = append(v.out.Terms.ProductInformationList, discoveryRule(r))
	}
	return nil
}

// discoveryRule is a rule of License Manager's in the form of Reeve's own answers.
func discoveryRule(r api.ProductInformation) api.DiscoveryRule {
	rule := api.DiscoveryRule{ResourceType: r.ResourceType}
	for _, f := range r.ProductInformationFilterList {
		rule.ProductInformationFilterList = append(rule.ProductInformationFilterList, api.DiscoveryFilter(f))
	}
	return rule
}

// forOwners refuses a page about a configuration to all but its owner's people.
func (v *visit) forOwners(arn string, name *string) error {
	if owner := v.lender(arn); owner != "" {
		return refuse(http.StatusForbidden, "%s belongs to the account %s, which shares it with yours. Only its owner may change it.", clipped(told(name)), owner)
	}
	return nil
}

// lendersSilence says of the past what a member is not told; "" where nothing is
// missing, as the account is in no organization.
func (v *visit) lendersSilence() string {
	if v.call("DescribeOrganization", &api.DescribeOrganizationInput{}, &api.DescribeOrganizationOutput{}) != nil {
		return ""
	}
	return "Configurations that another account shares with yours are listed for the present alone. What your machines used of them then is on their own pages."
}
