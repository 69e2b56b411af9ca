package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"reeve/internal/api"
	"reeve/internal/client"
)

const (
	opGetConfiguration   = api.LicenseManager + ".GetLicenseConfiguration"
	opListConfigurations = api.LicenseManager + ".ListLicenseConfigurations"
	opListAssociations   = api.LicenseManager + ".ListAssociationsForLicenseConfiguration"
	opListUsage          = api.LicenseManager + ".ListUsageForLicenseConfiguration"
)

// configurationHelp describes CONFIG in the help of commands that take one.
const configurationHelp = `CONFIG is the ARN of a licence configuration, its lic- identifier, or its name
where no other configuration of the account and region has the same.`

// resolveConfiguration returns the ARN of what a person calls a configuration.
func resolveConfiguration(ctx context.Context, c *client.Client, name string) (string, error) {
	if strings.HasPrefix(name, "arn:") {
		return name, nil
	}
	var found, others []string
	err := eachPage(func(token *string) (*string, error) {
		var out api.ListLicenseConfigurationsOutput
		err := call(ctx, c, opListConfigurations, api.ListLicenseConfigurationsInput{NextToken: token}, &out)
		for _, lc := range out.LicenseConfigurations {
			if val(lc.LicenseConfigurationId) == name || val(lc.Name) == name {
				found = append(found, val(lc.LicenseConfigurationArn))
			} else {
				others = append(others, val(lc.Name))
			}
		}
		return out.NextToken, err
	})
	switch {
	case err != nil:
		return "", err
	case len(found) == 0:
		return "", refuse("no licence configuration is called %q in region %s: %s", name, c.Region(), whatThereIs(others))
	case len(found) > 1:
		return "", refuse("%d licence configurations are called %q: give the ARN of one of them, such as %s", len(found), name, found[0])
	}
	return found[0], nil
}

// shownNames bounds how many configurations a refusal names.
const shownNames = 12

// whatThereIs names the configurations that a person may have meant.
func whatThereIs(names []string) string {
	if len(names) == 0 {
		return "there is none at all; --region asks in another one"
	}
	var quoted []string
	for _, n := range names[:min(len(names), shownNames)] {
		quoted = append(quoted, strconv.Quote(n))
	}
	list := strings.Join(quoted, ", ")
	if more := len(names) - len(quoted); more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	if len(names) == 1 {
		return "there is only " + list
	}
	return "there are " + list
}

// resolveResource returns the ARN of the resource of a configuration whose ARN
// ends in name, or that is called that. asOf, where given, adds those that consumed at that moment.
func resolveResource(ctx context.Context, c *client.Client, configuration, name string, asOf *string) (string, error) {
	if strings.HasPrefix(name, "arn:") {
		return name, nil
	}
	found := make(map[string]bool)
	note := func(arn string) {
		if lastPart(arn) == name {
			found[arn] = true
		}
	}
	if err := eachAssociation(ctx, c, configuration, note); err != nil {
		return "", err
	}
	if asOf != nil {
		filters := []api.Filter{filter("asOf", *asOf)}
		err := eachUsage(ctx, c, configuration, filters, func(u api.LicenseConfigurationUsage) error {
			note(val(u.ResourceArn))
			return nil
		})
		if err != nil {
			return "", err
		}
	}
	if len(found) == 0 { // an excluded resource is associated with nothing
		err := eachExclusion(ctx, c, configuration, false, func(e *api.Exclusion) error {
			note(val(e.ResourceArn))
			return nil
		})
		if err != nil {
			return "", err
		}
	}
	if len(found) == 0 {
		eachCalled(ctx, c, name, func(arn string) { found[arn] = true })
	}
	return only(found, name)
}

// eachCalled finds resources of the inventory by what people call them, among the
// first that look like it. Who may not search finds none.
func eachCalled(ctx context.Context, c *client.Client, name string, each func(arn string)) {
	var out api.FindResourcesOutput
	if call(ctx, c, api.Reeve+".FindResources", api.FindResourcesInput{Text: &name, MaxResults: new(int64(foundByName))}, &out) != nil {
		return
	}
	for _, r := range out.Resources {
		if val(r.Name) == name {
			each(val(r.ResourceArn))
		}
	}
}

// foundByName bounds how many resources are looked at for a name.
const foundByName = 100

// only returns the one ARN that was found.
func only(found map[string]bool, name string) (string, error) {
	for arn := range found {
		if len(found) == 1 {
			return arn, nil
		}
		return "", refuse("%d resources end in %q or are called that: give the ARN of one of them, such as %s", len(found), name, arn)
	}
	return "", refuse("no resource associated with this configuration ends in %q, and none in the inventory is called that: give its ARN", name)
}

// lastPart is what people call a resource: i-0abc of …:instance/i-0abc.
func lastPart(arn string) string { return arn[strings.LastIndexAny(arn, ":/")+1:] }

func eachAssociation(ctx context.Context, c *client.Client, configuration string, each func(arn string)) error {
	return eachPage(func(token *string) (*string, error) {
		var out api.ListAssociationsForLicenseConfigurationOutput
		in := api.ListAssociationsForLicenseConfigurationInput{LicenseConfigurationArn: &configuration, NextToken: token}
		err := call(ctx, c, opListAssociations, in, &out)
		for _, a := range out.LicenseConfigurationAssociations {
			each(val(a.ResourceArn))
		}
		return out.NextToken, err
	})
}

func eachUsage(ctx context.Context, c *client.Client, configuration string, filters []api.Filter, each func(api.LicenseConfigurationUsage) error) error {
	return eachPage(func(token *string) (*string, error) {
		var out api.ListUsageForLicenseConfigurationOutput
		in := api.ListUsageForLicenseConfigurationInput{LicenseConfigurationArn: &configuration, Filters: filters, NextToken: token}
		if err := call(ctx, c, opListUsage, in, &out); err != nil {
			return nil, err
		}
		for _, u := range out.LicenseConfigurationUsageList {
			if err := each(u); err != nil {
				return nil, err
			}
		}
		return out.NextToken, nil
	})
}

func filter(name, value string) api.Filter {
	return api.Filter{Name: &name, Values: []string{value}}
}
