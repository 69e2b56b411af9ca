package glpi_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

const agent = "/usr/bin/fusioninventory-inventory"

// runAgent returns what the installed agent says of this machine.
func runAgent(t *testing.T, arguments ...string) string {
	t.Helper()
	if _, err := os.Stat(agent); err != nil {
		if os.Getenv("REEVE_REQUIRE_ALL") == "1" {
			t.Fatalf("the FusionInventory agent is required: %v", err)
		}
		t.Skipf("the FusionInventory agent is not installed: %v", err)
	}
	output, err := exec.CommandContext(t.Context(), agent, arguments...).Output()
	if err != nil {
		t.Fatalf("run %s: %v", agent, err)
	}
	return string(output)
}

// TestRealAgent reads what a real agent writes, whatever machine this is.
func TestRealAgent(t *testing.T) {
	r := mustRead(t, runAgent(t, "--no-category=process"))
	switch {
	case !strings.HasPrefix(*r.ResourceArn, "arn:aws:ssm:eu-central-1:111122223333:managed-instance/mi-"):
		t.Errorf("ARN %s", *r.ResourceArn)
	case r.Name == nil, r.Platform == nil, r.PlatformType == nil || *r.PlatformType != "Linux":
		t.Errorf("a Linux machine with name %v, platform %v, type %v", r.Name, r.Platform, r.PlatformType)
	case r.VCpus == nil:
		t.Error("the number of vCPUs was not found")
	case len(r.Applications) == 0:
		t.Error("no installed program was found")
	}
}

// TestRealAgentTwice: importing a machine again must not add a second one.
func TestRealAgentTwice(t *testing.T) {
	const fast = "--no-category=process,software"
	first, second := mustRead(t, runAgent(t, fast)), mustRead(t, runAgent(t, fast))
	if *first.ResourceArn != *second.ResourceArn {
		t.Errorf("two runs of the agent gave %s and %s", *first.ResourceArn, *second.ResourceArn)
	}
	if first.Applications != nil {
		t.Errorf("an agent that was told not to look reported %d programs", len(first.Applications))
	}
}
