package directory

import (
	"os"
	"time"
)

// SetSettled sets how long a file must not have changed.
func (s *Source) SetSettled(d time.Duration) { s.settled = d }

// OpenAfter opens a file as a pull does whose look was before change.
func (s *Source) OpenAfter(name string, change func()) error {
	dir, err := os.OpenRoot(s.path)
	if err != nil {
		return err
	}
	defer dir.Close()
	info, err := dir.Lstat(name)
	if err != nil {
		return err
	}
	f := fileOf(info)
	change()
	opened, err := open(dir, f)
	if err == nil {
		opened.Close()
	}
	return err
}
