package awsjson

import (
	"context"
)

// Gate bounds what a Handler does at once. Its errors refuse a call before
// anything of it was done, with ThrottlingException.
type Gate interface {
	// Enter returns when a call may be worked on; Leave follows.
	Enter(ctx context.Context, change bool) error
	Leave(change bool)

	// Hold takes memory for a body, at once or not at all; Free follows.
	Hold(bytes int64) error
	Free(bytes int64)
}

func (h *Handler) enter(ctx context.Context, op Operation) error {
	if h.Gate == nil {
		return nil
	}
	if err := h.Gate.Enter(ctx, op.Change); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return errBusy
	}
	return nil
}

func (h *Handler) leave(op Operation) {
	if h.Gate != nil {
		h.Gate.Leave(op.Change)
	}
}

// share is the memory that one request holds at the Gate.
type share struct {
	gate Gate
	held int64
}

func (s *share) hold(bytes int64) error {
	if s.gate == nil {
		return nil
	}
	if s.gate.Hold(bytes) != nil {
		return errBusy
	}
	s.held += bytes
	return nil
}

func (s *share) release() {
	if s.held > 0 {
		s.gate.Free(s.held)
	}
}
