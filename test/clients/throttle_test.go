package clients_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	lm "github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/smithy-go"
)

// startSlow starts a server that lets a key make two requests a second.
func startSlow(t *testing.T) *server {
	t.Helper()
	return startWith(t, "REEVE_RATE_LIMIT=2", "REEVE_RATE_LIMIT_BURST=2")
}

// TestGoSlowsDown makes more calls than a key may, with one attempt and with
// the SDK's own retries.
func TestGoSlowsDown(t *testing.T) {
	t.Parallel()
	s := startSlow(t)
	calls := func(attempts int) (throttled error) {
		c := lm.New(goClient(s, rootKey).Options(), func(o *lm.Options) {
			// The standard retryer, but for the tokens that bound all retries of a client.
			o.Retryer = retry.NewStandard(func(r *retry.StandardOptions) {
				r.MaxAttempts = attempts
				r.RateLimiter = noBound{}
			})
		})
		for range 12 {
			_, err := c.ListLicenseConfigurations(t.Context(), &lm.ListLicenseConfigurationsInput{})
			throttled = errors.Join(throttled, err)
		}
		return throttled
	}
	var refused *smithy.GenericAPIError
	if err := calls(1); !errors.As(err, &refused) || refused.Code != "ThrottlingException" || !strings.HasPrefix(refused.Message, "Rate exceeded") {
		t.Errorf("12 calls at once: %v", err)
	}
	if err := calls(10); err != nil {
		t.Errorf("12 calls with retries: %v", err)
	}
	if err := calls(1); err == nil {
		t.Error("nothing was throttled after all")
	}
	other := s.tenantKey(t)
	if _, err := goClient(s, other).ListLicenseConfigurations(t.Context(), &lm.ListLicenseConfigurationsInput{}); err != nil {
		t.Errorf("another key: %v", err)
	}
}

// TestBoto3SlowsDown does so with both of boto3's modes.
func TestBoto3SlowsDown(t *testing.T) {
	t.Parallel()
	needBoto3(t)
	s := startSlow(t)
	const script = `
import boto3, os
from botocore.config import Config
from botocore.exceptions import ClientError

def calls(mode, attempts):
    lm = boto3.client("license-manager", endpoint_url=os.environ["REEVE_ENDPOINT"],
                      config=Config(retries={"mode": mode, "max_attempts": attempts}))
    retried = refused = 0
    for _ in range(12):
        try:
            retried += lm.list_license_configurations()["ResponseMetadata"]["RetryAttempts"]
        except ClientError as e:
            assert e.response["Error"]["Code"] == "ThrottlingException", e
            assert e.response["ResponseMetadata"]["HTTPStatusCode"] == 400, e
            refused += 1
    return refused, retried

refused, _ = calls("standard", 1)
assert refused > 0, "nothing was refused"
for mode in "standard", "legacy":
    refused, retried = calls(mode, 10)
    assert refused == 0 and retried > 0, (mode, refused, retried)
print("slowed down")
`
	if out, errs, err := run(t, s.environment(t, rootKey), python, "-c", script); err != nil || strings.TrimSpace(out) != "slowed down" {
		t.Errorf("boto3: %v %s%s", err, out, errs)
	}
}

// noBound lets a client retry for as long as its attempts last.
type noBound struct{}

func (noBound) GetToken(_ context.Context, _ uint) (func() error, error) { return noRelease, nil }
func (noBound) AddTokens(uint) error                                     { return nil }

func noRelease() error { return nil }
