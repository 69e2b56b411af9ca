package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"reeve/internal/api"
	"reeve/internal/client"
)

type excludeOptions struct {
	connection
	configuration string
	resource      string
	reason        string
	owner         string
	until         string
	all           bool
}

const resourceHelp = `RESOURCE is an ARN, or its last part where no other resource of the configuration
has the same.`

func newExclude(p *process) *cobra.Command {
	var o excludeOptions
	c := &cobra.Command{
		Use:   "exclude CONFIG RESOURCE --reason TEXT --owner WHO",
		Short: "Keep a resource out of a configuration, whatever its rules say",
		Long: `Keep a resource out of a configuration, whatever its discovery rules say, and end
its association. Who excluded what, why and until when is kept for the audit, and
is in the explanation of the resource. After --until the resource is discovered
again; reeve include ends it earlier.

` + configurationHelp + `
` + resourceHelp,
		Example: `  reeve exclude "SQL Server" mi-0123456789abcdef0 --reason "Developer Edition, lab 3" --owner ann@example.com --until 2026-12-31`,
		Args:    arguments(2, 2, "CONFIG or RESOURCE"),
		RunE: func(c *cobra.Command, args []string) error {
			o.configuration, o.resource = args[0], args[1]
			return runExclude(c.Context(), p, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.reason, "reason", "", "why the resource needs no licence")
	f.StringVar(&o.owner, "owner", "", "who answers for it")
	f.StringVar(&o.until, "until", "", "the `TIME` when it ends (default never)")
	o.connection.flags(f)
	complete(c, p, &o.connection, configurations)
	return c
}

func runExclude(ctx context.Context, p *process, o excludeOptions) error {
	if o.reason == "" || o.owner == "" {
		return misuse("--reason and --owner are needed: an auditor will ask for both")
	}
	until, err := parseOptionalMoment("--until", o.until)
	if err != nil {
		return err
	}
	c, arn, resource, err := o.resolve(ctx, p)
	if err != nil {
		return err
	}
	var out api.ExcludeResourceOutput
	in := api.ExcludeResourceInput{LicenseConfigurationArn: &arn, ResourceArn: &resource, Reason: &o.reason, Owner: &o.owner, Until: until}
	if err := call(ctx, c, api.Reeve+".ExcludeResource", in, &out); err != nil {
		return err
	}
	end := "until reeve include"
	if out.Exclusion != nil && out.Exclusion.Until != nil {
		end = "until " + tidyMoment(*out.Exclusion.Until)
	}
	return printSaid(p, exclusionView, new(val(out.Exclusion)), fmt.Sprintf("%s is excluded %s\n", printable(resource), end))
}

// resolve finds what a person calls a configuration and a resource.
func (o *excludeOptions) resolve(ctx context.Context, p *process) (*client.Client, string, string, error) {
	c, err := o.dial(p)
	if err != nil {
		return nil, "", "", err
	}
	arn, err := resolveConfiguration(ctx, c, o.configuration)
	if err != nil {
		return nil, "", "", err
	}
	resource, err := resolveResource(ctx, c, arn, o.resource, nil)
	return c, arn, resource, err
}

func eachExclusion(ctx context.Context, c *client.Client, arn string, all bool, each func(*api.Exclusion) error) error {
	return eachPage(func(token *string) (*string, error) {
		var out api.ListExclusionsOutput
		in := api.ListExclusionsInput{LicenseConfigurationArn: &arn, All: optional(all), NextToken: token}
		if err := call(ctx, c, api.Reeve+".ListExclusions", in, &out); err != nil {
			return nil, err
		}
		for i := range out.Exclusions {
			if err := each(&out.Exclusions[i]); err != nil {
				return nil, err
			}
		}
		return out.NextToken, nil
	})
}

func newInclude(p *process) *cobra.Command {
	var o excludeOptions
	c := &cobra.Command{
		Use:   "include CONFIG RESOURCE",
		Short: "End the exclusion of a resource",
		Long: `End the exclusion of a resource: if a discovery rule matches it, it is associated
again at once. The exclusion stays on record.

` + configurationHelp + `
` + resourceHelp,
		Example: `  reeve include "SQL Server" mi-0123456789abcdef0`,
		Args:    arguments(2, 2, "CONFIG or RESOURCE"),
		RunE: func(c *cobra.Command, args []string) error {
			o.configuration, o.resource = args[0], args[1]
			return runInclude(c.Context(), p, o)
		},
	}
	o.connection.flags(c.Flags())
	complete(c, p, &o.connection, configurations)
	return c
}

func runInclude(ctx context.Context, p *process, o excludeOptions) error {
	c, arn, resource, err := o.resolve(ctx, p)
	if err != nil {
		return err
	}
	in := api.IncludeResourceInput{LicenseConfigurationArn: &arn, ResourceArn: &resource}
	var out api.IncludeResourceOutput
	if err := call(ctx, c, api.Reeve+".IncludeResource", in, &out); err != nil {
		return err
	}
	return printSaid(p, exclusionView, new(val(out.Exclusion)), fmt.Sprintf("%s is no longer excluded\n", printable(resource)))
}

var exclusionView = view[api.Exclusion]{
	[]column{
		{key: "ResourceArn", title: "RESOURCE"},
		{key: "Owner", title: "OWNER"},
		{key: "Reason", title: "REASON"},
		{key: "CreationTime", title: "SINCE"},
		{key: "CreatedBy", title: "BY", spare: true},
		{key: "Until", title: "UNTIL"},
		{key: "EndTime", title: "ENDED", spare: true},
		{key: "EndedBy", title: "ENDED BY", spare: true},
	},
	func(e *api.Exclusion) []any {
		return []any{val(e.ResourceArn), val(e.Owner), val(e.Reason), timeCell(e.CreationTime), val(e.CreatedBy), momentCell(e.Until), timeCell(e.EndTime), val(e.EndedBy)}
	},
}

func newExclusions(p *process) *cobra.Command {
	var o excludeOptions
	c := &cobra.Command{
		Use:   "exclusions CONFIG",
		Short: "List what is excluded from a configuration: by whom, why, how long",
		Long: `List the resources that are excluded from a configuration, with who answers for
it, why and until when. --all lists the exclusions that have ended, too.

` + configurationHelp,
		Example: `  reeve exclusions "SQL Server"
  reeve exclusions "SQL Server" --all --output csv`,
		Args: arguments(1, 1, "CONFIG"),
		RunE: func(c *cobra.Command, args []string) error {
			o.configuration = args[0]
			return runExclusions(c.Context(), p, o)
		},
	}
	f := c.Flags()
	f.BoolVar(&o.all, "all", false, "list those that have ended, too")
	o.connection.flags(f)
	complete(c, p, &o.connection, configurations)
	return c
}

func runExclusions(ctx context.Context, p *process, o excludeOptions) error {
	c, err := o.dial(p)
	if err != nil {
		return err
	}
	arn, err := resolveConfiguration(ctx, c, o.configuration)
	if err != nil {
		return err
	}
	out := newList(p, exclusionView)
	if err := eachExclusion(ctx, c, arn, o.all, out.add); err != nil {
		return err
	}
	return out.end()
}
