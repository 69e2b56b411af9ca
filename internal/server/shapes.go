package server

// value returns what p points to, or the zero value for an absent member.
func value[T any](p *T) T {
	var v T
	if p != nil {
		v = *p
	}
	return v
}

// present returns a pointer to v, or nil for the zero value: a member that is
// left out when there is nothing to say.
func present[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// convert turns every element into another shape. The result is never nil, so
// a list in an answer is written as [] when it is empty.
func convert[To, From any](from []From, one func(*From) To) []To {
	to := make([]To, len(from))
	for i := range from {
		to[i] = one(&from[i])
	}
	return to
}

// convertGiven is convert for what a request may leave out: nil stays nil,
// which the rules read as unchanged.
func convertGiven[To, From any](from []From, one func(*From) To) []To {
	if from == nil {
		return nil
	}
	return convert(from, one)
}

// clip bounds what a message repeats of a request.
func clip(s string) string {
	const most = 100
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
