package agent

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"runtime"
	"sync"

	"reeve/internal/source/glpi"
)

// decoders is how many messages are decompressed and parsed at once. Each may
// hold MaxInflated bytes while it is.
var decoders = max(2, runtime.GOMAXPROCS(0))

// form is what a body is said to be.
type form struct{ json bool }

// formOf refuses what no agent sends. OCS Inventory says application/x-compress
// of zlib, so which compression it is shows in the body.
func formOf(r *http.Request) (form, error) {
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return form{}, &refusal{status: http.StatusUnsupportedMediaType, text: "Content-Encoding is not what agents use; send the compressed inventory as application/x-compress-zlib."}
	}
	kind := r.Header.Get("Content-Type")
	if kind == "" {
		return form{}, nil
	}
	name, _, err := mime.ParseMediaType(kind)
	if err == nil {
		switch name {
		case "application/json":
			return form{json: true}, nil
		case "application/x-compress", "application/x-compress-zlib", "application/x-compress-gzip",
			"application/xml", "text/xml", "text/plain", "application/octet-stream":
			return form{}, nil
		}
	}
	return form{}, &refusal{status: http.StatusUnsupportedMediaType, text: "Inventories are application/x-compress-zlib, application/x-compress-gzip, application/json or application/xml."}
}

var errBodyTooBig = &refusal{status: http.StatusRequestEntityTooLarge, text: fmt.Sprintf("The message is larger than %d MiB.", MaxBody>>20)}

// readBody reads what was sent, MaxBody at most.
func readBody(r *http.Request) ([]byte, error) {
	if r.ContentLength > MaxBody {
		return nil, errBodyTooBig
	}
	var b bytes.Buffer
	if r.ContentLength > 0 {
		b.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	n, err := b.ReadFrom(io.LimitReader(r.Body, MaxBody+1))
	switch {
	case err != nil:
		return nil, &refusal{status: http.StatusBadRequest, text: "The message did not arrive whole. Send it again."}
	case n > MaxBody:
		return nil, errBodyTooBig
	case n == 0:
		return nil, &refusal{status: http.StatusBadRequest, text: "The message is empty."}
	}
	return b.Bytes(), nil
}

// compression is how a message was sent, and how its answer is.
type compression int

const (
	plain compression = iota
	zlibbed
	gzipped
)

// compressionOf tells by the first bytes: 1F 8B is gzip; zlib begins with a
// number that 31 divides, whose lower half is 8; neither can be XML or JSON.
func compressionOf(body []byte) compression {
	if len(body) < 2 {
		return plain
	}
	switch {
	case body[0] == 0x1f && body[1] == 0x8b:
		return gzipped
	case body[0]&0x0f == 8 && (int(body[0])<<8|int(body[1]))%31 == 0:
		return zlibbed
	}
	return plain
}

// decode decompresses and parses a message, when one of the places for that is
// free.
func (h *handler) decode(ctx context.Context, f form, body []byte) (*message, error) {
	select {
	case h.decoding <- struct{}{}:
		defer func() { <-h.decoding }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	m := &message{Message: &glpi.Message{JSON: f.json}, compression: compressionOf(body)}
	buffer := inflated.Get().(*bytes.Buffer)
	defer recycle(buffer)
	if m.compression != plain {
		if err := inflate(buffer, m.compression, body); err != nil {
			return nil, m.with(err)
		}
		body = buffer.Bytes()
	}
	parsed, err := glpi.Parse(body)
	if err != nil {
		return nil, m.refuse(http.StatusBadRequest, "The message cannot be read: "+err.Error()+".")
	}
	m.Message = parsed
	return m, nil
}

// inflated keeps buffers for the next messages.
var inflated = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// recycle keeps no buffer that a rare large message has blown up.
func recycle(b *bytes.Buffer) {
	const usual = 2 << 20
	if b.Cap() <= usual {
		b.Reset()
		inflated.Put(b)
	}
}

// inflate decompresses a whole message. Checksums are checked, so a message
// that was cut off or damaged is refused, and so is one that grows too large.
func inflate(into *bytes.Buffer, c compression, body []byte) error {
	d := decompressors.Get().(*decompressor)
	defer decompressors.Put(d)
	in, err := d.open(c, body)
	if err != nil {
		return &refusal{status: http.StatusBadRequest, text: "The message cannot be decompressed: its beginning is damaged."}
	}
	n, err := into.ReadFrom(io.LimitReader(in, MaxInflated+1))
	switch {
	case n > MaxInflated:
		return &refusal{status: http.StatusRequestEntityTooLarge, text: fmt.Sprintf("The message is larger than %d MiB when it is decompressed.", MaxInflated>>20)}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &refusal{status: http.StatusBadRequest, text: "The message cannot be decompressed: it was cut off."}
	case err != nil:
		return &refusal{status: http.StatusBadRequest, text: "The message cannot be decompressed: it is damaged."}
	}
	return nil
}

// decompressor keeps the memory of decompression for the next message.
type decompressor struct {
	in   bytes.Reader
	zlib io.ReadCloser // nil before the first
	gzip *gzip.Reader
}

var decompressors = sync.Pool{New: func() any { return new(decompressor) }}

// open begins with another message.
func (d *decompressor) open(c compression, body []byte) (in io.Reader, err error) {
	d.in.Reset(body)
	switch {
	case c == gzipped && d.gzip == nil:
		d.gzip = new(gzip.Reader)
		fallthrough
	case c == gzipped:
		return d.gzip, d.gzip.Reset(&d.in)
	case d.zlib == nil:
		if d.zlib, err = zlib.NewReader(&d.in); err != nil {
			d.zlib = nil
		}
		return d.zlib, err
	}
	return d.zlib, d.zlib.(zlib.Resetter).Reset(&d.in, nil)
}
