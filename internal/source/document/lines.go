package document

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"reeve/internal/source/record"
)

// ReadLines passes the resource of every line of in to sink. Empty lines are
// passed over; a line that is longer than a record may be, or no resource, is
// passed to sink.Bad.
func ReadLines(in io.Reader, sink record.Sink) error {
	buffered := bufio.NewReader(in)
	for number := 1; ; number++ {
		line, readErr := readLine(buffered)
		if readErr != nil && readErr != io.EOF && readErr != record.ErrTooLong {
			return readErr
		}
		if err := putLine(number, line, readErr, sink); err != nil {
			return err
		}
		if readErr == io.EOF {
			return nil
		}
	}
}

func putLine(number int, line []byte, readErr error, sink record.Sink) error {
	if readErr == record.ErrTooLong {
		return sink.Bad(number, readErr.Error())
	}
	if line = bytes.TrimSpace(line); len(line) == 0 {
		return nil
	}
	resource, err := decode(line)
	if err != nil {
		return sink.Bad(number, err.Error())
	}
	return sink.Put(number, resource)
}

// readLine reads to the next newline or the end. Of a line that is too long
// nothing is returned, and the next call begins after it.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	tooLong := false
	for {
		part, err := in.ReadSlice('\n')
		if len(line)+len(part) > record.MaxSize {
			line, tooLong = nil, true
		}
		if !tooLong {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case tooLong && (err == nil || err == io.EOF):
			return nil, record.ErrTooLong
		default:
			return line, err
		}
	}
}
