package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Witness is what is told of a witness of checkpoints.
type Witness struct {
	Name           string
	Sent, Failures uint64 // by this server since its start
	Lag            int64  // checkpoints of all accounts that it does not have
	LastSuccess    time.Time
}

var (
	descWitnessSent    = witnessDesc("sent_total", "Checkpoints that the witness took from this server.")
	descWitnessFailed  = witnessDesc("failures_total", "Attempts of this server to send a checkpoint that did not succeed.")
	descWitnessLag     = witnessDesc("lag_checkpoints", "Checkpoints that the witness does not have yet.")
	descWitnessSuccess = witnessDesc("last_success_timestamp_seconds", "When the witness last took a checkpoint.")
)

func witnessDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("reeve_witness_"+name, help, []string{"witness"}, nil)
}

// Witnesses adds what list returns at each scrape.
func (m *Metrics) Witnesses(list func(context.Context) ([]Witness, error)) {
	m.registry.MustRegister(witnessCollector(list))
}

type witnessCollector func(context.Context) ([]Witness, error)

// Describe implements prometheus.Collector.
func (c witnessCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descWitnessSent, descWitnessFailed, descWitnessLag, descWitnessSuccess} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c witnessCollector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), sourceTime)
	defer cancel()
	witnesses, err := c(ctx)
	if err != nil {
		to <- prometheus.NewInvalidMetric(descWitnessLag, err)
		return
	}
	for _, w := range witnesses {
		to <- prometheus.MustNewConstMetric(descWitnessSent, prometheus.CounterValue, float64(w.Sent), w.Name)
		to <- prometheus.MustNewConstMetric(descWitnessFailed, prometheus.CounterValue, float64(w.Failures), w.Name)
		to <- prometheus.MustNewConstMetric(descWitnessLag, prometheus.GaugeValue, float64(w.Lag), w.Name)
		if !w.LastSuccess.IsZero() {
			to <- prometheus.MustNewConstMetric(descWitnessSuccess, prometheus.GaugeValue, float64(w.LastSuccess.Unix()), w.Name)
		}
	}
}
