// Package clients holds tests that drive a real server with the clients that
// people use: AWS's command line, boto3, the SDKs for Go and JavaScript,
// Terraform, and Reeve's own command line beside them.
//
// One story (story_test.go) is told by every client, so that all of them see
// the same answers and the same errors. What only one client does, such as
// its paginator, is tested beside its adapter, in its own language where it
// has one.
//
// Each test starts the binary with an empty database on a free port of the
// loopback interface. Nothing of the machine's own AWS settings reaches a
// client. A client that is not installed is skipped with the reason, and is a
// failure with REEVE_REQUIRE_ALL=1; Terraform is always optional.
package clients
