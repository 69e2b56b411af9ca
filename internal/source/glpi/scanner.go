package glpi

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
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

// scanner reads the elements of a document in memory, one after the other. It
// knows the XML that agents write and no more: no inventory has a DOCTYPE,
// which is where entities that expand without end or name files are declared,
// and nobody reads attributes. A server reads a hundred of these a second, for
// which encoding/xml is too slow by a factor of ten.
//
// The document is UTF-8 without characters that XML forbids; see prepare.
type scanner struct {
	doc  []byte
	at   int      // where the next token begins
	open [][]byte // names of the elements that are open
	void bool     // the element that began last has ended with its own tag: <A/>
	text []byte   // of the last call of content
}

// mark is the beginning or the end of an element.
type mark struct {
	name  []byte // a part of the document
	begin bool
}

// next is the next beginning or end of an element; what is between is passed
// over. At the end of the document ok is false.
func (s *scanner) next() (m mark, ok bool, err error) { return s.step(nil) }

// step is next that also appends the text before the mark to *into.
func (s *scanner) step(into *[]byte) (m mark, ok bool, err error) {
	if s.void {
		s.void = false
		return mark{name: s.pop()}, true, nil
	}
	for {
		length := bytes.IndexByte(s.doc[s.at:], '<')
		if length < 0 {
			return mark{}, false, s.end()
		}
		if err := s.characters(s.doc[s.at:s.at+length], into); err != nil {
			return mark{}, false, err
		}
		s.at += length
		m, found, err := s.markup(into)
		if found || err != nil {
			return m, found, err
		}
	}
}

func (s *scanner) end() error {
	if err := s.characters(s.doc[s.at:], nil); err != nil {
		return err
	}
	s.at = len(s.doc)
	if len(s.open) > 0 {
		return errCutOff
	}
	return nil
}

// markup reads what begins with "<" here; found is false for what is neither
// beginning nor end of an element.
func (s *scanner) markup(into *[]byte) (m mark, found bool, err error) {
	rest := s.doc[s.at:]
	switch {
	case len(rest) < 2:
		return mark{}, false, errCutOff
	case rest[1] == '/':
		m, err = s.endTag(rest)
		return m, err == nil, err
	case rest[1] == '?':
		return mark{}, false, s.pass(rest, "<?", "?>", nil)
	case rest[1] != '!':
		m, err = s.startTag(rest)
		return m, err == nil, err
	case bytes.HasPrefix(rest, []byte("<!--")):
		return mark{}, false, s.pass(rest, "<!--", "-->", nil)
	case bytes.HasPrefix(rest, []byte("<![CDATA[")) && len(s.open) > 0:
		return mark{}, false, s.pass(rest, "<![CDATA[", "]]>", into)
	}
	return mark{}, false, errDTD
}

// pass goes behind a section; what is inside is appended to *into.
func (s *scanner) pass(rest []byte, begin, end string, into *[]byte) error {
	inside, _, found := bytes.Cut(rest[len(begin):], []byte(end))
	if !found {
		return errCutOff
	}
	if into != nil {
		*into = append(*into, inside...)
	}
	s.at += len(begin) + len(inside) + len(end)
	return nil
}

func (s *scanner) endTag(rest []byte) (mark, error) {
	length := bytes.IndexByte(rest, '>')
	if length < 0 {
		return mark{}, errCutOff
	}
	name := bytes.TrimRight(rest[2:length], " \t\r\n")
	if len(s.open) == 0 {
		return mark{}, fmt.Errorf("not XML: </%s> closes no element", short(name))
	}
	if last := s.open[len(s.open)-1]; !bytes.Equal(name, last) {
		return mark{}, fmt.Errorf("not XML: element <%s> closed by </%s>", short(last), short(name))
	}
	s.at += length + 1
	return mark{name: s.pop()}, nil
}

func (s *scanner) pop() []byte {
	last := len(s.open) - 1
	name := s.open[last]
	s.open = s.open[:last]
	return name
}

func (s *scanner) startTag(rest []byte) (mark, error) {
	length, err := tagEnd(rest)
	if err != nil {
		return mark{}, err
	}
	inside := rest[1:length]
	if s.void = inside[len(inside)-1] == '/'; s.void {
		inside = inside[:len(inside)-1]
	}
	name := inside[:nameLength(inside)]
	if len(name) == 0 {
		return mark{}, fmt.Errorf("not XML: <%s is no element", short(inside))
	}
	if len(s.open) == maxDepth {
		return mark{}, fmt.Errorf("elements are nested more than %d deep", maxDepth)
	}
	s.open = append(s.open, name)
	s.at += length + 1
	return mark{name: name, begin: true}, nil
}

// tagEnd is where the ">" of a tag is, which attributes may hold too.
func tagEnd(rest []byte) (int, error) {
	var quote byte
	for i := 1; i < len(rest); i++ {
		c := rest[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '>':
			if i == 1 {
				return 0, errors.New("not XML: an element without a name")
			}
			return i, nil
		case c == '"' || c == '\'':
			quote = c
		case c == '<':
			return 0, errors.New("not XML: < inside a tag")
		}
	}
	return 0, errCutOff
}

func nameLength(s []byte) int {
	for i, c := range s {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == ':' || c >= utf8.RuneSelf
		if !letter && (i == 0 || c < '0' || c > '9') && (i == 0 || c != '-' && c != '.') {
			if i > 0 && c != ' ' && c != '\t' && c != '\r' && c != '\n' {
				return 0
			}
			return i
		}
	}
	return len(s)
}

// characters checks text between tags and appends it to *into.
func (s *scanner) characters(text []byte, into *[]byte) error {
	for {
		i := bytes.IndexByte(text, '&')
		if i < 0 {
			break
		}
		r, length, err := reference(text[i:])
		if err != nil {
			s.at += i
			return err
		}
		if into != nil {
			*into = utf8.AppendRune(append(*into, text[:i]...), r)
		}
		text = text[i+length:]
	}
	if into != nil {
		*into = append(*into, text...)
	}
	return nil
}

// predefined are the entities that every XML has; inventories have no others.
var predefined = map[string]rune{"lt": '<', "gt": '>', "amp": '&', "quot": '"', "apos": '\''}

// reference reads &name; or &#number; at the beginning of text.
func reference(text []byte) (r rune, length int, err error) {
	const longest = 12
	end := bytes.IndexByte(text[:min(len(text), longest)], ';')
	if end < 0 {
		return 0, 0, fmt.Errorf("not XML: & without an entity in %q", short(text))
	}
	name := string(text[1:end])
	if r, ok := predefined[name]; ok {
		return r, end + 1, nil
	}
	if len(name) > 1 && name[0] == '#' {
		digits, base := name[1:], 10
		if digits[0] == 'x' {
			digits, base = digits[1:], 16
		}
		n, err := strconv.ParseUint(digits, base, 32)
		if err == nil && n <= utf8.MaxRune && allowed(rune(n)) {
			return rune(n), end + 1, nil
		}
	}
	return 0, 0, fmt.Errorf("not XML: invalid character entity &%s;", name)
}

// allowed says whether XML may hold a character.
func allowed(r rune) bool {
	return r >= ' ' && r < 0xD800 || r == '\t' || r == '\n' || r == '\r' ||
		r >= 0xE000 && r <= 0xFFFD || r >= 0x10000
}

// content reads the element that began last to its end and returns its own
// text, which the next call overwrites. Elements inside are passed over.
func (s *scanner) content() ([]byte, error) {
	s.text = s.text[:0]
	depth := len(s.open)
	for {
		m, ok, err := s.step(&s.text)
		switch {
		case err != nil:
			return nil, err
		case !ok:
			return nil, errCutOff
		case !m.begin && len(s.open) < depth:
			return s.text, nil
		case m.begin:
			if err := s.skip(); err != nil {
				return nil, err
			}
		}
	}
}

// skip goes to the end of the element that began last.
func (s *scanner) skip() error {
	depth := len(s.open)
	for len(s.open) >= depth {
		if _, ok, err := s.next(); err != nil || !ok {
			return errors.Join(err, errIf(!ok && err == nil, errCutOff))
		}
	}
	return nil
}

func errIf(really bool, err error) error {
	if really {
		return err
	}
	return nil
}

// children calls each for every element inside the one that began last, to its
// end; each must read the element to its own end.
func (s *scanner) children(each func(name []byte) error) error {
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
func (s *scanner) line() int { return lineOf(s.doc, s.at) }

func lineOf(doc []byte, at int) int {
	return 1 + bytes.Count(doc[:min(at, len(doc))], []byte("\n"))
}

func short(s []byte) []byte { return s[:min(len(s), maxName)] }
