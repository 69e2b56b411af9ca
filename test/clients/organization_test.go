package clients_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// organizeByAWS makes a member account in an organization that the root account
// manages, with AWS's command line, and returns the member's key.
func organizeByAWS(t *testing.T, c *awsCLI) key {
	t.Helper()
	c.ok(t, "reeve", "create-account", "--name", "sales", "--account-id", member)
	var made struct{ AccessKeyId, SecretAccessKey string }
	must(t, "read key", json.Unmarshal([]byte(c.ok(t, "reeve", "create-access-key", "--account-id", member, "--output", "json")), &made))
	c.ok(t, "reeve", "create-organization")
	c.ok(t, "reeve", "add-account-to-organization", "--account-id", member)
	c.ok(t, "license-manager", "update-service-settings", "--organization-configuration", "EnableIntegration=true")
	return key{made.AccessKeyId, made.SecretAccessKey}
}

func TestAMemberUsesWhatIsSharedByTheCommandLine(t *testing.T) {
	t.Parallel()
	needAWS(t)
	s := start(t)
	owner := openAWS(t, s, rootKey)
	m := openAWS(t, s, organizeByAWS(t, owner))
	arn := strings.TrimSpace(owner.ok(t, "license-manager", "create-license-configuration", "--name", "SQL", "--license-counting-type", "vCPU",
		"--license-count", "8", "--license-count-hard-limit", "--query", "LicenseConfigurationArn", "--output", "text"))
	owner.ok(t, "reeve", "share-license-configuration", "--license-configuration-arn", arn, "--principal", "organization")

	small, large := "arn:aws:ec2:us-east-1:"+member+":instance/i-1", "arn:aws:ec2:us-east-1:"+member+":instance/i-2"
	m.ok(t, "reeve", "put-resources", "--resources", `[{"ResourceArn":"`+small+`","VCpus":4},{"ResourceArn":"`+large+`","VCpus":6}]`)
	associate := func(machine string) []string {
		return []string{"license-manager", "update-license-specifications-for-resource", "--resource-arn", machine,
			"--add-license-specifications", "LicenseConfigurationArn=" + arn}
	}
	m.ok(t, associate(small)...)
	if _, errs, code := m.aws(t, associate(large)...); code == 0 || !strings.Contains(errs, "(LicenseUsageException)") {
		t.Errorf("what does not fit ends with %d %s", code, errs)
	}
	if _, errs, code := m.aws(t, "license-manager", "delete-license-configuration", "--license-configuration-arn", arn); code == 0 || !strings.Contains(errs, "(AccessDeniedException)") {
		t.Errorf("deleting what another account shares ends with %d %s", code, errs)
	}
	list := []string{"license-manager", "list-usage-for-license-configuration", "--license-configuration-arn", arn, "--filters", "Name=resourceAccount,Values=" + member,
		"--query", "LicenseConfigurationUsageList[].[ResourceOwnerId,ConsumedLicenses]", "--output", "text"}
	for _, c := range []*awsCLI{owner, m} {
		same(t, "usage", member+"\t4", strings.TrimSpace(c.ok(t, list...)))
	}
	same(t, "owner", root, strings.TrimSpace(m.ok(t, "license-manager", "list-license-configurations", "--query", "LicenseConfigurations[].OwnerAccountId", "--output", "text")))
	same(t, "shares", "1", strings.TrimSpace(owner.ok(t, "reeve", "list-license-configuration-shares", "--license-configuration-arn", arn, "--query", "length(Shares)")))
	owner.ok(t, "reeve", "unshare-license-configuration", "--license-configuration-arn", arn, "--principal", "organization", "--force")
	if _, errs, _ := m.aws(t, list...); !strings.Contains(errs, "Invalid license configuration ARN") {
		t.Errorf("after the end of the share the member is told %s", errs)
	}
}

// organizationByBoto3 lists an organization's configurations. Older boto3 do
// not know the operation, so its request is written and signed by botocore alone.
const organizationByBoto3 = `
import json, sys, urllib.request, urllib.error, boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
url = sys.argv[1]

def ask():
    known = boto3.client("license-manager", endpoint_url=url)
    if hasattr(known, "list_license_configurations_for_organization"):
        try:
            return known.list_license_configurations_for_organization(MaxResults=5)
        except known.exceptions.AccessDeniedException as error:
            return error.response["Error"]["Code"]
    request = AWSRequest("POST", url, data="{\"MaxResults\":5}", headers={
        "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AWSLicenseManager.ListLicenseConfigurationsForOrganization"})
    SigV4Auth(boto3.Session().get_credentials(), "license-manager", known.meta.region_name).add_auth(request)
    try:
        sent = urllib.request.Request(url, request.data.encode(), dict(request.headers), method="POST")
        return json.loads(urllib.request.urlopen(sent).read())
    except urllib.error.HTTPError as error:
        return json.loads(error.read())["__type"]

answer = ask()
print(answer if isinstance(answer, str) else [c["Name"] + " of " + c["OwnerAccountId"] for c in answer["LicenseConfigurations"]])
reeve = boto3.client("reeve", endpoint_url=url)
try:
    reeve.add_account_to_organization(AccountId="444455556666")
except (reeve.exceptions.AlreadyInOrganizationException, reeve.exceptions.AuthorizationException) as error:
    print(type(error).__name__)
`

func TestBoto3ListsAnOrganization(t *testing.T) {
	t.Parallel()
	needBoto3(t)
	needAWS(t)
	s := start(t)
	owner := openAWS(t, s, rootKey)
	theirs := organizeByAWS(t, owner)
	openAWS(t, s, theirs).ok(t, "license-manager", "create-license-configuration", "--name", "theirs", "--license-counting-type", "vCPU")
	for k, want := range map[key]string{
		rootKey: "['theirs of " + member + "']\nAlreadyInOrganizationException\n",
		theirs:  "AccessDeniedException\nAuthorizationException\n",
	} {
		out, errs, err := run(t, s.environment(t, k), python, "-c", organizationByBoto3, s.url)
		if err != nil || out != want {
			t.Errorf("%v\n%s%s, want\n%s", err, out, errs, want)
		}
	}
}
