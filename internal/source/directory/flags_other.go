//go:build !unix

package directory

const nonBlocking = 0
