package archive

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	json "github.com/go-json-experiment/json"
	"github.com/klauspost/compress/zstd"
)

// Reader reads a backup, and checks it as it goes. It keeps one block in
// memory.
type Reader struct {
	// Header is there from the beginning.
	Header Header

	from    *bufio.Reader
	decoder *zstd.Decoder
	sum     chain
	blocks  uint64
	read    []int64 // rows, by table
	packed  bytes.Buffer
	plain   []byte
}

// NewReader reads the header of a backup. Close frees what it holds.
func NewReader(from io.Reader) (*Reader, error) {
	r := &Reader{from: bufio.NewReaderSize(from, 1<<16), sum: begin()}
	if err := r.readMagic(); err != nil {
		return nil, err
	}
	var err error
	if r.decoder, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPayload)); err != nil {
		return nil, err
	}
	if err := r.readHeader(); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// Close frees the decoder.
func (r *Reader) Close() { r.decoder.Close() }

func (r *Reader) readMagic() error {
	line := make([]byte, len(magic)+len(version)+1)
	n, err := io.ReadFull(r.from, line)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		if n > 0 && strings.HasPrefix(magic+version+"\n", string(line[:n])) {
			return r.cutOff()
		}
		return errNone
	}
	if err != nil {
		return fmt.Errorf("read backup: %w", err)
	}
	rest, ours := strings.CutPrefix(string(line), magic)
	switch {
	case !ours:
		return errNone
	case rest != version+"\n":
		return fmt.Errorf("the backup says %q and not that its format is %s, which is the one that this program reads: restore it with the Reeve that wrote it", string(line), version)
	}
	return nil
}

func (r *Reader) readHeader() error {
	kind, err := r.block()
	if err != nil {
		return err
	}
	if kind != kindHeader || json.Unmarshal(r.plain, &r.Header) != nil {
		return r.damaged("is no header")
	}
	r.read = make([]int64, len(r.Header.Tables))
	return nil
}

// Next reads the next rows and the number of their table in the header. After
// the last ones, when everything was as it should be, the error is io.EOF. The
// rows are the caller's.
func (r *Reader) Next() (table int, rows [][]any, err error) {
	kind, err := r.block()
	switch {
	case err != nil:
		return 0, nil, err
	case kind == kindEnd:
		return 0, nil, r.end()
	case kind != kindRows:
		return 0, nil, r.damaged("is of an unknown kind")
	}
	d := decoder{rest: r.plain}
	number, count := d.uvarint(), d.uvarint()
	if number >= uint64(len(r.Header.Tables)) || count > uint64(len(r.plain)) {
		return 0, nil, r.damaged("names no table of the header")
	}
	rows = make([][]any, count)
	for i := range rows {
		rows[i] = d.row(len(r.Header.Tables[number].Columns))
	}
	if d.bad || len(d.rest) > 0 {
		return 0, nil, r.damaged("holds no rows")
	}
	r.read[number] += int64(count)
	return int(number), rows, nil
}

// end checks that nothing is missing and that nothing follows.
func (r *Reader) end() error {
	d := decoder{rest: r.plain}
	if said := d.uvarint(); d.bad || said != r.blocks-1 {
		return r.damaged("counts other blocks than there are")
	}
	for i, t := range r.Header.Tables {
		if r.read[i] != t.Rows {
			return fmt.Errorf("the backup has %d rows of table %s, and says that there are %d: %w", r.read[i], t.Name, t.Rows, errDamaged)
		}
	}
	if _, err := r.from.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("something follows the end of the backup: %w", errDamaged)
	}
	return io.EOF
}

// block reads a block into r.plain.
func (r *Reader) block() (kind byte, err error) {
	var head [5]byte
	if err := r.fill(head[:]); err != nil {
		return 0, err
	}
	length := binary.BigEndian.Uint32(head[1:])
	if length > maxPayload {
		return 0, r.damaged("has an impossible length")
	}
	r.packed.Reset()
	if _, err := io.CopyN(&r.packed, r.from, int64(length)); err != nil { // grows with what is there
		return 0, r.readError(err)
	}
	var sum chain
	if err := r.fill(sum[:]); err != nil {
		return 0, err
	}
	if r.sum = r.sum.next(head, r.packed.Bytes()); r.sum != sum {
		return 0, r.damaged("has a wrong checksum")
	}
	if r.plain, err = r.decoder.DecodeAll(r.packed.Bytes(), r.plain[:0]); err != nil {
		return 0, r.damaged("cannot be unpacked: " + err.Error())
	}
	r.blocks++
	return head[0], nil
}

func (r *Reader) fill(part []byte) error {
	_, err := io.ReadFull(r.from, part)
	return r.readError(err)
}

func (r *Reader) readError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return r.cutOff()
	}
	return fmt.Errorf("read backup: %w", err)
}

func (r *Reader) cutOff() error {
	return &badError{fmt.Sprintf("the backup is cut off after %d blocks, before its end; use another backup", r.blocks)}
}

func (r *Reader) damaged(how string) error {
	return fmt.Errorf("block %d of the backup %s: %w", r.blocks+1, how, errDamaged)
}

// decoder takes values off a payload.
type decoder struct {
	rest []byte
	bad  bool
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	d.skip(n)
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.rest)
	d.skip(n)
	return v
}

func (d *decoder) skip(n int) {
	if n <= 0 {
		d.bad, d.rest = true, nil
		return
	}
	d.rest = d.rest[n:]
}

func (d *decoder) row(columns int) []any {
	row := make([]any, columns)
	for i := range row {
		if d.bad || len(d.rest) == 0 {
			d.bad = true
			return nil
		}
		kind := d.rest[0]
		d.rest = d.rest[1:]
		switch kind {
		case valueNull:
		case valueInt:
			row[i] = d.varint()
		case valueText:
			row[i] = string(d.bytes())
		case valueBytes:
			row[i] = append([]byte{}, d.bytes()...)
		default:
			d.bad = true
		}
	}
	return row
}

func (d *decoder) bytes() []byte {
	n := d.uvarint()
	if n > uint64(len(d.rest)) {
		d.bad, d.rest = true, nil
		return nil
	}
	taken := d.rest[:n]
	d.rest = d.rest[n:]
	return taken
}
