package licensetest

import (
	"bytes"
	"io"
	"net/http"
)

// Wire sends what AWS's client made with a body of its own. AWS's client
// closes its body as soon as an answer begins, and if the transport has not
// looked for the body's end by then, it takes that for a broken request and
// cuts the answer off. Servers far away are too slow for it, and a client that
// tries again hides it; one that makes a single attempt needs a Wire.
type Wire struct{ *http.Client }

// Do sends a request.
func (w Wire) Do(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		return w.Client.Do(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	own := r.WithContext(r.Context())
	own.Body = io.NopCloser(bytes.NewReader(body))
	return w.Client.Do(own)
}
