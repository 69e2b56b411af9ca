package aws

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// Pages is pages, for lists too long to be served.
var Pages = pages

// MaxPages is maxPages.
const MaxPages = maxPages

// TryAgainAtOnce lets failed calls be tried again, as often as else, without a
// pause to speak of.
func (s *Source) TryAgainAtOnce() {
	s.retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = maxAttempts, time.Millisecond })
	}
}
