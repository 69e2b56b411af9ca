package aws_test

import (
	"strings"
	"testing"

	"reeve/internal/source/aws"
)

func TestCheck(t *testing.T) {
	role := "arn:aws:iam::111122223333:role/reeve"
	good := []aws.Settings{
		{}, {Profile: "x", Regions: []string{"us-gov-west-1", "cn-north-1"}, RoleARNs: []string{role, "arn:aws-cn:iam::444455556666:role/a/b"}, ExternalID: "e"},
		{Endpoint: "http://127.0.0.1:1", Endpoints: map[string]string{"ssm": "https://vpce-1.example.com"}, Read: aws.Kinds, MaxRequestsPerSecond: 1000},
	}
	for _, s := range good {
		if err := s.Check(); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
	}
	for want, s := range map[string]aws.Settings{
		"regions: \"Frankfurt\"":                {Regions: []string{"Frankfurt"}},
		"regions: eu-west-1 is there twice":     {Regions: []string{"eu-west-1", "eu-west-1"}},
		"regions has 65":                        {Regions: make([]string, 65)},
		"role_arns: \"arn:aws:iam::1:role/x\"":  {RoleARNs: []string{"arn:aws:iam::1:role/x"}},
		"are both of account":                   {RoleARNs: []string{role, role + "2"}},
		"external_id is for assumed roles":      {ExternalID: "e"},
		"session_name has 1":                    {SessionName: "x"},
		"endpoint: \"ec2.example.com\"":         {Endpoint: "ec2.example.com"},
		"endpoint: \"https://u:p@example.com\"": {Endpoint: "https://u:p@example.com"},
		"endpoints: \"s3\"":                     {Endpoints: map[string]string{"s3": "https://example.com"}},
		"endpoints: \"x\" of ec2":               {Endpoints: map[string]string{"ec2": "x"}},
		"read: \"all\"":                         {Read: []string{"all"}},
		"max_requests_per_second is -1":         {MaxRequestsPerSecond: -1},
	} {
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", s, err, want)
		}
	}
}

func TestOpen(t *testing.T) {
	setKeys(t)
	if _, err := aws.Open(aws.Settings{}); err == nil || !strings.Contains(err.Error(), "no region is known") {
		t.Errorf("no region: %v", err)
	}
	if _, err := aws.Open(aws.Settings{Profile: "nowhere", Regions: []string{region}}); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("no profile: %v", err)
	}
}
