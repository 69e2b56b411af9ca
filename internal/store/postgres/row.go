package postgres

import (
	"encoding/binary"
	"fmt"

	"reeve/internal/store/sqlconn"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// row reads columns straight from the wire: the few types there are need no
// plan and no reflection.
type row struct {
	values [][]byte
	fields []pgconn.FieldDescription
	err    error // the first column that was read as what it is not
	told   bool  // each has seen a row
}

// eachError marks an error of the caller's function among the driver's.
type eachError struct{ error }

// readResult reads one statement's result. Its tag tells how many rows the
// statement changed, or returned.
func readResult(results pgx.BatchResults, r *row, i int, each func(int, sqlconn.Row) error) (pgconn.CommandTag, error) {
	rows, err := results.Query()
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	defer rows.Close()
	r.fields = rows.FieldDescriptions()
	for rows.Next() {
		if each == nil {
			continue
		}
		r.values, r.told = rows.RawValues(), true
		if err := each(i, r); err != nil {
			return pgconn.CommandTag{}, &eachError{err}
		}
		if r.err != nil {
			return pgconn.CommandTag{}, r.err
		}
	}
	rows.Close()
	return rows.CommandTag(), rows.Err()
}

// Int implements sqlconn.Row.
func (r *row) Int(col int) int64 {
	v := r.values[col]
	if v == nil {
		return 0
	}
	f := &r.fields[col]
	switch {
	case f.Format != pgtype.BinaryFormatCode:
	case f.DataTypeOID == pgtype.Int8OID && len(v) == 8:
		return int64(binary.BigEndian.Uint64(v))
	case f.DataTypeOID == pgtype.Int4OID && len(v) == 4:
		return int64(int32(binary.BigEndian.Uint32(v)))
	}
	r.mistake(col, "an integer")
	return 0
}

// Text implements sqlconn.Row.
func (r *row) Text(col int) string { return string(r.text(col)) }

// AppendText implements sqlconn.Row.
func (r *row) AppendText(dst []byte, col int) []byte { return append(dst, r.text(col)...) }

// text is the column in the connection's own memory.
func (r *row) text(col int) []byte {
	switch r.fields[col].DataTypeOID {
	case pgtype.TextOID, pgtype.VarcharOID:
	default:
		r.mistake(col, "text")
	}
	return r.values[col]
}

// Bytes implements sqlconn.Row.
func (r *row) Bytes(col int) []byte {
	v := r.values[col]
	if v == nil {
		return nil
	}
	if f := &r.fields[col]; f.DataTypeOID != pgtype.ByteaOID || f.Format != pgtype.BinaryFormatCode {
		r.mistake(col, "bytes")
	}
	return append(make([]byte, 0, len(v)), v...)
}

// mistake is an error of whoever wrote the statement: a sum that was not cast
// to BIGINT, say, which SQLite would let pass.
func (r *row) mistake(col int, want string) {
	if r.err == nil {
		f := r.fields[col]
		r.err = fmt.Errorf("column %d (%s, type %d) is not %s; cast it", col, f.Name, f.DataTypeOID, want)
	}
}
