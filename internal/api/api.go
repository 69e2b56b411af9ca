// Package api holds the wire shapes of the operations that Reeve answers: AWS
// License Manager's, and its own extension service's.
//
// The shapes, their constraints and the lists of operations and errors are
// generated from service models in botocore's format; see package gen. They
// are read and written with github.com/go-json-experiment/json at its default
// options: names are exact, unknown members are ignored, and null is the same
// as an absent member. A nil pointer, slice or map is left out; an empty slice
// that is not nil is written as [].
package api

import "slices"

//go:generate go run reeve/internal/api/gen -reeve ../../models/reeve/2026-12-01/service-2.json -out .

// The services, by the prefix of the X-Amz-Target header that selects them.
const (
	LicenseManager = "AWSLicenseManager"
	Reeve          = "Reeve"
)

// Input is what every operation's input can do.
type Input interface {
	// Validate returns what breaks the constraints of the service model, in
	// the order of the members and ten at most; nil when nothing does.
	Validate() Violations
}

// Operation is one operation of a service model.
type Operation struct {
	Service   string       // LicenseManager or Reeve
	Name      string       // such as ListUsageForLicenseConfiguration
	Errors    []string     // codes of the declared errors, sorted
	NewInput  func() Input // a new, empty <Name>Input
	NewOutput func() any   // a new, empty <Name>Output
}

// Operations lists the operations of both services, License Manager's first,
// sorted by name within each.
var Operations = slices.Concat(licenseManagerOperations, reeveOperations)
