package mvtree

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"strings"

	"reeve/internal/store/sqlconn"
)

// Behind each stored value stands a mark and its CRC-32C in hexadecimal, since
// a file of SQLite has no checksums: a byte that the disk has changed is found
// when the row is read, before somebody is told a wrong count. Values that were
// stored before this was done have none.
const (
	sealMark = '\x1f' // no value has it
	sealSize = 1 + 2*crc32.Size
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func sumOf(value []byte) (sum [2 * crc32.Size]byte) {
	n := crc32.Checksum(value, castagnoli)
	hex.Encode(sum[:], []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
	return sum
}

// sealed is a value as it is stored.
func sealed(value string) string {
	sum := sumOf([]byte(value))
	var b strings.Builder
	b.Grow(len(value) + sealSize)
	b.WriteString(value)
	b.WriteByte(sealMark)
	b.Write(sum[:])
	return b.String()
}

// unsealed cuts the seal off what was stored; the error is ErrDamaged.
func unsealed(stored []byte) ([]byte, error) {
	cut := len(stored) - sealSize
	if cut < 0 || stored[cut] != sealMark {
		return stored, nil
	}
	if sum := sumOf(stored[:cut]); !bytes.Equal(sum[:], stored[cut+1:]) {
		return nil, fmt.Errorf("%w: a row of a ledger has another checksum than when it was written", sqlconn.ErrDamaged)
	}
	return stored[:cut], nil
}
