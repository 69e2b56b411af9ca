package audit

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// hidden stands for a secret, in CloudTrail's words.
const hidden = `"HIDDEN_DUE_TO_SECURITY_REASONS"`

// maxDepth is how deep parameters may be nested; the API takes no deeper ones.
const maxDepth = 64

// params copies the JSON of a request or an answer into an event: without
// blanks, with names in lower camel case, secrets hidden, long texts cut and
// the whole bounded. On the way it collects the ARNs. It reads each byte once
// and allocates nothing, because every call passes here.
//
// The source must be valid JSON. What is not may come out as nonsense, never
// as a panic and never as a secret of a known name.
type params struct {
	src      []byte
	at       int
	dst      []byte
	start    int // of the copy in dst
	limit    int
	verbatim bool // names stay as they are

	stack [maxDepth]byte // the closing bracket of each open container
	depth int

	safe      int // dst up to here, with safeDepth brackets, is JSON
	safeDepth int
	full      bool // nothing more is copied
	cut       bool // something was left out or shortened

	resources *resources
}

// copyParams appends the parameters in src to dst, and tells whether all of
// them are there. Blank parameters are null, as are empty ones if so wanted.
func copyParams(dst, src []byte, limit int, found *resources) (out []byte, cut bool) {
	p := params{src: src, dst: dst, start: len(dst), limit: limit, safe: len(dst), resources: found}
	p.all()
	if len(p.dst) == p.start || string(p.dst[p.start:]) == "{}" {
		return append(p.dst[:p.start], "null"...), p.cut
	}
	return p.dst, p.cut
}

// all copies the whole source, also one that ends too early.
func (p *params) all() {
	p.copy()
	if !p.full && len(p.dst) > p.safe {
		p.close()
	}
}

// copy goes through the source. Once nothing more is copied it still looks
// for ARNs, for as long as that is cheap.
func (p *params) copy() {
	name := true // a text is a name where the container is an object and no colon came yet
	for ; p.at < len(p.src); p.at++ {
		if p.full && (p.at > maxLooked || p.resources.full()) {
			return
		}
		switch c := p.src[p.at]; c {
		case ' ', '\t', '\r', '\n':
		case '{', '[':
			name = true
			if !p.push(c) {
				return
			}
		case '}', ']':
			p.pop(c)
		case ',':
			name = true
			p.put(c)
		case ':':
			name = false
			p.put(c)
		case '"':
			text := p.text()
			if name && p.inObject() {
				p.name(text)
			} else {
				p.value(text)
			}
		default:
			p.word()
		}
	}
}

func (p *params) inObject() bool { return p.depth > 0 && p.stack[p.depth-1] == '}' }

func (p *params) put(c byte) {
	if !p.full {
		p.dst = append(p.dst, c)
	}
}

// push opens a container; it refuses to go deeper than the API does.
func (p *params) push(c byte) bool {
	if p.depth == maxDepth {
		p.cut = true
		p.close()
		return false
	}
	p.stack[p.depth] = c + 2 // '{' and '}', '[' and ']' are two apart
	p.depth++
	p.put(c)
	p.mark()
	return true
}

func (p *params) pop(c byte) {
	if p.depth > 0 {
		p.depth--
	}
	p.put(c)
	p.mark()
}

// mark notes that a value ends here, or that the limit is reached.
func (p *params) mark() {
	switch {
	case p.full:
	case len(p.dst)-p.start > p.limit:
		p.cut = true
		p.close()
	default:
		p.safe, p.safeDepth = len(p.dst), p.depth
	}
}

// close ends what was cut in the middle. What lies below safeDepth on the
// stack is what it was at the last mark: each bracket is a mark.
func (p *params) close() {
	p.dst = p.dst[:p.safe]
	for d := p.safeDepth; d > 0; d-- {
		p.dst = append(p.dst, p.stack[d-1])
	}
	p.full = true
}

// text returns what stands between the quotes that begin here, as it is
// written, and moves to the closing quote.
func (p *params) text() []byte {
	start := p.at + 1
	for i := start; i < len(p.src); i++ {
		switch p.src[i] {
		case '\\':
			i++
		case '"':
			p.at = i
			return p.src[start:i]
		}
	}
	p.at = len(p.src)
	return p.src[min(start, len(p.src)):]
}

// name copies the name of a member, in lower camel case. The value of one that
// is a secret is passed over.
func (p *params) name(text []byte) {
	secret := isSecretName(text)
	if !p.full {
		p.dst = append(p.dst, '"')
		from := len(p.dst)
		p.dst = append(p.dst, text[:min(len(text), maxText)]...)
		if !p.verbatim && len(text) > 1 && 'A' <= text[0] && text[0] <= 'Z' && (text[1] < 'A' || text[1] > 'Z') {
			p.dst[from] += 'a' - 'A'
		}
		p.dst = append(p.dst, '"')
	}
	if secret {
		p.hideNext()
	}
}

// hideNext passes over the value of a name, and writes that something was
// there; what is neither text, number nor container is no secret.
func (p *params) hideNext() {
	p.at++
	for p.at < len(p.src) && strings.IndexByte(" \t\r\n:", p.src[p.at]) >= 0 {
		p.at++
	}
	if p.at >= len(p.src) {
		return
	}
	p.put(':')
	if c := p.src[p.at]; c == 't' || c == 'f' || c == 'n' {
		p.word()
		return
	}
	p.skipValue()
	if !p.full {
		p.dst = append(p.dst, hidden...)
	}
	p.mark()
}

// skipValue moves to the last byte of the value that begins here.
func (p *params) skipValue() {
	for depth := 0; p.at < len(p.src); p.at++ {
		switch p.src[p.at] {
		case '"':
			p.text()
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ',', ' ', '\t', '\r', '\n', ':':
			continue
		default:
			p.at = p.wordEnd() - 1
		}
		if depth <= 0 {
			return
		}
	}
}

func (p *params) wordEnd() int {
	if i := bytes.IndexAny(p.src[p.at:], ",]} \t\r\n\""); i > 0 {
		return p.at + i
	}
	return len(p.src)
}

// word copies a number, true, false or null.
func (p *params) word() {
	end := p.wordEnd()
	if text := p.src[p.at:min(end, p.at+maxText)]; !p.full && isEndless(text) {
		p.dst = append(append(append(p.dst, '"'), text...), '"')
	} else if !p.full {
		p.dst = append(p.dst, text...)
	}
	p.at = end - 1
	p.mark()
}

// isEndless reports whether a word is a number that is beyond 64 bits of floating
// point. Whoever reads an event as numbers could not read all of it for that one,
// so it is kept as text.
func isEndless(word []byte) bool {
	if len(word) < 300 && !bytes.ContainsAny(word, "eE") {
		return false
	}
	_, err := strconv.ParseFloat(string(word), 64)
	return errors.Is(err, strconv.ErrRange)
}

// value copies a text, and notes one that names a resource.
func (p *params) value(text []byte) {
	if len(text) > len(agentToken) && bytes.Contains(text, []byte(agentToken)) {
		text = []byte(hideAgentTokens(string(text)))
	}
	if len(text) > 4 && text[0] == 'a' && string(text[:4]) == "arn:" {
		p.resources.add(text)
	}
	if p.full {
		return
	}
	switch {
	case len(text) > 1 && (text[0] == '{' || text[0] == '['):
		p.document(text)
	case len(text) > maxValue:
		p.dst, p.cut = appendCut(append(p.dst, '"'), text), true
	default:
		p.dst = append(append(append(p.dst, '"'), text...), '"')
	}
	p.mark()
}

// appendCut appends the beginning of a text with a mark that it goes on. It
// cuts no escape in two.
func appendCut(dst, text []byte) []byte {
	end := 0
	for i := 0; i < maxValue; end = i {
		switch {
		case text[i] == '\\' && i+1 < len(text) && text[i+1] == 'u':
			i += 6
		case text[i] == '\\':
			i += 2
		default:
			i++
		}
	}
	cut := bytes.ToValidUTF8(text[:min(end, len(text))], nil)
	return append(append(dst, cut...), `…"`...)
}

// document copies a text that is itself JSON, as the settings of sources and
// the policies of users are, with its own secrets hidden. One that is no JSON
// is hidden as a whole.
func (p *params) document(text []byte) {
	plain, err := jsontext.AppendUnquote(nil, append(append([]byte{'"'}, text...), '"'))
	if err != nil || !jsontext.Value(plain).IsValid() {
		if err == nil && !mentionsSecret(plain) && len(text) <= maxValue {
			p.dst = append(append(append(p.dst, '"'), text...), '"')
			return
		}
		p.dst, p.cut = append(p.dst, hidden...), true
		return
	}
	inner := params{src: plain, limit: p.limit, verbatim: true, resources: p.resources}
	inner.all()
	p.dst, p.cut = appendString(p.dst, string(inner.dst)), p.cut || inner.cut
}

// mentionsSecret reports whether a text that is not understood may hold a
// secret.
func mentionsSecret(text []byte) bool {
	lower := bytes.ToLower(text)
	for _, word := range []string{"secret", "passw", "passphrase", "token", "private"} {
		if bytes.Contains(lower, []byte(word)) {
			return true
		}
	}
	return false
}

// isSecretName reports whether a member's value is a secret, by its name.
func isSecretName(name []byte) bool {
	switch {
	case string(name) == "NextToken":
		return false
	case len(name) > maxText:
		return true
	case !maybeSecret(name):
		return false
	}
	if plain, err := jsontext.AppendUnquote(nil, append(append([]byte{'"'}, name...), '"')); err == nil {
		name = plain
	}
	plain := withoutMarks.Replace(strings.ToLower(string(name)))
	for _, place := range placeWords {
		if strings.HasSuffix(plain, place) {
			return false
		}
	}
	for _, word := range secretWords {
		if strings.Contains(plain, word) {
			return true
		}
	}
	return strings.HasSuffix(plain, "token")
}

var (
	withoutMarks = strings.NewReplacer("_", "", "-", "", ".", "", " ", "")

	secretWords = []string{"secret", "password", "passwd", "passphrase", "privatekey", "masterkey", "apikey",
		"tokencode", "assertion", "authorization", "cookie", "samlresponse"}

	// placeWords end the names of what says where a secret is, or which, and
	// of tokens that prove nothing.
	placeWords = []string{"file", "variable", "arn", "id", "nexttoken", "clienttoken", "clientrequesttoken"}
)

// maybeSecret passes most names by at once: each word above has a k, or one of
// these beginnings.
func maybeSecret(name []byte) bool {
	var one, two, three byte // the letters before
	for _, c := range name {
		c |= 0x20
		switch {
		case c == 'k', c == '\\'|0x20,
			c == 'r' && three == 's' && two == 'e' && one == 'c',
			c == 's' && two == 'a' && one == 's',
			c == 'h' && two == 'u' && one == 't',
			c == 'm' && two == 's' && one == 'a':
			return true
		}
		three, two, one = two, one, c
	}
	return false
}
