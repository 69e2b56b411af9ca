package audit

import "bytes"

// resources collects the ARNs of one event: as many as are kept, each once, in
// the order in which they came.
type resources struct {
	list [maxResources][]byte
	n    int
	more bool // there were others
}

func (r *resources) full() bool { return r.n == len(r.list) && r.more }

// add takes an ARN as JSON writes it. One with an escape is none of ours.
func (r *resources) add(arn []byte) {
	if len(arn) > maxValue || bytes.IndexByte(arn, '\\') >= 0 {
		return
	}
	for _, have := range r.list[:r.n] {
		if bytes.Equal(have, arn) {
			return
		}
	}
	if r.n == len(r.list) {
		r.more = true
		return
	}
	r.list[r.n] = arn
	r.n++
}

func (r *resources) appendTo(dst []byte) []byte {
	if r.n == 0 {
		return dst
	}
	dst = append(dst, `,"resources":[`...)
	for i, arn := range r.list[:r.n] {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, `{"ARN":"`...), arn...), `"}`...)
	}
	return append(dst, ']')
}
