package main

import (
	"fmt"
	"os"
	"strings"
)

// terminal says that somebody looks on while standard error is written.
var terminal = func() bool {
	info, err := os.Stderr.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}()

// say tells on standard error what is being done, on one line of a terminal
// that is written over; a text that ends in a new line stays.
func say(format string, args ...any) {
	line, stays := strings.CutSuffix(fmt.Sprintf(format, args...), "\n")
	switch {
	case terminal && stays:
		fmt.Fprintf(os.Stderr, "\r%-100s\n", line)
	case terminal:
		fmt.Fprintf(os.Stderr, "\r%-100s\r", line)
	case stays:
		fmt.Fprintln(os.Stderr, line)
	}
}
