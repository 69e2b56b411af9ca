package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Network is what a server tells of its side of the network: now, and totals
// since the start.
type Network struct {
	Open   int    // connections
	Closed uint64 // to make room for others

	Working, Waiting map[string]int64 // requests, by kind: read or change
	BodyBytes        int64

	// Requests that were answered with ThrottlingException, by reason.
	QueueFull, Waited, Bodies, KeyRate uint64

	Keys int // remembered for their rates

	Expires                time.Time // of the certificate; zero for none
	Reloads, FailedReloads uint64
}

// Network adds the numbers of connections, bounds and the certificate.
func (m *Metrics) Network(read func() Network) { m.registry.MustRegister(networkCollector(read)) }

type networkCollector func() Network

var (
	descConnections = prometheus.NewDesc("reeve_connections", "Connections that are open.", nil, nil)
	descClosed      = prometheus.NewDesc("reeve_connections_closed_total", "Connections that waited for their client and were closed to make room for others.", nil, nil)
	descWorking     = prometheus.NewDesc("reeve_requests_in_flight", "Requests that are worked on, by kind: read or change.", []string{"kind"}, nil)
	descWaiting     = prometheus.NewDesc("reeve_requests_waiting", "Requests that wait for their turn.", []string{"kind"}, nil)
	descBodyBytes   = prometheus.NewDesc("reeve_request_body_bytes", "Memory that bodies of requests above 4 KiB hold.", nil, nil)
	descThrottled   = prometheus.NewDesc("reeve_throttled_total", "Requests that were answered with ThrottlingException, by reason: key_rate, queue_full, queue_wait or body_memory.", []string{"reason"}, nil)
	descKeys        = prometheus.NewDesc("reeve_rate_limited_keys", "Access keys and roles whose rates are remembered.", nil, nil)
	descExpires     = prometheus.NewDesc("reeve_tls_certificate_expiry_seconds", "When the certificate that is shown expires, in seconds since 1970.", nil, nil)
	descReloads     = prometheus.NewDesc("reeve_tls_reloads_total", "Changes of the certificate's files, by result: taken or failed.", []string{"result"}, nil)
)

// Describe implements prometheus.Collector.
func (networkCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descConnections, descClosed, descWorking, descWaiting, descBodyBytes, descThrottled, descKeys, descExpires, descReloads} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (read networkCollector) Collect(to chan<- prometheus.Metric) {
	n := read()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	total := func(d *prometheus.Desc, value uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
	}
	gauge(descConnections, float64(n.Open))
	total(descClosed, n.Closed)
	for kind, working := range n.Working {
		gauge(descWorking, float64(working), kind)
		gauge(descWaiting, float64(n.Waiting[kind]), kind)
	}
	gauge(descBodyBytes, float64(n.BodyBytes))
	for reason, count := range map[string]uint64{"key_rate": n.KeyRate, "queue_full": n.QueueFull, "queue_wait": n.Waited, "body_memory": n.Bodies} {
		total(descThrottled, count, reason)
	}
	gauge(descKeys, float64(n.Keys))
	if n.Expires.IsZero() {
		return
	}
	gauge(descExpires, float64(n.Expires.Unix()))
	total(descReloads, n.Reloads, "taken")
	total(descReloads, n.FailedReloads, "failed")
}
