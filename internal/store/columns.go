package store

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"reeve/internal/license"
)

// How values that are no plain text or number look in their columns.

// encode is the JSON form of a column. Zero members are left out.
func encode(v any) (string, error) {
	b, err := json.Marshal(v, json.OmitZeroStructFields(true), json.Deterministic(true))
	if err != nil {
		return "", fmt.Errorf("encode %T: %w", v, err)
	}
	return string(b), nil
}

// decode reads the JSON form of a column.
func decode(text string, v any) error {
	if err := json.Unmarshal([]byte(text), v); err != nil {
		return fmt.Errorf("decode %T: %w", v, err)
	}
	return nil
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// typeNumber is the column form of a resource type.
func typeNumber(t license.ResourceType) (int64, error) {
	n := t.Number()
	if n < 0 {
		return 0, fmt.Errorf("resource type %q is unknown", t)
	}
	return int64(n), nil
}

// typeOf reads a typeNumber.
func typeOf(n int64) (license.ResourceType, error) {
	if n < 0 || n >= int64(len(license.ResourceTypes)) {
		return "", fmt.Errorf("resource type number %d is unknown", n)
	}
	return license.ResourceTypes[n], nil
}

// formatNodes is the column form of node numbers: decimal, with spaces.
func formatNodes(nodes []int64) string {
	var b []byte
	for i, n := range nodes {
		if i > 0 {
			b = append(b, ' ')
		}
		b = strconv.AppendInt(b, n, 10)
	}
	return string(b)
}

// parseNodes appends what formatNodes wrote to dst.
func parseNodes(dst []int64, text string) ([]int64, error) {
	for text != "" {
		word, rest, _ := strings.Cut(text, " ")
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return dst, fmt.Errorf("read node numbers: %w", err)
		}
		dst, text = append(dst, n), rest
	}
	return dst, nil
}

// bytesOf is nil for "", as NULL and empty columns read.
func bytesOf(text string) []byte {
	if text == "" {
		return nil
	}
	return []byte(text)
}
