package main

import (
	"github.com/spf13/cobra"

	"reeve/internal/client"
)

func newHealth(p *process) *cobra.Command {
	var choice client.Choice
	c := &cobra.Command{
		Use:   "health",
		Short: "Ask a server whether it is well",
		Long: `Ask a server whether it answers and can read its database, and exit with 0 if it
can. It needs no access key. Container engines may run it as their health check.`,
		Example: `  reeve health
  reeve health --endpoint http://127.0.0.1:4750`,
		Args: arguments(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			choice.Data = dataDirectory(p, choice.Data)
			endpoint, err := client.Health(c.Context(), choice, p.getenv)
			if err != nil {
				return err
			}
			return printSaid(p, healthView, &health{endpoint, true}, endpoint+" is well\n")
		},
	}
	f := c.Flags()
	f.StringVar(&choice.Data, "data", "", "data `directory` of the server (default REEVE_DATA, else ./reeve-data)")
	f.StringVar(&choice.Endpoint, "endpoint", "", "`URL` of the server (default REEVE_ENDPOINT, else what it left in the data directory)")
	tlsFlags(f, &choice.TLS)
	return c
}

// health is what reeve health tells programs.
type health struct {
	Endpoint string
	Healthy  bool
}

var healthView = view[health]{
	[]column{{key: "Endpoint"}, {key: "Healthy"}},
	func(h *health) []any { return []any{h.Endpoint, h.Healthy} },
}
