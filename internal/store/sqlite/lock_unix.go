//go:build unix

package sqlite

import (
	"os"
	"syscall"
)

// tryLock takes an advisory lock that ends with the process at the latest.
func tryLock(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

func syncHandle(dir *os.File) error { return dir.Sync() }
