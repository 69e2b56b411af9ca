package awsjson

import (
	"io"
	"slices"
	"sync"
)

// buffer is memory for one body, reused by later requests.
type buffer struct{ bytes []byte }

const (
	smallBuffer   = 4 << 10
	largestPooled = 1 << 20 // what outgrew this is left to the garbage collector
)

var buffers = sync.Pool{New: func() any { return &buffer{bytes: make([]byte, 0, smallBuffer)} }}

func takeBuffer() *buffer { return buffers.Get().(*buffer) }

func (b *buffer) release() {
	if cap(b.bytes) > largestPooled {
		return
	}
	b.bytes = b.bytes[:0]
	buffers.Put(b)
}

// grow makes room for n bytes that were announced, but not for more than a
// liar could cheaply announce. Unknown lengths are negative.
func (b *buffer) grow(n int64) {
	if n > 0 {
		b.bytes = slices.Grow(b.bytes, int(min(n, largestPooled))+1)
	}
}

// readFrom appends all of r.
func (b *buffer) readFrom(r io.Reader) error {
	for {
		n, err := r.Read(b.bytes[len(b.bytes):cap(b.bytes)])
		b.bytes = b.bytes[:len(b.bytes)+n]
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		if len(b.bytes) == cap(b.bytes) {
			b.bytes = slices.Grow(b.bytes, cap(b.bytes))
		}
	}
}
