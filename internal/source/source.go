// Package source turns the files that people import into reports of resources,
// in the form in which PutResources takes them: what imports is a client of a
// running server.
//
// Each format has a package of its own: document (JSON), csv, and glpi (the
// inventories of the FusionInventory and GLPI agents). This package tells them
// apart. docs/importing.md describes the formats.
package source

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"reeve/internal/api"
	"reeve/internal/license"
	"reeve/internal/source/csv"
	"reeve/internal/source/document"
	"reeve/internal/source/glpi"
	"reeve/internal/source/record"
)

// MaxBadLines is how many bad records Read passes over in one input.
const MaxBadLines = 1000

// ErrTooManyBadLines is what Read returns at the bad record after those: then
// it is not single records that are wrong.
var ErrTooManyBadLines = errors.New("more than 1000 records cannot be read; is it the right file?")

// Options are what some formats need to know beside the input.
type Options struct {
	Region  string // of the ARN that an agent's inventory gets
	Account string // 12 digits, likewise
}

// Item is one resource and the line of the input on which its record begins.
type Item struct {
	Line     int
	Resource api.Resource

	FromAgent bool   // an inventory agent says it of the machine it runs on
	Instance  string // the EC2 instance that this says it is, or ""
}

// Report is the item as the rules take it. An agent's whole inventory without
// programs says that there are none, which the rules do not believe.
func (i *Item) Report() license.Report {
	r := Report(&i.Resource)
	r.FromAgent, r.Instance = i.FromAgent, i.Instance
	if i.FromAgent && r.Applications == nil {
		r.Applications = []license.Application{}
	}
	return r
}

// BadLine says why the record that begins on a line could not be read.
type BadLine struct {
	Line   int
	Reason string
}

// Error names the line and the reason.
func (b BadLine) Error() string { return fmt.Sprintf("line %d: %s", b.Line, b.Reason) }

// Read passes every resource of r to each, in the order of the input, as it is
// read. name is a file's name, whose extension tells the format; "-" and other
// names without a known extension leave it to the first bytes.
//
// Records that cannot be read are returned and the others are passed on. An
// error ends the reading: what each returned, unchanged, or else what is wrong
// with the input as a whole, with its line where that is known. Resources may
// have been passed on before it.
func Read(name string, r io.Reader, opts Options, each func(Item) error) ([]BadLine, error) {
	in := bufio.NewReader(r)
	format, err := detect(name, in)
	if err != nil {
		return nil, err
	}
	var bad []BadLine
	sink := record.Sink{
		Put: func(line int, resource api.Resource) error { return each(Item{Line: line, Resource: resource}) },
		Agent: func(line int, resource api.Resource, instance string) error {
			return each(Item{Line: line, Resource: resource, FromAgent: true, Instance: instance})
		},
		Bad: func(line int, reason string) error {
			if len(bad) == MaxBadLines {
				return ErrTooManyBadLines
			}
			bad = append(bad, BadLine{line, reason})
			return nil
		},
	}
	err = format(in, opts, sink)
	return bad, err
}

// format reads one kind of input.
type format func(io.Reader, Options, record.Sink) error

func readDocument(in io.Reader, _ Options, sink record.Sink) error { return document.Read(in, sink) }
func readLines(in io.Reader, _ Options, sink record.Sink) error    { return document.ReadLines(in, sink) }
func readCSV(in io.Reader, _ Options, sink record.Sink) error      { return csv.Read(in, sink) }

func readGLPI(in io.Reader, opts Options, sink record.Sink) error {
	return glpi.Read(in, glpi.Owner{Region: opts.Region, Account: opts.Account}, sink)
}

var formatsByExtension = map[string]format{
	".json":   readDocument,
	".jsonl":  readLines,
	".ndjson": readLines,
	".csv":    readCSV,
	".tsv":    readCSV,
	".xml":    readGLPI,
	".ocs":    readGLPI,
}

// KnowsName tells whether a file's name has the extension of a format.
func KnowsName(name string) bool {
	_, known := formatsByExtension[strings.ToLower(filepath.Ext(name))]
	return known
}

// Encodings and wrappings that are told by the first bytes.
const (
	utf8BOM  = "\xef\xbb\xbf"
	utf16LE  = "\xff\xfe"
	utf16BE  = "\xfe\xff"
	gzipMark = "\x1f\x8b"
	zipMark  = "PK\x03\x04"
)

// detect finds the format of an input and takes a byte order mark off it.
func detect(name string, in *bufio.Reader) (format, error) {
	head, err := in.Peek(in.Size())
	if err != nil && err != io.EOF {
		return nil, err
	}
	start := func(mark string) bool { return bytes.HasPrefix(head, []byte(mark)) }
	switch {
	case start(utf8BOM):
		head = head[len(utf8BOM):]
		in.Discard(len(utf8BOM)) // it was peeked, so it cannot fail
	case start(utf16LE), start(utf16BE):
		return nil, errors.New("the input is in UTF-16; save it in UTF-8")
	case start(gzipMark), start(zipMark):
		return nil, errors.New("the input is compressed, or a spreadsheet in its program's own format; give the plain JSON, CSV or XML")
	}
	if known, ok := formatsByExtension[strings.ToLower(filepath.Ext(name))]; ok {
		return known, nil
	}
	return formatOf(head)
}

// formatOf tells the format by the first bytes of an input.
func formatOf(head []byte) (format, error) {
	head = bytes.TrimLeft(head, " \t\r\n")
	line, _, _ := bytes.Cut(head, []byte("\n"))
	switch {
	case len(head) == 0:
		return nil, errors.New("the input is empty")
	case head[0] == '{' || head[0] == '[':
		return readDocument, nil
	case head[0] == '<':
		return readGLPI, nil
	case bytes.Contains(bytes.ToLower(line), []byte("resource_arn")):
		return readCSV, nil
	}
	return nil, errors.New("the input is none of JSON, CSV with a header that names resource_arn, and an agent's XML")
}
