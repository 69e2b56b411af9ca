package clients_test

import (
	"encoding/json"
	"strings"
	"testing"
)

const (
	worker       = "arn:aws:iam::" + root + ":role/worker"
	assumed      = "arn:aws:sts::" + root + ":assumed-role/worker/"
	mayBe        = `["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]`
	trustAccount = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"` + root + `"},"Action":` + mayBe + `}}`
	mayAssume    = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":` + mayBe + `,"Resource":"` + worker + `"}}`
	mayList      = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["license-manager:*"],"Resource":"*"}}`
)

// assumable makes a role and a user who may assume it and nothing else, with
// AWS's command line, and returns the user's key.
func assumable(t *testing.T, s *server) key {
	t.Helper()
	c := openAWS(t, s, rootKey)
	c.ok(t, "reeve", "create-role", "--role-name", "worker", "--assume-role-policy-document", trustAccount)
	c.ok(t, "reeve", "put-policy", "--role-name", "worker", "--policy-name", "licences", "--policy-document", mayList)
	c.ok(t, "reeve", "create-user", "--user-name", "ci")
	c.ok(t, "reeve", "put-policy", "--user-name", "ci", "--policy-name", "assume", "--policy-document", mayAssume)
	var made struct{ AccessKeyId, SecretAccessKey string }
	must(t, "read key", json.Unmarshal([]byte(c.ok(t, "reeve", "create-access-key", "--user-name", "ci", "--output", "json")), &made))
	return key{made.AccessKeyId, made.SecretAccessKey}
}

func TestTheCommandLineAssumesARole(t *testing.T) {
	t.Parallel()
	needAWS(t)
	s := start(t)
	user := openAWS(t, s, assumable(t, s))
	who := []string{"sts", "get-caller-identity", "--query", "Arn", "--output", "text"}
	same(t, "user", "arn:aws:iam::"+root+":user/ci", user.ok(t, who...))
	var got struct {
		Credentials struct{ AccessKeyId, SecretAccessKey, SessionToken string }
	}
	text := user.ok(t, "sts", "assume-role", "--role-arn", worker, "--role-session-name", "job", "--output", "json")
	must(t, "read credentials", json.Unmarshal([]byte(text), &got))

	session := openAWS(t, s, key{got.Credentials.AccessKeyId, got.Credentials.SecretAccessKey})
	session.env = append(session.env, "AWS_SESSION_TOKEN="+got.Credentials.SessionToken)
	same(t, "session", assumed+"job", session.ok(t, who...))
	session.ok(t, "license-manager", "list-license-configurations")
	want := "An error occurred (AuthorizationException) when calling the ListLicenseConfigurations operation: User: arn:aws:iam::" + root + ":user/ci is not authorized"
	if _, errs, _ := user.aws(t, "license-manager", "list-license-configurations"); !strings.Contains(errs, want) {
		t.Errorf("the user: %s", errs)
	}
}

// assumeByBoto3 does by hand what a profile does, because not every boto3 reads
// AWS_ENDPOINT_URL.
const assumeByBoto3 = `
import sys, boto3
url, role = sys.argv[1:]
got = boto3.client("sts", endpoint_url=url).assume_role(RoleArn=role, RoleSessionName="job")["Credentials"]
session = boto3.Session(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"])
print(session.client("sts", endpoint_url=url).get_caller_identity()["Arn"])
print(len(session.client("license-manager", endpoint_url=url).list_license_configurations()["LicenseConfigurations"]))
less = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"license-manager:List*","Resource":"*"}}'
got = boto3.client("sts", endpoint_url=url).assume_role(
    RoleArn=role, RoleSessionName="less", Policy=less, PolicyArns=[{"arn": "arn:aws:iam::aws:policy/Agent"}],
    Tags=[{"Key": "team", "Value": "red"}], TransitiveTagKeys=["team"], SourceIdentity="ana")
session = boto3.Session(*(got["Credentials"][k] for k in ("AccessKeyId", "SecretAccessKey", "SessionToken")))
print(got["SourceIdentity"], got["PackedPolicySize"] > 0)
print(len(session.client("license-manager", endpoint_url=url).list_license_configurations()["LicenseConfigurations"]))
try:
    session.client("license-manager", endpoint_url=url).get_service_settings()
except Exception as e:
    print(e)
try:
    boto3.client("sts", endpoint_url=url).assume_role(RoleArn=role, RoleSessionName="less", Policy="{")
except boto3.client("sts", endpoint_url=url).exceptions.MalformedPolicyDocumentException as e:
    print(e.response["Error"]["Code"])
`

func TestBoto3AssumesARole(t *testing.T) {
	t.Parallel()
	needBoto3(t)
	needAWS(t)
	s := start(t)
	out, errs, err := run(t, s.environment(t, assumable(t, s)), python, "-c", assumeByBoto3, s.url, worker)
	want := assumed + "job\n0\nana True\n0\n" +
		"An error occurred (AuthorizationException) when calling the GetServiceSettings operation: User: " + assumed +
		"less is not authorized to perform: license-manager:GetServiceSettings because no session policy allows the license-manager:GetServiceSettings action\n" +
		"MalformedPolicyDocument\n"
	if err != nil || out != want {
		t.Errorf("%v\n%s%s", err, out, errs)
	}
}

const assumeByTerraform = `
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}
provider "aws" {
  region                  = "eu-west-1"
  skip_metadata_api_check = true
  max_retries             = 2
  assume_role {
    role_arn     = "` + worker + `"
    session_name = "terraform"
    tags         = { team = "red" }
    policy = jsonencode({
      Version   = "2012-10-17"
      Statement = [{ Effect = "Allow", Action = "license-manager:*", Resource = "*", Condition = { StringEquals = { "aws:PrincipalTag/team" = "red" } } }]
    })
    source_identity     = "ana"
    transitive_tag_keys = ["team"]
  }
  endpoints {
    licensemanager = "URL"
    sts            = "URL"
  }
}
data "aws_caller_identity" "me" {}
resource "aws_licensemanager_license_configuration" "x" {
  name                  = "x"
  license_counting_type = "vCPU"
}
output "arn" { value = data.aws_caller_identity.me.arn }
output "owner" { value = aws_licensemanager_license_configuration.x.owner_account_id }
`

func TestTerraformAssumesARole(t *testing.T) {
	t.Parallel()
	needTerraform(t)
	needAWS(t)
	s := start(t)
	k := assumable(t, s)
	tf := openTerraformWith(t, s, k, strings.ReplaceAll(assumeByTerraform, "URL", s.url))
	tf.ok(t, "apply", "-auto-approve", "-input=false")
	same(t, "caller", assumed+"terraform", tf.output(t, "arn"))
	same(t, "owner", root, tf.output(t, "owner"))
}
