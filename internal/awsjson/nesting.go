package awsjson

import "bytes"

// maxDepth limits how deep arrays and objects nest. No shape of the API comes
// near it.
const maxDepth = 64

var (
	errTooDeep     = &Fault{Code: codeSerialization, Message: "The request's body nests deeper than 64 levels."}
	errNullElement = &Fault{Code: codeSerialization, Message: "A list contains null. Leave the element out."}
)

// checkNesting refuses a body that nests too deep or has null as an element
// of an array, which would decode into a value nobody sent. It reads the
// bytes once and leaves all other faults of syntax to the decoder.
func checkNesting(body []byte) error {
	if bytes.Count(body, openBrace)+bytes.Count(body, openBracket) <= maxDepth && !bytes.Contains(body, null) {
		return nil // nearly every request
	}
	var arrays uint64 // one bit for each open level, the innermost lowest: is it an array?
	depth := 0
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '"':
			i += endOfString(body[i:])
		case '{', '[':
			if depth++; depth > maxDepth {
				return errTooDeep
			}
			arrays <<= 1
			if body[i] == '[' {
				arrays |= 1
			}
		case '}', ']':
			arrays >>= 1
			depth--
		case 'n':
			if arrays&1 == 1 {
				return errNullElement
			}
		}
	}
	return nil
}

var openBrace, openBracket, null = []byte("{"), []byte("["), []byte("null")

// endOfString returns the offset of the quote that ends the string that
// quoted begins with, or of the last byte when none does.
func endOfString(quoted []byte) int {
	for i := 1; i < len(quoted); i++ {
		next := bytes.IndexAny(quoted[i:], `"\`)
		if next < 0 {
			break
		}
		i += next
		if quoted[i] == '"' {
			return i
		}
		i++ // what a backslash escapes ends nothing
	}
	return len(quoted) - 1
}
