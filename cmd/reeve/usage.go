package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"reeve/internal/api"
	"reeve/internal/client"
)

type usageOptions struct {
	connection
	configuration string
	asOf          string
	filters       []string
}

func newUsage(p *process) *cobra.Command {
	var o usageOptions
	c := &cobra.Command{
		Use:   "usage CONFIG",
		Short: "List what each resource consumes, now or at a past moment",
		Long: `List every resource that consumes licences of a configuration, now or at a past
moment. The whole list is of one moment, however long it takes to read.

` + configurationHelp + "\n" + momentHelp,
		Example: `  reeve usage "Oracle Database EE"
  reeve usage lic-0123456789abcdef0123456789abcdef --as-of 2026-01-31
  reeve usage "Oracle Database EE" --filter resourceType=RDS --output csv > january.csv`,
		Args: arguments(1, 1, "CONFIG"),
		RunE: func(c *cobra.Command, args []string) error {
			o.configuration = args[0]
			return runUsage(c.Context(), p, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.asOf, "as-of", "", "the `TIME` to look at (default now)")
	f.StringArrayVar(&o.filters, "filter", nil, "`name=value` with the name resourceArn, resourceType or resourceAccount; may be repeated")
	o.connection.flags(f)
	completeWith(c, "filter", "resourceArn=", "resourceType=", "resourceAccount=")
	complete(c, p, &o.connection, configurations)
	return c
}

var usageView = view[api.LicenseConfigurationUsage]{
	[]column{
		{key: "ResourceArn", title: "RESOURCE"},
		{key: "ResourceType", title: "TYPE"},
		{key: "ResourceStatus", title: "STATUS"},
		{key: "ResourceOwnerId", title: "OWNER", spare: true},
		{key: "AssociationTime", title: "ASSOCIATED", spare: true},
		{key: "ConsumedLicenses", title: "LICENCES", right: true},
	},
	func(u *api.LicenseConfigurationUsage) []any {
		return []any{val(u.ResourceArn), val(u.ResourceType), val(u.ResourceStatus), val(u.ResourceOwnerId), timeCell(u.AssociationTime), val(u.ConsumedLicenses)}
	},
}

func runUsage(ctx context.Context, p *process, o usageOptions) error {
	filters, err := usageFilters(o)
	if err != nil {
		return err
	}
	c, err := o.dial(p)
	if err != nil {
		return err
	}
	arn, err := resolveConfiguration(ctx, c, o.configuration)
	if err != nil {
		return err
	}
	out := newList(p, usageView)
	var resources, licences int64
	err = eachUsage(ctx, c, arn, filters, func(u api.LicenseConfigurationUsage) error {
		resources++
		licences += val(u.ConsumedLicenses)
		return out.add(&u)
	})
	if err != nil {
		return err
	}
	if err := out.end(); err != nil || !p.forPeople() {
		return err
	}
	return usageTotals(ctx, p, c, arn, o, resources, licences)
}

// usageFilters turns --filter and --as-of into the API's filters. The server
// says what is wrong with names and values.
func usageFilters(o usageOptions) ([]api.Filter, error) {
	var out []api.Filter
	for _, text := range o.filters {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, misuse("--filter is %q: give name=value, such as resourceType=EC2_INSTANCE", text)
		}
		out = append(out, filter(name, value))
	}
	asOf, err := parseOptionalMoment("--as-of", o.asOf)
	if asOf != nil && err == nil {
		out = append(out, filter("asOf", *asOf))
	}
	return out, err
}

// usageTotals prints the last line of the table. Of the present it also says
// what was bought; of the past, history and diff do.
func usageTotals(ctx context.Context, p *process, c *client.Client, arn string, o usageOptions, resources, licences int64) error {
	if resources > 0 {
		fmt.Fprintln(p.stdout)
	}
	what := counted(resources, "resource")
	if len(o.filters) > 0 {
		what += " that match"
	}
	line := fmt.Sprintf("%s: %s", what, counted(licences, "licence"))
	if o.asOf != "" {
		asOf, _ := parseMoment("--as-of", o.asOf) // read before, so it can be read
		_, err := fmt.Fprintf(p.stdout, "%s at %s\n", line, asOf)
		return err
	}
	var lc api.GetLicenseConfigurationOutput
	if err := call(ctx, c, opGetConfiguration, api.GetLicenseConfigurationInput{LicenseConfigurationArn: &arn}, &lc); err != nil {
		return err
	}
	line += " of " + limitText(lc.LicenseCount, val(lc.LicenseCountHardLimit))
	if bought := lc.LicenseCount; bought != nil && licences > *bought && len(o.filters) == 0 {
		line += fmt.Sprintf(", %d more than were bought", licences-*bought)
	}
	_, err := fmt.Fprintln(p.stdout, line)
	return err
}

// limitText says what was bought.
func limitText(count *int64, hard bool) string {
	switch {
	case count == nil:
		return "an unlimited number"
	case hard:
		return fmt.Sprintf("%d (hard limit)", *count)
	}
	return fmt.Sprint(*count)
}

// counted writes a number with its noun.
func counted(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// timeCell is a time of the wire, or nil where there is none.
func timeCell(t *api.Time) any {
	if t == nil {
		return nil
	}
	return instant(moment(time.UnixMicro(int64(*t))))
}

// momentCell is a time that the server wrote, or nil where there is none.
func momentCell(text *string) any {
	if text == nil {
		return nil
	}
	return instant(tidyMoment(*text))
}

// number is a number that may be missing, as a cell.
func number(n *int64) any {
	if n == nil {
		return nil
	}
	return *n
}
