// Package sigv4 verifies requests signed with AWS Signature Version 4, and
// signs them for Reeve's own command line client.
//
// It knows no operation and no store: whoever uses a [Verifier] gives it a
// lookup from access key id to secret. Every refusal is an [*Error] that
// carries the code and the sentence that AWS's own front ends answer, so that
// an SDK reacts to them (retry, re-sign with the server's clock, give up) as
// it does to AWS.
//
// Signatures are accepted in the Authorization header only. Presigned query
// strings and unsigned payloads are refused: the service this is for has no use
// for them, and each is one more way in.
package sigv4

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"

	// maxSkew is how far a request's time may be from the server's, either
	// way. It is also how long a recorded request can be replayed.
	maxSkew = 15 * time.Minute

	// Limits on what is looked at before the caller has proved anything.
	maxAuthorization = 4 << 10
	maxSignedHeaders = 64
	maxAccessKeyID   = 128
	maxSessionToken  = 4 << 10
	maxRegion        = 32
)

// ErrUnknownKey is what Verifier.Lookup returns when no such access key
// exists or it may not be used.
var ErrUnknownKey = errors.New("unknown access key id")

// ErrExpiredToken is what Verifier.Lookup returns for a session that has ended.
var ErrExpiredToken = errors.New("session token has expired")

// Verifier checks signatures for one service. Its fields must not change
// after the first call of Verify; one Verifier serves all goroutines.
type Verifier struct {
	// Service is the name that credential scopes must carry, such as
	// "license-manager".
	Service string
	// Lookup returns the secret of an access key and a value of the owner's
	// choosing that Verify hands back. sessionToken is what temporary
	// credentials come with, "" for none. It returns ErrUnknownKey when there
	// is no such key or the token is not its, and ErrExpiredToken for one that
	// has ended. Any other error is a fault of the server, not a refusal. It
	// runs once per request that is well formed and in time.
	Lookup func(ctx context.Context, accessKeyID, sessionToken string) (secret string, identity any, err error)
	// Now is the server's clock.
	Now func() time.Time

	keys keyCache
}

// Identity is who signed a request.
type Identity struct {
	AccessKeyID string
	Region      string // of the credential scope
	Value       any    // what Lookup returned
}

// Verify returns who signed r, whose whole body is body. The error is an
// *Error for a request that must be refused and anything else when Lookup
// failed. It does not change r and keeps nothing of body.
//
// The checks run in the order of AWS's front ends: a request with several
// faults is told of the same one first.
func (v *Verifier) Verify(r *http.Request, body []byte) (Identity, error) {
	auth, err := readAuthorization(r)
	if err != nil {
		return Identity{}, err
	}
	date, err := readDate(r)
	if err != nil {
		return Identity{}, err
	}
	if err := checkSkew(date, v.Now()); err != nil {
		return Identity{}, err
	}
	s := takeScratch()
	defer s.release()
	if err := s.readSignedHeaders(r, auth); err != nil {
		return Identity{}, err
	}
	scope, err := v.readScope(auth, date)
	if err != nil {
		return Identity{}, err
	}
	secret, value, err := v.lookup(r, scope.accessKeyID)
	if err != nil {
		return Identity{}, err
	}
	if err := v.checkSignature(s, r, body, claim{auth, date, scope, secret}); err != nil {
		return Identity{}, err
	}
	return Identity{AccessKeyID: scope.accessKeyID, Region: scope.region, Value: value}, nil
}

// lookup finds the secret of a key, and for temporary credentials holds their
// token against it.
func (v *Verifier) lookup(r *http.Request, accessKeyID string) (secret string, value any, err error) {
	tokens := r.Header[sessionToken]
	if len(accessKeyID) > maxAccessKeyID || len(tokens) > 1 {
		return "", nil, errUnknownKeyID
	}
	token := ""
	if len(tokens) == 1 {
		if token = tokens[0]; token == "" || len(token) > maxSessionToken {
			return "", nil, errUnknownKeyID
		}
	}
	secret, value, err = v.Lookup(r.Context(), accessKeyID, token)
	switch {
	case errors.Is(err, ErrUnknownKey):
		return "", nil, errUnknownKeyID
	case errors.Is(err, ErrExpiredToken):
		return "", nil, errExpiredToken
	case err != nil:
		return "", nil, fmt.Errorf("look up access key: %w", err)
	case secret == "":
		return "", nil, errors.New("look up access key: the secret is empty")
	}
	return secret, value, nil
}

// claim is everything a request says about its own signature, and the secret
// it should have been made with.
type claim struct {
	auth   authorization
	date   date
	scope  scope
	secret string
}

func (v *Verifier) checkSignature(s *scratch, r *http.Request, body []byte, c claim) error {
	hash := hashBody(body)
	if err := checkContentHash(r, hash); err != nil {
		return err
	}
	if err := s.canonicalRequest(r, hash); err != nil {
		return err
	}
	s.stringToSign(c.date.iso, c.scope)
	id := keyID{c.scope.accessKeyID, c.scope.date, c.scope.region, c.scope.service}
	key := v.keys.find(id, c.secret)
	cached := key != nil
	if !cached {
		key = deriveKey(id, c.secret)
	}
	if !key.made(c.auth.signature, s.text) {
		return errWrongSignature
	}
	if !cached { // only a caller who knows a secret can fill the cache
		v.keys.keep(id, key)
	}
	return nil
}
