package client

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// healthTimeout is longer than a server takes to give up on its database.
const healthTimeout = 10 * time.Second

// Health asks the server that the environment names, or else the one that has
// left its endpoint in choice.Data, whether it is well. It needs no access key.
// The endpoint is returned with an error too, as far as it is known.
func Health(ctx context.Context, choice Choice, env func(string) string) (endpoint string, err error) {
	files := filesOf(choice, env)
	endpoint = first(choice.Endpoint, env("REEVE_ENDPOINT"))
	if endpoint == "" {
		endpoint = LeftEndpoint(choice.Data)
		files.CA = first(files.CA, LeftAuthority(choice.Data))
	}
	c, err := New(endpoint, DefaultRegion, Credentials{})
	if err != nil {
		return endpoint, err
	}
	if err := c.useWhereNeeded(files); err != nil {
		return endpoint, err
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	return endpoint, c.explain(ctx, c.health(ctx))
}

func (c *Client) health(ctx context.Context) error {
	address, err := url.JoinPath(c.endpoint, "healthz")
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	const most = 1 << 10
	text, err := io.ReadAll(io.LimitReader(answer.Body, most))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the server is not well: %s: %s", answer.Status, bytes.TrimSpace(text))
	}
	return nil
}
