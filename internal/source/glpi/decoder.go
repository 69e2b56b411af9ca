package glpi

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds of what is read.
const (
	maxFile  = 64 << 20 // bytes of one inventory
	maxDepth = 32       // elements inside each other; agents write 5
	maxCPUs  = 1 << 16
)

var errTooBig = errors.New("the inventory is larger than 64 MiB")

// limited is a reader that fails, instead of ending, after so many bytes.
type limited struct {
	in   io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errTooBig
	}
	if int64(len(p)) > l.left {
		p = p[:l.left]
	}
	n, err := l.in.Read(p)
	l.left -= int64(n)
	return n, err
}

// guard passes on the tokens of a document that stays within the bounds and
// declares nothing: no inventory has a DOCTYPE, which is where entities that
// expand without end or name files are declared.
type guard struct {
	tokens *xml.Decoder
	depth  int
}

// Token implements [xml.TokenReader].
func (g *guard) Token() (xml.Token, error) {
	token, err := g.tokens.Token()
	if err != nil {
		return nil, err
	}
	switch token.(type) {
	case xml.Directive:
		return nil, errors.New("the document has a DOCTYPE or another declaration, which no inventory has")
	case xml.StartElement:
		if g.depth++; g.depth > maxDepth {
			return nil, fmt.Errorf("elements are nested more than %d deep", maxDepth)
		}
	case xml.EndElement:
		g.depth--
	}
	return token, nil
}

// decoder reads one inventory.
type decoder struct {
	raw *xml.Decoder // knows the line
	xml *xml.Decoder // over the guard
}

func newDecoder(in io.Reader) *decoder {
	raw := xml.NewDecoder(&limited{in: in, left: maxFile})
	raw.CharsetReader = charsetReader
	return &decoder{raw: raw, xml: xml.NewTokenDecoder(&guard{tokens: raw})}
}

func (d *decoder) line() int {
	line, _ := d.raw.InputPos()
	return line
}

// readMachine reads the whole document.
func (d *decoder) readMachine() (*machine, error) {
	root, err := d.start()
	switch {
	case err == io.EOF:
		return nil, errors.New("there is no inventory in it")
	case err != nil:
		return nil, plain(err)
	case root.Name.Local != "REQUEST":
		return nil, fmt.Errorf("expected an agent's inventory, which begins with <REQUEST>, found <%.60s>", root.Name.Local)
	}
	m := &machine{line: d.line(), software: map[program]bool{}}
	if err := d.children(m.readPart); err != nil {
		return nil, plain(err)
	}
	switch _, err := d.start(); {
	case err == nil:
		return nil, errors.New("there is more after </REQUEST>; give each machine a file of its own")
	case err != io.EOF:
		return nil, plain(err)
	}
	return m, nil
}

// start is the next element that begins.
func (d *decoder) start() (xml.StartElement, error) {
	for {
		token, err := d.xml.Token()
		if err != nil {
			return xml.StartElement{}, err
		}
		if start, ok := token.(xml.StartElement); ok {
			return start, nil
		}
	}
}

// children calls each for every element inside the current one, to its end;
// each must read the element to its own end.
func (d *decoder) children(each func(*decoder, xml.StartElement) error) error {
	for {
		token, err := d.xml.Token()
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.EndElement:
			return nil
		case xml.StartElement:
			if err := each(d, token); err != nil {
				return err
			}
		}
	}
}

// plain puts the errors of the XML package into words about the file.
func plain(err error) error {
	var syntax *xml.SyntaxError
	switch {
	case errors.As(err, &syntax) && strings.Contains(syntax.Msg, "unexpected EOF"), err == io.EOF, err == io.ErrUnexpectedEOF:
		return errors.New("the inventory ends before </REQUEST>; it was cut off")
	case errors.As(err, &syntax):
		return errors.New("not XML: " + syntax.Msg)
	}
	return err
}
