package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"reeve/internal/client"
)

// maxPages bounds every list that a command follows: a billion rows.
const maxPages = 1_000_000

// connection is where a command's calls go, as its flags say.
type connection struct{ choice client.Choice }

func (c *connection) flags(f *pflag.FlagSet) {
	f.StringVar(&c.choice.Endpoint, "endpoint", "", "`URL` of the server (default REEVE_ENDPOINT, AWS_ENDPOINT_URL_LICENSE_MANAGER, what a server left in ./reeve-data if the access key comes from there too, else "+client.DefaultEndpoint+")")
	f.StringVar(&c.choice.Region, "region", "", "`region` to ask in (default AWS_REGION, AWS_DEFAULT_REGION, else us-east-1)")
	tlsFlags(f, &c.choice.TLS)
}

// tlsFlags are those of every command that may speak HTTPS.
func tlsFlags(f *pflag.FlagSet, files *client.TLS) {
	if f.Lookup("ca-file") == nil { // reeve source add vsphere has its own, of the vCenter
		f.StringVar(&files.CA, "ca-file", "", "`file` of the authorities to believe an https endpoint by (default REEVE_CA_FILE, AWS_CA_BUNDLE, what the server left beside its URL, else the system's)")
	}
	f.StringVar(&files.Certificate, "client-certificate", "", "certificate `file` to show to a server that asks for one (default REEVE_CLIENT_CERTIFICATE)")
	f.StringVar(&files.Key, "client-key", "", "private key `file` of --client-certificate (default REEVE_CLIENT_KEY)")
}

// dial returns a client. It does not connect yet.
func (c *connection) dial(p *process) (*client.Client, error) {
	return client.FromEnvironment(c.choice, p.getenv)
}

// eachPage calls fetch with the token of each page in turn, nil for the first,
// until a page names no next one.
func eachPage(fetch func(token *string) (next *string, err error)) error {
	var token *string
	for range maxPages {
		next, err := fetch(token)
		if err != nil || next == nil || *next == "" {
			return err
		}
		if token != nil && *token == *next {
			return errors.New("the server sent the same page token twice, so the list would not end")
		}
		token = next
	}
	return fmt.Errorf("the list did not end after %d pages", maxPages)
}

// call is client.Call with the context first and the types inferred from the
// input and from the output that it fills.
func call[In, Out any](ctx context.Context, c *client.Client, target string, in In, out *Out) error {
	got, err := client.Call[In, Out](ctx, c, target, &in)
	if err != nil {
		return err
	}
	*out = *got
	return nil
}

// val returns what p points to, or the zero value.
func val[T any](p *T) T {
	var zero T
	if p == nil {
		return zero
	}
	return *p
}

// optional returns nil for the zero value, which the API reads as absent.
func optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
