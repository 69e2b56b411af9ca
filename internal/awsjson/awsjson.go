// Package awsjson speaks AWS JSON 1.1 over HTTP: it claims requests, reads
// their bodies within limits, dispatches on X-Amz-Target, decodes, encodes
// and turns errors into faults. It knows no operation and no credential.
//
// The protocol is that of https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html;
// the order of checks and the wording of refusals are those of AWS's own
// front ends, which SDKs and their users know.
package awsjson

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
)

// ContentType is the media type of every request and every answer.
const ContentType = "application/x-amz-json-1.1"

// defaultMaxBody is the limit, in bytes, on the body of an operation that
// names none, and of a request for no operation.
const defaultMaxBody = 1 << 20

// Call is one request of a caller who has been authenticated.
type Call struct {
	Identity  any    // what Handler.Authenticate returned
	Body      []byte // JSON, or blank; the memory is reused once the Response is encoded
	RequestID string
	Target    string // "AWSLicenseManager.ListUsageForLicenseConfiguration"
	Out       []byte // empty memory that the answer may be appended to, see Appended
}

// Operation is one entry of the table of operations.
type Operation struct {
	// MaxBody limits the request's body, in bytes. Zero means 1 MiB.
	MaxBody int64
	// Change says that it may change something. Reads and changes have places of
	// their own at the Gate.
	Change bool
	// Serve answers a call. A nil Response is the empty answer, "{}". The body
	// has not been looked at: what needs no member of it must still refuse one
	// that Decode refuses.
	Serve func(ctx context.Context, c Call) (Response, error)
}

// Handler serves a table of operations on "POST /". All fields must be set
// before the first request and not change after.
type Handler struct {
	// Operations is keyed by target: the service's shape name, a dot, the
	// operation's name.
	Operations map[string]Operation
	// Authenticate says who sent r, whose whole body is body.
	Authenticate func(r *http.Request, body []byte) (any, error)
	// Fault turns an error of Authenticate or of an operation into a fault. It
	// need not know *Fault, which stands for itself. nil means that the error
	// is the server's own: the caller is told nothing of it, the log all.
	Fault func(error) *Fault
	// Observe sees every request of this protocol, and every Invoke; it may be
	// nil.
	Observe Observer
	// Gate bounds what is done at once; nil bounds nothing.
	Gate Gate
	// Gather is told the size of an answer that is about to be written, so that
	// the connection can send it in one piece; it may be nil.
	Gather func(ctx context.Context, bytes int)
	Log    *slog.Logger
}

// ServeHTTP answers one request. It always answers, with a fault if need be,
// unless an operation panics with http.ErrAbortHandler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := newRequestID()
	a := answer{w: w, id: id}
	if !isClaimed(r) {
		a.notFound()
		return
	}
	in, out := takeBuffer(), takeBuffer()
	defer in.release()
	defer out.release()
	c := Call{RequestID: id}
	memory := share{gate: h.Gate}
	defer memory.release()
	defer h.recoverPanic(a, r, &c)
	response, err := h.serve(r, &c, in, out, &memory)
	if err != nil {
		fault := h.toFault(r, id, err)
		h.observe(r.Context(), &Observation{Request: r, Call: c, Fault: fault})
		a.fault(fault)
		return
	}
	h.observe(r.Context(), &Observation{Request: r, Call: c, Response: response})
	if h.Gather != nil {
		h.Gather(r.Context(), len(response))
	}
	a.ok(response)
}

// isClaimed reports whether r is of this protocol at all.
func isClaimed(r *http.Request) bool {
	media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return r.Method == http.MethodPost && r.URL.Path == "/" &&
		strings.EqualFold(strings.TrimSpace(media), ContentType)
}

// serve returns the bytes of a successful answer, which live in out. It fills
// c with what it finds out, the body in the memory of in.
func (h *Handler) serve(r *http.Request, c *Call, in, out *buffer, memory *share) (response []byte, err error) {
	op, known := h.find(r, c)
	if err := h.admit(r.Context(), c.Target); err != nil {
		return nil, err
	}
	err = readBody(r, op.limit(), in, memory)
	c.Body, c.Out = in.bytes, out.bytes
	if err != nil {
		return nil, err
	}
	if !known {
		return nil, cmp.Or(checkSyntax(in.bytes), error(unknownOperation(c.Target)))
	}
	if err := h.enter(r.Context(), op); err != nil {
		return nil, err
	}
	defer h.leave(op)
	answer, err := h.call(r, op, c)
	if err != nil {
		// A body that is no JSON is the first thing to be told of, whatever
		// else is wrong; a request that succeeds was read on the way.
		return nil, cmp.Or(checkSyntax(in.bytes), err)
	}
	return encode(answer, out)
}

// call finds out who asks, and answers.
func (h *Handler) call(r *http.Request, op Operation, c *Call) (response Response, err error) {
	if c.Identity, err = h.Authenticate(r, c.Body); err != nil {
		c.Identity = nil
		return nil, err
	}
	return op.Serve(r.Context(), *c)
}

// find looks the target up. A request with several targets has none.
func (h *Handler) find(r *http.Request, c *Call) (op Operation, known bool) {
	targets := r.Header["X-Amz-Target"]
	if len(targets) != 1 {
		c.Target = strings.Join(targets, ",")
		return Operation{}, false
	}
	c.Target = targets[0]
	op, known = h.Operations[c.Target]
	return op, known
}

func (op Operation) limit() int64 {
	if op.MaxBody > 0 {
		return op.MaxBody
	}
	return defaultMaxBody
}

// toFault finds the fault that an error stands for, and logs what the caller
// is not told.
func (h *Handler) toFault(r *http.Request, id string, err error) *Fault {
	var fault *Fault
	if errors.As(err, &fault) {
		return fault
	}
	fault = h.Fault(err)
	if fault != nil && fault.status() < http.StatusInternalServerError {
		return fault
	}
	log := h.Log.With("request_id", id, "target", clip(r.Header.Get("X-Amz-Target"), maxEcho), "error", err)
	switch {
	case r.Context().Err() != nil:
		log.Info("request abandoned by its client")
	case fault != nil:
		log.Warn("request turned away")
	default:
		log.Error("request failed")
	}
	if fault == nil {
		return errInternal
	}
	return fault
}

// recoverPanic answers for an operation that panicked. Nothing has been
// written yet then: an answer is complete before its first byte is sent.
func (h *Handler) recoverPanic(a answer, r *http.Request, c *Call) {
	p := recover()
	if p == nil {
		return
	}
	h.observe(r.Context(), &Observation{Request: r, Call: *c, Fault: errInternal})
	if p == http.ErrAbortHandler {
		panic(p)
	}
	h.Log.Error("operation panicked", "request_id", a.id, "target", clip(r.Header.Get("X-Amz-Target"), maxEcho),
		"panic", p, "stack", string(debug.Stack()))
	a.fault(errInternal)
}

// readBody reads the whole body into in, never more than limit bytes.
func readBody(r *http.Request, limit int64, in *buffer, memory *share) error {
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return unsupportedEncoding(coding)
	}
	if r.ContentLength > limit {
		return bodyTooLarge(limit)
	}
	err := in.readFrom(io.LimitReader(r.Body, limit+1), r.ContentLength, memory)
	switch {
	case err == errBusy:
		return errBusy
	case int64(len(in.bytes)) > limit:
		return bodyTooLarge(limit)
	case isTimeout(err):
		return errBodyTimeout
	case err != nil:
		return errBodyIncomplete
	}
	return nil
}
