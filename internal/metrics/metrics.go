// Package metrics counts what a server does, for Prometheus: requests by
// operation and answer, how long they took, the reports of agents, caches, the
// runs of sources, and the process itself. It knows totals and names of sources, and nothing of what
// they found.
package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the counters of one server.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

// New returns counters at zero.
func New() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "reeve_requests_total", Help: "Requests by operation and answer: OK, an error's name, or a status of HTTP.",
		}, []string{"operation", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "reeve_request_seconds", Help: "Time from a request's first byte to its answer, by operation.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"operation"}),
	}
	m.registry.MustRegister(m.requests, m.seconds, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler answers with the counters as they are.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// Count counts the requests that a handler answers. operation names what a
// request is for; it must know few names, whatever requests say.
func (m *Metrics) Count(next http.Handler, operation func(*http.Request) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, begun := operation(r), time.Now()
		answer := &answer{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			m.seconds.WithLabelValues(name).Observe(time.Since(begun).Seconds())
			m.requests.WithLabelValues(name, answer.code()).Inc()
		}()
		next.ServeHTTP(answer, r)
	})
}

// answer remembers the status of an answer.
type answer struct {
	http.ResponseWriter
	status int
}

// WriteHeader remembers the status and passes it on.
func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// code is the name of the answer's error where it has one. Only our own
// handlers set the header, so there are few.
func (a *answer) code() string {
	if name := a.Header().Get("X-Amzn-Errortype"); name != "" {
		return name
	}
	if a.status == http.StatusOK {
		return "OK"
	}
	return strconv.Itoa(a.status)
}
