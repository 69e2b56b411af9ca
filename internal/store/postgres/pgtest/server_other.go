//go:build !unix

package pgtest

import "errors"

func startServer() (string, error) {
	return "", errors.New("a throw-away server is started on Unix only")
}
