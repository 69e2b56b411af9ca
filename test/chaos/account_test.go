package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"

	"reeve/internal/api"
	"reeve/internal/client"
	"reeve/internal/licensetest"
)

// region is where everything here happens.
const region = "eu-west-1"

// account is a caller: AWS's own client for the operations of License Manager,
// Reeve's for its own. Its methods return errors and are safe for concurrent
// use; the must functions are for the test's goroutine.
type account struct {
	id  string
	key client.Credentials
	*licensemanager.Client
	reeve *client.Client
}

var rootKey = client.Credentials{AccessKeyID: rootKeyID, SecretAccessKey: rootSecret}

// as is a caller of a server with a key.
func (s *process) as(id string, key client.Credentials) *account {
	s.t.Helper()
	reeve, err := client.New(s.endpoint, region, key)
	if err != nil {
		s.t.Fatal(err)
	}
	return &account{id: id, key: key, reeve: reeve, Client: licensemanager.New(licensemanager.Options{
		Region:           region,
		BaseEndpoint:     aws.String(s.endpoint),
		HTTPClient:       licensetest.Wire{Client: http.DefaultClient},
		RetryMaxAttempts: 1, // a fault is to be seen, not tried away
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey}, nil
		}),
	})}
}

// root is the root account.
func (s *process) root() *account { return s.as(rootAccount, rootKey) }

// newAccount makes an account with a key of its own.
func (s *process) newAccount(id string) *account {
	s.t.Helper()
	root := s.root().reeve
	_, err := client.Call[api.CreateAccountInput, api.CreateAccountOutput](s.t.Context(), root, "Reeve.CreateAccount",
		&api.CreateAccountInput{Name: new("account " + id), AccountId: &id})
	must(s.t, "create account", err)
	key, err := client.Call[api.CreateAccessKeyInput, api.CreateAccessKeyOutput](s.t.Context(), root, "Reeve.CreateAccessKey",
		&api.CreateAccessKeyInput{AccountId: &id})
	must(s.t, "create access key", err)
	return s.as(id, client.Credentials{AccessKeyID: *key.AccessKeyId, SecretAccessKey: *key.SecretAccessKey})
}

func must(t testing.TB, doing string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", doing, err)
	}
}

// machine is the ARN of an EC2 instance of the account.
func (a *account) machine(id string) string {
	return "arn:aws:ec2:" + region + ":" + a.id + ":instance/i-" + id
}

// imageARN is the ARN of an image, which names no account.
func imageARN(ami string) string { return "arn:aws:ec2:" + region + "::image/" + ami }

// running is a report of a running machine with a number of vCPUs.
func running(arn string, vcpus int64) api.Resource {
	return api.Resource{ResourceArn: &arn, Status: new("running"), VCpus: &vcpus}
}

// put reports resources. In the mode admit it is a request: granted or refused
// as a whole.
func (a *account) put(ctx context.Context, mode string, resources ...api.Resource) error {
	out, err := client.Call[api.PutResourcesInput, api.PutResourcesOutput](ctx, a.reeve, "Reeve.PutResources",
		&api.PutResourcesInput{Mode: &mode, Resources: resources})
	if err == nil && len(out.Failures) > 0 {
		err = fmt.Errorf("put resources: %d of them got no licence, such as %s: %s", len(out.Failures), *out.Failures[0].ResourceArn, *out.Failures[0].Message)
	}
	return err
}

// remove takes resources out of the inventory.
func (a *account) remove(ctx context.Context, arns ...string) error {
	_, err := client.Call[api.DeleteResourcesInput, api.DeleteResourcesOutput](ctx, a.reeve, "Reeve.DeleteResources",
		&api.DeleteResourcesInput{ResourceArns: arns})
	return err
}

// specify associates a resource with configurations and ends its association
// with others, in one request.
func (a *account) specify(ctx context.Context, resource string, add, remove []string) error {
	_, err := a.UpdateLicenseSpecificationsForResource(ctx, &licensemanager.UpdateLicenseSpecificationsForResourceInput{
		ResourceArn: &resource, AddLicenseSpecifications: specifications(add), RemoveLicenseSpecifications: specifications(remove),
	})
	return err
}

func specifications(arns []string) []types.LicenseSpecification {
	var list []types.LicenseSpecification
	for _, arn := range arns {
		list = append(list, types.LicenseSpecification{LicenseConfigurationArn: &arn})
	}
	return list
}

// configure makes a configuration with a hard limit, or without any for a
// count of 0.
func (a *account) configure(ctx context.Context, name string, counting types.LicenseCountingType, count int64) (arn string, err error) {
	in := &licensemanager.CreateLicenseConfigurationInput{Name: &name, LicenseCountingType: counting}
	if count > 0 {
		in.LicenseCount, in.LicenseCountHardLimit = &count, aws.Bool(true)
	}
	out, err := a.CreateLicenseConfiguration(ctx, in)
	if err != nil {
		return "", err
	}
	return *out.LicenseConfigurationArn, nil
}

// isRefusedForLicenses tells the one refusal that a race may end in: typed, by
// either client.
func isRefusedForLicenses(err error) bool {
	var typed *types.LicenseUsageException
	var own *client.Error
	return errors.As(err, &typed) || errors.As(err, &own) && own.Code == "LicenseUsageException" && own.Status == 400
}

// pages calls fetch with the token of each page in turn until one names no
// next page. The number of pages is bounded.
func pages(fetch func(token *string) (next *string, err error)) error {
	var token *string
	for range 10_000 {
		next, err := fetch(token)
		if err != nil || next == nil {
			return err
		}
		token = next
	}
	return errors.New("the list does not end")
}

// usage lists the usage of a configuration, now or as of a moment, in pages of
// a size.
func (a *account) usage(ctx context.Context, arn, asOf string, size int32) (rows []types.LicenseConfigurationUsage, err error) {
	in := &licensemanager.ListUsageForLicenseConfigurationInput{LicenseConfigurationArn: &arn, MaxResults: &size}
	if asOf != "" {
		in.Filters = []types.Filter{{Name: aws.String("asOf"), Values: []string{asOf}}}
	}
	err = pages(func(token *string) (*string, error) {
		in.NextToken = token
		out, err := a.ListUsageForLicenseConfiguration(ctx, in)
		if err != nil {
			return nil, err
		}
		rows = append(rows, out.LicenseConfigurationUsageList...)
		return out.NextToken, nil
	})
	return rows, err
}

// associated lists the ARNs that are associated with a configuration.
func (a *account) associated(ctx context.Context, arn string) (arns []string, err error) {
	in := &licensemanager.ListAssociationsForLicenseConfigurationInput{LicenseConfigurationArn: &arn}
	err = pages(func(token *string) (*string, error) {
		in.NextToken = token
		out, err := a.ListAssociationsForLicenseConfiguration(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, row := range out.LicenseConfigurationAssociations {
			arns = append(arns, *row.ResourceArn)
		}
		return out.NextToken, nil
	})
	return arns, err
}

// configurations lists all configurations of the account.
func (a *account) configurations(ctx context.Context) (list []types.LicenseConfiguration, err error) {
	in := &licensemanager.ListLicenseConfigurationsInput{}
	err = pages(func(token *string) (*string, error) {
		in.NextToken = token
		out, err := a.ListLicenseConfigurations(ctx, in)
		if err != nil {
			return nil, err
		}
		list = append(list, out.LicenseConfigurations...)
		return out.NextToken, nil
	})
	return list, err
}

// inventory lists the account's resources.
func (a *account) inventory(ctx context.Context) (list []types.ResourceInventory, err error) {
	in := &licensemanager.ListResourceInventoryInput{}
	err = pages(func(token *string) (*string, error) {
		in.NextToken = token
		out, err := a.ListResourceInventory(ctx, in)
		if err != nil {
			return nil, err
		}
		list = append(list, out.ResourceInventoryList...)
		return out.NextToken, nil
	})
	return list, err
}

// highest is the most that was ever in use at a time, by the ledger.
func highest(ctx context.Context, a *account, arn string) (most int64, err error) {
	h, err := client.Call[api.GetUsageHistoryInput, api.GetUsageHistoryOutput](ctx, a.reeve, "Reeve.GetUsageHistory", &api.GetUsageHistoryInput{LicenseConfigurationArn: &arn})
	if err != nil {
		return 0, err
	}
	for _, p := range h.Points {
		most = max(most, *p.PeakLicenses)
	}
	return most, nil
}

// total adds up the licences of usage rows.
func total(rows []types.LicenseConfigurationUsage) (n int64) {
	for _, row := range rows {
		n += *row.ConsumedLicenses
	}
	return n
}

// checkLedgers verifies every ledger of the deployment through the API.
func (s *process) checkLedgers() {
	s.t.Helper()
	root := s.root().reeve
	err := pages(func(token *string) (*string, error) {
		out, err := client.Call[api.VerifyLedgersInput, api.VerifyLedgersOutput](s.t.Context(), root, "Reeve.VerifyLedgers", &api.VerifyLedgersInput{NextToken: token})
		if err != nil {
			return nil, err
		}
		for _, l := range out.Ledgers {
			if l.Fault != nil {
				s.t.Errorf("the ledger %s has a fault: %s", *l.LicenseConfigurationArn, *l.Fault)
			}
		}
		return out.NextToken, nil
	})
	must(s.t, "verify ledgers", err)
}

// verifyCommand runs reeve verify, against a server or over the directory of a
// stopped one, and wants it to find everything in order.
func verifyCommand(t testing.TB, args ...string) {
	t.Helper()
	key := []string{"AWS_ACCESS_KEY_ID=" + rootKeyID, "AWS_SECRET_ACCESS_KEY=" + rootSecret}
	code, out := run(t, key, append([]string{"verify"}, args...)...)
	if code != 0 || !strings.Contains(out, "everything agrees") {
		t.Errorf("reeve verify %s ends with the exit code %d:\n%s", strings.Join(args, " "), code, out)
	}
}
