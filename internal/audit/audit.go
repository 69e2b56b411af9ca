// Package audit keeps a trail of every call: who, from where, what, with what
// outcome. Events have the shape of AWS CloudTrail's, one JSON object a line.
//
// A [Recorder] takes events into a bounded queue and writes them as segments:
// many events, compressed, in one row. Segments of one server process are a
// chain, each holding the hash of the one before, and each chain begins with
// the head of the chain that was begun before it; [Verify] finds what was
// removed or changed. [Lookup] reads events, the newest first.
//
// It knows neither HTTP nor the operations: package server says what a call
// was. Where segments are kept is a [Store]'s to know.
package audit

import (
	"fmt"
	"time"
)

// Event is one call. Texts may come from anybody: what is too long is cut,
// what is no UTF-8 replaced, and what is a secret by its name hidden.
type Event struct {
	Identity Identity

	Type      string // TypeSignIn; "" is a call of an API
	Source    string // the service: SourceLicenseManager, SourceReeve, or an AWS service's
	Name      string // the operation
	Region    string // "" when nobody proved one
	SourceIP  string
	UserAgent string
	RequestID string

	ErrorCode    string // "" for a call that was answered
	ErrorMessage string

	Request   []byte // JSON as it was sent, or empty; it is copied
	Response  []byte // likewise, of a change; it is copied
	Malformed bool   // Request may be no JSON: it is looked at first

	Resources []string // ARNs, besides those that Request and Response hold

	ReadOnly bool   // nothing can have changed; with a Response the event is kept like a change's
	Account  string // whose trail it is in
}

// The sources of events.
const (
	SourceLicenseManager = "license-manager.amazonaws.com"
	SourceReeve          = "reeve"
	SourceSTS            = "sts.amazonaws.com"
	SourceSignIn         = "signin.amazonaws.com"
)

// The types of events.
const (
	TypeCall   = "AwsApiCall"
	TypeSignIn = "AwsConsoleSignIn" // of a person, in the console
)

// Identity is who made a call, as CloudTrail tells it.
type Identity struct {
	Type        string // Root, IAMUser, AssumedRole, WebIdentityUser, AgentToken; "" is Unknown
	PrincipalID string
	ARN         string
	Account     string
	AccessKeyID string // that was signed with; of an Unknown: that was claimed
	UserName    string
	Issuer      *Issuer // of an assumed role

	Issued time.Time // of temporary credentials, when they were made
	Source string    // likewise, the source identity that they were asked for with
}

// Issuer is the role that a session was made from.
type Issuer struct {
	PrincipalID string
	ARN         string
	Account     string
	UserName    string // the role's
}

// Unknown is the type of who has not proven anything.
const Unknown = "Unknown"

// Mode says which calls are recorded.
type Mode string

// The modes.
const (
	All     Mode = "all"
	Changes Mode = "changes" // and whatever was refused
	Off     Mode = "off"
)

// ParseMode reads a mode as settings name it.
func ParseMode(s string) (Mode, error) {
	switch m := Mode(s); m {
	case All, Changes, Off:
		return m, nil
	}
	return "", fmt.Errorf("is %q: give all, changes or off", s)
}

// lasting reports whether an event is to be written before the answer: that of
// a change, and that of a read which gave something away, as AssumeRole does.
func (e *Event) lasting() bool { return !e.ReadOnly || len(e.Response) > 0 }

// keeps reports whether an event is to be recorded.
func (m Mode) keeps(e *Event) bool {
	switch m {
	case All:
		return true
	case Changes:
		return e.lasting() || e.ErrorCode != ""
	}
	return false
}

// Limits of one event, in bytes but where they say otherwise.
const (
	maxRequest   = 8 << 10
	maxResponse  = 4 << 10
	maxText      = 512     // of a header or a name
	maxMessage   = 1 << 10 // of an error
	maxValue     = 2 << 10 // of one text in Request or Response
	maxResources = 100     // in number
	maxLooked    = 64 << 10
)
