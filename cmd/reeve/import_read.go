package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"reeve/internal/source"
)

// input is one file that is read twice: to check it, and to send it.
type input struct {
	name string
	file *os.File
}

// openInputs opens every file before anything else happens, so that a
// mistyped name costs nothing. done closes them.
func openInputs(p *process, names []string) (inputs []input, done func(), err error) {
	done = func() {
		for _, in := range inputs {
			in.file.Close()
		}
	}
	for _, name := range names {
		f, err := openInput(p, name)
		if err != nil {
			return nil, done, err
		}
		if name == "-" {
			name = "standard input"
		}
		inputs = append(inputs, input{name, f})
	}
	return inputs, done, nil
}

func openInput(p *process, name string) (*os.File, error) {
	if name == "-" {
		return spool(p.stdin)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = fmt.Errorf("%s is a directory: name the files in it", name)
	case !info.Mode().IsRegular():
		spooled, err := spool(f)
		return spooled, errors.Join(err, f.Close())
	default:
		return f, nil
	}
	f.Close()
	return nil, err
}

// spool keeps a stream in a nameless temporary file, so that it can be read
// twice.
func spool(r io.Reader) (*os.File, error) {
	f, err := os.CreateTemp("", "reeve-import-*")
	if err != nil {
		return nil, fmt.Errorf("keep input: %w", err)
	}
	_ = os.Remove(f.Name()) // where an open file cannot be removed, the system's own cleaning does
	if _, err := io.Copy(f, r); err != nil {
		f.Close()
		return nil, fmt.Errorf("keep input: %w", err)
	}
	return f, nil
}

// read passes every resource of the input to each, from its start.
func (in input) read(opts source.Options, each func(source.Item) error) ([]source.BadLine, error) {
	if _, err := in.file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return source.ReadDistinct(in.name, in.file, opts, each)
}
