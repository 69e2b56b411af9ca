package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"reeve/internal/client"
)

// TestCompletionGivesUp: a server that does not answer costs a moment, and
// nothing is said.
func TestCompletionGivesUp(t *testing.T) {
	end := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-end:
		}
	}))
	defer silent.Close()
	defer close(end)
	env := map[string]string{"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
	p := &process{lookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}
	o := &connection{client.Choice{Endpoint: silent.URL}}
	for _, list := range []lister{configurations, sourceNames} {
		if names := offer(t.Context(), p, o, list, ""); names != nil {
			t.Errorf("%q", names)
		}
	}
}
