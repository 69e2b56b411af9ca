package agent_test

import (
	"maps"
	"net/http"
	"sync"
	"testing"
	"time"

	"reeve/internal/licensetest"
)

// counts is a meter.
type counts struct {
	mu       sync.Mutex
	messages map[string]int
	waiting  int
	took     int
}

func (c *counts) Messages(result string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.messages[result] += n
}

func (c *counts) Waiting(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting += n
}

func (c *counts) Took(time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.took++
}

// TestMeter: what becomes of messages is counted, and everybody stops waiting.
func TestMeter(t *testing.T) {
	s := start(t, licensetest.Options{})
	c := &counts{messages: map[string]int{}}
	s.measured(t, c)
	for _, body := range [][]byte{
		[]byte(prolog), xmlReport("db1", uuid, linux, oracle), xmlReport("db1", uuid, linux, oracle), xmlReport("renamed", uuid, linux), []byte("hello"),
	} {
		s.send(t, s.path(), "application/xml", body)
	}
	if got := s.send(t, "/agent/nonsense", "application/xml", []byte(prolog)); got.status != http.StatusUnauthorized {
		t.Errorf("answered %d", got.status)
	}
	want := map[string]int{"taken": 2, "unchanged": 1, "refused": 2}
	if !maps.Equal(c.messages, want) || c.waiting != 0 || c.took != 3 {
		t.Errorf("counted %v, want %v; %d wait, %d took time", c.messages, want, c.waiting, c.took)
	}
}
