package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"reeve/internal/client"
)

// healthTime is longer than the server takes to give up on its database.
const healthTime = 10 * time.Second

func newHealth(p *process) *cobra.Command {
	var data, endpoint string
	c := &cobra.Command{
		Use:   "health",
		Short: "Ask a server whether it is well",
		Long: `Ask a server whether it answers and can read its database, and exit with 0 if it
can. It needs no access key. Container engines may run it as their health check.`,
		Example: `  reeve health
  reeve health --endpoint http://127.0.0.1:4750`,
		Args: arguments(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			if endpoint == "" {
				endpoint = p.getenv("REEVE_ENDPOINT")
			}
			if endpoint == "" {
				endpoint = client.LeftEndpoint(dataDirectory(p, data))
			}
			return runHealth(c.Context(), p, endpoint)
		},
	}
	c.Flags().StringVar(&data, "data", "", "data `directory` of the server (default REEVE_DATA, else ./reeve-data)")
	c.Flags().StringVar(&endpoint, "endpoint", "", "`URL` of the server (default REEVE_ENDPOINT, else what it left in the data directory)")
	return c
}

func runHealth(ctx context.Context, p *process, endpoint string) error {
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(endpoint, "/")+"/healthz", nil)
	if err != nil {
		return misuse("%q is no URL of a server", endpoint)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("the server does not answer: %w", err)
	}
	defer answer.Body.Close()
	const most = 1 << 10
	text, err := io.ReadAll(io.LimitReader(answer.Body, most))
	if err != nil {
		return fmt.Errorf("read the server's answer: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the server is not well: %s: %s", answer.Status, bytes.TrimSpace(text))
	}
	_, err = fmt.Fprintf(p.stdout, "%s is well\n", endpoint)
	return err
}
