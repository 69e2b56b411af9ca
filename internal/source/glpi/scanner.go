package glpi

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
)

// Bounds of what is read.
const (
	maxFile  = 64 << 20 // bytes of one inventory
	maxDepth = 32       // elements inside each other; agents write 5
	maxName  = 64       // bytes of an element's name that are repeated in an error

	maxCPUs    = 1 << 16
	maxEntries = 50_000 // programs, each as often as it is listed
	maxGuests  = 999    // with their host they fit into one request
)

var (
	errTooBig = errors.New("the inventory is larger than 64 MiB")
	errCutOff = errors.New("the inventory ends before </REQUEST>; it was cut off")
	errDTD    = errors.New("the document has a DOCTYPE or another declaration, which no inventory has")
)

// byteOrderMark is what Windows begins text with.
var byteOrderMark = []byte("\xef\xbb\xbf")

// scanner reads the elements of a document in memory, one after the other, and
// refuses declarations: entities that expand without end or name files are made
// there.
type scanner struct {
	decoder *xml.Decoder
	depth   int    // of elements that are open
	text    []byte // of the last call of content
}

func newScanner(doc []byte) scanner {
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(doc, byteOrderMark)))
	d.CharsetReader = charsetReader
	return scanner{decoder: d}
}

// mark is the beginning or the end of an element.
type mark struct {
	name  string
	begin bool
}

// next is the next beginning or end of an element; what is between is passed
// over. At the end of the document ok is false.
func (s *scanner) next() (m mark, ok bool, err error) { return s.step(nil) }

// step is next that also appends the text before the mark to *into.
func (s *scanner) step(into *[]byte) (m mark, ok bool, err error) {
	for {
		token, err := s.decoder.Token()
		switch {
		case err == io.EOF:
			return mark{}, false, nil
		case err != nil:
			return mark{}, false, inWords(err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if s.depth++; s.depth > maxDepth {
				return mark{}, false, fmt.Errorf("elements are nested more than %d deep", maxDepth)
			}
			return mark{name: t.Name.Local, begin: true}, true, nil
		case xml.EndElement:
			s.depth--
			return mark{name: t.Name.Local}, true, nil
		case xml.Directive:
			return mark{}, false, errDTD
		case xml.CharData:
			if into != nil {
				*into = append(*into, t...)
			}
		}
	}
}

// inWords is an error of the decoder without the line, which is told before it.
func inWords(err error) error {
	var broken *xml.SyntaxError
	switch {
	case !errors.As(err, &broken):
		return cmp.Or(errors.Unwrap(err), err) // of charsetReader
	case broken.Msg == "unexpected EOF":
		return errCutOff
	}
	return errors.New("not XML: " + broken.Msg)
}

// content reads the element that began last to its end and returns its own
// text, which the next call overwrites. Elements inside are passed over.
func (s *scanner) content() ([]byte, error) {
	s.text = s.text[:0]
	for {
		m, ok, err := s.step(&s.text)
		switch {
		case err != nil:
			return nil, err
		case !ok:
			return nil, errCutOff
		case !m.begin:
			return s.text, nil
		}
		if err := s.skip(); err != nil {
			return nil, err
		}
	}
}

// skip goes to the end of the element that began last.
func (s *scanner) skip() error {
	for depth := s.depth; s.depth >= depth; {
		_, ok, err := s.next()
		switch {
		case err != nil:
			return err
		case !ok:
			return errCutOff
		}
	}
	return nil
}

// children calls each for every element inside the one that began last, to its
// end; each must read the element to its own end.
func (s *scanner) children(each func(name string) error) error {
	for {
		m, ok, err := s.next()
		switch {
		case err != nil:
			return err
		case !ok:
			return errCutOff
		case !m.begin:
			return nil
		}
		if err := each(m.name); err != nil {
			return err
		}
	}
}

// line is the number of the line on which the scanner is.
func (s *scanner) line() int {
	line, _ := s.decoder.InputPos()
	return line
}

func short(name string) string { return name[:min(len(name), maxName)] }
