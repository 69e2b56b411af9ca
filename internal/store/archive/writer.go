package archive

import (
	"encoding/binary"
	"fmt"
	"io"

	json "github.com/go-json-experiment/json"
	"github.com/klauspost/compress/zstd"
)

// Writer writes a backup. It keeps one block in memory.
type Writer struct {
	to      io.Writer
	encoder *zstd.Encoder
	sum     chain
	blocks  uint64
	plain   []byte
	packed  []byte

	// Bytes is how many were written.
	Bytes int64
}

// NewWriter begins a backup with its header.
func NewWriter(to io.Writer, h *Header) (*Writer, error) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	w := &Writer{to: to, encoder: encoder, sum: begin()}
	if err := w.write([]byte(magic + version + "\n")); err != nil {
		return nil, err
	}
	text, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("write header: %w", err)
	}
	w.plain = append(w.plain, text...)
	return w, w.block(kindHeader)
}

// Rows appends rows of a table, by its number in the header. Values are int64,
// string, []byte or nil; nil bytes are nil.
func (w *Writer) Rows(table int, rows [][]any) error {
	w.plain = binary.AppendUvarint(w.plain[:0], uint64(table))
	w.plain = binary.AppendUvarint(w.plain, uint64(len(rows)))
	for _, row := range rows {
		for _, value := range row {
			if err := w.value(value); err != nil {
				return err
			}
		}
	}
	return w.block(kindRows)
}

func (w *Writer) value(value any) error {
	switch v := value.(type) {
	case nil:
		w.plain = append(w.plain, valueNull)
	case int64:
		w.plain = binary.AppendVarint(append(w.plain, valueInt), v)
	case string:
		w.plain = binary.AppendUvarint(append(w.plain, valueText), uint64(len(v)))
		w.plain = append(w.plain, v...)
	case []byte:
		if v == nil {
			return w.value(nil)
		}
		w.plain = binary.AppendUvarint(append(w.plain, valueBytes), uint64(len(v)))
		w.plain = append(w.plain, v...)
	default:
		return fmt.Errorf("a value has type %T", value)
	}
	return nil
}

// Close writes the end. Without it the backup is cut off.
func (w *Writer) Close() error {
	w.plain = binary.AppendUvarint(w.plain[:0], w.blocks)
	return w.block(kindEnd)
}

// block writes w.plain.
func (w *Writer) block(kind byte) error {
	if len(w.plain) > maxPayload {
		return fmt.Errorf("a block of %d bytes is larger than the format allows", len(w.plain))
	}
	w.packed = w.encoder.EncodeAll(w.plain, w.packed[:0])
	head, err := headOf(kind, w.packed)
	if err != nil {
		return err
	}
	w.sum = w.sum.next(head, w.packed)
	w.blocks++
	for _, part := range [][]byte{head[:], w.packed, w.sum[:]} {
		if err := w.write(part); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) write(part []byte) error {
	n, err := w.to.Write(part)
	w.Bytes += int64(n)
	if err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	return nil
}
