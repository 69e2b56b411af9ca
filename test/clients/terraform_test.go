package clients_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	lm "github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"

	"reeve/internal/api"
)

// plugins holds Terraform's AWS provider as a file system mirror.
const plugins = "/opt/tf-plugins"

// terraform is one working directory with its variables.
type terraform struct {
	env    []string
	dir    string
	client *lm.Client
}

// variables are what terraform/main.tf takes from the test.
type variables struct {
	Endpoint     string            `json:"endpoint"`
	Machine      string            `json:"machine"`
	Name         string            `json:"name"`
	Description  *string           `json:"description"`
	LicenseCount int               `json:"license_count"`
	Tags         map[string]string `json:"tags"`
}

// needTerraform skips the test where Terraform or its provider is not there,
// whatever is required: neither can be installed everywhere.
func needTerraform(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Skipf("no Terraform: %v", err)
	}
	if found, _ := filepath.Glob(plugins + "/*/hashicorp/aws/5.100.0/*/*"); len(found) == 0 {
		t.Skipf("no Terraform provider hashicorp/aws 5.100.0 in a mirror at %s", plugins)
	}
}

// openTerraform makes a working directory with the provider.
func openTerraform(t *testing.T, s *server) *terraform {
	t.Helper()
	main, err := os.ReadFile("terraform/main.tf")
	must(t, "read main.tf", err)
	return openTerraformWith(t, s, rootKey, string(main))
}

// openTerraformWith is openTerraform for another key and another main.tf.
func openTerraformWith(t *testing.T, s *server, k key, main string) *terraform {
	t.Helper()
	dir := t.TempDir()
	must(t, "write main.tf", os.WriteFile(filepath.Join(dir, "main.tf"), []byte(main), 0o600))
	rc := filepath.Join(dir, "terraformrc")
	mirror := "provider_installation {\n  filesystem_mirror {\n    path = \"" + plugins + "\"\n  }\n}\ndisable_checkpoint = true\n"
	must(t, "write terraformrc", os.WriteFile(rc, []byte(mirror), 0o600))
	env := append(s.environment(t, k), "TF_CLI_CONFIG_FILE="+rc, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1")
	tf := &terraform{env: env, dir: dir, client: goClient(s, k)}
	tf.ok(t, "init", "-input=false")
	return tf
}

// run runs one command of Terraform and returns its exit code.
func (tf *terraform) run(t *testing.T, command string, args ...string) (output string, code int) {
	t.Helper()
	args = append([]string{"-chdir=" + tf.dir, command}, args...)
	out, errs, err := run(t, tf.env, "terraform", args...)
	return out + errs, exitCode(err)
}

func (tf *terraform) ok(t *testing.T, command string, args ...string) string {
	t.Helper()
	out, code := tf.run(t, command, args...)
	if code != 0 {
		t.Fatalf("terraform %s ends with %d:\n%s", command, code, out)
	}
	return out
}

func (tf *terraform) apply(t *testing.T, v variables) {
	t.Helper()
	text, err := json.Marshal(v)
	must(t, "encode variables", err)
	must(t, "write variables", os.WriteFile(filepath.Join(tf.dir, "terraform.tfvars.json"), text, 0o600))
	tf.ok(t, "apply", "-auto-approve", "-input=false")
	tf.plans(t, 0)
}

// plans holds a plan to its exit code: 0 for no changes, 2 for some.
func (tf *terraform) plans(t *testing.T, want int, texts ...string) {
	t.Helper()
	out, code := tf.run(t, "plan", "-detailed-exitcode", "-input=false", "-no-color")
	if code != want {
		t.Fatalf("terraform plan ends with %d, want %d:\n%s", code, want, out)
	}
	for _, text := range texts {
		if !strings.Contains(out, text) {
			t.Errorf("the plan does not say %q:\n%s", text, out)
		}
	}
}

func (tf *terraform) output(t *testing.T, name string) string {
	t.Helper()
	return strings.TrimSpace(tf.ok(t, "output", "-raw", name))
}

const (
	tfConfiguration = "aws_licensemanager_license_configuration.windows"
	tfAssociation   = "aws_licensemanager_association.web"
)

func TestTerraform(t *testing.T) {
	t.Parallel()
	needTerraform(t)
	s := start(t)
	tf := openTerraform(t, s)
	imports{s, rootKey}.put(t, []api.Resource{{ResourceArn: &web1, VCpus: new(int64(4)), Status: new("running")}})

	first := variables{
		Endpoint: s.url, Machine: web1, Name: windowsName, Description: new(windowsText), LicenseCount: 8,
		Tags: map[string]string{"équipe": "Büro 東京", "empty": "", "keep": "1"},
	}
	tf.apply(t, first)
	same(t, "owner", root, tf.output(t, "owner"))
	arn := tf.output(t, "arn")
	tf.sees(t, arn, windowsName, 8, map[string]string{"équipe": "Büro 東京", "empty": "", "keep": "1"})

	second := first
	second.Name, second.Description, second.LicenseCount = "Windows", nil, 4
	second.Tags = map[string]string{"keep": "2", "new": ""}
	tf.apply(t, second)
	same(t, "ARN after an update", arn, tf.output(t, "arn"))
	tf.sees(t, arn, "Windows", 4, second.Tags)

	tf.imports(t, arn)
	tf.deletedElsewhere(t, arn)
	tf.ok(t, "apply", "-auto-approve", "-input=false")
	again := tf.output(t, "arn")
	tf.ok(t, "destroy", "-auto-approve", "-input=false")
	list, err := tf.client.ListLicenseConfigurations(t.Context(), &lm.ListLicenseConfigurationsInput{})
	must(t, "list configurations", err)
	if len(list.LicenseConfigurations) != 0 || again == arn {
		t.Errorf("after destroy there is %v; %s came back as %s", list.LicenseConfigurations, arn, again)
	}
}

// sees holds what the server has to what was applied.
func (tf *terraform) sees(t *testing.T, arn, name string, count int64, tags map[string]string) {
	t.Helper()
	c, err := tf.client.GetLicenseConfiguration(t.Context(), &lm.GetLicenseConfigurationInput{LicenseConfigurationArn: &arn})
	must(t, "get configuration", err)
	found := map[string]string{}
	for _, tag := range c.Tags {
		found[*tag.Key] = *tag.Value
	}
	same(t, "tags", tags, found)
	same(t, "name", name, *c.Name)
	same(t, "count", &count, c.LicenseCount)
	same(t, "hard limit", new(true), c.LicenseCountHardLimit)
	same(t, "consumed", new(int64(4)), c.ConsumedLicenses)
}

// imports forgets both resources and takes them over from the server.
func (tf *terraform) imports(t *testing.T, arn string) {
	t.Helper()
	tf.ok(t, "state", "rm", tfConfiguration, tfAssociation)
	tf.ok(t, "import", "-input=false", tfConfiguration, arn)
	tf.ok(t, "import", "-input=false", tfAssociation, web1+","+arn)
	tf.plans(t, 0)
}

// deletedElsewhere: what somebody else deleted is planned anew, and no error.
func (tf *terraform) deletedElsewhere(t *testing.T, arn string) {
	t.Helper()
	_, err := tf.client.UpdateLicenseSpecificationsForResource(t.Context(), &lm.UpdateLicenseSpecificationsForResourceInput{
		ResourceArn: &web1, RemoveLicenseSpecifications: []types.LicenseSpecification{{LicenseConfigurationArn: &arn}},
	})
	must(t, "remove association", err)
	tf.plans(t, 2, tfAssociation+" will be created")
	_, err = tf.client.DeleteLicenseConfiguration(t.Context(), &lm.DeleteLicenseConfigurationInput{LicenseConfigurationArn: &arn})
	must(t, "delete configuration", err)
	tf.plans(t, 2, tfConfiguration+" will be created", tfAssociation+" will be created")
}
