package clients_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"

	"reeve/internal/api"
)

// awsPath is where Debian's awscli puts version 2 of AWS's command line.
const awsPath = "/usr/bin/aws"

// awsCLI is AWS's command line for one access key. It knows Reeve's own
// service from "aws configure add-model".
type awsCLI struct {
	url string
	env []string
	dir string
}

// needAWS skips the test where the command line is not installed.
func needAWS(t *testing.T) {
	t.Helper()
	out, _, err := run(t, []string{"HOME=" + t.TempDir()}, awsPath, "--version")
	if err != nil || !strings.HasPrefix(out, "aws-cli/2") {
		missing(t, awsPath+" is not version 2 of AWS's command line: install awscli")
	}
}

// openAWS opens the command line with Reeve's own service.
func openAWS(t *testing.T, s *server, k key) *awsCLI {
	t.Helper()
	c := &awsCLI{url: s.url, env: s.environment(t, k), dir: t.TempDir()}
	model, err := filepath.Abs("../../models/reeve/2026-12-01/service-2.json")
	must(t, "find model", err)
	c.ok(t, "configure", "add-model", "--service-model", "file://"+model, "--service-name", "reeve")
	return c
}

func openAWSTeller(t *testing.T, s *server, k key) teller {
	t.Helper()
	return openAWS(t, s, k)
}

// aws runs one command.
func (c *awsCLI) aws(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	out, errs, err := run(t, c.env, awsPath, append(args, "--endpoint-url", c.url)...)
	return out, errs, exitCode(err)
}

// ok runs one command, which must succeed, and returns what it prints.
func (c *awsCLI) ok(t *testing.T, args ...string) string {
	t.Helper()
	out, errs, code := c.aws(t, args...)
	if code != 0 {
		t.Fatalf("aws %s ends with %d: %s%s", strings.Join(args, " "), code, out, errs)
	}
	return strings.TrimSpace(out)
}

// The command line says a refusal in one line of its standard error.
var (
	refusalLine = regexp.MustCompile(`(?s)^\s*An error occurred \((\w+)\) when calling the (\w+) operation: (.*?)\s*$`)
	wordStart   = regexp.MustCompile(`[A-Z]`)
)

// kebab is an operation's name as a command.
func kebab(operation string) string {
	return strings.TrimPrefix(strings.ToLower(wordStart.ReplaceAllString(operation, "-$0")), "-")
}

func (c *awsCLI) call(t *testing.T, operation string, in []byte) ([]byte, *refusal) {
	t.Helper()
	return c.json(t, "license-manager", operation, in)
}

// json calls an operation with the JSON of its input. Pages are not followed.
func (c *awsCLI) json(t *testing.T, service, operation string, in []byte) ([]byte, *refusal) {
	t.Helper()
	input := filepath.Join(c.dir, "input.json")
	must(t, "write input", os.WriteFile(input, in, 0o600))
	out, errs, code := c.aws(t, service, kebab(operation), "--no-paginate", "--output", "json", "--cli-input-json", "file://"+input)
	if code == 0 {
		if strings.TrimSpace(out) == "" {
			out = "{}"
		}
		return []byte(out), nil
	}
	said := refusalLine.FindStringSubmatch(errs)
	if said == nil || code != 254 || said[2] != operation {
		t.Fatalf("aws %s %s ends with %d: %s%s", service, kebab(operation), code, out, errs)
	}
	return nil, &refusal{Code: said[1], Message: said[3], Type: said[1]}
}

func (c *awsCLI) put(t *testing.T, resources []api.Resource) {
	t.Helper()
	in, err := jsonv2.Marshal(api.PutResourcesInput{Resources: resources})
	must(t, "encode resources", err)
	if _, no := c.json(t, "reeve", "PutResources", in); no != nil {
		t.Fatalf("PutResources is refused with %s: %s", no.Code, no.Message)
	}
}

func TestTheStoryByTheAWSCommandLine(t *testing.T) {
	t.Parallel()
	needAWS(t)
	tellStory(t, openAWSTeller)
}

// Commands as people type them.
func TestAWSCommandLineIdioms(t *testing.T) {
	t.Parallel()
	needAWS(t)
	c := openAWS(t, start(t), rootKey)
	arn := c.fill(t)
	usage := []string{"license-manager", "list-usage-for-license-configuration", "--license-configuration-arn", arn}
	c.pagesByItself(t, usage)
	c.asOf(t, usage)
	c.refuses(t, usage)
	c.ownCommands(t, arn)
}

func (c *awsCLI) fill(t *testing.T) string {
	t.Helper()
	arn := c.ok(t, "license-manager", "create-license-configuration", "--name", "Büro", "--license-counting-type", "vCPU",
		"--license-count", "8", "--license-count-hard-limit", "--license-rules", "#minimumVcpus=2",
		"--tags", "Key=équipe,Value=", "--query", "LicenseConfigurationArn", "--output", "text")
	same(t, "what put-resources says", "3\t0", c.ok(t, "reeve", "put-resources",
		"--resources", "ResourceArn="+instance("i-1")+",VCpus=2", "ResourceArn="+instance("i-2")+",VCpus=4,Status=running", "ResourceArn="+instance("i-3")+",VCpus=2",
		"--query", "[Created,Changed]", "--output", "text"))
	for _, id := range []string{"i-1", "i-2", "i-3"} {
		same(t, "output", "", c.ok(t, "license-manager", "update-license-specifications-for-resource",
			"--resource-arn", instance(id), "--add-license-specifications", "LicenseConfigurationArn="+arn))
	}
	same(t, "name", "Büro", c.ok(t, "license-manager", "get-license-configuration", "--license-configuration-arn", arn, "--query", "Name", "--output", "text"))
	return arn
}

// pagesByItself: the command line follows the pages unless it is told not to.
func (c *awsCLI) pagesByItself(t *testing.T, usage []string) {
	t.Helper()
	numbers := []string{"--query", "LicenseConfigurationUsageList[].ConsumedLicenses", "--output", "text"}
	same(t, "rows in one", "2\t4\t2", c.ok(t, append(usage, numbers...)...))
	var part struct {
		LicenseConfigurationUsageList []struct{ ResourceArn string }
		NextToken                     string
	}
	must(t, "decode", json.Unmarshal([]byte(c.ok(t, append(usage, "--page-size", "1", "--max-items", "2", "--output", "json")...)), &part))
	if len(part.LicenseConfigurationUsageList) != 2 || part.NextToken == "" {
		t.Fatalf("two of three rows are %+v", part)
	}
	rest := c.ok(t, append(usage, "--page-size", "2", "--starting-token", part.NextToken, "--output", "json")...)
	must(t, "decode", json.Unmarshal([]byte(rest), &part))
	if len(part.LicenseConfigurationUsageList) != 1 || part.LicenseConfigurationUsageList[0].ResourceArn != instance("i-3") {
		t.Errorf("the rest is %s", rest)
	}
}

// asOf selects a moment with nothing but AWS's own command line.
func (c *awsCLI) asOf(t *testing.T, usage []string) {
	t.Helper()
	sum := []string{"--query", "sum(LicenseConfigurationUsageList[].ConsumedLicenses)", "--output", "text"}
	then := now().Format("2006-01-02T15:04:05.999999Z07:00")
	same(t, "what delete-resources says", "1", c.ok(t, "reeve", "delete-resources", "--resource-arns", instance("i-3"), "--query", "Deleted", "--output", "text"))
	same(t, "now", "6", c.ok(t, append(usage, sum...)...))
	same(t, "then", "8", c.ok(t, append(append(usage, "--filters", "Name=asOf,Values="+then), sum...)...))
	same(t, "one machine then", "2", c.ok(t, append(append(usage, "--filters", "Name=asOf,Values="+then, "Name=resourceArn,Values="+instance("i-3")), sum...)...))
	same(t, "before there was anything", "[]", c.ok(t, append(usage, "--filters", "Name=asOf,Values=2020-01-31T23:59:59Z", "--query", "LicenseConfigurationUsageList", "--output", "json")...))
}

func (c *awsCLI) refuses(t *testing.T, usage []string) {
	t.Helper()
	for text, args := range map[string][]string{
		"(FilterLimitExceededException)":                            append(usage, "--filters", "Name=resourceArn,Values=a,b"),
		"(InvalidParameterValueException)":                          append(usage, "--max-results", "0"),
		"Invalid license configuration ARN":                         {"license-manager", "delete-license-configuration", "--license-configuration-arn", "x"},
		"(UnknownOperationException) when calling the ListLicenses": {"license-manager", "list-licenses"},
	} {
		if out, errs, code := c.aws(t, args...); code != 254 || !strings.Contains(errs, text) || out != "" {
			t.Errorf("aws %s ends with %d and says %s%s, want 254 and %s", strings.Join(args, " "), code, out, errs, text)
		}
	}
}

// ownCommands are those of Reeve's service.
func (c *awsCLI) ownCommands(t *testing.T, arn string) {
	t.Helper()
	same(t, "explain-usage", "4", c.ok(t, "reeve", "explain-usage", "--license-configuration-arn", arn, "--resource-arn", instance("i-2"),
		"--query", "ConsumedLicenses", "--output", "text"))
	out, errs, code := c.aws(t, "reeve", "put-resources", "--mode", "admit", "--resources", "ResourceArn="+instance("i-2")+",VCpus=64")
	if code != 254 || !strings.Contains(errs, "(LicenseUsageException)") {
		t.Errorf("more than there are licences ends with %d: %s%s", code, out, errs)
	}
	same(t, "verify-ledgers", "None", c.ok(t, "reeve", "verify-ledgers", "--query", "Ledgers[0].Fault", "--output", "text"))
}
