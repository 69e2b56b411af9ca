package awsjson

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Response is the body of a successful answer.
type Response interface {
	// AppendJSON appends one JSON object to dst. The protocol has no use for
	// null: members without a value are left out.
	AppendJSON(dst []byte) ([]byte, error)
}

// Bytes is a Response that has been encoded before, such as a cached page. It
// is sent without a copy, so it must not share memory with a Call's Body.
type Bytes []byte

// AppendJSON appends the bytes.
func (b Bytes) AppendJSON(dst []byte) ([]byte, error) { return append(dst, b...), nil }

// Appended is a Response that was appended to its Call's Out: what grew of that
// memory serves the next request too.
type Appended []byte

// AppendJSON appends the bytes.
func (a Appended) AppendJSON(dst []byte) ([]byte, error) { return append(dst, a...), nil }

// Marshal returns a Response that encodes v by its struct tags. It is for
// answers whose speed does not matter: it allocates for each.
func Marshal(v any) Response { return marshalled{v} }

type marshalled struct{ value any }

// AppendJSON encodes the value; text that is not UTF-8 loses the bytes that
// are not, since an answer with a replaced character is better than none.
func (m marshalled) AppendJSON(dst []byte) ([]byte, error) {
	w := appender{dst}
	err := json.MarshalWrite(&w, m.value, jsontext.AllowInvalidUTF8(true))
	return w.bytes, err
}

type appender struct{ bytes []byte }

// Write appends p.
func (a *appender) Write(p []byte) (int, error) {
	a.bytes = append(a.bytes, p...)
	return len(p), nil
}

var emptyAnswer = []byte("{}")

// encode returns the body of an answer, in out unless it was bytes already.
func encode(response Response, out *buffer) (body []byte, err error) {
	switch ready := response.(type) {
	case nil:
		return emptyAnswer, nil
	case Bytes:
		return ready, nil
	case Appended:
		out.bytes = ready
		return ready, nil
	}
	out.bytes, err = response.AppendJSON(out.bytes)
	return out.bytes, err
}

// answer writes the one answer of a request.
type answer struct {
	w  http.ResponseWriter
	id string
}

// Header values that are the same in every answer. net/http only reads them.
var (
	jsonType = []string{ContentType}
	xmlType  = []string{"application/xml"}
)

func (a answer) ok(body []byte) { a.write(http.StatusOK, jsonType, body) }

// fault writes the code in the body, where every SDK looks, and in a header,
// where some look first.
func (a answer) fault(f *Fault) {
	body := append([]byte(nil), `{"__type":`...)
	body = appendString(body, f.Code)
	body = append(body, `,"Message":`...)
	body = appendString(body, clip(f.Message, maxMessage))
	body = append(body, '}')
	a.w.Header().Set("X-Amzn-Errortype", f.Code)
	if f.Code == CodeThrottling || f.status() == http.StatusServiceUnavailable {
		a.w.Header().Set("Retry-After", "1") // seconds; for clients that are not AWS's
	}
	a.write(f.status(), jsonType, body)
}

// notFound answers what is not of this protocol, byte for byte as AWS does.
func (a answer) notFound() {
	a.write(http.StatusNotFound, xmlType, []byte("<UnknownOperationException/>\n"))
}

func (a answer) write(status int, contentType []string, body []byte) {
	header := a.w.Header()
	header["Content-Type"] = contentType
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	header["X-Amzn-Requestid"] = []string{a.id}
	a.w.WriteHeader(status)
	a.w.Write(body) // a client that has gone needs no answer
}

func appendString(dst []byte, s string) []byte {
	dst, err := jsontext.AppendQuote(dst, s)
	if err != nil { // invalid UTF-8, of which dst holds the valid part
		return dst
	}
	return dst
}

// newRequestID returns a random UUID (version 4). It names a request in the
// log and is no secret, so it costs no system call.
func newRequestID() string {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(b[8:], rand.Uint64())
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[0:], b[0:4])
	hex.Encode(text[9:], b[4:6])
	hex.Encode(text[14:], b[6:8])
	hex.Encode(text[19:], b[8:10])
	hex.Encode(text[24:], b[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}
