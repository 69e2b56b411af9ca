// Package directory reads the files that are dropped into a directory of the
// server, in the forms that reeve import reads.
//
// Each file is read once, when it has stopped changing, and again when it
// changes. Only regular files of the directory itself are looked at: neither
// links nor directories below it are followed, so that who may write there
// cannot have other files read. A file that goes away takes nothing with it.
package directory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"reeve/internal/license"
	"reeve/internal/source"
)

// Bounds of one directory.
const (
	maxFiles     = 50_000
	maxFileBytes = 256 << 20
)

// Settings say which directory it is.
type Settings struct {
	Path string `json:"path"` // absolute, on every server that runs the source
}

// Check refuses what cannot be a directory's path.
func (s *Settings) Check() error {
	if !filepath.IsAbs(s.Path) || strings.ContainsRune(s.Path, 0) || len(s.Path) > 4096 {
		return fmt.Errorf("path is %q: give the absolute path of a directory on the server", s.Path)
	}
	return nil
}

// Source is a directory; it implements source.Puller. It is for one Pull at a
// time.
type Source struct {
	path    string
	owner   source.Options
	settled time.Duration // for how long a file must not have changed

	failures []source.Failure
	failed   int
}

// Open returns the directory's source. It looks at nothing yet. owner is whose
// machines the inventories of agents describe.
func Open(s Settings, owner source.Options) (*Source, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	return &Source{path: s.Path, owner: owner, settled: 2 * time.Second}, nil
}

// Partial implements source.Partial: a file that is not there any more says
// nothing of the machines that it named.
func (s *Source) Partial() bool { return true }

// Failures implements source.Failing: the records and files that could not be
// read.
func (s *Source) Failures() (shown []source.Failure, all int) { return s.failures, s.failed }

func (s *Source) fail(place, reason string) {
	s.failed++
	if len(s.failures) < source.MaxFailures {
		s.failures = append(s.failures, source.Failure{Place: place, Reason: reason})
	}
}

// Pull implements source.Puller.
func (s *Source) Pull(ctx context.Context, last []byte, each func([]license.Report) error) (next []byte, err error) {
	s.failures, s.failed = nil, 0
	known, err := parseMemory(last)
	if err != nil {
		return nil, err
	}
	dir, err := os.OpenRoot(s.path)
	if err != nil {
		return nil, fmt.Errorf("open the directory; it must be there, and the server must be allowed to read it: %w", err)
	}
	defer dir.Close()
	files, err := list(dir)
	if err != nil {
		return nil, err
	}
	fresh, kept := known.sort(files)
	if len(fresh) > 0 {
		if fresh, err = s.unchanging(ctx, dir, fresh); err != nil {
			return nil, err
		}
	}
	if err := s.readAll(ctx, dir, fresh, known, kept, each); err != nil {
		return nil, err
	}
	return kept.format()
}

// file is a file of the directory as a look found it.
type file struct {
	name    string
	size    int64
	changed int64 // nanoseconds since 1970
}

func fileOf(info fs.FileInfo) file {
	return file{info.Name(), info.Size(), info.ModTime().UnixNano()}
}

// list looks at the directory. What is no regular file, or has a name that no
// format has, is passed over: temporary files among them.
func list(dir *os.Root) ([]file, error) {
	f, err := dir.Open(".")
	if err != nil {
		return nil, fmt.Errorf("open the directory: %w", err)
	}
	defer f.Close()
	var files []file
	for {
		entries, err := f.ReadDir(1000)
		for _, e := range entries {
			info, infoErr := e.Info()
			if infoErr != nil || !info.Mode().IsRegular() || !source.KnowsName(e.Name()) || strings.HasPrefix(e.Name(), ".") {
				continue // gone meanwhile, or none of ours
			}
			files = append(files, fileOf(info))
		}
		switch {
		case len(files) > maxFiles:
			return nil, fmt.Errorf("the directory has more than %d files: move those that were read elsewhere", maxFiles)
		case errors.Is(err, io.EOF):
			return files, nil
		case err != nil:
			return nil, fmt.Errorf("list the directory: %w", err)
		}
	}
}

// unchanging looks a second time and returns the files that have not changed
// between, the oldest first: of two files that name a machine, the younger one
// has the last word.
func (s *Source) unchanging(ctx context.Context, dir *os.Root, files []file) ([]file, error) {
	wait := time.NewTimer(s.settled)
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-wait.C:
	}
	files = slices.DeleteFunc(files, func(f file) bool {
		info, err := dir.Lstat(f.name)
		return err != nil || fileOf(info) != f
	})
	slices.SortFunc(files, func(a, b file) int {
		return cmp.Or(cmp.Compare(a.changed, b.changed), cmp.Compare(a.name, b.name))
	})
	return files, nil
}

// errChanged is what a file is that became another between look and opening.
var errChanged = errors.New("the file was replaced while it was opened")

// open opens a regular file without following a link in its place, and without
// waiting for whoever would write to a pipe.
func open(dir *os.Root, f file) (*os.File, error) {
	info, err := dir.Lstat(f.name)
	if err != nil {
		return nil, err
	}
	opened, err := dir.OpenFile(f.name, os.O_RDONLY|nonBlocking, 0)
	if err != nil {
		return nil, err
	}
	now, err := opened.Stat()
	if err == nil && (!now.Mode().IsRegular() || !os.SameFile(info, now)) {
		err = errChanged
	}
	if err != nil {
		opened.Close()
		return nil, err
	}
	return opened, nil
}
