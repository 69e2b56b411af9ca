package sts

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"strconv"

	"reeve/internal/iam"
	"reeve/internal/sigv4"
)

type response struct {
	XMLName  xml.Name
	Result   any
	Metadata *metadata `xml:"ResponseMetadata"`
}

type metadata struct {
	RequestID string `xml:"RequestId"`
}

type errorResponse struct {
	XMLName   xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ ErrorResponse"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

// fault is an error as a caller sees it.
type fault struct {
	Code    string
	Message string
	Status  int
}

// Error returns the code and the message.
func (f *fault) Error() string { return f.Code + ": " + f.Message }

// signatureCodes are STS's own names for what a signature can be wrong in.
var signatureCodes = map[string]*fault{
	"MissingAuthenticationTokenException": {Code: "MissingAuthenticationToken", Status: http.StatusForbidden},
	"IncompleteSignatureException":        {Code: "IncompleteSignature", Status: http.StatusBadRequest},
	"InvalidSignatureException":           {Code: "SignatureDoesNotMatch", Status: http.StatusForbidden},
	"UnrecognizedClientException":         {Code: "InvalidClientTokenId", Status: http.StatusForbidden},
	"ExpiredTokenException":               {Code: "ExpiredToken", Status: http.StatusForbidden},
}

// faultOf is the one place where an error becomes what the caller sees; nil
// stands for a fault of our own, of which the log gets everything.
func faultOf(err error) *fault {
	var (
		ready    *fault
		refusal  *iam.Error
		unsigned *sigv4.Error
		away     interface{ Unavailable() bool } // the database
	)
	switch {
	case errors.As(err, &ready):
		return ready
	case errors.As(err, &unsigned):
		as := signatureCodes[unsigned.Code]
		if as == nil {
			as = &fault{Code: unsigned.Code, Status: http.StatusForbidden}
		}
		return &fault{as.Code, unsigned.Message, as.Status}
	case errors.As(err, &refusal) && refusal.Kind == iam.Denied:
		return &fault{"AccessDenied", refusal.Message, http.StatusForbidden}
	case errors.As(err, &refusal) && refusal.Kind == iam.Malformed:
		return &fault{"MalformedPolicyDocument", refusal.Message, http.StatusBadRequest}
	case errors.As(err, &refusal) && refusal.Kind == iam.TooLarge:
		return &fault{"PackedPolicyTooLarge", refusal.Message, http.StatusBadRequest}
	case errors.As(err, &refusal):
		return &fault{"ValidationError", refusal.Message, http.StatusBadRequest}
	case errors.As(err, &away) && away.Unavailable(), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &fault{"ServiceUnavailable", "The server's database does not answer at the moment. Try again.", http.StatusServiceUnavailable}
	}
	return nil
}

// explain turns any error into a fault, and logs what the caller is not told.
func (h *Handler) explain(r *http.Request, id string, err error) *fault {
	f := faultOf(err)
	switch {
	case f == nil:
		h.Log.Error("request failed", "request_id", id, "target", Service, "error", err)
		f = &fault{"InternalFailure", "The server met an error of its own. Try again; if it persists, give the operator the request id.", http.StatusInternalServerError}
	case f.Status >= http.StatusInternalServerError && r.Context().Err() == nil:
		h.Log.Warn("request turned away", "request_id", id, "target", Service, "error", err)
	}
	return f
}

func (h *Handler) refuse(w http.ResponseWriter, id string, f *fault) {
	kind := "Sender"
	if f.Status >= http.StatusInternalServerError {
		kind = "Receiver"
	}
	write(w, f.Status, id, errorResponse{Type: kind, Code: f.Code, Message: f.Message, RequestID: id})
}

func write(w http.ResponseWriter, status int, id string, body any) {
	text, err := xml.Marshal(body)
	if err != nil { // of our own shapes: cannot happen
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.Header().Set("X-Amzn-Requestid", id)
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that has gone needs no answer
}
