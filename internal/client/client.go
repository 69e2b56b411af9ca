// Package client calls a Reeve server from Reeve's own commands: AWS JSON 1.1
// over HTTP, signed like any AWS client signs.
package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/go-json-experiment/json"

	"reeve/internal/sigv4"
)

// DefaultEndpoint is where a server listens that nobody configured.
const DefaultEndpoint = "http://127.0.0.1:4750"

// DefaultRegion is the region of a caller who names none.
const DefaultRegion = "us-east-1"

const (
	service       = "license-manager"
	attempts      = 4
	firstPause    = 100 * time.Millisecond
	responseLimit = 64 << 20
	callTimeout   = 2 * time.Minute
)

// Client calls one server as one access key in one region. It is safe for
// concurrent use.
type Client struct {
	endpoint    string
	region      string
	credentials Credentials
	source      string        // where the credentials came from, for people
	pause       time.Duration // before the second attempt; it triples from there
	http        *http.Client
	shows       bool // a certificate, where a server asks for one
}

// Credentials sign requests.
type Credentials = sigv4.Credentials

// New returns a client. The endpoint is an http or https URL without a query.
func New(endpoint, region string, credentials Credentials) (*Client, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" {
		return nil, fmt.Errorf("endpoint %q is not usable: give a URL such as %s", endpoint, DefaultEndpoint)
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return &Client{
		endpoint: u.String(), region: region, credentials: credentials,
		pause: firstPause,
		http:  &http.Client{Timeout: callTimeout, CheckRedirect: noRedirect},
	}, nil
}

// noRedirect keeps a signed request from going elsewhere.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Region is the region that calls are signed for.
func (c *Client) Region() string { return c.region }

// Endpoint is the URL that calls go to.
func (c *Client) Endpoint() string { return c.endpoint }

// Error is an answer of the server that is not a success.
type Error struct {
	Code      string // shape name such as InvalidParameterValueException; "" when the answer had none
	Message   string
	RequestID string
	Status    int // of HTTP
}

// Error is the server's sentence, or what can be said without one.
func (e *Error) Error() string {
	switch {
	case e.Message != "":
		return strings.TrimRight(e.Message, " .")
	case e.Code != "":
		return "the server answered " + e.Code
	}
	return fmt.Sprintf("the server answered HTTP status %d and no explanation: is this a Reeve server?", e.Status)
}

// Refusal tells whether the server decided against the call, and not that it
// could not decide.
func (e *Error) Refusal() bool {
	return e.Code != "" && e.Status >= 400 && e.Status < 500 && e.Status != http.StatusTooManyRequests && e.Code != "ThrottlingException"
}

// Call sends one operation, such as Reeve.PutResources, and decodes its answer.
// What failed without reaching a decision is tried again, a few times: always
// when the connection was refused or the server asked to slow down, and after
// a fault of the server or the line only where a second call does no harm.
func Call[In, Out any](ctx context.Context, c *Client, target string, in *In) (*Out, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", target, err)
	}
	answer, err := c.send(ctx, target, body)
	if err != nil {
		return nil, err
	}
	out := new(Out)
	if err := json.Unmarshal(answer, out); err != nil {
		return nil, fmt.Errorf("decode answer of %s: %w", target, err)
	}
	return out, nil
}

// send makes the attempts of one call.
func (c *Client) send(ctx context.Context, target string, body []byte) ([]byte, error) {
	pause := c.pause
	for attempt := 1; ; attempt++ {
		answer, err := c.attempt(ctx, target, body)
		if err == nil || attempt == attempts || !retryable(target, err) {
			return answer, c.explain(ctx, err)
		}
		select {
		case <-ctx.Done():
			return nil, c.explain(ctx, ctx.Err())
		case <-time.After(pause):
			pause *= 3
		}
	}
}

func (c *Client) attempt(ctx context.Context, target string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", target)
	if err := sigv4.Sign(r, body, c.credentials, c.region, service, time.Now()); err != nil {
		return nil, err
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, responseLimit+1))
	if err != nil {
		return nil, err
	}
	if len(answer) > responseLimit {
		return nil, fmt.Errorf("the answer is larger than %d bytes", responseLimit)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, errorOf(resp, answer)
	}
	return answer, nil
}

func errorOf(resp *http.Response, answer []byte) *Error {
	var body struct {
		Type    string `json:"__type"`
		Message string `json:"Message"`
		Lower   string `json:"message"`
	}
	_ = json.Unmarshal(answer, &body) // what is no JSON has neither code nor message
	code := body.Type[strings.LastIndexByte(body.Type, '#')+1:]
	if body.Message == "" {
		body.Message = body.Lower
	}
	return &Error{Code: code, Message: body.Message, RequestID: resp.Header.Get("X-Amzn-RequestId"), Status: resp.StatusCode}
}

// retryable decides whether another attempt may help and cannot harm.
func retryable(target string, err error) bool {
	if refused(err) {
		return true
	}
	var e *Error
	if errors.As(err, &e) {
		slowDown := e.Code == "ThrottlingException" || e.Status == http.StatusTooManyRequests
		return slowDown || e.Status >= 500 && e.Status != http.StatusNotImplemented && idempotent(target)
	}
	var op net.Error
	return errors.As(err, &op) && !op.Timeout() && idempotent(target)
}

// refused tells that nothing was sent: nobody listens there (yet).
func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// idempotent tells whether a second call leaves things as the first did.
func idempotent(target string) bool {
	_, operation, _ := strings.Cut(target, ".")
	return !strings.HasPrefix(operation, "Create")
}

// explain adds what to do about an error that is not an answer of the server.
func (c *Client) explain(ctx context.Context, err error) error {
	var answer *Error
	switch {
	case err == nil || ctx.Err() != nil:
		return err
	case errors.As(err, &answer):
		return c.advise(answer)
	case refused(err):
		return fmt.Errorf("nothing listens at %s: start a server with reeve serve, or name another with --endpoint or REEVE_ENDPOINT", c.shownEndpoint())
	case untrusted(err):
		return fmt.Errorf("the certificate of %s is not believed: give its authority with --ca-file or REEVE_CA_FILE (%w)", c.shownEndpoint(), innerOf(err))
	case c.mayLackCertificate(err):
		return fmt.Errorf("call %s: %w: if it asks for a certificate, give --client-certificate and --client-key (REEVE_CLIENT_CERTIFICATE and REEVE_CLIENT_KEY)", c.shownEndpoint(), innerOf(err))
	}
	return fmt.Errorf("call %s: %w", c.shownEndpoint(), innerOf(err))
}

// innerOf is an error without what says Post and the endpoint once more.
func innerOf(err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		return outer.Err
	}
	return err
}

// advise adds what to do about an answer that says that the request is not
// signed as it should be.
func (c *Client) advise(answer *Error) error {
	about := func(start string) bool { return strings.HasPrefix(answer.Message, start) }
	switch {
	case answer.Code == "" && answer.Message == "":
		return fmt.Errorf("%s: %w", c.shownEndpoint(), answer)
	case answer.Code != "UnrecognizedClientException" && answer.Code != "InvalidSignatureException":
		return answer
	case about("Signature expired"), about("Signature not yet current"):
		return fmt.Errorf("%w: the clocks of this machine and of the server differ by more than 15 minutes, so set the one that is wrong", answer)
	case about("Credential should be scoped to a valid region"):
		return fmt.Errorf("%w: give a region such as us-east-1 with --region or AWS_REGION", answer)
	case c.source == "":
		return answer
	}
	return fmt.Errorf("%w (access key %s, from %s); for a key of this server run eval \"$(reeve env)\"", answer, c.credentials.AccessKeyID, c.source)
}

func (c *Client) shownEndpoint() string { return strings.TrimSuffix(c.endpoint, "/") }

// AccessKeyID is the access key that calls are signed with.
func (c *Client) AccessKeyID() string { return c.credentials.AccessKeyID }
