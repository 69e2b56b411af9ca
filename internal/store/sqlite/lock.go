package sqlite

import (
	"fmt"
	"io"
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

// The file has two lines of a fixed length, so that both can be written again
// where a full disk has no room for more: the process's number, and the moment
// of Conn.Promise. The mark before the moment keeps it from being taken for a
// second process by kill $(cat reeve.db.lock): number 0 is who asks, and all of
// its group.
const (
	ownerSize  = 20
	momentMark = "@"
	momentSize = 20
)

func writeOwner(f *os.File) error {
	moment, err := readMoment(f)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(io.NewOffsetWriter(f, 0), "%-*d\n", ownerSize-1, os.Getpid()); err != nil {
		return err
	}
	return writeMoment(f, moment)
}

// readMoment returns the moment in a lock file, or 0: what was not flushed by
// writeMoment is none.
func readMoment(f *os.File) (int64, error) {
	b := make([]byte, momentSize)
	if _, err := f.ReadAt(b, ownerSize+int64(len(momentMark))); err != nil && err != io.EOF {
		return 0, err
	}
	moment, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return 0, nil
	}
	return moment, nil
}

// writeMoment overwrites the moment in a lock file, and waits for the disk.
func writeMoment(f *os.File, moment int64) error {
	if _, err := fmt.Fprintf(io.NewOffsetWriter(f, ownerSize), momentMark+"%0*d\n", momentSize, moment); err != nil {
		return err
	}
	return f.Sync()
}

// owner is " (process N)", or nothing when the file does not say.
func owner(f *os.File) string {
	b := make([]byte, ownerSize)
	n, _ := f.ReadAt(b, 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b[:n])))
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" (process %d)", pid)
}
