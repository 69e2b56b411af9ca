package audit

import (
	"bytes"
	"testing"
)

// FuzzSegment reads any bytes for the events of a segment, as somebody who may
// write the database could leave them: as many events as the segment says, of
// bounded size, or a refusal.
func FuzzSegment(f *testing.F) {
	f.Add(compressor.EncodeAll([]byte("{\"a\":1}\n{\"b\":2}\n"), nil), int64(2))
	f.Add(compressor.EncodeAll(make([]byte, 1<<20), nil), int64(1))
	f.Add([]byte{}, int64(0))
	f.Add([]byte("\x28\xb5\x2f\xfd"), int64(-1))
	f.Fuzz(func(t *testing.T, data []byte, events int64) {
		s := &Segment{Chain: 1, Number: 1, Events: events, Data: data}
		before := hashOf(s)
		lines, err := s.Lines()
		if err != nil {
			return
		}
		if size := len(bytes.Join(lines, nil)); int64(len(lines)) != events || size > maxSegment {
			t.Fatalf("%d events of %d, %d bytes", len(lines), events, size)
		}
		if !bytes.Equal(before, hashOf(s)) {
			t.Fatal("reading changed the segment")
		}
	})
}
