package sigv4

import "fmt"

// Error is a refusal: the request is unsigned, badly signed or out of time.
// Message is AWS's own sentence where one is known.
type Error struct {
	Code    string // such as "InvalidSignatureException"
	Message string
}

// Error returns the code and the message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

const (
	codeMissing      = "MissingAuthenticationTokenException"
	codeIncomplete   = "IncompleteSignatureException"
	codeInvalid      = "InvalidSignatureException"
	codeUnrecognized = "UnrecognizedClientException"
	codeExpired      = "ExpiredTokenException"
)

var (
	errNotSigned = &Error{codeMissing, "Request is missing Authentication Token"}

	errTwoSignatures = &Error{codeInvalid, "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."}

	errPresigned = &Error{codeInvalid, "A signature in the query string is not accepted here. Send it in the Authorization header."}

	errTwoAuthorizations = &Error{codeIncomplete, "The request has more than one Authorization header. Send exactly one."}

	errAuthorizationTooLong = &Error{codeIncomplete, "The Authorization header is longer than 4096 bytes."}

	errTooManyHeaders = &Error{codeInvalid, "The Authorization header lists more than 64 'SignedHeaders'."}

	errUnknownKeyID = &Error{codeUnrecognized, "The security token included in the request is invalid."}

	errExpiredToken = &Error{codeExpired, "The security token included in the request is expired"}

	errWrongSignature = &Error{codeInvalid, "The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."}

	errQueryEncoding = &Error{codeInvalid, "The query string is not percent-encoded correctly, so its signature cannot be checked."}

	errUnsignedPayload = &Error{codeInvalid, "X-Amz-Content-Sha256 must be the SHA-256 of the request's body in hexadecimal: " +
		"this service does not accept unsigned or streamed payloads."}
)

func incomplete(format string, args ...any) *Error {
	return &Error{codeIncomplete, fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *Error {
	return &Error{codeInvalid, fmt.Sprintf(format, args...)}
}
