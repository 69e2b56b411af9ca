package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"reeve/internal/api"
	"reeve/internal/client"
)

type diffOptions struct {
	connection
	configuration string
	from, to      string
}

func newDiff(p *process) *cobra.Command {
	var o diffOptions
	c := &cobra.Command{
		Use:   "diff CONFIG --from TIME",
		Short: "List the resources whose usage differs between two moments",
		Long: `List the resources whose usage of a configuration differs between two moments.

` + configurationHelp + "\n" + momentHelp,
		Example: `  reeve diff "Oracle Database EE" --from 2026-01-01
  reeve diff "Oracle Database EE" --from 2026-01-01 --to 2026-02-01
  reeve diff "Oracle Database EE" --from 2026-01-01 --to 2026-02-01 --output csv`,
		Args: arguments(1, 1, "CONFIG"),
		RunE: func(c *cobra.Command, args []string) error {
			o.configuration = args[0]
			return runDiff(c.Context(), p, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.from, "from", "", "the earlier `TIME` (required)")
	f.StringVar(&o.to, "to", "", "the later `TIME` (default now)")
	o.connection.flags(f)
	complete(c, p, &o.connection, configurations)
	return c
}

var differenceView = view[api.UsageDifference]{
	[]column{
		{key: "Change", title: "CHANGE"},
		{key: "ResourceArn", title: "RESOURCE"},
		{key: "ResourceType", title: "TYPE", spare: true},
		{key: "ResourceOwnerId", title: "OWNER", spare: true},
		{key: "FromStatus"},
		{key: "ToStatus"},
		{title: "STATUS"},
		{key: "FromConsumedLicenses", title: "BEFORE", right: true},
		{key: "ToConsumedLicenses", title: "AFTER", right: true},
	},
	func(d *api.UsageDifference) []any {
		return []any{val(d.Change), val(d.ResourceArn), val(d.ResourceType), val(d.ResourceOwnerId),
			val(d.FromStatus), val(d.ToStatus), statusText(d), val(d.FromConsumedLicenses), val(d.ToConsumedLicenses)}
	},
}

// statusText is a resource's status, or what it was and is.
func statusText(d *api.UsageDifference) string {
	from, to := val(d.FromStatus), val(d.ToStatus)
	switch {
	case from == to, from == "":
		return to
	case to == "":
		return from
	}
	return from + ", now " + to
}

func runDiff(ctx context.Context, p *process, o diffOptions) error {
	if o.from == "" {
		return misuse("--from is needed, such as --from 2026-01-01")
	}
	from, err := parseMoment("--from", o.from)
	if err != nil {
		return err
	}
	to, err := parseOptionalMoment("--to", o.to)
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
	if to == nil {
		if to, err = newest(ctx, c, arn, from); err != nil {
			return err
		}
	}
	out := newList(p, differenceView)
	in := api.CompareUsageInput{LicenseConfigurationArn: &arn, From: &from, To: to}
	head, differences, err := eachDifference(ctx, c, in, out)
	if err != nil {
		return err
	}
	if err := out.end(); err != nil || !p.forPeople() {
		return err
	}
	verb := "differ"
	if differences == 1 {
		verb = "differs"
	}
	if differences > 0 {
		fmt.Fprintln(p.stdout)
	}
	_, err = fmt.Fprintf(p.stdout, "%s %s\n%s: %s of %s\n%s: %s of %s\n",
		counted(differences, "resource"), verb,
		from, counted(val(head.FromConsumedLicenses), "licence"), limitText(head.FromLicenseCount, false),
		*to, counted(val(head.ToConsumedLicenses), "licence"), limitText(head.ToLicenseCount, false))
	return err
}

// newest is the moment of a configuration's last change, by the server's clock: its
// state is that of now. It is from where nothing has changed since.
func newest(ctx context.Context, c *client.Client, arn, from string) (*string, error) {
	var out api.ListRevisionsOutput
	in := api.ListRevisionsInput{LicenseConfigurationArn: &arn, From: &from, MaxResults: new(int64(1))}
	if err := call(ctx, c, api.Reeve+".ListRevisions", in, &out); err != nil {
		return nil, err
	}
	if len(out.Revisions) == 0 {
		return &from, nil
	}
	return new(tidyMoment(val(out.Revisions[0].Time))), nil
}

// eachDifference prints all pages. It returns the last one, which has the
// totals like every page, and how many resources differ.
func eachDifference(ctx context.Context, c *client.Client, in api.CompareUsageInput, out *list[api.UsageDifference]) (*api.CompareUsageOutput, int64, error) {
	var page api.CompareUsageOutput
	var differences int64
	err := eachPage(func(token *string) (*string, error) {
		in.NextToken = token
		page = api.CompareUsageOutput{}
		if err := call(ctx, c, api.Reeve+".CompareUsage", in, &page); err != nil {
			return nil, err
		}
		differences += int64(len(page.Differences))
		return page.NextToken, out.addAll(page.Differences)
	})
	return &page, differences, err
}
