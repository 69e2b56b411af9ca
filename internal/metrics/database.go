package metrics

import "github.com/prometheus/client_golang/prometheus"

// Database is what was seen of the database.
type Database struct {
	Writable, Damaged bool
	Refused           uint64 // writes, since its disk was full or read-only
}

// Database adds the state of the database.
func (m *Metrics) Database(read func() Database) {
	gauge := func(name, help string, value func(Database) bool) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			if value(read()) {
				return 1
			}
			return 0
		}))
	}
	gauge("reeve_database_writable", "1, or 0 when the last write failed since the database's disk is full or read-only.", func(d Database) bool { return d.Writable })
	gauge("reeve_database_damaged", "1 when something in the database could not be read since the start.", func(d Database) bool { return d.Damaged })
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "reeve_database_writes_refused_total", Help: "Writes that failed since the database's disk is full or read-only.",
	}, func() float64 { return float64(read().Refused) }))
}
