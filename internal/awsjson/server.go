package awsjson

import (
	"net/http"
	"time"
)

// The limits on one connection. They leave a slow client on a bad line ample
// time for the largest body and end one that only wants to hold on.
const (
	ReadHeaderTimeout = 10 * time.Second
	ReadTimeout       = 30 * time.Second // of headers and body together
	WriteTimeout      = 60 * time.Second // from the end of the headers to the end of the answer
	IdleTimeout       = 120 * time.Second
	MaxHeaderBytes    = 16 << 10

	maxStreams = 64 // requests at once on a connection of HTTP/2
)

// NewServer returns a server for h with this package's limits. Set its
// ErrorLog to hear what net/http has to say of broken connections.
func NewServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:                      h,
		ReadHeaderTimeout:            ReadHeaderTimeout,
		ReadTimeout:                  ReadTimeout,
		WriteTimeout:                 WriteTimeout,
		IdleTimeout:                  IdleTimeout,
		MaxHeaderBytes:               MaxHeaderBytes,
		HTTP2:                        &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		DisableGeneralOptionsHandler: true, // "OPTIONS *" is answered like any other stranger
	}
}
