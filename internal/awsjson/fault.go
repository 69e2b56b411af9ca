package awsjson

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
)

// Fault is an error as a caller sees it.
type Fault struct {
	Code    string // the error's shape name, such as "InvalidParameterValueException"
	Message string // a sentence; cut to 2 KiB on the wire
	Status  int    // the HTTP status; 0 means 400, which is what AWS sends for every client error
}

// Error returns the code and the message.
func (f *Fault) Error() string { return f.Code + ": " + f.Message }

func (f *Fault) status() int {
	if f.Status == 0 {
		return http.StatusBadRequest
	}
	return f.Status
}

const (
	maxMessage = 2 << 10 // bytes of a fault's message
	maxEcho    = 128     // bytes of the caller's own text in a message or the log
)

const codeSerialization = "SerializationException"

// CodeThrottling is the code that every AWS client takes for a request to slow
// down and try again, when it comes with the status 400.
const CodeThrottling = "ThrottlingException"

var (
	errInternal = &Fault{
		Code:    "ServerInternalException",
		Message: "The server met an error of its own. Try again; if it persists, give the operator the request id.",
		Status:  http.StatusInternalServerError,
	}
	errBusy = &Fault{Code: CodeThrottling,
		Message: "Rate exceeded: the server has more to do than it can. Nothing was done. Try again a little later."}
	errBodyTimeout    = &Fault{Code: "RequestTimeoutException", Message: "The request's body did not arrive in time. Send it again."}
	errBodyIncomplete = &Fault{Code: codeSerialization, Message: "The request's body ended before its announced length."}
)

func bodyTooLarge(limit int64) *Fault {
	return &Fault{Code: "RequestEntityTooLargeException",
		Message: fmt.Sprintf("The request's body is larger than the %d bytes that this operation accepts. Send less at once.", limit)}
}

func unsupportedEncoding(coding string) *Fault {
	return &Fault{Code: codeSerialization,
		Message: fmt.Sprintf("Content-Encoding %q is not supported. Send the body as it is.", clip(coding, maxEcho))}
}

func unknownOperation(target string) *Fault {
	message := "The request has no X-Amz-Target header. Name an operation in it, as AWSLicenseManager.ListLicenseConfigurations does."
	if target != "" {
		message = fmt.Sprintf("%q is not an operation of this server. Its documentation lists those that are.", clip(target, maxEcho))
	}
	return &Fault{Code: "UnknownOperationException", Message: message}
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// clip returns s as valid UTF-8 of at most max bytes.
func clip(s string, max int) string {
	s = strings.ToValidUTF8(s[:min(len(s), max)], "\uFFFD")
	if len(s) <= max {
		return s
	}
	return strings.ToValidUTF8(s[:max], "") // the replacements made it longer
}
