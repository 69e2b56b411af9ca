package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// bodyHash is the SHA-256 of a body, in lower-case hexadecimal.
type bodyHash [2 * sha256.Size]byte

func hashBody(body []byte) (h bodyHash) {
	sum := sha256.Sum256(body)
	hex.Encode(h[:], sum[:])
	return h
}

// checkContentHash compares the hash that some clients send along with the
// body that arrived.
func checkContentHash(r *http.Request, hash bodyHash) error {
	sent := r.Header["X-Amz-Content-Sha256"]
	switch {
	case len(sent) == 0:
		return nil
	case len(sent) > 1 || len(sent[0]) != len(hash):
		return errUnsignedPayload
	case sent[0] != string(hash[:]):
		return errWrongSignature
	}
	return nil
}

// scratch is the memory that one verification needs, reused by the next.
type scratch struct {
	headers []string // names of the signed headers: lower case, sorted
	text    []byte   // the canonical request, then the string to sign
	key     []byte   // one header name the way http.Header spells it
}

var scratches = sync.Pool{New: func() any {
	return &scratch{headers: make([]string, 0, maxSignedHeaders), text: make([]byte, 0, 4<<10), key: make([]byte, 0, 64)}
}}

func takeScratch() *scratch { return scratches.Get().(*scratch) }

func (s *scratch) release() {
	const largest = 64 << 10
	if cap(s.text) > largest || cap(s.key) > largest {
		return
	}
	clear(s.headers)
	scratches.Put(s)
}

// canonicalRequest leaves in s.text the one spelling of r that both sides
// sign. It fails when a signed header is not there.
func (s *scratch) canonicalRequest(r *http.Request, hash bodyHash) error {
	b := append(s.text[:0], r.Method...)
	b = append(b, '\n')
	b = appendPath(b, r.URL)
	b = append(b, '\n')
	b, err := appendQuery(b, r.URL.RawQuery)
	if err != nil {
		return err
	}
	b = append(b, '\n')
	for _, name := range s.headers {
		var sent bool
		if b, sent = s.appendHeader(b, r, name); !sent {
			return invalid("'SignedHeaders' lists '%s', but the request has no such header.", name)
		}
	}
	b = append(b, '\n')
	for i, name := range s.headers {
		if i > 0 {
			b = append(b, ';')
		}
		b = append(b, name...)
	}
	b = append(b, '\n')
	s.text = append(b, hash[:]...)
	return nil
}

// stringToSign replaces the canonical request in s.text by the text that is
// signed, which holds its hash.
func (s *scratch) stringToSign(iso string, sc scope) {
	sum := sha256.Sum256(s.text)
	b := append(s.text[:0], algorithm+"\n"...)
	b = append(b, iso...)
	b = append(b, '\n')
	b = append(b, sc.text...)
	b = append(b, '\n')
	s.text = hex.AppendEncode(b, sum[:])
}

// appendHeader writes "name:value,value\n" and reports whether the request
// has that header. net/http keeps Host, and may keep Content-Length, out of
// the header map.
func (s *scratch) appendHeader(dst []byte, r *http.Request, name string) ([]byte, bool) {
	dst = append(dst, name...)
	dst = append(dst, ':')
	values := r.Header[string(s.canonicalKey(name))]
	switch {
	case name == "host":
		dst = appendCollapsed(dst, hostOf(r))
	case len(values) > 0:
		dst = appendValues(dst, values)
	case name == "content-length" && r.ContentLength >= 0:
		dst = strconv.AppendInt(dst, r.ContentLength, 10)
	default:
		return dst, false
	}
	return append(dst, '\n'), true
}

// hostOf returns the Host header, which a client's request may leave to its
// URL.
func hostOf(r *http.Request) string {
	if r.Host != "" {
		return r.Host
	}
	return r.URL.Host
}

// canonicalKey is http.CanonicalHeaderKey for a token in lower case, without
// its allocation.
func (s *scratch) canonicalKey(name string) []byte {
	s.key = append(s.key[:0], name...)
	upper := true
	for i, c := range s.key {
		if upper && 'a' <= c && c <= 'z' {
			s.key[i] = c - 'a' + 'A'
		}
		upper = c == '-'
	}
	return s.key
}

func appendValues(dst []byte, values []string) []byte {
	for i, value := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendCollapsed(dst, value)
	}
	return dst
}

// appendCollapsed writes a header's value without spaces around it and with
// one for each run of spaces inside.
func appendCollapsed(dst []byte, value string) []byte {
	value = strings.Trim(value, " \t")
	if !strings.Contains(value, "  ") {
		return append(dst, value...)
	}
	for i := range len(value) {
		if value[i] != ' ' || value[i-1] != ' ' {
			dst = append(dst, value[i])
		}
	}
	return dst
}

// appendPath writes the path as it was sent, without dot segments and
// repeated slashes, with every byte encoded that SigV4 encodes: a percent
// sign that was sent is encoded once more.
func appendPath(dst []byte, u *url.URL) []byte {
	sent := u.RawPath
	if sent == "" {
		sent = u.EscapedPath()
	}
	if sent == "" || sent == "/" {
		return append(dst, '/')
	}
	clean := path.Clean(sent)
	if strings.HasSuffix(sent, "/") && clean != "/" {
		clean += "/"
	}
	return appendEncoded(dst, clean, "/")
}

// appendQuery writes the parameters sorted by name, then by value, each
// encoded in the one way SigV4 knows.
func appendQuery(dst []byte, query string) ([]byte, error) {
	if query == "" {
		return dst, nil
	}
	var pairs [][2]string
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := recoded(name)
		if err != nil {
			return dst, errQueryEncoding
		}
		value, err = recoded(value)
		if err != nil {
			return dst, errQueryEncoding
		}
		pairs = append(pairs, [2]string{name, value})
	}
	slices.SortFunc(pairs, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	for i, pair := range pairs {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = append(append(append(dst, pair[0]...), '='), pair[1]...)
	}
	return dst, nil
}

func recoded(s string) (string, error) {
	plain, err := url.QueryUnescape(s)
	if err != nil {
		return "", err
	}
	return string(appendEncoded(nil, plain, "")), nil
}

// appendEncoded percent-encodes every byte that is neither unreserved
// (RFC 3986) nor in keep.
func appendEncoded(dst []byte, s, keep string) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(s) {
		c := s[i]
		if isAlphanumeric(c) || strings.IndexByte("-_.~", c) >= 0 || strings.IndexByte(keep, c) >= 0 {
			dst = append(dst, c)
			continue
		}
		dst = append(dst, '%', digits[c>>4], digits[c&15])
	}
	return dst
}
