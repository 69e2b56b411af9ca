package awsjson

import (
	"bytes"
	"context"
	"fmt"
	"runtime/debug"
)

// Invoke answers a call of this process itself, whose Identity has been proven
// without a signature: a signed-in person's, say. It is everything that a
// request over HTTP meets after its signature. The refusal of a call is a
// *Fault; any other error is the server's own, and is not for the caller's
// eyes.
func (h *Handler) Invoke(ctx context.Context, c Call) (body []byte, err error) {
	if c.RequestID == "" {
		c.RequestID = newRequestID()
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("operation %s panicked: %v\n%s", c.Target, p, debug.Stack())
		}
		h.observe(ctx, &Observation{Call: c, Response: body, Fault: faultOf(err)})
	}()
	op, known := h.Operations[c.Target]
	if !known {
		return nil, unknownOperation(c.Target)
	}
	if int64(len(c.Body)) > op.limit() {
		return nil, bodyTooLarge(op.limit())
	}
	if err := h.admit(ctx, c.Target); err != nil {
		return nil, h.asFault(err)
	}
	if err := h.enter(ctx, op); err != nil {
		return nil, err
	}
	defer h.leave(op)
	out := takeBuffer()
	defer out.release()
	c.Out = out.bytes
	response, err := op.Serve(ctx, c)
	if err != nil {
		return nil, h.asFault(err)
	}
	text, err := encode(response, out)
	return bytes.Clone(text), err
}

// asFault is the fault that an error stands for, or the error.
func (h *Handler) asFault(err error) error {
	if fault := h.Fault(err); fault != nil {
		return fault
	}
	return err
}
