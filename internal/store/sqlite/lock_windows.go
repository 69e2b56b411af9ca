package sqlite

import (
	"math"
	"os"

	"golang.org/x/sys/windows"
)

// tryLock takes a lock that ends with the process at the latest. It covers one
// byte far behind the process number in the file, which stays readable.
func tryLock(f *os.File) error {
	at := &windows.Overlapped{OffsetHigh: math.MaxInt32}
	return windows.LockFileEx(windows.Handle(f.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, at)
}

// syncHandle does nothing: Windows cannot flush a directory, and its names are
// journaled.
func syncHandle(*os.File) error { return nil }
