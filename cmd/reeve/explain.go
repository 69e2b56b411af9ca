package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"reeve/internal/api"
)

type explainOptions struct {
	connection
	configuration string
	resource      string
	asOf          string
}

func newExplain(p *process) *cobra.Command {
	var o explainOptions
	c := &cobra.Command{
		Use:   "explain CONFIG RESOURCE",
		Short: "Say step by step why a resource consumes what it consumes",
		Long: `Say step by step why a resource consumes what it consumes of a configuration:
each fact, term and rule that was used, with its value, as they were at that
moment.

` + configurationHelp + `
RESOURCE is an ARN, its last part, or the name of the machine, where no other resource
of the configuration has the same.
` + momentHelp,
		Example: `  reeve explain "Oracle Database EE" i-0123456789abcdef0
  reeve explain "Oracle Database EE" oracle-001
  reeve explain "Oracle Database EE" i-0123456789abcdef0 --as-of 2026-01-31T18:00:00Z`,
		Args: arguments(2, 2, "CONFIG or RESOURCE"),
		RunE: func(c *cobra.Command, args []string) error {
			o.configuration, o.resource = args[0], args[1]
			return runExplain(c.Context(), p, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.asOf, "as-of", "", "the `TIME` to look at (default now)")
	o.connection.flags(f)
	complete(c, p, &o.connection, configurations)
	return c
}

var stepView = view[api.ExplanationStep]{
	[]column{
		{key: "Kind", title: "KIND"},
		{key: "Name", title: "NAME"},
		{key: "Value", title: "VALUE"},
		{key: "Note", title: "NOTE"},
	},
	func(s *api.ExplanationStep) []any { return []any{val(s.Kind), val(s.Name), val(s.Value), val(s.Note)} },
}

func runExplain(ctx context.Context, p *process, o explainOptions) error {
	e, err := fetchExplanation(ctx, p, o)
	if err != nil {
		return err
	}
	if p.output == "json" {
		return printJSON(p.stdout, e)
	}
	if p.forPeople() {
		printConclusion(p, e)
	}
	return printAll(p, stepView, e.Steps)
}

func fetchExplanation(ctx context.Context, p *process, o explainOptions) (*api.ExplainUsageOutput, error) {
	asOf, err := parseOptionalMoment("--as-of", o.asOf)
	if err != nil {
		return nil, err
	}
	c, err := o.dial(p)
	if err != nil {
		return nil, err
	}
	arn, err := resolveConfiguration(ctx, c, o.configuration)
	if err != nil {
		return nil, err
	}
	resource, err := resolveResource(ctx, c, arn, o.resource, asOf)
	if err != nil {
		return nil, err
	}
	e := new(api.ExplainUsageOutput)
	in := api.ExplainUsageInput{LicenseConfigurationArn: &arn, ResourceArn: &resource, AsOf: asOf}
	return e, call(ctx, c, api.Reeve+".ExplainUsage", in, e)
}

// printConclusion says the result before the steps that lead to it.
func printConclusion(p *process, e *api.ExplainUsageOutput) {
	fmt.Fprintf(p.stdout, "%s\nconsumes %s of %s\nat %s", printable(val(e.ResourceArn)),
		counted(val(e.ConsumedLicenses), "licence"), val(e.LicenseConfigurationArn), tidyMoment(val(e.AsOf)))
	if e.RevisionTime != nil {
		fmt.Fprintf(p.stdout, " (revision %d of %s)", val(e.Revision), tidyMoment(*e.RevisionTime))
	}
	fmt.Fprintln(p.stdout)
	if e.AssociationTime != nil {
		fmt.Fprintf(p.stdout, "associated since %s\n", timeCell(e.AssociationTime))
	}
	if on := val(e.CountedOnResourceArn); on != "" && on != val(e.ResourceArn) {
		fmt.Fprintf(p.stdout, "counted on %s\n", printable(on))
	}
	fmt.Fprintln(p.stdout)
}
