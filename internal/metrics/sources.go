package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Source is what is told of a source.
type Source struct {
	Name, Kind  string
	Paused      bool
	Runs        int64     // that have begun
	FailedRuns  int64     // since the last one that succeeded
	LastSuccess time.Time // zero: none yet
	Next        time.Time

	// Of the last run that has ended.
	Ended   bool
	Seconds float64
	Counts  map[string]int64 // resources by what became of them
}

// sourceTime bounds the reading of sources for one scrape.
const sourceTime = 5 * time.Second

// Sources adds what list returns at each scrape. All servers of a deployment
// tell the same.
func (m *Metrics) Sources(list func(context.Context) ([]Source, error)) {
	m.registry.MustRegister(sourceCollector(list))
}

type sourceCollector func(context.Context) ([]Source, error)

var (
	sourceLabels = []string{"source", "kind"}

	descPaused  = sourceDesc("paused", "1 while the source runs only when it is asked to.")
	descRuns    = sourceDesc("runs_total", "Runs that have begun.")
	descFailed  = sourceDesc("failed_runs", "Runs that failed since the last one that succeeded.")
	descSuccess = sourceDesc("last_success_timestamp_seconds", "End of the last run that succeeded.")
	descNext    = sourceDesc("next_run_timestamp_seconds", "When the next run is due.")
	descSeconds = sourceDesc("last_run_seconds", "How long the last run took.")
	descCounts  = sourceDesc("last_run_resources", "Resources of the last run by what became of them.", "result")
)

func sourceDesc(name, help string, more ...string) *prometheus.Desc {
	labels := append(append([]string(nil), sourceLabels...), more...)
	return prometheus.NewDesc("reeve_source_"+name, help, labels, nil)
}

// Describe implements prometheus.Collector.
func (c sourceCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descPaused, descRuns, descFailed, descSuccess, descNext, descSeconds, descCounts} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c sourceCollector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), sourceTime)
	defer cancel()
	list, err := c(ctx)
	if err != nil {
		to <- prometheus.NewInvalidMetric(descRuns, err)
		return
	}
	for i := range list {
		list[i].collect(to)
	}
}

func (s *Source) collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, more ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, append([]string{s.Name, s.Kind}, more...)...)
	}
	paused := 0.0
	if s.Paused {
		paused = 1
	}
	gauge(descPaused, paused)
	to <- prometheus.MustNewConstMetric(descRuns, prometheus.CounterValue, float64(s.Runs), s.Name, s.Kind)
	gauge(descFailed, float64(s.FailedRuns))
	if !s.LastSuccess.IsZero() {
		gauge(descSuccess, float64(s.LastSuccess.Unix()))
	}
	if !s.Paused {
		gauge(descNext, float64(s.Next.Unix()))
	}
	if !s.Ended {
		return
	}
	gauge(descSeconds, s.Seconds)
	for result, n := range s.Counts {
		gauge(descCounts, float64(n), result)
	}
}
