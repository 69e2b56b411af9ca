package main

import (
	"bytes"
	"fmt"
)

// walk lists everything once. It returns the token of every page and how many
// rows there are, and fails when a page is not full: each must have as many
// rows as were asked for, but for the last one.
func walk(address string, r request) (tokens []string, rows int, err error) {
	c, err := dial(address)
	if err != nil {
		return nil, 0, err
	}
	defer c.close()
	tokens = []string{""}
	for {
		signed, err := encode(address, listUsage, r)
		if err != nil {
			return nil, 0, err
		}
		answer, err := c.ask(signed)
		if err != nil {
			return nil, 0, err
		}
		n, next, err := readPage(answer, r.MaxResults)
		if err != nil {
			return nil, 0, fmt.Errorf("page %d: %w", len(tokens), err)
		}
		rows += n
		if next == "" {
			return tokens, rows, nil
		}
		tokens, r.NextToken = append(tokens, next), next
	}
}

var (
	rowMark   = []byte(`"ResourceArn":`)
	tokenMark = []byte(`"NextToken":"`)
)

// readPage counts the rows of a page without decoding it, for there may be
// two hundred thousand. No row of ours has a text that looks like a mark.
func readPage(answer []byte, most int) (rows int, next string, err error) {
	rows = bytes.Count(answer, rowMark)
	if _, rest, ok := bytes.Cut(answer, tokenMark); ok {
		token, _, _ := bytes.Cut(rest, []byte{'"'})
		next = string(token)
	}
	if rows > most || next != "" && rows != most {
		return rows, next, fmt.Errorf("%d rows where %d were asked for and more follow", rows, most)
	}
	return rows, next, nil
}
