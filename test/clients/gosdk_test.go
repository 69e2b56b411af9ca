package clients_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	lm "github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"
	"github.com/aws/smithy-go"

	"reeve/internal/api"
)

// goClient is the SDK for Go, version 2, as its users set it up.
func goClient(s *server, k key) *lm.Client {
	return lm.New(lm.Options{
		Region:       region,
		BaseEndpoint: aws.String(s.url),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: k.id, SecretAccessKey: k.secret}, nil
		}),
	})
}

// goTeller calls the client's methods by their names.
type goTeller struct {
	imports
	client *lm.Client
}

func openGo(_ *testing.T, s *server, k key) teller {
	return goTeller{imports{s, k}, goClient(s, k)}
}

func (g goTeller) call(t *testing.T, operation string, in []byte) ([]byte, *refusal) {
	t.Helper()
	method := reflect.ValueOf(g.client).MethodByName(operation)
	input := reflect.New(method.Type().In(1).Elem())
	must(t, "read input", json.Unmarshal(in, input.Interface()))
	result := method.Call([]reflect.Value{reflect.ValueOf(t.Context()), input})
	if err, _ := result[1].Interface().(error); err != nil {
		return nil, goRefusal(t, err)
	}
	out, err := json.Marshal(result[0].Interface())
	must(t, "write output", err)
	return out, nil
}

func goRefusal(t *testing.T, err error) *refusal {
	t.Helper()
	var found smithy.APIError
	if !errors.As(err, &found) {
		t.Fatalf("not an error of the API: %v", err)
	}
	name := reflect.TypeOf(found).Elem().Name()
	if name == "GenericAPIError" {
		name = ""
	}
	return &refusal{Code: found.ErrorCode(), Message: found.ErrorMessage(), Type: name}
}

func TestTheStoryByTheGoSDK(t *testing.T) {
	t.Parallel()
	tellStory(t, openGo)
}

// The SDK has no paginator for this operation, so people write this loop.
func TestGoPagesByHand(t *testing.T) {
	t.Parallel()
	s := start(t)
	client := goClient(s, rootKey)
	arn := fleet(t, s, 7)
	in := &lm.ListUsageForLicenseConfigurationInput{LicenseConfigurationArn: &arn, MaxResults: new(int32(2))}
	var pages int
	var licences int64
	for {
		page, err := client.ListUsageForLicenseConfiguration(t.Context(), in)
		must(t, "list usage", err)
		pages++
		for _, u := range page.LicenseConfigurationUsageList {
			licences += *u.ConsumedLicenses
		}
		if page.NextToken == nil {
			break
		}
		in.NextToken = page.NextToken
	}
	if pages != 4 || licences != 14 {
		t.Errorf("%d pages and %d licences, want 4 and 14", pages, licences)
	}
}

func TestGoCatchesAWSTypes(t *testing.T) {
	t.Parallel()
	s := start(t)
	client := goClient(s, rootKey)
	_, err := client.GetLicenseConfiguration(t.Context(), &lm.GetLicenseConfigurationInput{LicenseConfigurationArn: new("arn")})
	var invalid *types.InvalidParameterValueException
	if !errors.As(err, &invalid) || *invalid.Message == "" {
		t.Errorf("got %v", err)
	}
	_, err = client.ListLicenses(t.Context(), &lm.ListLicensesInput{})
	var generic *smithy.GenericAPIError
	if !errors.As(err, &generic) || generic.Code != "UnknownOperationException" || generic.Message == "" {
		t.Errorf("an operation that is not there yet answers %v", err)
	}
}

// fleet makes a configuration and puts a number of machines of 2 vCPUs under
// it; it returns the configuration's ARN.
func fleet(t *testing.T, s *server, machines int) string {
	t.Helper()
	client := goClient(s, rootKey)
	made, err := client.CreateLicenseConfiguration(t.Context(), &lm.CreateLicenseConfigurationInput{
		Name: new("Fleet"), LicenseCountingType: types.LicenseCountingTypeVcpu,
	})
	must(t, "create configuration", err)
	_, err = client.UpdateLicenseSpecificationsForResource(t.Context(), &lm.UpdateLicenseSpecificationsForResourceInput{
		ResourceArn:              new(image("ami-fleet")),
		AddLicenseSpecifications: []types.LicenseSpecification{{LicenseConfigurationArn: made.LicenseConfigurationArn}},
	})
	must(t, "associate image", err)
	var resources []api.Resource
	for n := range machines {
		resources = append(resources, fleetMachine(n))
	}
	imports{s, rootKey}.put(t, resources)
	return *made.LicenseConfigurationArn
}
