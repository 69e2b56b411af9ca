package clients_test

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	lm "github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"

	"reeve/internal/api"
)

// The second half of the story: what is refused, pages, and the past.

func (s *story) refusals() {
	s.refusedARNs()
	s.refusedFilters()
	s.refusedPages()
	s.refused(&lm.ListLicensesInput{}, "UnknownOperationException", "ListLicenses", "does not have yet")
	s.refused(&lm.UpdateLicenseConfigurationInput{LicenseConfigurationArn: &s.sockets, LicenseCount: new(int64(-1))}, invalidParameter, "LicenseCount")
	used := s.refused(&lm.DeleteLicenseConfigurationInput{LicenseConfigurationArn: &s.windows}, invalidParameter, "in use")
	if strings.Contains(used, invalidARN) {
		s.t.Errorf("the message reads as if the configuration were gone: %s", used)
	}
	wrong := s.open(s.t, s.server, key{rootKey.id, "not-the-secret"})
	s.refusedTo(wrong, &lm.GetServiceSettingsInput{}, "InvalidSignatureException")
	unknown := s.open(s.t, s.server, key{"AKIANOBODYHASTHISKEY", "secret"})
	s.refusedTo(unknown, &lm.GetServiceSettingsInput{}, "UnrecognizedClientException")
}

func (s *story) refusedARNs() {
	slash := strings.Replace(s.windows, "license-configuration:", "license-configuration/", 1)
	elsewhere := strings.Replace(s.windows, region, "us-east-1", 1)
	for _, arn := range []string{"lic-1", s.windows + "0", slash, elsewhere, " "} {
		s.refused(&lm.ListUsageForLicenseConfigurationInput{LicenseConfigurationArn: &arn}, invalidParameter, invalidARN)
	}
	arn := s.windows[:len(s.windows)-1] + "x"
	s.refused(&lm.GetLicenseConfigurationInput{LicenseConfigurationArn: &arn}, invalidParameter, invalidARN)
	s.refused(&lm.UpdateLicenseConfigurationInput{LicenseConfigurationArn: &arn, Name: new("x")}, invalidParameter, invalidARN)
	s.refused(&lm.DeleteLicenseConfigurationInput{LicenseConfigurationArn: &arn}, invalidParameter, invalidARN)
	s.refused(&lm.ListTagsForResourceInput{ResourceArn: &arn}, invalidParameter, invalidARN)
}

func (s *story) refusedFilters() {
	many := make([]types.Filter, 11)
	for i := range many {
		many[i] = filter("resourceType", "RDS")
	}
	for _, test := range []struct {
		filters []types.Filter
		code    string
		text    string
	}{
		{filters(filter("ResourceArn", web1)), invalidParameter, "case-sensitive"},
		{filters(filter("größe", "1")), invalidParameter, "größe"},
		{filters(types.Filter{Values: []string{web1}}), invalidParameter, "Name"},
		{filters(types.Filter{Name: new("resourceArn"), Values: []string{}}), invalidParameter, "one value"},
		{filters(types.Filter{Name: new("resourceArn"), Values: []string{web1, web2}}), filterLimit, "one value"},
		{filters(filter("resourceArn", web1), filter("resourceArn", web1)), invalidParameter, "more than once"},
		{many, filterLimit, "11 filters"},
		{filters(filter("asOf", "yesterday")), invalidParameter, "RFC 3339"},
		{filters(asOf(time.Now().Add(24 * time.Hour))), invalidParameter, "in the future: the server's time is 20"},
	} {
		s.refused(&lm.ListUsageForLicenseConfigurationInput{LicenseConfigurationArn: &s.windows, Filters: test.filters}, test.code, test.text)
	}
}

func (s *story) refusedPages() {
	for _, size := range []int32{0, -1} {
		s.refused(&lm.ListUsageForLicenseConfigurationInput{LicenseConfigurationArn: &s.windows, MaxResults: &size}, invalidParameter, "MaxResults")
	}
	for _, size := range []int32{1001, 1<<31 - 1} {
		usage, next := s.list(&lm.ListUsageForLicenseConfigurationInput{LicenseConfigurationArn: &s.windows, MaxResults: &size, NextToken: new("")})
		if len(usage) != 4 || next != nil {
			s.t.Errorf("MaxResults %d gives %d rows and the token %v", size, len(usage), next)
		}
	}
}

// tokens belong to one list of one account.
func (s *story) tokens() {
	first := &lm.ListUsageForLicenseConfigurationInput{LicenseConfigurationArn: &s.windows, MaxResults: new(int32(1)), NextToken: new("")}
	_, token := s.list(first)
	if token == nil {
		s.t.Fatal("the first page of several has no token")
	}
	for _, in := range []*lm.ListUsageForLicenseConfigurationInput{
		{LicenseConfigurationArn: &s.databases, NextToken: token},
		{LicenseConfigurationArn: &s.windows, NextToken: token, Filters: filters(filter("resourceType", "RDS"))},
		{LicenseConfigurationArn: &s.windows, NextToken: new(*token + "A")},
		{LicenseConfigurationArn: &s.windows, NextToken: new("1")},
	} {
		s.refused(in, invalidParameter, "NextToken")
	}
	s.refused(&lm.ListAssociationsForLicenseConfigurationInput{LicenseConfigurationArn: &s.windows, NextToken: token}, invalidParameter, "NextToken")

	list := ask[lm.ListLicenseConfigurationsOutput](s, &lm.ListLicenseConfigurationsInput{MaxResults: new(int32(1))})
	s.refusedTo(s.tenant, &lm.ListLicenseConfigurationsInput{NextToken: list.NextToken}, invalidParameter, "NextToken")
	s.refusedTo(s.tenant, &lm.ListUsageForLicenseConfigurationInput{LicenseConfigurationArn: &s.windows, NextToken: token}, invalidParameter)
	s.refusedTo(s.tenant, &lm.GetLicenseConfigurationInput{LicenseConfigurationArn: &s.windows}, invalidParameter, invalidARN)

	// A token stays good, and MaxResults may change or be left out.
	again, _ := s.list(&lm.ListUsageForLicenseConfigurationInput{LicenseConfigurationArn: &s.windows, NextToken: token})
	same(s.t, "rest of the list", []row{ordersRow, labRow, otherRow}, plain(again))
}

// fleetMachine is a machine of 2 vCPUs that runs the image ami-fleet, whose
// associations it inherits.
func fleetMachine(n int) api.Resource {
	return api.Resource{ResourceArn: new(fleetARN(n)), VCpus: new(int64(2)), AmiId: new("ami-fleet")}
}

func fleetARN(n int) string { return instance("i-fleet" + strconv.Itoa(n)) }

func withStatus(r api.Resource, status string) api.Resource {
	r.Status = &status
	return r
}

// pages of one list are of one revision, whatever happens while they are read.
func (s *story) pages() {
	fleet := s.create(&lm.CreateLicenseConfigurationInput{Name: new("Fleet"), LicenseCountingType: types.LicenseCountingTypeVcpu})
	s.done(add(image("ami-fleet"), fleet))
	var machines []api.Resource
	for n := range 20 {
		machines = append(machines, fleetMachine(n))
	}
	s.put(machines...)
	before := s.rows(fleet)
	same(s.t, "machines", 20, len(before))

	var seen []row
	in := &lm.ListUsageForLicenseConfigurationInput{LicenseConfigurationArn: &fleet}
	for page, size := range []int32{5, 1, 7, 1000} {
		in.MaxResults = &size
		usage, next := s.list(in)
		if page < 3 && (len(usage) != int(size) || next == nil) {
			s.t.Fatalf("page %d has %d rows and the token %v", page, len(usage), next)
		}
		seen = append(seen, plain(usage)...)
		in.NextToken = next
		s.churn(page)
	}
	if in.NextToken != nil {
		s.t.Error("the last page has a token")
	}
	same(s.t, "concatenated pages", before, seen)

	// 20, less 8 that stopped or left, and 4 that came.
	same(s.t, "machines after the churn", 16, len(s.rows(fleet)))
	same(s.t, "licences after the churn", new(int64(32)), s.get(fleet).ConsumedLicenses)
}

// churn ends and stops machines that were listed and that were not, and
// starts one.
func (s *story) churn(page int) {
	s.put(
		withStatus(fleetMachine(page), "terminated"),
		withStatus(fleetMachine(19-page), "stopped"),
		fleetMachine(100+page),
	)
}

// past: every moment answers for ever what it answered then.
func (s *story) past() {
	before := now()
	fleet := s.create(&lm.CreateLicenseConfigurationInput{Name: new("Old fleet"), LicenseCountingType: types.LicenseCountingTypeVcpu})
	s.done(add(image("ami-old"), fleet))
	moments := []moment{{at: before}}
	remember := func() {
		s.t.Helper()
		rows := s.rows(fleet)
		moments = append(moments, moment{now(), rows})
	}
	remember()
	s.put(oldMachine("i-old1", 2, "running"), oldMachine("i-old2", 4, "running"), oldMachine("i-old3", 8, "running"))
	remember()
	s.put(oldMachine("i-old1", 16, "running"), oldMachine("i-old2", 4, "terminated"))
	remember()
	s.done(remove(instance("i-old1"), fleet))
	remember()
	s.put(oldMachine("i-old3", 8, "deleted"), oldMachine("i-old1", 16, "deleted"))
	s.done(remove(image("ami-old"), fleet))
	remember()
	same(s.t, "licences by moment", []int64{0, 0, 14, 24, 8, 0}, licences(moments))
	s.sameAsThen(fleet, moments)

	s.done(&lm.DeleteLicenseConfigurationInput{LicenseConfigurationArn: &fleet})
	s.refused(&lm.GetLicenseConfigurationInput{LicenseConfigurationArn: &fleet}, invalidParameter, invalidARN)
	s.refused(&lm.ListUsageForLicenseConfigurationInput{LicenseConfigurationArn: &fleet}, invalidParameter, invalidARN)
	s.sameAsThen(fleet, moments)
	s.detail(fleet, moments[3].at)
}

// moment is a point in time and what was answered then.
type moment struct {
	at   time.Time
	rows []row
}

func licences(moments []moment) []int64 {
	sums := make([]int64, len(moments))
	for i, m := range moments {
		for _, r := range m.rows {
			sums[i] += r.Licences
		}
	}
	return sums
}

func (s *story) sameAsThen(fleet string, moments []moment) {
	s.t.Helper()
	for _, m := range moments {
		s.sees(fleet, filters(asOf(m.at)), m.rows...)
	}
}

// detail asks for a moment with the other filters, in the other way to write
// it, and in pages.
func (s *story) detail(fleet string, at time.Time) {
	old1 := row{instance("i-old1"), types.ResourceTypeEc2Instance, "running", root, 16}
	old3 := row{instance("i-old3"), types.ResourceTypeEc2Instance, "running", root, 8}
	epoch := filter("asOf", fmt.Sprintf("%d.%06d", at.Unix(), at.Nanosecond()/1000))
	s.sees(fleet, filters(epoch, filter("resourceType", "EC2_INSTANCE")), old1, old3)
	s.sees(fleet, filters(asOf(at.In(time.FixedZone("", 5*3600+1800))), filter("resourceArn", instance("i-old1"))), old1)
	s.sees(fleet, filters(asOf(at), filter("resourceArn", instance("i-old2")))) // ended before
	s.sees(fleet, filters(asOf(at), filter("resourceAccount", member)))

	in := &lm.ListUsageForLicenseConfigurationInput{LicenseConfigurationArn: &fleet, Filters: filters(asOf(at)), MaxResults: new(int32(1))}
	first, token := s.list(in)
	in.NextToken = token
	second, end := s.list(in)
	same(s.t, "pages of the past", []row{old1, old3}, append(plain(first), plain(second)...))
	if end != nil {
		s.t.Error("the last page has a token")
	}
}

func oldMachine(id string, vcpus int64, status string) api.Resource {
	return api.Resource{ResourceArn: new(instance(id)), VCpus: &vcpus, AmiId: new("ami-old"), Status: &status}
}
