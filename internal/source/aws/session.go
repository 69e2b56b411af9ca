package aws

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Bounds of one call.
const (
	maxAttempts    = 8
	requestTimeout = time.Minute
	maxAnswer      = 64 << 20
)

// loaded is a profile ready for use.
type loaded struct {
	config  aws.Config
	regions []string
}

// load reads the profile, anew for each pull: keys in it may have changed.
func (s *Source) load(ctx context.Context) (loaded, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithSharedConfigProfile(s.settings.Profile))
	if err != nil {
		return loaded{}, fmt.Errorf("load the profile %q: %w; see the shared configuration files of the user that the server runs as", s.settings.Profile, err)
	}
	regions := s.settings.Regions
	if len(regions) == 0 {
		if cfg.Region == "" {
			return loaded{}, fmt.Errorf("no region is known: name some in regions, or set one in the profile %q", s.settings.Profile)
		}
		regions = []string{cfg.Region}
	}
	cfg.HTTPClient = s.client(cfg.HTTPClient)
	cfg.BaseEndpoint = nil
	cfg.Retryer = s.retryer
	return loaded{cfg, regions}, nil
}

// adaptive tries calls again with growing pauses, and slows a service's calls
// down when it throttles them.
func adaptive() aws.Retryer {
	return retry.NewAdaptiveMode(func(o *retry.AdaptiveModeOptions) {
		o.StandardOptions = append(o.StandardOptions, func(o *retry.StandardOptions) { o.MaxAttempts = maxAttempts })
	})
}

// client keeps every request, also one that is tried again, to the rate limit,
// and bounds its time and its answer.
func (s *Source) client(inner aws.HTTPClient) aws.HTTPClient {
	switch plain := inner.(type) {
	case nil:
		inner = awshttp.NewBuildableClient().WithTimeout(requestTimeout)
	case *awshttp.BuildableClient:
		inner = plain.WithTimeout(requestTimeout)
	}
	return &boundedClient{inner, newLimiter(cmp.Or(s.settings.MaxRequestsPerSecond, defaultRequests))}
}

type boundedClient struct {
	inner   aws.HTTPClient
	limiter *limiter
}

func (c *boundedClient) Do(r *http.Request) (*http.Response, error) {
	if err := c.limiter.wait(r.Context()); err != nil {
		return nil, err
	}
	answer, err := c.inner.Do(r)
	if err == nil {
		answer.Body = http.MaxBytesReader(nil, answer.Body, maxAnswer)
	}
	return answer, err
}

// account is one AWS account with the rights to read it.
type account struct {
	id        string
	partition string
	config    aws.Config
}

// accounts proves the rights to each account. An account that cannot be
// entered is an error beside the others.
func (s *Source) accounts(ctx context.Context, l loaded) ([]account, []error) {
	roles := s.settings.RoleARNs
	if len(roles) == 0 {
		roles = []string{""}
	}
	found, failed := make([]account, len(roles)), make([]error, len(roles))
	inParallel(ctx, len(roles), maxParts, func(i int) { found[i], failed[i] = s.enter(ctx, l, roles[i]) })
	var entered []account
	for i := range found {
		if failed[i] == nil && found[i].id != "" {
			entered = append(entered, found[i])
		}
	}
	return entered, failed
}

// enter assumes a role, "" for none, and asks whose account it is in.
func (s *Source) enter(ctx context.Context, l loaded, role string) (account, error) {
	cfg := l.config.Copy()
	cfg.Region = l.regions[0]
	at := place{account: roleAccount(role), region: cfg.Region, profile: s.settings.Profile, role: role}
	if role != "" {
		cfg.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(s.sts(cfg), role, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = cmp.Or(s.settings.SessionName, defaultSession)
			if s.settings.ExternalID != "" {
				o.ExternalID = &s.settings.ExternalID
			}
		}))
	}
	identity, err := s.sts(cfg).GetCallerIdentity(ctx, nil)
	if err != nil {
		return account{}, at.explain(err)
	}
	arn := strings.SplitN(aws.ToString(identity.Arn), ":", 3)
	id := aws.ToString(identity.Account)
	if !isAccount(id) || len(arn) != 3 {
		return account{}, at.explain(errors.New("GetCallerIdentity names no account; look at endpoint and endpoints"))
	}
	return account{id, arn[1], cfg}, nil
}

func (s *Source) sts(cfg aws.Config) *sts.Client {
	return sts.NewFromConfig(cfg, func(o *sts.Options) {
		if address := s.settings.endpoint("sts"); address != nil {
			o.BaseEndpoint = address
		}
	})
}
