package record_test

import (
	"io"
	"strings"
	"testing"

	"reeve/internal/api"
	"reeve/internal/source/record"
)

func TestLine(t *testing.T) {
	r := record.NewReader(strings.NewReader("a\nbc\n\nd"))
	if _, err := io.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	for _, at := range []struct {
		offset int64
		line   int
	}{{0, 1}, {1, 1}, {2, 2}, {4, 2}, {5, 3}, {6, 4}, {6, 4}, {7, 4}} {
		if got := r.Line(at.offset); got != at.line {
			t.Errorf("offset %d is on line %d, want %d", at.offset, got, at.line)
		}
	}
}

func TestReaderBoundsRecords(t *testing.T) {
	input := strings.Repeat("x", record.MaxSize)
	r := record.NewReader(strings.NewReader(input))
	if got, err := io.ReadAll(r); err != nil || len(got) != record.MaxSize {
		t.Errorf("a record of the largest size: %d bytes, error %v", len(got), err)
	}
	r = record.NewReader(strings.NewReader(input + "y"))
	if got, err := io.ReadAll(r); err != record.ErrTooLong || len(got) != record.MaxSize {
		t.Errorf("a record of one byte more: %d bytes, error %v", len(got), err)
	}
	r = record.NewReader(strings.NewReader(input + "y"))
	r.Begin(10)
	if got, err := io.ReadAll(r); err != nil || len(got) != record.MaxSize+1 {
		t.Errorf("a record that begins at 10: %d bytes, error %v", len(got), err)
	}
}

func TestCheckNamesTheMember(t *testing.T) {
	arn, long, many, host := "arn:aws:ec2:eu-west-1:111122223333:instance/i-1", strings.Repeat("v", 257), int64(2<<20), "EC2-Shared"
	for _, c := range []struct {
		resource api.Resource
		want     string // how the message begins; "" when all is well
	}{
		{api.Resource{ResourceArn: &arn}, ""},
		{api.Resource{}, "ResourceArn is missing"},
		{api.Resource{ResourceArn: &arn, VCpus: &many}, "VCpus is '2097152': "},
		{api.Resource{ResourceArn: &arn, Tenancy: &host}, "Tenancy is 'EC2-Shared': "},
		{api.Resource{ResourceArn: &arn, LicensePacks: []string{"a", long}}, "LicensePacks.2 is 'vvv"},
		{api.Resource{ResourceArn: &arn, Applications: []api.Application{{Name: &arn}, {}}}, "Applications.2.Name is missing"},
	} {
		got := ""
		if err := record.Check(&c.resource); err != nil {
			got = err.Error()
		}
		if c.want == "" && got != "" || !strings.HasPrefix(got, c.want) {
			t.Errorf("Check: %q, want %q", got, c.want)
		}
	}
}
