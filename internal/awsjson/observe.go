package awsjson

import (
	"context"
	"net/http"
)

// Observer sees what a Handler is asked and what it answers.
type Observer interface {
	// Admit refuses a call before anything of it was read or done. The call is
	// observed all the same.
	Admit(ctx context.Context, target string) error

	// Answered is told of an answer before it is sent, and keeps nothing of
	// its memory. It runs on the goroutine that answers.
	Answered(ctx context.Context, o *Observation)
}

// Observation is one call and its answer.
type Observation struct {
	// Request is nil for an Invoke.
	Request *http.Request

	// Call is what was found out of it: Identity is nil where nobody was
	// proven, Body is what was read, and Target is what was asked for, which
	// may be no operation.
	Call Call

	Response []byte // nil for a refusal
	Fault    *Fault // nil for an answer
}

func (h *Handler) admit(ctx context.Context, target string) error {
	if h.Observe == nil {
		return nil
	}
	return h.Observe.Admit(ctx, target)
}

func (h *Handler) observe(ctx context.Context, o *Observation) {
	if h.Observe != nil {
		h.Observe.Answered(ctx, o)
	}
}

// faultOf is what a caller is told of an error; nil for none.
func faultOf(err error) *Fault {
	if err == nil {
		return nil
	}
	if f, ok := err.(*Fault); ok {
		return f
	}
	return errInternal
}
