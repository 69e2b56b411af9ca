package directory

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"reeve/internal/license"
	"reeve/internal/source"
)

// maxApplications bounds the installed programs of one batch: a batch of a
// thousand machines with thousands of programs each would not fit anywhere.
const maxApplications = 50_000

// reading is one pull's way through the files.
type reading struct {
	each  func([]license.Report) error
	batch []license.Report
	names map[string]bool // of the batch
	apps  int
}

// readAll reads files whose content is new, and notes in kept what was read.
// A file that cannot be read is a failure, and the others are read all the
// same; one that could not be opened is tried again with the next pull.
func (s *Source) readAll(ctx context.Context, dir *os.Root, fresh []file, known, kept memory, each func([]license.Report) error) error {
	r := &reading{each: each}
	for _, f := range fresh {
		if err := ctx.Err(); err != nil {
			return err
		}
		key := nameKey(f.name)
		hash, err := s.readFile(r, dir, f, known[key].Hash)
		var handed *handedOver
		switch {
		case errors.As(err, &handed):
			return handed.err
		case err != nil:
			s.fail(f.name, err.Error())
		}
		if hash != "" {
			kept[key] = state{f.size, f.changed, hash}
		}
	}
	return r.flush()
}

// handedOver is an error of who takes the reports, and not of a file.
type handedOver struct{ err error }

func (h *handedOver) Error() string { return h.err.Error() }

// readFile reads one file unless its content is what it was. hash is of its
// content, "" if it could not be read so far.
func (s *Source) readFile(r *reading, dir *os.Root, f file, before string) (hash string, err error) {
	if f.size > maxFileBytes {
		return "-", fmt.Errorf("the file has %d bytes, at most %d are read: split it", f.size, maxFileBytes)
	}
	in, err := open(dir, f)
	if err != nil {
		return "", fmt.Errorf("open the file: %w", err)
	}
	defer in.Close()
	if hash, err = hashOf(in); err != nil {
		return "", fmt.Errorf("read the file: %w", err)
	}
	if hash == before {
		return hash, nil
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return "", fmt.Errorf("read the file again: %w", err)
	}
	bad, err := source.ReadDistinct(f.name, io.LimitReader(in, maxFileBytes), s.owner, func(item source.Item) error {
		report := item.Report()
		if _, err := license.ParseResourceARN(report.ARN); err != nil { // the server would not say which line it is
			s.fail(fmt.Sprintf("%s:%d", f.name, item.Line), err.Error())
			return nil
		}
		return r.add(report)
	})
	for _, b := range bad {
		s.fail(fmt.Sprintf("%s:%d", f.name, b.Line), b.Reason)
	}
	return hash, err
}

func hashOf(in io.Reader) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(in, maxFileBytes)); err != nil {
		return "", err
	}
	return shortHash([sha256.Size]byte(h.Sum(nil))), nil
}

// add puts a resource into the batch, and hands the batch over before it grows
// too large or another file reports a machine that is in it.
func (r *reading) add(report license.Report) error {
	full := len(r.batch) == license.MaxReports || r.apps+len(report.Applications) > maxApplications
	if len(r.batch) > 0 && full || r.names[report.ARN] || r.names[report.Instance] {
		if err := r.flush(); err != nil {
			return &handedOver{err}
		}
	}
	if r.names == nil {
		r.names = map[string]bool{}
	}
	r.batch = append(r.batch, report)
	r.names[report.ARN] = true
	if report.Instance != "" {
		r.names[report.Instance] = true
	}
	r.apps += len(report.Applications)
	return nil
}

func (r *reading) flush() error {
	if len(r.batch) == 0 {
		return nil
	}
	err := r.each(r.batch)
	r.batch, r.names, r.apps = nil, nil, 0
	return err
}
