package main

import (
	"context"

	"github.com/spf13/cobra"

	"reeve/internal/api"
)

type softwareOptions struct {
	connection
	unmatched bool
	output    outputFlag
}

func newSoftware(p *process) *cobra.Command {
	var o softwareOptions
	c := &cobra.Command{
		Use:   "software",
		Short: "List what is installed, by how many machines have it",
		Long: `List the software of the account, the most widespread first: on how many machines
it is, in whatever version, which product it is taken for, and whether a discovery
rule names it. --unmatched leaves out what some rule names: what remains may need a
rule. Counts follow the reports within a minute or so.`,
		Example: `  reeve software --unmatched
  reeve software --output csv`,
		Args: arguments(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error { return runSoftware(c.Context(), p, o) },
	}
	f := c.Flags()
	f.BoolVar(&o.unmatched, "unmatched", false, "list only what no discovery rule names")
	o.output.flags(f)
	o.connection.flags(f)
	return c
}

var softwareColumns = []column{
	{key: "Machines", title: "MACHINES", right: true},
	{key: "Name", title: "NAME"},
	{key: "Publisher", title: "PUBLISHER"},
	{key: "Product", title: "PRODUCT"},
	{key: "Version", title: "VERSION"},
	{key: "Edition", title: "EDITION"},
	{key: "Matched", title: "RULE"},
}

func runSoftware(ctx context.Context, p *process, o softwareOptions) error {
	c, err := o.dial(p)
	if err != nil {
		return err
	}
	out := newRecords(p.stdout, o.output, softwareColumns)
	err = eachPage(func(token *string) (*string, error) {
		var page api.ListSoftwareOutput
		in := api.ListSoftwareInput{Unmatched: optional(o.unmatched), NextToken: token}
		if err := call(ctx, c, api.Reeve+".ListSoftware", in, &page); err != nil {
			return nil, err
		}
		for _, s := range page.Software {
			matched := "no"
			if val(s.Matched) {
				matched = "yes"
			}
			if err := out.row(val(s.Machines), val(s.Name), val(s.Publisher), val(s.Product), val(s.Version), val(s.Edition), matched); err != nil {
				return nil, err
			}
		}
		return page.NextToken, nil
	})
	if err != nil {
		return err
	}
	return out.end()
}
