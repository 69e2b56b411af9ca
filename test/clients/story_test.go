package clients_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	lm "github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"
	"github.com/aws/smithy-go/document"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"reeve/internal/api"
)

// story is what every client tells. Its chapters run in order on one server,
// each going on where the one before ended.
type story struct {
	t      *testing.T
	server *server
	teller teller
	open   opening
	tenant teller // of another account

	windows, databases, hosts, sockets string // ARNs of configurations
}

// tellStory tells the whole story through one client.
func tellStory(t *testing.T, open opening) {
	s := &story{t: t, server: start(t), open: open}
	s.teller = open(t, s.server, rootKey)
	s.tenant = open(t, s.server, s.server.tenantKey(t))
	chapters := []struct {
		name string
		tell func(*story)
	}{
		{"Empty", (*story).empty},
		{"Configurations", (*story).configurations},
		{"Inventory", (*story).inventory},
		{"Associations", (*story).associations},
		{"Usage", (*story).usage},
		{"Summaries", (*story).summaries},
		{"Limits", (*story).limits},
		{"Failures", (*story).failures},
		{"Tags", (*story).tags},
		{"Settings", (*story).settings},
		{"Refusals", (*story).refusals},
		{"Tokens", (*story).tokens},
		{"Pages", (*story).pages},
		{"Past", (*story).past},
	}
	for _, chapter := range chapters {
		ok := t.Run(chapter.name, func(t *testing.T) {
			s.t = t
			chapter.tell(s)
		})
		if !ok {
			t.FailNow() // the next chapter would begin elsewhere
		}
	}
}

// operationOf is the operation that an input of AWS's Go types belongs to.
func operationOf(in any) string {
	return strings.TrimSuffix(reflect.TypeOf(in).Elem().Name(), "Input")
}

func (s *story) send(who teller, in any) ([]byte, *refusal) {
	s.t.Helper()
	text, err := json.Marshal(wire(reflect.ValueOf(in)))
	must(s.t, "encode input", err)
	return who.call(s.t, operationOf(in), text)
}

// ask calls an operation, which must succeed. Inputs and outputs are AWS's Go
// types, whatever the client.
func ask[Out any](s *story, in any) *Out {
	s.t.Helper()
	text, no := s.send(s.teller, in)
	if no != nil {
		s.t.Fatalf("%s is refused with %s: %s", operationOf(in), no.Code, no.Message)
	}
	out := new(Out)
	must(s.t, "decode answer", json.Unmarshal(text, out))
	return out
}

// done is ask for operations that answer nothing.
func (s *story) done(in any) {
	s.t.Helper()
	ask[struct{}](s, in)
}

// refused calls an operation, which must be refused with a code and a message
// that holds the given texts; the client must give the error the type that
// the operation declares. It returns the message.
func (s *story) refused(in any, code string, texts ...string) string {
	s.t.Helper()
	return s.refusedTo(s.teller, in, code, texts...)
}

func (s *story) refusedTo(who teller, in any, code string, texts ...string) string {
	s.t.Helper()
	answer, no := s.send(who, in)
	if no == nil {
		s.t.Fatalf("%s is answered with %s, want %s", operationOf(in), answer, code)
	}
	if no.Code != code {
		s.t.Errorf("%s is refused with %s, want %s: %s", operationOf(in), no.Code, code, no.Message)
	}
	if declared(operationOf(in), code) && no.Type != code {
		s.t.Errorf("%s: %s has the type %q for this client", operationOf(in), code, no.Type)
	}
	for _, text := range texts {
		if !strings.Contains(no.Message, text) {
			s.t.Errorf("%s: the message %q does not say %q", operationOf(in), no.Message, text)
		}
	}
	return no.Message
}

func declared(operation, code string) bool {
	return slices.ContainsFunc(api.Operations, func(o api.Operation) bool {
		return o.Service == api.LicenseManager && o.Name == operation && slices.Contains(o.Errors, code)
	})
}

const (
	invalidParameter = "InvalidParameterValueException"
	filterLimit      = "FilterLimitExceededException"
	licenseUsage     = "LicenseUsageException"
	invalidARN       = "Invalid license configuration ARN" // the words that clients look for
)

// row is one row of usage.
type row struct {
	ARN      string
	Type     types.ResourceType
	Status   string
	Owner    string
	Licences int64
}

// list asks for one page of usage.
func (s *story) list(in *lm.ListUsageForLicenseConfigurationInput) ([]types.LicenseConfigurationUsage, *string) {
	s.t.Helper()
	out := ask[lm.ListUsageForLicenseConfigurationOutput](s, in)
	if out.LicenseConfigurationUsageList == nil {
		s.t.Error("the list is not in the answer")
	}
	if out.NextToken != nil && *out.NextToken == "" {
		s.t.Error("the answer has an empty NextToken")
	}
	return out.LicenseConfigurationUsageList, out.NextToken
}

// rows lists the usage of a configuration under filters as one page.
func (s *story) rows(arn string, filters ...types.Filter) []row {
	s.t.Helper()
	usage, next := s.list(&lm.ListUsageForLicenseConfigurationInput{LicenseConfigurationArn: &arn, Filters: filters})
	if next != nil {
		s.t.Errorf("%d rows are not one page", len(usage))
	}
	return plain(usage)
}

func plain(usage []types.LicenseConfigurationUsage) []row {
	rows := make([]row, len(usage))
	for i, u := range usage {
		rows[i] = row{*u.ResourceArn, u.ResourceType, *u.ResourceStatus, *u.ResourceOwnerId, *u.ConsumedLicenses}
	}
	return rows
}

// sees holds a configuration's usage under filters to what it must be.
func (s *story) sees(arn string, filters []types.Filter, want ...row) {
	s.t.Helper()
	if diff := cmp.Diff(want, s.rows(arn, filters...), alike); diff != "" {
		s.t.Errorf("usage under %s (-want +got):\n%s", filterText(filters), diff)
	}
}

func filterText(filters []types.Filter) string {
	texts := []string{}
	for _, f := range filters {
		texts = append(texts, fmt.Sprintf("%s=%v", *f.Name, f.Values))
	}
	return strings.Join(texts, " ")
}

// filter is a filter with its one value.
func filter(name, value string) types.Filter {
	return types.Filter{Name: &name, Values: []string{value}}
}

func filters(fs ...types.Filter) []types.Filter { return fs }

// asOf is the filter of a moment.
func asOf(moment time.Time) types.Filter {
	return filter("asOf", moment.Format("2006-01-02T15:04:05.000000Z07:00"))
}

// now is a moment that ends in whole microseconds, as the ledgers' do. What
// was answered before it happened at or before it.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func instance(id string) string { return instanceOf(root, id) }

func instanceOf(account, id string) string {
	return "arn:aws:ec2:" + region + ":" + account + ":instance/" + id
}

// image is the ARN of an AMI, which names no account.
func image(id string) string { return "arn:aws:ec2:" + region + "::image/" + id }

// add associates a resource with a configuration.
func add(resource, configuration string) *lm.UpdateLicenseSpecificationsForResourceInput {
	return &lm.UpdateLicenseSpecificationsForResourceInput{
		ResourceArn:              &resource,
		AddLicenseSpecifications: []types.LicenseSpecification{{LicenseConfigurationArn: &configuration}},
	}
}

// remove ends what add began.
func remove(resource, configuration string) *lm.UpdateLicenseSpecificationsForResourceInput {
	return &lm.UpdateLicenseSpecificationsForResourceInput{
		ResourceArn:                 &resource,
		RemoveLicenseSpecifications: []types.LicenseSpecification{{LicenseConfigurationArn: &configuration}},
	}
}

// create makes a configuration and returns its ARN.
func (s *story) create(in *lm.CreateLicenseConfigurationInput) string {
	s.t.Helper()
	return *ask[lm.CreateLicenseConfigurationOutput](s, in).LicenseConfigurationArn
}

func (s *story) get(arn string) *lm.GetLicenseConfigurationOutput {
	s.t.Helper()
	return ask[lm.GetLicenseConfigurationOutput](s, &lm.GetLicenseConfigurationInput{LicenseConfigurationArn: &arn})
}

// put reports resources through the client.
func (s *story) put(resources ...api.Resource) {
	s.t.Helper()
	s.teller.put(s.t, resources)
}

// alike takes lists that are empty or absent for the same, and passes over
// what AWS's types hold besides the API's members.
var alike = cmp.Options{cmpopts.EquateEmpty(), cmpopts.IgnoreTypes(document.NoSerde{})}

// same compares what was seen with what must be.
func same[T any](t *testing.T, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got, alike); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
