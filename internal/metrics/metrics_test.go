package metrics_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"reeve/internal/metrics"
)

// scrape returns the status and the lines of a scrape.
func scrape(t *testing.T, m *metrics.Metrics) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	text, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, string(text)
}

func TestRequestsAreCountedByWhatWasAnswered(t *testing.T) {
	m := metrics.New()
	h := m.Count(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/refused":
			w.Header().Set("X-Amzn-Errortype", "ValidationException")
			w.WriteHeader(http.StatusBadRequest)
		case "/odd":
			w.WriteHeader(http.StatusNotFound)
		default:
			_, _ = io.WriteString(w, "{}")
		}
	}), func(*http.Request) string { return "Op" })
	for _, path := range []string{"/", "/", "/refused", "/odd"} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", path, nil))
	}
	_, text := scrape(t, m)
	for _, want := range []string{
		`reeve_requests_total{code="OK",operation="Op"} 2`,
		`reeve_requests_total{code="ValidationException",operation="Op"} 1`,
		`reeve_requests_total{code="404",operation="Op"} 1`,
		`reeve_request_seconds_count{operation="Op"} 4`,
		"go_goroutines ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
}

func TestSourcesAreReadAtEachScrape(t *testing.T) {
	m := metrics.New()
	var broken error
	m.Sources(func(context.Context) ([]metrics.Source, error) {
		return []metrics.Source{
			{Name: "prod", Kind: "aws", Runs: 7, FailedRuns: 2, LastSuccess: time.Unix(1_700_000_000, 0), Next: time.Unix(1_700_000_900, 0),
				Ended: true, Seconds: 1.5, Counts: map[string]int64{"seen": 12, "gone": 3}},
			{Name: "new", Kind: "directory", Paused: true},
		}, broken
	})
	_, text := scrape(t, m)
	for _, want := range []string{
		`reeve_source_runs_total{kind="aws",source="prod"} 7`,
		`reeve_source_failed_runs{kind="aws",source="prod"} 2`,
		`reeve_source_last_success_timestamp_seconds{kind="aws",source="prod"} 1.7e+09`,
		`reeve_source_last_run_resources{kind="aws",result="seen",source="prod"} 12`,
		`reeve_source_last_run_seconds{kind="aws",source="prod"} 1.5`,
		`reeve_source_paused{kind="directory",source="new"} 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
	if strings.Contains(text, `last_success_timestamp_seconds{kind="directory"`) {
		t.Error("a source that never ran has a last success")
	}
	broken = errors.New("the database is away")
	if status, _ := scrape(t, m); status != http.StatusInternalServerError {
		t.Errorf("status %d without a database", status)
	}
}

func TestWitnessesAreReadAtEachScrape(t *testing.T) {
	m := metrics.New()
	m.Witnesses(func(context.Context) ([]metrics.Witness, error) {
		return []metrics.Witness{{Name: "webhook", Sent: 5, Failures: 2, Lag: 3, LastSuccess: time.Unix(1_700_000_000, 0)}, {Name: "file"}}, nil
	})
	_, text := scrape(t, m)
	for _, want := range []string{
		`reeve_witness_sent_total{witness="webhook"} 5`,
		`reeve_witness_failures_total{witness="webhook"} 2`,
		`reeve_witness_lag_checkpoints{witness="webhook"} 3`,
		`reeve_witness_last_success_timestamp_seconds{witness="webhook"} 1.7e+09`,
		`reeve_witness_lag_checkpoints{witness="file"} 0`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
}
