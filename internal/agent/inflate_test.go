package agent

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"testing"
)

// FuzzInflate decompresses anything with decompressors that are used again:
// the answer is bounded, a refusal is the sender's, and the next good message
// is read as if nothing had been before it.
func FuzzInflate(f *testing.F) {
	const text = "<REQUEST><QUERY>INVENTORY</QUERY></REQUEST>"
	good := [][]byte{pressed(zlib.NewWriter, text), pressed(gzip.NewWriter, text)}
	for _, body := range good {
		f.Add(body)
		f.Add(body[:len(body)-3])
		f.Add(append(bytes.Clone(body), body...))
	}
	f.Add(pressed(zlib.NewWriter, string(make([]byte, 1<<20))))
	f.Add([]byte{0x78, 0x9c})
	f.Add([]byte{0x1f, 0x8b})
	f.Fuzz(func(t *testing.T, body []byte) {
		var got bytes.Buffer
		if c := compressionOf(body); c != plain {
			var refused *refusal
			if err := inflate(&got, c, body); err != nil && (!errors.As(err, &refused) || refused.status >= 500) {
				t.Fatalf("refused with %v", err)
			}
		}
		if got.Len() > MaxInflated+1 {
			t.Fatalf("%d bytes became %d", len(body), got.Len())
		}
		for _, body := range good {
			got.Reset()
			if err := inflate(&got, compressionOf(body), body); err != nil || got.String() != text {
				t.Fatalf("a good message is read as %q, %v", got.String(), err)
			}
		}
	})
}

func pressed[W io.WriteCloser](make func(io.Writer) W, text string) []byte {
	var b bytes.Buffer
	w := make(&b)
	_, _ = io.WriteString(w, text) // into memory
	_ = w.Close()
	return b.Bytes()
}
