package metrics

import "github.com/prometheus/client_golang/prometheus"

// Cache is a cache that knows how often what was asked for was there and was
// not, since the start, and the bytes that it keeps.
type Cache interface {
	Stats() (hits, misses uint64, bytes int64)
}

// Caches adds caches by their names.
func (m *Metrics) Caches(caches map[string]Cache) { m.registry.MustRegister(cacheCollector(caches)) }

type cacheCollector map[string]Cache

var (
	descHits   = prometheus.NewDesc("reeve_cache_hits_total", "What was asked for and was in the cache.", []string{"cache"}, nil)
	descMisses = prometheus.NewDesc("reeve_cache_misses_total", "What was asked for and was not in the cache.", []string{"cache"}, nil)
	descBytes  = prometheus.NewDesc("reeve_cache_bytes", "About how much memory the cache holds.", []string{"cache"}, nil)
)

// Describe implements prometheus.Collector.
func (c cacheCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descHits, descMisses, descBytes} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c cacheCollector) Collect(to chan<- prometheus.Metric) {
	for name, cache := range c {
		hits, misses, bytes := cache.Stats()
		to <- prometheus.MustNewConstMetric(descHits, prometheus.CounterValue, float64(hits), name)
		to <- prometheus.MustNewConstMetric(descMisses, prometheus.CounterValue, float64(misses), name)
		to <- prometheus.MustNewConstMetric(descBytes, prometheus.GaugeValue, float64(bytes), name)
	}
}
