package agent

import (
	"net/http"
	"time"
)

// Meter counts what becomes of agents' messages.
type Meter interface {
	Messages(result string, n int) // result is one of those below
	Waiting(n int)                 // so many more, or fewer, wait for memory or for the ledgers
	Took(d time.Duration)          // from a report's first byte until it was durable
}

// What becomes of messages. Reports are all but the first message of an
// exchange, which counts only when it is refused.
const (
	taken      = "taken"       // reports that changed something
	unchanged  = "unchanged"   // reports that did not
	refused    = "refused"     // what was wrong with them is the sender's to know
	turnedAway = "turned_away" // they are to come again
	failed     = "failed"      // by the server's own fault
)

// noMeter is for a server that nobody asks for numbers.
type noMeter struct{}

func (noMeter) Messages(string, int) {}
func (noMeter) Waiting(int)          {}
func (noMeter) Took(time.Duration)   {}

// resultOf is what a message's refusal counts as.
func resultOf(status int) string {
	switch {
	case status == http.StatusServiceUnavailable:
		return turnedAway
	case status >= http.StatusInternalServerError:
		return failed
	}
	return refused
}
