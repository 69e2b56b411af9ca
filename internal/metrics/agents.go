package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Agents count the reports of inventory agents.
type Agents struct {
	reports *prometheus.CounterVec
	waiting prometheus.Gauge
	seconds prometheus.Histogram
}

// Agents adds counters of agents' reports.
func (m *Metrics) Agents() *Agents {
	a := &Agents{
		reports: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "reeve_agent_reports_total", Help: "Messages of agents by what became of them: taken, unchanged, refused, turned_away or failed.",
		}, []string{"result"}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "reeve_agent_reports_waiting", Help: "Messages of agents that wait for memory, or reports for their turn in the ledgers.",
		}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "reeve_agent_report_seconds", Help: "Time from a report's first byte until it was durable.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}),
	}
	m.registry.MustRegister(a.reports, a.waiting, a.seconds)
	return a
}

// Messages adds messages with a result.
func (a *Agents) Messages(result string, n int) { a.reports.WithLabelValues(result).Add(float64(n)) }

// Waiting adds to those that wait; negative takes away.
func (a *Agents) Waiting(n int) { a.waiting.Add(float64(n)) }

// Took notes how long a report took.
func (a *Agents) Took(d time.Duration) { a.seconds.Observe(d.Seconds()) }
