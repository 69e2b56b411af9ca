package sqlite

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// lockFile takes the file beside a database that says who has it open, and
// holds it until the file is closed. It is never removed: whoever waited for
// it would hold a lock on a file that has no name any more.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock database: %w", err)
	}
	if err := tryLock(f); err != nil {
		defer f.Close()
		return nil, fmt.Errorf("open database %s: another Reeve%s is running on it; stop that one first (%w)", path, owner(f), err)
	}
	if err := writeOwner(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock database: %w", err)
	}
	return f, nil
}

func writeOwner(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// owner is " (process N)", or nothing when the file does not say.
func owner(f *os.File) string {
	b := make([]byte, 20)
	n, _ := f.ReadAt(b, 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b[:n])))
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" (process %d)", pid)
}
