package main

import (
	"time"

	"reeve/internal/audit"
	"reeve/internal/metrics"
)

// openAudit makes what records the calls.
func (s *serverProcess) openAudit() {
	s.audit = audit.New(audit.Config{
		Store: s.store.Audit(), Mode: audit.Mode(s.cfg.Audit), Server: s.name(), Root: s.root.Account,
		Retention: s.cfg.AuditRetention, Now: time.Now, Log: s.log,
	})
}

// auditMetrics is what metrics tell of the audit trail.
func (s *serverProcess) auditMetrics() metrics.Audit {
	n := s.audit.Stats()
	return metrics.Audit{Events: n.Events, Bytes: n.Bytes, Written: n.Written, Segments: n.Segments, Failures: n.Failures, TurnedAway: n.TurnedAway}
}
