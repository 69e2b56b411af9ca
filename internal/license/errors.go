package license

import (
	"errors"
	"fmt"
)

// Kind says what sort of refusal an Error is. Each maps to exactly one error
// of the API; package server holds the map.
type Kind int

// The kinds of refusal.
const (
	Internal             Kind = iota // not a refusal: a fault of ours
	InvalidParameter                 // InvalidParameterValueException
	NotFound                         // the same on the wire, with AWS's text for an unknown configuration
	FilterLimit                      // FilterLimitExceededException
	LimitExceeded                    // ResourceLimitExceededException: a quota
	LicenseUsage                     // LicenseUsageException: not enough licences
	InvalidResourceState             // InvalidResourceStateException
	Conflict                         // ConflictException
	Denied                           // AuthorizationException
	Validation                       // ValidationException
	AccessDenied                     // AccessDeniedException: seen, but somebody else's to change

	// In the terms of AWS Organizations.
	OrganizationsNotInUse // AWSOrganizationsNotInUseException: the account is in no organization
	AlreadyInOrganization // AlreadyInOrganizationException
	AccountNotFound       // AccountNotFoundException
	ManagementStays       // MasterCannotLeaveOrganizationException
	AlreadyRegistered     // AccountAlreadyRegisteredException
	NotRegistered         // AccountNotRegisteredException
)

// Error is a refusal that its reader can act on. Message is a sentence for
// the caller; it never names what belongs to another account.
type Error struct {
	Kind    Kind
	Message string
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// KindOf returns the kind of the first *Error in err's chain, else Internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

func refuse(k Kind, format string, args ...any) error {
	return &Error{Kind: k, Message: fmt.Sprintf(format, args...)}
}
