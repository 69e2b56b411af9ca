//go:build !unix

package server_test

import (
	"testing"
	"time"
)

// cpuTime is known on Unix only.
func cpuTime(testing.TB) time.Duration { return 0 }
