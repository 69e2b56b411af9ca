package metrics

import "github.com/prometheus/client_golang/prometheus"

// Audit is what the audit trail tells: what waits, and totals since the start.
type Audit struct {
	Events, Bytes                           int // in the queue
	Written, Segments, Failures, TurnedAway uint64
}

// Audit adds the numbers of the audit trail.
func (m *Metrics) Audit(read func() Audit) {
	gauge := func(name, help string, value func(Audit) int) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return float64(value(read())) }))
	}
	total := func(name, help string, value func(Audit) uint64) {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help},
			func() float64 { return float64(value(read())) }))
	}
	gauge("reeve_audit_queue_events", "Events of the audit trail that are not in the database yet.", func(a Audit) int { return a.Events })
	gauge("reeve_audit_queue_bytes", "Memory that these events take.", func(a Audit) int { return a.Bytes })
	total("reeve_audit_events_total", "Events that were written.", func(a Audit) uint64 { return a.Written })
	total("reeve_audit_segments_total", "Segments that were written.", func(a Audit) uint64 { return a.Segments })
	total("reeve_audit_failures_total", "Writes of a segment that did not succeed, and are tried again.", func(a Audit) uint64 { return a.Failures })
	total("reeve_audit_turned_away_total", "Calls that were turned away because the queue was full.", func(a Audit) uint64 { return a.TurnedAway })
}
