package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reeve/internal/api"
	"reeve/internal/sigv4"
)

// answer is one canned answer of a test server.
type answer struct {
	status int
	body   string
}

// server answers requests in turn, the last answer for ever, and counts them.
func server(t *testing.T, answers ...answer) (*Client, *int) {
	t.Helper()
	calls := new(int)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := answers[min(*calls, len(answers)-1)]
		*calls++
		w.Header().Set("X-Amzn-RequestId", "request-1")
		w.Header().Set("Location", "/elsewhere") // only a redirect would go there
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.body)
	}))
	t.Cleanup(s.Close)
	return to(t, s.URL), calls
}

func to(t *testing.T, url string) *Client {
	t.Helper()
	c, err := New(url, "eu-west-1", Credentials{AccessKeyID: "AKIATEST", SecretAccessKey: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	c.pause = time.Millisecond
	return c
}

func put(c *Client) (*api.PutResourcesOutput, error) {
	arn := "arn:aws:ec2:eu-west-1:123456789012:instance/i-ü"
	return Call[api.PutResourcesInput, api.PutResourcesOutput](context.Background(), c, "Reeve.PutResources",
		&api.PutResourcesInput{Resources: []api.Resource{{ResourceArn: &arn}}})
}

func create(c *Client) (*api.CreateAccountOutput, error) {
	return Call[api.CreateAccountInput, api.CreateAccountOutput](context.Background(), c, "Reeve.CreateAccount", &api.CreateAccountInput{})
}

func TestCallsAreSignedAsTheVerifierWantsThem(t *testing.T) {
	verifier := &sigv4.Verifier{Service: "license-manager", Now: time.Now,
		Lookup: func(_ context.Context, id, _ string) (string, any, error) { return "secret", id, nil }}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		who, err := verifier.Verify(r, body)
		if err != nil {
			t.Errorf("verify: %v", err)
		}
		if who.AccessKeyID != "AKIATEST" || who.Region != "eu-west-1" {
			t.Errorf("signed by %+v", who)
		}
		if r.Method != "POST" || r.URL.Path != "/" || r.Header.Get("X-Amz-Target") != "Reeve.PutResources" || r.Header.Get("Content-Type") != "application/x-amz-json-1.1" {
			t.Errorf("sent %s %s with %v", r.Method, r.URL, r.Header)
		}
		if diff := cmp.Diff(`{"Resources":[{"ResourceArn":"arn:aws:ec2:eu-west-1:123456789012:instance/i-ü"}]}`, string(body)); diff != "" {
			t.Errorf("body (-want +got):\n%s", diff)
		}
		_, _ = io.WriteString(w, `{"Created":1,"Changed":2,"Unknown":[]}`)
	}))
	defer s.Close()
	out, err := put(to(t, s.URL))
	if err != nil || *out.Created != 1 || *out.Changed != 2 {
		t.Errorf("answer %+v, %v", out, err)
	}
}

func TestErrorsOfTheServer(t *testing.T) {
	for name, c := range map[string]struct {
		answer answer
		want   Error
		text   string
	}{
		"bare":      {answer{400, `{"__type":"ConflictException","Message":"changed meanwhile"}`}, Error{"ConflictException", "changed meanwhile", "request-1", 400}, "changed meanwhile"},
		"namespace": {answer{400, `{"__type":"com.amazon#X","message":"lower"}`}, Error{"X", "lower", "request-1", 400}, "lower"},
		"no text":   {answer{400, `{"__type":"X"}`}, Error{"X", "", "request-1", 400}, "answered X"},
		"a proxy":   {answer{404, `<html>`}, Error{"", "", "request-1", 404}, "status 404"},
		"redirect":  {answer{302, ``}, Error{"", "", "request-1", 302}, "status 302"},
	} {
		t.Run(name, func(t *testing.T) {
			client, calls := server(t, c.answer)
			_, err := put(client)
			var got *Error
			if !errors.As(err, &got) {
				t.Fatalf("got %v", err)
			}
			if diff := cmp.Diff(c.want, *got); diff != "" || !strings.Contains(err.Error(), c.text) || *calls != 1 {
				t.Errorf("%q after %d calls (-want +got):\n%s", err, *calls, diff)
			}
		})
	}
}

func TestWhatIsTriedAgain(t *testing.T) {
	fault := answer{500, `{"__type":"ServerInternalException","Message":"broken"}`}
	slow := answer{400, `{"__type":"ThrottlingException","Message":"slow down"}`}
	fine := answer{200, `{}`}
	run := func(name string, wantCalls int, wantOK, creates bool, answers ...answer) {
		t.Helper()
		c, calls := server(t, answers...)
		_, err := put(c)
		if creates {
			c, calls = server(t, answers...)
			_, err = create(c)
		}
		if *calls != wantCalls || (err == nil) != wantOK {
			t.Errorf("%s: %d calls, %v; want %d calls", name, *calls, err, wantCalls)
		}
	}
	run("a fault, then fine", 3, true, false, fault, fault, fine)
	run("faults for ever", attempts, false, false, fault)
	run("a gateway's fault", 2, true, false, answer{502, "<html>"}, fine)
	run("throttled", 2, true, false, slow, fine)
	run("a creation that failed", 1, false, true, fault, fine)
	run("a creation that was throttled", 2, true, true, slow, fine)
	run("not built", 1, false, false, answer{501, `{}`}, fine)
}

func TestNobodyListens(t *testing.T) {
	_, err := create(to(t, "http://127.0.0.1:1"))
	if err == nil || !strings.Contains(err.Error(), "start a server with reeve serve") {
		t.Errorf("got %v", err)
	}
}

func TestCancelledCallsEnd(t *testing.T) {
	c, _ := server(t, answer{500, `{}`})
	c.pause = time.Hour
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err := Call[api.VerifyLedgersInput, api.VerifyLedgersOutput](ctx, c, "Reeve.VerifyLedgers", &api.VerifyLedgersInput{})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestARequestThatIsSignedWrongly(t *testing.T) {
	for message, want := range map[string]string{
		"Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z (20260101T002500Z - 15 min.)":         "the clocks of this machine and of the server differ",
		"Signature not yet current: 20260101T010000Z is still later than 20260101T001500Z (20260101T000000Z + 15 min.)": "the clocks of this machine and of the server differ",
		"Credential should be scoped to a valid region, not 'Mars'. ":                                                   "not 'Mars': give a region such as us-east-1 with --region or AWS_REGION",
		"The request signature we calculated does not match.":                                                           "for a key of this server run",
	} {
		c, _ := server(t, answer{400, `{"__type":"InvalidSignatureException","Message":"` + message + `"}`})
		c.source = "AWS_ACCESS_KEY_ID"
		_, err := put(c)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
		if aboutKey := strings.Contains(err.Error(), "AKIATEST"); aboutKey != strings.HasPrefix(message, "The request") {
			t.Errorf("%v speaks of the key: %v", err, aboutKey)
		}
	}
}

func TestWhatIsNoReeveServerIsNamed(t *testing.T) {
	c, _ := server(t, answer{404, `<html>`})
	_, err := put(c)
	if err == nil || !strings.HasPrefix(err.Error(), c.shownEndpoint()+": ") {
		t.Errorf("got %v", err)
	}
}

func TestAnUnknownKeyIsTracedToItsPlace(t *testing.T) {
	c, _ := server(t, answer{400, `{"__type":"UnrecognizedClientException","Message":"The security token included in the request is invalid."}`})
	c.source = "/home/me/.aws/credentials"
	_, err := put(c)
	if err == nil || !strings.Contains(err.Error(), "AKIATEST, from /home/me/.aws/credentials") {
		t.Errorf("got %v", err)
	}
}
