package clients_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	lm "github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/smithy-go"
)

// atOnce is how many calls reach the server together. It lets a key make one a
// second, so that some are refused unless it takes a second to look at each;
// they come once more then, rounds times.
const (
	atOnce = 4
	rounds = 20
)

// startSlow starts a server that lets a key make a request a second.
func startSlow(t *testing.T) *server {
	t.Helper()
	return startWith(t, "REEVE_RATE_LIMIT=1", "REEVE_RATE_LIMIT_BURST=1")
}

// together is a way to the server that holds what comes until atOnce requests
// have, however long their client takes to make them, and then lets them
// through at once, and all that follow.
func (s *server) together(t *testing.T) *server {
	t.Helper()
	to, err := url.Parse(s.url)
	must(t, "read the server's URL", err)
	var came atomic.Int64
	all := make(chan struct{})
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host // which is signed
	}}
	held := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if came.Add(1) == atOnce {
			close(all)
		}
		select {
		case <-all:
			proxy.ServeHTTP(w, r)
		case <-r.Context().Done():
		case <-time.After(patience):
			http.Error(w, "the others have not come", http.StatusNotFound)
		}
	}))
	t.Cleanup(held.Close)
	return &server{url: held.URL}
}

// TestGoSlowsDown makes more calls than a key may, with one attempt and with
// the SDK's own retries.
func TestGoSlowsDown(t *testing.T) {
	t.Parallel()
	s := startSlow(t)
	other := s.tenantKey(t)
	var refused *smithy.GenericAPIError
	_, err := goCalls(t, s, 1)
	if !errors.As(err, &refused) || refused.Code != "ThrottlingException" || !strings.HasPrefix(refused.Message, "Rate exceeded") {
		t.Errorf("%d calls at once: %v", atOnce, err)
	}
	if _, err := goClient(s, other).ListLicenseConfigurations(t.Context(), &lm.ListLicenseConfigurationsInput{}); err != nil {
		t.Errorf("another key: %v", err)
	}
	retried, err := goCalls(t, s, 10)
	if err != nil {
		t.Errorf("%d calls with retries: %v", atOnce, err)
	}
	if retried == 0 {
		t.Error("nothing was throttled after all")
	}
}

// goCalls makes atOnce calls of so many attempts each, until the server minds;
// it returns how many attempts were further ones, and what failed.
func goCalls(t *testing.T, s *server, attempts int) (retried int, failed error) {
	t.Helper()
	for round := 0; round < rounds && failed == nil && retried == 0; round++ {
		retried, failed = goRound(t, s.together(t), attempts)
	}
	return retried, failed
}

func goRound(t *testing.T, s *server, attempts int) (retried int, failed error) {
	t.Helper()
	c := lm.New(goClient(s, rootKey).Options(), func(o *lm.Options) {
		// The standard retryer, but for the tokens that bound all retries of a client.
		o.Retryer = retry.NewStandard(func(r *retry.StandardOptions) {
			r.MaxAttempts = attempts
			r.RateLimiter = noBound{}
		})
	})
	type answer struct {
		err     error
		retried int
	}
	answers := make(chan answer, atOnce)
	for range atOnce {
		go func() {
			out, err := c.ListLicenseConfigurations(t.Context(), &lm.ListLicenseConfigurationsInput{})
			if err != nil {
				answers <- answer{err: err}
				return
			}
			made, _ := retry.GetAttemptResults(out.ResultMetadata)
			answers <- answer{retried: len(made.Results) - 1}
		}()
	}
	for range atOnce {
		a := <-answers
		failed, retried = errors.Join(failed, a.err), retried+a.retried
	}
	return retried, failed
}

// TestBoto3SlowsDown does so with both of boto3's modes.
func TestBoto3SlowsDown(t *testing.T) {
	t.Parallel()
	needBoto3(t)
	s := startSlow(t)
	if refused, _ := boto3Calls(t, s, "standard", 1); refused == 0 {
		t.Error("nothing was refused")
	}
	for _, mode := range []string{"standard", "legacy"} {
		if refused, retried := boto3Calls(t, s, mode, 10); refused > 0 || retried == 0 {
			t.Errorf("%s: %d calls were refused and %d attempts were further ones", mode, refused, retried)
		}
	}
}

// boto3Calls makes atOnce calls of so many attempts each, until the server
// minds; it returns how many were refused and how many attempts of the others
// were further ones.
func boto3Calls(t *testing.T, s *server, mode string, attempts int) (refused, retried int) {
	t.Helper()
	for round := 0; round < rounds && refused == 0 && retried == 0; round++ {
		refused, retried = boto3Round(t, s.together(t), mode, attempts)
	}
	return refused, retried
}

func boto3Round(t *testing.T, s *server, mode string, attempts int) (refused, retried int) {
	t.Helper()
	const script = `
import boto3, os, sys
from concurrent.futures import ThreadPoolExecutor
from botocore.config import Config
from botocore.exceptions import ClientError

mode, attempts, calls = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
lm = boto3.client("license-manager", endpoint_url=os.environ["REEVE_ENDPOINT"],
                  config=Config(retries={"mode": mode, "max_attempts": attempts},
                                max_pool_connections=calls, read_timeout=600))

def call(_):
    try:
        return 0, lm.list_license_configurations()["ResponseMetadata"]["RetryAttempts"]
    except ClientError as e:
        assert e.response["Error"]["Code"] == "ThrottlingException", e
        assert e.response["ResponseMetadata"]["HTTPStatusCode"] == 400, e
        return 1, 0

with ThreadPoolExecutor(calls) as threads:
    print(*map(sum, zip(*threads.map(call, range(calls)))))
`
	out, errs, err := run(t, s.environment(t, rootKey), python, "-c", script, mode, strconv.Itoa(attempts), strconv.Itoa(atOnce))
	if err == nil {
		_, err = fmt.Sscan(out, &refused, &retried)
	}
	if err != nil {
		t.Fatalf("boto3: %v %s%s", err, out, errs)
	}
	return refused, retried
}

// noBound lets a client retry for as long as its attempts last.
type noBound struct{}

func (noBound) GetToken(_ context.Context, _ uint) (func() error, error) { return noRelease, nil }
func (noBound) AddTokens(uint) error                                     { return nil }

func noRelease() error { return nil }
