package server

import (
	"encoding/binary"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"reeve/internal/api"
	"reeve/internal/license"
)

// The answer of ListUsageForLicenseConfiguration is the hot path of Reeve, so
// it is written by appending bytes, without reflection and without an
// allocation a row. A test holds it byte for byte to what the general encoder
// makes of the api shape.

// usageWriter appends the answer's JSON object to dst, row by row.
type usageWriter struct {
	dst   []byte
	start int // where the rows begin
	u     middle
	arn   prefix
}

func newUsageWriter(dst []byte) *usageWriter {
	dst = append(dst, `{"LicenseConfigurationUsageList":[`...)
	return &usageWriter{dst: dst, start: len(dst)}
}

// Restart implements license.UsageWriter.
func (w *usageWriter) Restart() { *w = usageWriter{dst: w.dst[:w.start], start: w.start} }

// Row implements license.UsageWriter.
func (w *usageWriter) Row(u *license.Usage, rest string) {
	dst := w.dst
	if len(dst) > w.start {
		dst = append(dst, ',')
	}
	dst = w.arn.append(dst, u.ResourceARN, rest)
	dst = w.u.append(dst, u)
	dst = api.Time(u.AssociationTime).AppendSeconds(dst)
	dst = strconv.AppendInt(append(dst, `,"ConsumedLicenses":`...), u.Consumed, 10)
	w.dst = append(dst, '}')
}

// end closes the list, which is present when it is empty, and adds the token,
// if there is a next page.
func (w *usageWriter) end(next *string) []byte {
	dst := append(w.dst, ']')
	if next != nil {
		dst = appendText(append(dst, `,"NextToken":`...), *next)
	}
	return append(dst, '}')
}

// prefix is the beginning of a row: up to where ARNs differ. What the row
// before began with is copied.
type prefix struct {
	arn        string
	start, end int // in the answer so far
}

func (p *prefix) append(dst []byte, arn, rest string) []byte {
	if p.end > 0 && p.arn == arn {
		dst = append(dst, dst[p.start:p.end]...)
	} else {
		p.arn, p.start = arn, len(dst)
		dst = append(append(dst, `{"ResourceArn":"`...), arn...)
		if p.end = len(dst); !isPlain(dst[p.end-len(arn):]) {
			p.end = 0 // the next row is written by itself too
			return appendText(append(dst[:p.start], `{"ResourceArn":`...), arn+rest)
		}
	}
	start := len(dst)
	dst = append(dst, rest...)
	if !isPlain(dst[start:]) {
		p.end = 0
		return appendText(dst[:start-len(arn)-1], arn+rest)
	}
	return append(dst, '"')
}

// middle is the part of a row between its ARN and its time. Neighbours nearly
// always have the same, so it is copied from the row before.
type middle struct {
	kind       license.ResourceType
	status     string
	owner      int64
	start, end int // in the answer so far
}

func (m *middle) append(dst []byte, u *license.Usage) []byte {
	if m.end > 0 && m.owner == u.Owner && m.kind == u.Type && m.status == u.Status {
		return append(dst, dst[m.start:m.end]...)
	}
	m.kind, m.status, m.owner, m.start = u.Type, u.Status, u.Owner, len(dst)
	dst = appendText(append(dst, `,"ResourceType":`...), string(u.Type))
	dst = appendText(append(dst, `,"ResourceStatus":`...), u.Status)
	dst = appendAccount(append(dst, `,"ResourceOwnerId":"`...), u.Owner)
	dst = append(dst, `","AssociationTime":`...)
	m.end = len(dst)
	return dst
}

// appendAccount appends the 12 digits of an account.
func appendAccount(dst []byte, account int64) []byte {
	var text [12]byte
	for i := len(text) - 1; i >= 0; i-- {
		text[i] = byte('0' + account%10)
		account /= 10
	}
	return append(dst, text[:]...)
}

// appendText appends s as a JSON string. Nearly every text is plain ASCII and
// goes in as it is.
func appendText(dst []byte, s string) []byte {
	start := len(dst)
	dst = append(append(dst, '"'), s...)
	if !isPlain(dst[start+1:]) {
		quoted, _ := jsontext.AppendQuote(dst[:start], s) // its error says that it mended broken UTF-8
		return quoted
	}
	return append(dst, '"')
}

// isPlain reports whether every byte stands for itself in a JSON string: from
// space to ~, but for the quote and the backslash. It looks at eight bytes at
// a time: in each word the uppermost bit of a byte ends up set where the byte
// is not plain, or follows one that is not.
func isPlain(b []byte) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	var bad uint64
	for ; len(b) >= 8; b = b[8:] {
		w := binary.LittleEndian.Uint64(b)
		quote, backslash, del := w^('"'*ones), w^('\\'*ones), w^(0x7f*ones)
		bad |= w | (w-' '*ones)&^w | (quote-ones)&^quote | (backslash-ones)&^backslash | (del-ones)&^del
	}
	for _, c := range b {
		if c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return bad&tops == 0
}
