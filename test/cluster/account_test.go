//go:build unix

package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"

	"reeve/internal/api"
	"reeve/internal/client"
	"reeve/internal/licensetest"
)

// account is the root account as a client: AWS's own client, which tries
// again as it does everywhere, only sooner; and Reeve's.
type account struct {
	*licensemanager.Client
	reeve *client.Client
}

// attempts is how often AWS's client tries. With a pause of at most
// longestPause it lasts longer than a failover.
const (
	attempts     = 600
	longestPause = 500 * time.Millisecond
)

// transport keeps a connection for every caller.
var transport = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}

// through is the account through an endpoint.
func through(t *testing.T, endpoint string) *account {
	t.Helper()
	reeve, err := client.New(endpoint, region, client.Credentials{AccessKeyID: rootKeyID, SecretAccessKey: rootSecret})
	must(t, "make client", err)
	return &account{reeve: reeve, Client: licensemanager.New(licensemanager.Options{
		Region: region, BaseEndpoint: &endpoint, HTTPClient: licensetest.Wire{Client: transport},
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts, o.MaxBackoff, o.RateLimiter = attempts, longestPause, ratelimit.None
		}),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: rootKeyID, SecretAccessKey: rootSecret}, nil
		}),
	})}
}

// machine is the ARN of an EC2 instance.
func machine(id string) string {
	return "arn:aws:ec2:" + region + ":" + rootAccount + ":instance/i-" + id
}

// report reports running machines.
func (a *account) report(ctx context.Context, ids ...string) error {
	for len(ids) > 0 {
		n := min(len(ids), 100)
		in := &api.PutResourcesInput{Mode: aws.String("observe")}
		for _, id := range ids[:n] {
			in.Resources = append(in.Resources, api.Resource{ResourceArn: aws.String(machine(id)), Status: aws.String("running")})
		}
		if _, err := client.Call[api.PutResourcesInput, api.PutResourcesOutput](ctx, a.reeve, "Reeve.PutResources", in); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

// pool makes a configuration with a hard limit that counts machines.
func (a *account) pool(ctx context.Context, name string, limit int64, options ...func(*licensemanager.Options)) (arn string, err error) {
	out, err := a.CreateLicenseConfiguration(ctx, &licensemanager.CreateLicenseConfigurationInput{
		Name: &name, LicenseCountingType: types.LicenseCountingTypeInstance, LicenseCount: &limit, LicenseCountHardLimit: aws.Bool(true),
	}, options...)
	if err != nil {
		return "", err
	}
	return *out.LicenseConfigurationArn, nil
}

// take associates a machine with a configuration, give ends that.
func (a *account) take(ctx context.Context, arn, id string) error {
	_, err := a.UpdateLicenseSpecificationsForResource(ctx, &licensemanager.UpdateLicenseSpecificationsForResourceInput{
		ResourceArn: aws.String(machine(id)), AddLicenseSpecifications: []types.LicenseSpecification{{LicenseConfigurationArn: &arn}},
	})
	return err
}

func (a *account) give(ctx context.Context, arn, id string) error {
	_, err := a.UpdateLicenseSpecificationsForResource(ctx, &licensemanager.UpdateLicenseSpecificationsForResourceInput{
		ResourceArn: aws.String(machine(id)), RemoveLicenseSpecifications: []types.LicenseSpecification{{LicenseConfigurationArn: &arn}},
	})
	return err
}

// isRefused tells the refusal of a hard limit.
func isRefused(err error) bool {
	var refusal *types.LicenseUsageException
	return errors.As(err, &refusal)
}

// consumed is the counter of a configuration.
func (a *account) consumed(ctx context.Context, arn string) (int64, error) {
	out, err := a.GetLicenseConfiguration(ctx, &licensemanager.GetLicenseConfigurationInput{LicenseConfigurationArn: &arn})
	if err != nil {
		return 0, err
	}
	return *out.ConsumedLicenses, nil
}

// usage lists what uses a configuration in pages of a size; next says
// which account asks for each page.
func usage(ctx context.Context, arn string, size int32, next func(page int) *account) (rows []types.LicenseConfigurationUsage, err error) {
	in := &licensemanager.ListUsageForLicenseConfigurationInput{LicenseConfigurationArn: &arn, MaxResults: &size}
	for page := range 1000 {
		out, err := next(page).ListUsageForLicenseConfiguration(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("page %d: %w", page, err)
		}
		rows = append(rows, out.LicenseConfigurationUsageList...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return rows, nil
		}
	}
	return nil, errors.New("the list does not end")
}

// peak is the most that was ever in use at a time, by the ledger.
func (a *account) peak(ctx context.Context, arn string) (highest int64, err error) {
	h, err := client.Call[api.GetUsageHistoryInput, api.GetUsageHistoryOutput](ctx, a.reeve, "Reeve.GetUsageHistory",
		&api.GetUsageHistoryInput{LicenseConfigurationArn: &arn})
	if err != nil {
		return 0, err
	}
	for _, p := range h.Points {
		highest = max(highest, *p.PeakLicenses)
	}
	return highest, nil
}

// verify verifies every ledger of the deployment through the API.
func (a *account) verify(t *testing.T) {
	t.Helper()
	in := &api.VerifyLedgersInput{}
	for range 1000 {
		out, err := client.Call[api.VerifyLedgersInput, api.VerifyLedgersOutput](t.Context(), a.reeve, "Reeve.VerifyLedgers", in)
		must(t, "verify ledgers", err)
		for _, l := range out.Ledgers {
			if l.Fault != nil {
				t.Errorf("the ledger %s has a fault: %s", *l.LicenseConfigurationArn, *l.Fault)
			}
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return
		}
	}
	t.Error("the list of ledgers does not end")
}
