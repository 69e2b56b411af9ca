package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"cmp"
	"compress/gzip"
	"io/fs"
	"slices"
	"time"
)

// file is one file of an archive.
type file struct {
	name    string // with slashes
	content []byte
	program bool // may be executed
}

func (f *file) mode() fs.FileMode {
	if f.program {
		return 0o755
	}
	return 0o644
}

// pack writes files below one directory, in the order of their names, all of
// one time and of nobody: a .zip for Windows, else a .tar.gz.
func pack(t target, directory string, at time.Time, files []file) (packed []byte, suffix string, err error) {
	files = slices.SortedFunc(slices.Values(files), func(a, b file) int { return cmp.Compare(a.name, b.name) })
	for i := range files {
		files[i].name = directory + "/" + files[i].name
	}
	if t.os == "windows" {
		packed, err = zipped(at, files)
		return packed, ".zip", err
	}
	packed, err = tarred(at, files)
	return packed, ".tar.gz", err
}

func tarred(at time.Time, files []file) ([]byte, error) {
	var b bytes.Buffer
	squeezed, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	w := tar.NewWriter(squeezed)
	for _, f := range files {
		head := &tar.Header{Name: f.name, Size: int64(len(f.content)), Mode: int64(f.mode()), ModTime: at, Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
		if err := w.WriteHeader(head); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	err = squeezed.Close()
	return b.Bytes(), err
}

func zipped(at time.Time, files []file) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		head := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: at.UTC()}
		head.SetMode(f.mode())
		into, err := w.CreateHeader(head)
		if err != nil {
			return nil, err
		}
		if _, err := into.Write(f.content); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}
