package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"reeve/internal/config"
	"reeve/internal/license"
	"reeve/internal/source/schedule"
)

func TestMetricsHaveTheirOwnAddress(t *testing.T) {
	s := openTestServer(t, func(c *config.Config) { c.Metrics = "127.0.0.1:0" })
	stop, ended := start(t, s)
	who := license.Caller{Account: s.root.Account, Region: "us-east-1"}
	_, err := s.sources.Put(t.Context(), who, []schedule.Definition{
		{Name: "drop", Kind: new("directory"), Settings: new(`{"path":"/nowhere"}`), Paused: new(true)},
	})
	if err != nil {
		t.Fatal(err)
	}
	unsigned, err := http.NewRequest("POST", s.endpoint()+"/", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	unsigned.Header.Set("Content-Type", "application/x-amz-json-1.1")
	for _, target := range []string{"Reeve.VerifyLedgers", "Reeve.Nonsense"} {
		unsigned.Header.Set("X-Amz-Target", target)
		get(t, unsigned)
	}
	agent, err := http.NewRequest("POST", s.endpoint()+"/agent/nonsense", strings.NewReader("<REQUEST/>"))
	if err != nil {
		t.Fatal(err)
	}
	get(t, agent)
	scrape, err := http.NewRequest("GET", "http://"+s.metricsListener.Addr().String()+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, text := get(t, scrape)
	for _, want := range []string{
		`reeve_requests_total{code="MissingAuthenticationTokenException",operation="VerifyLedgers"} 1`,
		`reeve_requests_total{code="UnknownOperationException",operation="other"} 1`,
		`reeve_agent_reports_total{result="refused"} 1`,
		"reeve_agent_reports_waiting 0",
		`reeve_cache_misses_total{cache="nodes"}`,
		`reeve_cache_bytes{cache="pages"} 0`,
		`reeve_source_paused{kind="directory",source="drop"} 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
	public, err := http.NewRequest("GET", s.endpoint()+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := get(t, public); status != http.StatusNotFound {
		t.Errorf("the API's own address answers %d to a scrape", status)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func get(t *testing.T, r *http.Request) (int, string) {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}
