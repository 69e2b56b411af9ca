package glpi

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// western are the characters of the bytes 0x80 to 0x9F in windows-1252; the
// five that it leaves out stand for the control characters of their number.
var western = [32]rune{
	'€', 0x81, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', 0x8D, 'Ž', 0x8F,
	0x90, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', 0x9D, 'ž', 'Ÿ',
}

// charsetReader reads the encodings beside UTF-8 that agents declare.
// ISO-8859-1 is read as windows-1252, which has characters where the other has
// control codes, as what declares the one often means the other.
func charsetReader(name string, in io.Reader) (io.Reader, error) {
	switch strings.ToLower(name) {
	case "us-ascii", "ascii", "iso-8859-1", "latin1", "windows-1252", "cp1252":
		return &westernReader{in: bufio.NewReader(in)}, nil
	}
	return nil, fmt.Errorf("the encoding %.60q is not supported; UTF-8, ISO-8859-1 and windows-1252 are", name)
}

// westernReader turns windows-1252 into UTF-8.
type westernReader struct {
	in   *bufio.Reader
	left []byte // of the last character, what did not fit
}

func (w *westernReader) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(w.left) == 0 {
			// Only wait for input while there is nothing to return.
			if n > 0 && w.in.Buffered() == 0 {
				return n, nil
			}
			b, err := w.in.ReadByte()
			if err != nil {
				return n, err
			}
			w.left = utf8.AppendRune(w.left[:0], westernRune(b))
		}
		copied := copy(p[n:], w.left)
		w.left = w.left[copied:]
		n += copied
	}
	return n, nil
}

func westernRune(b byte) rune {
	if b >= 0x80 && b < 0xA0 {
		return western[b-0x80]
	}
	return rune(b)
}
