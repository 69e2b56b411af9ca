package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"reeve/internal/agent"
	"reeve/internal/license"
	"reeve/internal/metrics"
	"reeve/internal/server"
	"reeve/internal/source/schedule"
	"reeve/internal/sts"
)

// openSources makes what keeps the sources, and what runs them.
func (s *serverProcess) openSources(settings license.Settings) {
	s.sources = schedule.New(s.store.Sources(), sourceKinds())
	s.scheduler = s.sources.Scheduler(schedule.Options{
		NewManager: func(guarded license.Store) *license.Manager { return license.New(guarded, settings) },
		Server:     s.name(), Log: s.log,
	})
}

// name tells this server from the others of the deployment.
func (s *serverProcess) name() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s (%s, process %d)", host, s.listener.Addr(), os.Getpid())
}

// openMetrics listens where metrics are asked for, if that was set.
func (s *serverProcess) openMetrics() (err error) {
	if s.cfg.Metrics == "" {
		return nil
	}
	if s.metricsListener, err = net.Listen("tcp", s.cfg.Metrics); err != nil {
		return fmt.Errorf("cannot listen on %s for metrics, so choose another address with --metrics or stop what uses it: %w", s.cfg.Metrics, err)
	}
	s.metrics = metrics.New()
	return nil
}

// counted counts the requests of a handler where metrics are asked for.
func (s *serverProcess) counted(h http.Handler, operation func(*http.Request) string) http.Handler {
	if s.metrics == nil {
		return h
	}
	return s.metrics.Count(h, operation)
}

// measure adds the caches to the metrics, and returns what counts the reports
// of agents; nil where nobody asks for metrics.
func (s *serverProcess) measure(pages *server.CacheStats) agent.Meter {
	if s.metrics == nil {
		return nil
	}
	s.metrics.Audit(s.auditMetrics)
	s.metrics.Database(func() metrics.Database {
		h := s.store.Health()
		return metrics.Database{Writable: !h.Unwritable, Damaged: h.Damaged, Refused: h.Refused}
	})
	s.metrics.Network(s.networkMetrics)
	s.metrics.Caches(map[string]metrics.Cache{"nodes": s.store.NodeCache(), "pages": pages})
	return s.metrics.Agents()
}

// operationOf returns what names a request of the API: one of its operations,
// or "other" for all that it does not have.
func operationOf() func(*http.Request) string {
	names := map[string]string{}
	for _, o := range server.Operations() {
		names[o.Service+"."+o.Name] = o.Name
	}
	return func(r *http.Request) string {
		if name, ok := names[r.Header.Get("X-Amz-Target")]; ok {
			return name
		}
		if sts.Claims(r) {
			return "sts"
		}
		return "other"
	}
}

// always names every request the same.
func always(name string) func(*http.Request) string {
	return func(*http.Request) string { return name }
}

// serveMetrics answers scrapes until ctx ends.
func (s *serverProcess) serveMetrics(ctx context.Context) {
	if s.metrics == nil {
		return
	}
	s.metrics.Sources(s.sourceMetrics)
	s.metrics.Witnesses(s.witnessMetrics)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.metrics.Handler())
	mux.HandleFunc("GET /healthz", s.health) // also while every connection of the other address is taken
	scrapes := &http.Server{Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10}
	context.AfterFunc(ctx, func() { _ = scrapes.Close() }) // a scrape more or less
	s.log.Info("metrics are served", "address", s.metricsListener.Addr().String())
	if err := scrapes.Serve(s.metricsListener); err != nil && ctx.Err() == nil {
		s.log.Error("serving metrics ended", "error", err)
	}
}

// sourceMetrics is what metrics tell of sources.
func (s *serverProcess) sourceMetrics(ctx context.Context) ([]metrics.Source, error) {
	list, _, err := s.sources.List(ctx, schedule.Place{}, schedule.MaxSources)
	if err != nil {
		return nil, err
	}
	out := make([]metrics.Source, len(list))
	for i, d := range list {
		out[i] = metrics.Source{Name: d.Name, Kind: d.Kind, Paused: d.Paused, Runs: d.Run, FailedRuns: d.Failed, Next: d.Due.Std()}
		if d.Succeeded != 0 {
			out[i].LastSuccess = d.Succeeded.Std()
		}
		if r := d.LastRun; r != nil && r.Ended != 0 {
			c := r.Counts
			out[i].Ended, out[i].Seconds = true, r.Ended.Std().Sub(r.Started.Std()).Seconds()
			out[i].Counts = map[string]int64{"seen": c.Seen, "created": c.Created, "changed": c.Changed,
				"unchanged": c.Unchanged, "failed": c.Failed, "gone": c.Gone}
		}
	}
	return out, nil
}
