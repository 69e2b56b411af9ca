package aws

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/aws/smithy-go"
)

// place is where a call went, for errors.
type place struct{ account, region, profile, role string }

// String is "account 111122223333, region eu-central-1".
func (p place) String() string {
	if p.account == "" {
		return "region " + p.region
	}
	return "account " + p.account + ", region " + p.region
}

// explain says where a call failed and what its reader can do. The end of a
// context stays what it is.
func (p place) explain(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var call *smithy.OperationError
	if !errors.As(err, &call) {
		return fmt.Errorf("%s: %w", p, err)
	}
	if inner := new(smithy.OperationError); errors.As(call.Err, &inner) && inner.Operation() == "AssumeRole" {
		call = inner // the call failed for want of the role
	}
	advice := p.advice(call)
	if advice != "" {
		advice = "; " + advice
	}
	return fmt.Errorf("%s, %s %s: %w%s", p, strings.ToLower(call.Service()), call.Operation(), reason(call), advice)
}

// reason is the answer's code and message where there is one: the rest of an
// SDK's error repeats the call.
func reason(call *smithy.OperationError) error {
	var answer smithy.APIError
	if errors.As(call.Err, &answer) {
		return fmt.Errorf("%s: %s", answer.ErrorCode(), answer.ErrorMessage())
	}
	return call.Err
}

// Codes of refusals, by what helps against them.
var (
	forbidden = []string{"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "NotAuthorized"}
	badKeys   = []string{"InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure", "SignatureDoesNotMatch",
		"ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidAccessKeyId", "MissingAuthenticationToken"}
	tooFast = []string{"Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException", "ThrottledException", "RequestThrottled"}
	closed  = []string{"OptInRequired", "RegionDisabledException"}
)

func (p place) advice(call *smithy.OperationError) string {
	code := ""
	var answer smithy.APIError
	if errors.As(call.Err, &answer) {
		code = answer.ErrorCode()
	}
	var unknown *net.DNSError
	switch {
	case slices.Contains(forbidden, code) && call.Operation() == "AssumeRole":
		return fmt.Sprintf("let the profile's identity call sts:AssumeRole on %s, and let the role's trust policy name that identity and external_id", p.role)
	case slices.Contains(forbidden, code):
		return fmt.Sprintf("allow %s:%s to %s; docs/sources-aws.md has the whole policy", strings.ToLower(call.Service()), call.Operation(), p.identity())
	case slices.Contains(badKeys, code):
		return fmt.Sprintf("renew the credentials of the profile %q, set the machine's clock, and see that the account has the region enabled", p.profile)
	case slices.Contains(tooFast, code):
		return "lower max_requests_per_second or have the quota raised"
	case slices.Contains(closed, code):
		return "enable the region in the account or leave it out of regions"
	case errors.As(call.Err, &unknown):
		return "look at the spelling of the region, at endpoint and endpoints, and at the server's DNS"
	case code == "" && strings.Contains(call.Err.Error(), "credentials"):
		return fmt.Sprintf("give the profile %q an access key or a role", p.profile)
	}
	return ""
}

func (p place) identity() string {
	if p.role != "" {
		return "the role " + p.role
	}
	return fmt.Sprintf("the identity of the profile %q", p.profile)
}
