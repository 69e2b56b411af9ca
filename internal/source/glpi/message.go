package glpi

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"reeve/internal/api"
	"reeve/internal/source/record"
)

// The kinds of message that agents send and that matter here. A JSON message's
// action is its kind in upper case.
const (
	Inventory = "INVENTORY"
	Prolog    = "PROLOG"  // XML: may I send an inventory?
	Contact   = "CONTACT" // JSON: the same
)

// Message is what an agent says to a server.
type Message struct {
	Kind    string // Inventory, Prolog, Contact or what else the agent wrote
	Device  string // the agent's own name for itself; it changes when it is installed anew
	JSON    bool   // it is in the language of GLPI Agent
	Partial bool   // only some sections are there; the others are as they were

	machine *machine
}

// Parse reads a message in XML or JSON, which it tells by its first character.
// It keeps nothing of body, and takes up to 64 MiB of it.
func Parse(body []byte) (*Message, error) {
	if len(body) > maxFile {
		return nil, errTooBig
	}
	if first := bytes.TrimLeft(bytes.TrimPrefix(body, byteOrderMark), " \t\r\n"); len(first) > 0 && first[0] == '{' {
		return parseJSON(body)
	}
	return parseXML(body)
}

// Resource is the report of the machine that an inventory describes, as the
// server of owner takes it. Without programs its list is absent: the agent was
// told not to look, as no machine has none.
func (m *Message) Resource(owner Owner) (api.Resource, error) {
	if m.Kind != Inventory {
		return api.Resource{}, fmt.Errorf("the agent's message is of kind %.60q; only INVENTORY describes a machine", m.Kind)
	}
	if err := owner.check(); err != nil {
		return api.Resource{}, err
	}
	return m.machine.resource(owner)
}

// Guests are the ARNs of the virtual machines that run on the machine, as far
// as agents inside them would be known by what the hypervisor calls them.
func (m *Message) Guests(owner Owner) []string {
	var arns []string
	for _, id := range m.machine.guests() {
		arns = append(arns, owner.arn(id))
	}
	return arns
}

func parseXML(body []byte) (*Message, error) {
	r := xmlReader{scanner: newScanner(body), message: &Message{Kind: Inventory, machine: newMachine()}}
	if err := r.read(); err != nil {
		return nil, record.At(r.line(), err)
	}
	return r.message, nil
}

// xmlReader reads one message.
type xmlReader struct {
	scanner
	message *Message
}

func (r *xmlReader) read() error {
	root, ok, err := r.next()
	switch {
	case err != nil:
		return err
	case !ok:
		return errors.New("there is no inventory in it")
	case root.name != "REQUEST":
		return fmt.Errorf("expected an agent's inventory, which begins with <REQUEST>, found <%s>", short(root.name))
	}
	r.message.machine.line = r.line()
	if err := r.children(r.part); err != nil {
		return err
	}
	switch _, more, err := r.next(); {
	case err != nil:
		return err
	case more:
		return errors.New("there is more after </REQUEST>; give each machine a file of its own")
	}
	return nil
}

// part reads one element of REQUEST.
func (r *xmlReader) part(name string) error {
	switch name {
	case "CONTENT":
		return r.children(r.section)
	case "QUERY":
		text, err := r.content()
		r.message.Kind = string(bytes.TrimSpace(text))
		return err
	case "DEVICEID":
		text, err := r.content()
		r.message.Device = string(bytes.TrimSpace(text))
		return err
	}
	return r.skip()
}

// section reads one element of CONTENT.
func (r *xmlReader) section(name string) error {
	e := r.message.machine.entry(name)
	if e == nil {
		return r.skip()
	}
	if err := e.begin(); err != nil {
		return err
	}
	err := r.children(func(name string) error {
		i := e.index(name)
		if i < 0 {
			return r.skip()
		}
		text, err := r.content()
		if err == nil {
			e.set(i, text)
		}
		return err
	})
	if err != nil {
		return err
	}
	return e.done()
}

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
