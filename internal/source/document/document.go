// Package document reads resources from JSON in the form of the PutResources
// operation: its request document, a bare array of resources, one resource, or
// one resource a line (JSON lines).
//
// Reading is stricter than the server: a member that no resource has, which is
// most often a typing error, would otherwise be ignored there.
package document

import (
	"bufio"
	"bytes"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"reeve/internal/source/record"
)

// sniffed is how many bytes of the input decide which of the forms it has.
const sniffed = 64 << 10

// Read passes every resource of in to sink. A resource that cannot be read is
// passed to sink.Bad and the next one is tried; what is no JSON ends the
// reading with an error, as the places where the next resource begins are not
// known then.
//
// The Mode and DryRun of a request document have no place in an import: a
// document that asks for more than the plain recording of facts is refused,
// before its first resource when it is one that PutResources would take.
func Read(in io.Reader, sink record.Sink) error {
	buffered := bufio.NewReaderSize(in, sniffed)
	head, err := buffered.Peek(sniffed)
	if err != nil && err != io.EOF {
		return err
	}
	if linewise(head) {
		return ReadLines(buffered, sink)
	}
	return newStream(buffered, sink).read(isRequest(bytes.TrimLeft(head, " \t\r\n")))
}

// linewise reports whether the first line is a JSON object of its own that is
// no request document.
func linewise(head []byte) bool {
	line, _, _ := bytes.Cut(bytes.TrimLeft(head, " \t\r\n"), []byte("\n"))
	line = bytes.TrimSpace(line)
	return len(line) > 0 && line[0] == '{' && jsontext.Value(line).IsValid(lax) && !isRequest(line)
}

// isRequest reports whether head begins with an object whose first member is
// one of the request document's.
func isRequest(head []byte) bool {
	dec := jsontext.NewDecoder(bytes.NewReader(head), lax)
	if open, err := dec.ReadToken(); err != nil || open.Kind() != '{' {
		return false
	}
	name, err := dec.ReadToken()
	return err == nil && name.Kind() == '"' && requestMembers[name.String()]
}

var requestMembers = map[string]bool{"Resources": true, "Mode": true, "DryRun": true}

// lax lets the scan for the bounds of a record pass over what the decoding of
// that record will refuse, so that one bad record does not end the reading.
var lax = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
