//go:build unix

package server_test

import (
	"syscall"
	"testing"
	"time"
)

// cpuTime is the processor time that this process has used: client, server
// and SQLite, but not PostgreSQL.
func cpuTime(b testing.TB) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
