package sts

import (
	"context"
	"errors"

	"reeve/internal/iam"
	"reeve/internal/sigv4"
)

// Lookup finds the secret and the owner (an *iam.Identity) of an access key,
// for a sigv4.Verifier.
func Lookup(directory *iam.Directory) func(context.Context, string, string) (string, any, error) {
	return func(ctx context.Context, accessKeyID, token string) (string, any, error) {
		secret, who, err := directory.LookupSigner(ctx, accessKeyID, token)
		switch {
		case errors.Is(err, iam.ErrUnknownAccessKey):
			err = sigv4.ErrUnknownKey
		case errors.Is(err, iam.ErrExpiredToken):
			err = sigv4.ErrExpiredToken
		}
		return secret, who, err
	}
}

// LimitedAs is under which name the requests of somebody count for their rate:
// the access key, or the role or user of a session, whose keys anybody who may
// begin one can have any number of.
func LimitedAs(who *iam.Identity, accessKeyID string) string {
	if who.Session != "" || who.OfSessionToken() {
		return who.Holder.ARN()
	}
	return accessKeyID
}
