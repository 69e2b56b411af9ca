package main

import (
	"reeve/internal/gate"
	"reeve/internal/metrics"
)

// bounds are what a server takes on at most.
type bounds struct {
	connections *gate.Connections
	gate        *gate.Gate
	keys        *gate.Keys // nil: no limit
}

func (s *serverProcess) openBounds() {
	s.bounds = bounds{
		connections: gate.NewConnections(s.cfg.MaxConnections),
		gate:        gate.New(gate.Options{Requests: s.cfg.MaxRequests, Wait: s.cfg.RequestWait, Bodies: memoryFor(s.cfg.Memory).bodies}),
		keys:        gate.NewKeys(s.cfg.RateLimit, s.cfg.RateLimitBurst),
	}
	if most := s.bounds.connections.Most(); most < s.cfg.MaxConnections {
		s.log.Info("the limit of open files lowers max-connections", "max_connections", most, "setting", s.cfg.MaxConnections)
	}
}

// networkMetrics is what metrics tell of connections, of requests that wait or
// were turned away, and of the certificate.
func (s *serverProcess) networkMetrics() metrics.Network {
	g := s.bounds.gate.Stats()
	var n metrics.Network
	n.Open, n.Closed = s.bounds.connections.Stats()
	n.Keys, n.KeyRate = s.bounds.keys.Stats()
	n.Working = map[string]int64{"read": g.Reads.Working, "change": g.Changes.Working}
	n.Waiting = map[string]int64{"read": g.Reads.Waiting, "change": g.Changes.Waiting}
	n.QueueFull, n.Waited = g.Reads.Full+g.Changes.Full, g.Reads.Waited+g.Changes.Waited
	n.BodyBytes, n.Bodies = g.Held, g.Bodies
	if s.tls != nil {
		n.Expires = s.tls.Expires()
		n.Reloads, n.FailedReloads = s.tls.Stats()
	}
	return n
}
