// Package archive is the file of a backup: rows of tables in blocks, behind a
// header and before an end. It knows no database; package store writes what it
// reads and reads what it wrote.
//
// The file begins with the line "reeve-backup 1". Then come blocks:
//
//	kind     1 byte: 'H' header, 'R' rows, 'E' end
//	length   4 bytes, big endian: of the payload
//	payload  one zstd frame
//	sum      32 bytes: SHA-256 of the sum before, kind, length and payload
//
// The sum before the first block is that of the line. So each sum is that of
// the whole file up to there: a block that is altered, lost, doubled or moved
// shows at once, and a file that is cut off lacks its end. The sums find
// damage; they are no signature.
//
// The payload of H is JSON. That of R is the number of a table in the header,
// the number of rows, and the values of each row: numbers are varints, a value
// is a byte that says its kind and then the number, or a length and bytes. That
// of E is the number of blocks before it.
package archive

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

const (
	magic   = "reeve-backup "
	version = "1"

	kindHeader byte = 'H'
	kindRows   byte = 'R'
	kindEnd    byte = 'E'

	// maxPayload bounds a block before and after its compression. A writer's
	// pages of rows are a few MiB; one row may be larger.
	maxPayload = 256 << 20
)

// The kinds of values.
const (
	valueNull byte = iota
	valueInt
	valueText
	valueBytes
)

// Header says what a backup is of.
type Header struct {
	Schema     int64     // number of the newest migration
	Program    string    // version of the program that wrote it
	Database   string    // kind of database that it was read from
	Deployment string    // tells deployments apart
	Taken      time.Time // by the database's clock
	Ledgers    int64
	Heads      string // digest of the ledgers' heads
	MasterKey  string `json:",omitzero"` // only where it was asked for
	Tables     []Table
}

// Table is a table of a backup, with as many rows as follow.
type Table struct {
	Name    string
	Columns []string
	Rows    int64
}

// Rows counts all rows.
func (h *Header) Rows() (n int64) {
	for _, t := range h.Tables {
		n += t.Rows
	}
	return n
}

var (
	errNone    = &badError{"this is not a backup: reeve backup writes one"}
	errDamaged = &badError{"it was altered or damaged; use another backup"}
)

// badError is about the file itself, and not about reading it.
type badError struct{ text string }

func (e *badError) Error() string { return e.text }

// IsBad reports whether an error says that a file is no whole backup: reading it
// again would not help, another one is needed.
func IsBad(err error) bool {
	var bad *badError
	return errors.As(err, &bad)
}

// chain is the sum of everything up to a block.
type chain [sha256.Size]byte

func begin() chain { return sha256.Sum256([]byte(magic + version + "\n")) }

// next is the sum after a block.
func (c chain) next(head [5]byte, payload []byte) chain {
	h := sha256.New()
	h.Write(c[:])
	h.Write(head[:])
	h.Write(payload)
	return chain(h.Sum(nil))
}

func headOf(kind byte, payload []byte) (head [5]byte, err error) {
	if len(payload) > maxPayload {
		return head, fmt.Errorf("a block of %d bytes is larger than the format allows", len(payload))
	}
	head[0] = kind
	binary.BigEndian.PutUint32(head[1:], uint32(len(payload)))
	return head, nil
}
