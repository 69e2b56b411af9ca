package glpi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// jsonReader reads one message of GLPI Agent.
type jsonReader struct {
	*jsontext.Decoder
	message *Message
	item    string // itemtype: what is described
}

func parseJSON(body []byte) (*Message, error) {
	r := jsonReader{
		Decoder: jsontext.NewDecoder(bytes.NewBuffer(bytes.TrimPrefix(body, byteOrderMark))),
		message: &Message{Kind: Inventory, JSON: true, machine: newMachine()},
	}
	r.message.machine.line = 1
	if err := r.members(r.member); err != nil {
		return nil, plainJSON(err)
	}
	if _, err := r.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more behind the message's last brace")
	}
	r.message.machine.partial = r.message.Partial
	if r.message.Kind == Inventory && r.item != "" && !strings.EqualFold(r.item, "Computer") {
		return nil, fmt.Errorf("the inventory is of a %.60q; only computers are taken", r.item)
	}
	return r.message, nil
}

// plainJSON puts the errors of the JSON package into words about the message.
func plainJSON(err error) error {
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errors.New("the message ends before its last brace; it was cut off")
	case errors.As(err, &syntax):
		return fmt.Errorf("not JSON: %w", syntax)
	}
	return err
}

// member reads one member of the message.
func (r *jsonReader) member(name string) (err error) {
	switch name {
	case "action":
		var kind string
		if kind, err = r.text(); kind != "" {
			r.message.Kind = strings.ToUpper(kind)
		}
	case "deviceid":
		r.message.Device, err = r.text()
	case "tag":
		r.message.machine.label, err = r.text()
	case "itemtype":
		r.item, err = r.text()
	case "partial":
		var partial string
		partial, err = r.text()
		r.message.Partial = partial == "true" || partial == "1"
	case "content":
		if r.PeekKind() != '{' {
			return r.SkipValue()
		}
		err = r.members(r.section)
	default:
		err = r.SkipValue()
	}
	return err
}

// members calls each for every member of the object that follows; each must
// read the member's value.
func (r *jsonReader) members(each func(name string) error) error {
	switch t, err := r.ReadToken(); {
	case err != nil:
		return err
	case t.Kind() != '{':
		return errors.New("not the message of an agent: an object was expected")
	}
	for r.PeekKind() != '}' {
		t, err := r.ReadToken()
		if err != nil {
			return err
		}
		if err := each(t.String()); err != nil {
			return err
		}
	}
	_, err := r.ReadToken()
	return err
}

// section reads the entries of one section: an array of them, or one.
func (r *jsonReader) section(name string) error {
	name = strings.ToUpper(name)
	if _, wanted := sections[name]; !wanted {
		return r.SkipValue()
	}
	if r.PeekKind() != '[' {
		return r.entry(name)
	}
	if _, err := r.ReadToken(); err != nil {
		return err
	}
	for r.PeekKind() != ']' {
		if err := r.entry(name); err != nil {
			return err
		}
	}
	_, err := r.ReadToken()
	return err
}

func (r *jsonReader) entry(section string) error {
	if r.PeekKind() != '{' {
		return r.SkipValue()
	}
	e := r.message.machine.entry(section)
	if err := e.begin(); err != nil {
		return err
	}
	err := r.members(func(name string) error {
		i := e.index(strings.ToUpper(name))
		if i < 0 {
			return r.SkipValue()
		}
		text, err := r.text()
		if err == nil {
			e.set(i, []byte(text))
		}
		return err
	})
	if err != nil {
		return err
	}
	return e.done()
}

// text reads a value: the text of a string, a number or a boolean as it is
// written, and "" for everything else.
func (r *jsonReader) text() (string, error) {
	switch r.PeekKind() {
	case '"', '0', 't', 'f':
		t, err := r.ReadToken()
		return t.String(), err
	}
	return "", r.SkipValue()
}
