package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"reeve/internal/api"
	"reeve/internal/awsjson"
	"reeve/internal/iam"
	"reeve/internal/license"
	"reeve/internal/sigv4"
)

// frontDoor are the codes that every operation may answer, declared or not.
var frontDoor = []string{codeValidation, codeAuthorization}

func TestEveryOperationAnswersOnlyErrorsThatItDeclares(t *testing.T) {
	for _, o := range api.Operations {
		for kind := license.InvalidParameter; kind <= license.Validation; kind++ {
			f := fault(fmt.Errorf("wrapped: %w", &license.Error{Kind: kind, Message: "m"}), o.Errors)
			if f == nil {
				t.Errorf("%s: kind %d is no refusal", o.Name, kind)
				continue
			}
			if !slices.Contains(o.Errors, f.Code) && !slices.Contains(frontDoor, f.Code) {
				t.Errorf("%s answers kind %d with %s, which it does not declare", o.Name, kind, f.Code)
			}
		}
	}
}

func TestEveryKindHasTheCodeOfItsError(t *testing.T) {
	everything := []string{codeConflict, codeFilterLimit, codeInvalidParameter, codeInvalidState, codeLicenseUsage, codeResourceLimit}
	for kind, want := range map[license.Kind]string{
		license.InvalidParameter:     "InvalidParameterValueException",
		license.NotFound:             "InvalidParameterValueException",
		license.FilterLimit:          "FilterLimitExceededException",
		license.LimitExceeded:        "ResourceLimitExceededException",
		license.LicenseUsage:         "LicenseUsageException",
		license.InvalidResourceState: "InvalidResourceStateException",
		license.Conflict:             "ConflictException",
		license.Denied:               "AuthorizationException",
		license.Validation:           "ValidationException",
	} {
		f := fault(&license.Error{Kind: kind, Message: "what to do"}, everything)
		if f == nil || f.Code != want || f.Message != "what to do" || f.Status != 0 {
			t.Errorf("kind %d: got %+v, want %s with status 400", kind, f, want)
		}
	}
}

func TestErrorsOfOtherPackages(t *testing.T) {
	declared := []string{codeInvalidParameter}
	tests := map[string]struct {
		err    error
		code   string
		status int
	}{
		"Denied":     {&iam.Error{Kind: iam.Denied, Message: "m"}, codeAuthorization, 0},
		"BadAccount": {&iam.Error{Kind: iam.Invalid, Message: "m"}, codeInvalidParameter, 0},
		"Taken":      {&iam.Error{Kind: iam.Exists, Message: "m"}, codeInvalidParameter, 0},
		"Unsigned":   {&sigv4.Error{Code: "InvalidSignatureException", Message: "m"}, "InvalidSignatureException", 0},
		"Ready":      {&awsjson.Fault{Code: "X", Message: "m", Status: 418}, "X", 418},
		"TooSlow":    {fmt.Errorf("read: %w", context.DeadlineExceeded), codeUnavailable, 503},
		"Stopping":   {fmt.Errorf("read: %w", context.Canceled), codeUnavailable, 503},
		"Away":       {fmt.Errorf("read: %w", awayError{}), codeUnavailable, 503},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := fault(test.err, declared)
			if f == nil || f.Code != test.code || f.Status != test.status {
				t.Errorf("got %+v, want %s with status %d", f, test.code, test.status)
			}
		})
	}
}

// awayError is an error of a database, as it is known here.
type awayError struct{}

func (awayError) Error() string     { return "connection refused at /secret" }
func (awayError) Unavailable() bool { return true }

func TestWhatIsNoRefusalIsNotTold(t *testing.T) {
	for _, err := range []error{
		errors.New("disk full at /secret"),
		&license.Error{Kind: license.Internal, Message: "secret"},
		fmt.Errorf("look up access key: %w", errors.New("secret")),
	} {
		if f := fault(err, nil); f != nil {
			t.Errorf("%v becomes %+v, want nil: the handler's constant answer", err, f)
		}
	}
}
