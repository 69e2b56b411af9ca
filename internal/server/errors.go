package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"reeve/internal/api"
	"reeve/internal/awsjson"
	"reeve/internal/iam"
	"reeve/internal/license"
	"reeve/internal/sigv4"
)

// Codes of the API's errors, by their shape names.
const (
	codeAccessDenied     = "AccessDeniedException"
	codeAuthorization    = "AuthorizationException"
	codeConflict         = "ConflictException"
	codeFilterLimit      = "FilterLimitExceededException"
	codeInvalidParameter = "InvalidParameterValueException"
	codeInternal         = "ServerInternalException"
	codeInvalidState     = "InvalidResourceStateException"
	codeLicenseUsage     = "LicenseUsageException"
	codeResourceLimit    = "ResourceLimitExceededException"
	codeUnavailable      = "ServiceUnavailableException"
	codeUnknownOperation = "UnknownOperationException"
	codeValidation       = "ValidationException"
)

// codes maps the rules' kinds of refusal to the API's.
var codes = map[license.Kind]string{
	license.InvalidParameter:     codeInvalidParameter,
	license.NotFound:             codeInvalidParameter,
	license.FilterLimit:          codeFilterLimit,
	license.LimitExceeded:        codeResourceLimit,
	license.LicenseUsage:         codeLicenseUsage,
	license.InvalidResourceState: codeInvalidState,
	license.Conflict:             codeConflict,
	license.Denied:               codeAuthorization,
	license.Validation:           codeValidation,
	license.AccessDenied:         codeAccessDenied,

	license.OrganizationsNotInUse: api.AWSOrganizationsNotInUseException,
	license.AlreadyInOrganization: api.AlreadyInOrganizationException,
	license.AccountNotFound:       api.AccountNotFoundException,
	license.ManagementStays:       api.MasterCannotLeaveOrganizationException,
	license.AlreadyRegistered:     api.AccountAlreadyRegisteredException,
	license.NotRegistered:         api.AccountNotRegisteredException,
}

// iamCodes maps the kinds of refusal of package iam.
var iamCodes = map[iam.Kind]string{
	iam.Denied:  codeAuthorization,
	iam.Invalid: codeInvalidParameter,
	iam.Exists:  codeInvalidParameter,
	iam.Missing: codeInvalidParameter,
	iam.Full:    codeResourceLimit,
	iam.InUse:   codeConflict,
}

// fault is the one place where an error becomes what the caller sees. It
// returns nil for a fault of our own, of which the caller learns nothing and
// the log everything. declared are the codes that the operation's model
// declares: a client's error handling knows no others.
func fault(err error, declared []string) *awsjson.Fault {
	var (
		ready     *awsjson.Fault
		refusal   *license.Error
		unallowed *iam.Error
		unsigned  *sigv4.Error
		away      interface{ Unavailable() bool } // the database
		unwritten interface{ Unwritable() bool }
		damaged   interface{ Damaged() bool }
	)
	switch {
	case errors.As(err, &ready):
		return ready
	case errors.As(err, &unsigned):
		return &awsjson.Fault{Code: unsigned.Code, Message: unsigned.Message}
	case errors.As(err, &unallowed):
		return refused(iamCodes[unallowed.Kind], unallowed.Message, declared)
	case errors.As(err, &refusal):
		return refused(codes[refusal.Kind], refusal.Message, declared)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &awsjson.Fault{
			Code:    codeUnavailable,
			Message: "The server is too busy to answer in time, or is shutting down. Try again.",
			Status:  http.StatusServiceUnavailable,
		}
	case errors.As(err, &unwritten) && unwritten.Unwritable():
		return &awsjson.Fault{
			Code:    codeUnavailable,
			Message: "The server's database cannot be written: its disk is full or read-only. Nothing was changed, and reading works. Try again when there is space.",
			Status:  http.StatusServiceUnavailable,
		}
	case errors.As(err, &damaged) && damaged.Damaged():
		return &awsjson.Fault{
			Code:    codeInternal,
			Message: "The server's database is damaged, so there is no answer. Its operator must restore a backup; the server's log says what was found.",
			Status:  http.StatusInternalServerError,
		}
	case errors.As(err, &away) && away.Unavailable():
		return &awsjson.Fault{
			Code:    codeUnavailable,
			Message: "The server's database does not answer at the moment. Try again.",
			Status:  http.StatusServiceUnavailable,
		}
	}
	return nil
}

// refused returns the fault of a refusal. A code that the operation does not
// declare gives way to the nearest one that it does; ValidationException and
// AuthorizationException are the front door's, and every operation may answer them.
func refused(code, message string, declared []string) *awsjson.Fault {
	switch {
	case code == "":
		return nil
	case code == codeValidation, code == codeAuthorization, slices.Contains(declared, code):
	case slices.Contains(declared, codeInvalidParameter):
		code = codeInvalidParameter
	default:
		code = codeValidation
	}
	return &awsjson.Fault{Code: code, Message: message}
}

// invalid is a refusal of a parameter's value.
func invalid(format string, args ...any) error {
	return &license.Error{Kind: license.InvalidParameter, Message: fmt.Sprintf(format, args...)}
}

// filterLimit is a refusal of too many filters or values.
func filterLimit(format string, args ...any) error {
	return &license.Error{Kind: license.FilterLimit, Message: fmt.Sprintf(format, args...)}
}
