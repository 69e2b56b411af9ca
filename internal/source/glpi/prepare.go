package glpi

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"unicode/utf8"

	"reeve/internal/source/record"
)

var byteOrderMark = []byte("\xef\xbb\xbf")

// declaration finds the encoding in the first line of a document.
var declaration = regexp.MustCompile(`^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([^"'>]{0,60})["']`)

// prepare returns an XML document in UTF-8, whatever it declares, and refuses
// bytes that are no text in it and characters that XML does not have.
func prepare(doc []byte) ([]byte, error) {
	doc = bytes.TrimPrefix(doc, byteOrderMark)
	if m := declaration.FindSubmatch(doc[:min(len(doc), 512)]); m != nil && !bytes.EqualFold(m[1], []byte("utf-8")) {
		in, err := charsetReader(string(m[1]), bytes.NewReader(doc))
		if err != nil {
			return nil, record.At(1, err)
		}
		if doc, err = io.ReadAll(in); err != nil {
			return nil, record.At(1, err)
		}
	}
	if at, err := firstBad(doc); err != nil {
		return nil, record.At(lineOf(doc, at), err)
	}
	return doc, nil
}

func firstBad(doc []byte) (at int, err error) {
	for at < len(doc) {
		c := doc[at]
		if c >= ' ' && c < utf8.RuneSelf {
			at++
			continue
		}
		r, size := utf8.DecodeRune(doc[at:])
		switch {
		case r == utf8.RuneError && size == 1:
			return at, errors.New("not XML: invalid UTF-8")
		case !allowed(r):
			return at, errors.New("not XML: illegal character code")
		}
		at += size
	}
	return 0, nil
}
