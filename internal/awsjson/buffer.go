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
	largestPooled = 1 << 20  // what outgrew this is left to the garbage collector
	believed      = 64 << 10 // of a body's announced length, before any of it is there
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

// readFrom appends all of r, which announces a length; negative ones are
// unknown. Room is made for what was announced, but not for more than a liar
// could cheaply announce, and only as far as there is memory.
func (b *buffer) readFrom(r io.Reader, announced int64, memory *share) error {
	if err := b.grow(int(min(announced, believed))+1, memory); err != nil {
		return err
	}
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
			if err := b.grow(cap(b.bytes), memory); err != nil {
				return err
			}
		}
	}
}

// grow makes room for n more bytes.
func (b *buffer) grow(n int, memory *share) error {
	if len(b.bytes)+n <= cap(b.bytes) {
		return nil
	}
	if err := memory.hold(int64(n)); err != nil {
		return err
	}
	b.bytes = slices.Grow(b.bytes, n)
	return nil
}
