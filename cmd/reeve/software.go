package main

import (
	"context"

	"github.com/spf13/cobra"

	"reeve/internal/api"
)

type softwareOptions struct {
	connection
	unmatched bool
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
	o.connection.flags(f)
	return c
}

var softwareView = view[api.Software]{
	[]column{
		{key: "Machines", title: "MACHINES", right: true},
		{key: "Name", title: "NAME"},
		{key: "Publisher", title: "PUBLISHER", spare: true},
		{key: "Product", title: "PRODUCT"},
		{key: "Version", title: "VERSION"},
		{key: "Edition", title: "EDITION"},
		{key: "Matched", title: "RULE"},
	},
	func(s *api.Software) []any {
		return []any{val(s.Machines), val(s.Name), val(s.Publisher), val(s.Product), val(s.Version), val(s.Edition), val(s.Matched)}
	},
}

func runSoftware(ctx context.Context, p *process, o softwareOptions) error {
	c, err := o.dial(p)
	if err != nil {
		return err
	}
	return printPages(p, softwareView, func(token *string) ([]api.Software, *string, error) {
		var out api.ListSoftwareOutput
		in := api.ListSoftwareInput{Unmatched: optional(o.unmatched), NextToken: token}
		err := call(ctx, c, api.Reeve+".ListSoftware", in, &out)
		return out.Software, out.NextToken, err
	})
}
