package csv

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// A cell that holds a list separates its entries with semicolons, and the
// parts of an entry with = or |. A backslash takes these characters, and
// itself, as they are.
const escapable = `;=|\`

// split cuts s at every separator that no backslash precedes. The parts keep
// their backslashes; white space around them and empty parts go.
func split(s string, separator byte) ([]string, error) {
	if !utf8.ValidString(s) {
		return nil, errors.New("not UTF-8; save the table as CSV in UTF-8")
	}
	var parts []string
	for _, part := range cut(s, separator) {
		if part = trim(part); part != "" {
			parts = append(parts, part)
		}
	}
	if parts == nil {
		return nil, errors.New("there is a separator and nothing else")
	}
	return parts, nil
}

// splitPlain is split for the parts of one entry: they keep their places, so
// empty ones stay, and lose their backslashes.
func splitPlain(s string, separator byte) ([]string, error) {
	return plainAll(cut(s, separator))
}

func cut(s string, separator byte) []string {
	var parts []string
	start := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++ // the next character is no separator
		case separator:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

func plainAll(parts []string) ([]string, error) {
	for i, part := range parts {
		plain, err := unescape(trim(part))
		if err != nil {
			return nil, err
		}
		parts[i] = plain
	}
	return parts, nil
}

func unescape(s string) (string, error) {
	var plain strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			i++
			if i == len(s) || !strings.Contains(escapable, s[i:i+1]) {
				return "", fmt.Errorf(`%.100q has a backslash before none of ; = | \ (write \\ for a backslash)`, s)
			}
		}
		plain.WriteByte(s[i])
	}
	return plain.String(), nil
}

func trim(s string) string { return strings.TrimSpace(s) }
