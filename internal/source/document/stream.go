package document

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"reeve/internal/api"
	"reeve/internal/source/record"
)

// Bounds of what is held back of a request document until it is known whether
// a Mode or DryRun follows. PutResources takes 1000 resources, so a document
// with more was not written for it.
const (
	maxHeld      = 1000
	maxHeldBytes = 16 << 20
)

// stream reads one JSON document, or several one after the other.
type stream struct {
	in   *record.Reader
	dec  *jsontext.Decoder
	sink record.Sink

	holding   bool // what is found is held back
	held      []held
	heldBytes int
}

// held is a resource that waits for the end of its request document.
type held struct {
	line     int
	resource api.Resource
}

func newStream(in io.Reader, sink record.Sink) *stream {
	bounded := record.NewReader(in)
	return &stream{in: bounded, dec: jsontext.NewDecoder(bounded, lax), sink: sink}
}

// read passes over a stream of top-level values: arrays of resources, request
// documents and single resources.
func (s *stream) read(request bool) error {
	for first := true; ; first = false {
		switch kind := s.dec.PeekKind(); {
		case kind == '[':
			if err := s.readArray(); err != nil {
				return err
			}
		case kind == '{' && request:
			if err := s.readRequest(); err != nil {
				return err
			}
		case kind == '{':
			if err := s.readResource(); err != nil {
				return err
			}
		default:
			return s.readEnd(first)
		}
	}
}

// readEnd accepts the end of the input, unless there was nothing before it.
func (s *stream) readEnd(empty bool) error {
	value, err := s.dec.ReadValue()
	switch {
	case err == io.EOF && !empty:
		return nil
	case err == io.EOF:
		return errors.New("the input is empty")
	case err != nil:
		return s.broken(err)
	}
	return record.At(s.line(value), fmt.Errorf("expected resources, found %s", kindName(value.Kind())))
}

// readRequest reads the request document of PutResources.
func (s *stream) readRequest() error {
	if _, err := s.dec.ReadToken(); err != nil {
		return s.broken(err)
	}
	s.holding = true
	seen := map[string]bool{}
	for s.dec.PeekKind() == '"' {
		if err := s.readRequestMember(seen); err != nil {
			return err
		}
	}
	if _, err := s.dec.ReadToken(); err != nil {
		return s.broken(err)
	}
	return s.release()
}

func (s *stream) readRequestMember(seen map[string]bool) error {
	token, err := s.dec.ReadToken()
	if err != nil {
		return s.broken(err)
	}
	name, line := token.String(), s.in.Line(s.dec.InputOffset())
	switch {
	case !requestMembers[name]:
		return record.At(line, fmt.Errorf("unknown member %.100q beside Resources", name))
	case seen[name]:
		return record.At(line, fmt.Errorf("member %q is there twice", name))
	}
	seen[name] = true
	if name != "Resources" {
		return s.readChoice(name)
	}
	if kind := s.dec.PeekKind(); kind != '[' && kind > 0 {
		return record.At(line, fmt.Errorf("member Resources must be an array, not %s", kindName(kind)))
	}
	return s.readArray()
}

// readChoice accepts the Mode and DryRun that say what an import does anyway.
func (s *stream) readChoice(name string) error {
	value, err := s.dec.ReadValue()
	if err != nil {
		return s.broken(err)
	}
	if text := string(value); text == `"observe"` || text == "false" || text == "null" {
		return nil
	}
	return record.At(s.line(value), fmt.Errorf("an import records facts and cannot follow %s %.40s; remove that member, or send the document with PutResources", name, value))
}

func (s *stream) readArray() error {
	if _, err := s.dec.ReadToken(); err != nil {
		return s.broken(err)
	}
	for kind := s.dec.PeekKind(); kind != ']' && kind > 0; kind = s.dec.PeekKind() {
		if err := s.readResource(); err != nil {
			return err
		}
	}
	if _, err := s.dec.ReadToken(); err != nil {
		return s.broken(err)
	}
	return nil
}

// readResource reads one value as a resource.
func (s *stream) readResource() error {
	s.in.Begin(s.dec.InputOffset())
	value, err := s.dec.ReadValue()
	if err != nil {
		return s.broken(err)
	}
	line := s.line(value)
	resource, err := decode(value)
	if err != nil {
		return s.sink.Bad(line, err.Error())
	}
	return s.put(line, resource, len(value))
}

// put passes a resource on, or holds it back while the request document may
// still say something about it.
func (s *stream) put(line int, resource api.Resource, size int) error {
	if !s.holding {
		return s.sink.Put(line, resource)
	}
	s.held = append(s.held, held{line, resource})
	s.heldBytes += size
	if len(s.held) > maxHeld || s.heldBytes > maxHeldBytes {
		return s.release()
	}
	return nil
}

// release passes on what was held back and holds nothing back any more.
func (s *stream) release() error {
	s.holding = false
	for _, one := range s.held {
		if err := s.sink.Put(one.line, one.resource); err != nil {
			return err
		}
	}
	s.held, s.heldBytes = nil, 0
	return nil
}

// line is the line on which the value that was just read begins.
func (s *stream) line(value jsontext.Value) int {
	return s.in.Line(s.dec.InputOffset() - int64(len(value)))
}

// broken locates an error after which nothing more can be read.
func (s *stream) broken(err error) error {
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, record.ErrTooLong):
		return record.At(s.in.Line(s.dec.InputOffset()), record.ErrTooLong)
	case errors.Is(err, io.ErrUnexpectedEOF), err == io.EOF:
		return fmt.Errorf("the input ends in the middle of the value that follows line %d", s.in.Line(s.dec.InputOffset()))
	case errors.As(err, &syntax):
		return record.At(s.in.Line(syntax.ByteOffset), fmt.Errorf("not JSON: %s", syntaxReason(syntax)))
	}
	return err
}
