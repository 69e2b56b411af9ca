package clients_test

import (
	"encoding/base64"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"
	"github.com/go-json-experiment/json"
)

// The inventory agents that people run, against a live server and unmodified.
// Each tells of the machine that the tests run on.

// runAgent runs an agent, as root where that is possible: it reads the
// machine's identity only then, and keeps its state under /var.
func runAgent(t *testing.T, program string, args ...string) (output string, err error) {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		missing(t, program+" is not installed: "+err.Error())
	}
	command := append([]string{path}, args...)
	if os.Geteuid() != 0 {
		if exec.Command("sudo", "-n", "true").Run() != nil {
			missing(t, program+" has to run as root, and sudo asks for a password")
		}
		command = append([]string{"sudo", "-n"}, command...)
	}
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LC_ALL=C.UTF-8"}
	text, err := cmd.CombinedOutput()
	return string(text), err
}

// issued is what reeve agent-token create prints.
type issued struct{ AgentTokenId, Token, Url string }

func (s *server) agentToken(t *testing.T, k key) issued {
	t.Helper()
	var made issued
	must(t, "read token", json.Unmarshal([]byte(s.reeve(t, k, "agent-token", "create", "--name", t.Name(), "--output", "json")), &made))
	if made.Url != s.url+"/agent/"+made.Token || made.AgentTokenId == "" {
		t.Fatalf("reeve agent-token create prints %+v", made)
	}
	return made
}

// reported is the only machine of an account, whatever it is.
func (s *server) reported(t *testing.T, k key) types.ResourceInventory {
	t.Helper()
	out, err := goClient(s, k).ListResourceInventory(t.Context(), &licensemanager.ListResourceInventoryInput{})
	must(t, "list inventory", err)
	if len(out.ResourceInventoryList) != 1 {
		t.Fatalf("the inventory has %d machines", len(out.ResourceInventoryList))
	}
	machine := out.ResourceInventoryList[0]
	if machine.ResourceType != types.ResourceTypeSystemsManagerManagedInstance || !strings.HasPrefix(*machine.ResourceId, "mi-") ||
		machine.Platform == nil || *machine.Platform == "" {
		t.Errorf("the machine is %s of type %s with platform %v", *machine.ResourceId, machine.ResourceType, machine.Platform)
	}
	return machine
}

// found says whether a search by an installed program finds the machine. The
// agents are written in Perl, so Debian's perl-base is always there.
func (s *server) found(t *testing.T, k key, program string) bool {
	t.Helper()
	out, err := goClient(s, k).ListResourceInventory(t.Context(), &licensemanager.ListResourceInventoryInput{
		Filters: []types.InventoryFilter{{Name: new("application_name"), Condition: types.InventoryFilterConditionBeginsWith, Value: &program}},
	})
	must(t, "search inventory", err)
	return len(out.ResourceInventoryList) == 1
}

// TestFusionInventoryAgent: Debian's fusioninventory-agent is pointed at the
// Url that a token comes with, and then at the server with a password.
func TestFusionInventoryAgent(t *testing.T) {
	t.Parallel()
	s := start(t)
	tenant := s.tenantKey(t)
	token := s.agentToken(t, tenant)
	for _, args := range [][]string{
		{"--server", token.Url},
		{"--server", s.url + "/agent", "--user", "any", "--password", token.Token},
		{"--server", s.url, "--user", token.AgentTokenId, "--password", token.Token}, // adds /ocsinventory
	} {
		out, err := runAgent(t, "fusioninventory-agent", append(args, "--force", "--no-category=process")...)
		if err != nil || strings.Contains(out, "[error]") {
			t.Fatalf("fusioninventory-agent: %v\n%s", err, out)
		}
		s.reported(t, tenant)
		if !s.found(t, tenant, "perl-base") {
			t.Error("the software of the machine was not found")
		}
	}
	if out, err := goClient(s, rootKey).ListResourceInventory(t.Context(), &licensemanager.ListResourceInventoryInput{}); err != nil || len(out.ResourceInventoryList) != 0 {
		t.Errorf("the machine came into another account's inventory (%v)", err)
	}
}

// TestOCSInventoryAgent: the same with Debian's ocsinventory-agent, which
// wants users and passwords in base64, and keeps to itself what it finds
// unless it is told otherwise.
func TestOCSInventoryAgent(t *testing.T) {
	t.Parallel()
	s := start(t)
	token := s.agentToken(t, rootKey)
	coded := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	for _, args := range [][]string{
		{"--server", token.Url},
		{"--server", s.url + "/ocsinventory", "--user", coded("any"), "--password", coded(token.Token), "--realm", "Reeve"},
	} {
		out, err := runAgent(t, "ocsinventory-agent", append(args, "--nolocal", "--basevardir", t.TempDir())...)
		if err != nil {
			t.Fatalf("ocsinventory-agent: %v\n%s", err, out)
		}
		s.reported(t, rootKey)
		if !s.found(t, rootKey, "perl-base") {
			t.Error("the software of the machine was not found")
		}
	}
}

// TestGLPIAgent runs where GLPI Agent is installed; Debian does not have it,
// so it is not required. Package agent's tests have its exchange.
func TestGLPIAgent(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("glpi-agent"); err != nil {
		t.Skipf("glpi-agent is not installed: %v", err)
	}
	s := start(t)
	token := s.agentToken(t, rootKey)
	out, err := runAgent(t, "glpi-agent", "--server", token.Url, "--force", "--no-category=process", "--vardir", t.TempDir())
	if err != nil || strings.Contains(out, "[error]") {
		t.Fatalf("glpi-agent: %v\n%s", err, out)
	}
	s.reported(t, rootKey)
	if !s.found(t, rootKey, "perl-base") {
		t.Error("the software of the machine was not found")
	}
}

// TestTwoAgentsTellOfOneMachine: whoever reports it, it is the same one.
func TestTwoAgentsTellOfOneMachine(t *testing.T) {
	t.Parallel()
	s := start(t)
	token := s.agentToken(t, rootKey)
	if out, err := runAgent(t, "fusioninventory-agent", "--server", token.Url, "--force", "--no-category=process"); err != nil {
		t.Fatalf("fusioninventory-agent: %v\n%s", err, out)
	}
	first := s.reported(t, rootKey)
	if out, err := runAgent(t, "ocsinventory-agent", "--server", token.Url, "--nolocal", "--basevardir", t.TempDir()); err != nil {
		t.Fatalf("ocsinventory-agent: %v\n%s", err, out)
	}
	if second := s.reported(t, rootKey); *first.ResourceArn != *second.ResourceArn {
		t.Errorf("the agents tell of %s and %s", *first.ResourceArn, *second.ResourceArn)
	}
}

// TestAgentTokensFromTheCommandLine: list, revoke, and what a revoked token is
// worth.
func TestAgentTokensFromTheCommandLine(t *testing.T) {
	t.Parallel()
	s := start(t)
	kept, ended := s.agentToken(t, rootKey), s.agentToken(t, rootKey)
	s.reeve(t, rootKey, "agent-token", "revoke", ended.AgentTokenId)
	var list []struct {
		AgentTokenId, Region string
		RevocationTime       float64 // seconds since 1970, as the API has it
	}
	must(t, "read list", json.Unmarshal([]byte(s.reeve(t, rootKey, "agent-token", "list", "--output", "json")), &list))
	if len(list) != 2 || list[0].AgentTokenId != kept.AgentTokenId || list[0].RevocationTime != 0 || list[0].Region != region ||
		list[1].AgentTokenId != ended.AgentTokenId || list[1].RevocationTime == 0 {
		t.Errorf("listed are %+v", list)
	}
	if text := s.reeve(t, rootKey, "agent-token", "list"); strings.Contains(text, kept.Token) || !strings.Contains(text, kept.AgentTokenId) {
		t.Errorf("the table is\n%s", text)
	}
	out, _ := runAgent(t, "fusioninventory-agent", "--server", ended.Url, "--force", "--no-category=process,software")
	if !strings.Contains(out, "authentication required") {
		t.Errorf("an agent with a revoked token says\n%s", out)
	}
}

// TestAnAgentReportIsCounted: a program that an agent finds is licensed by
// itself, by the rule of a configuration that was there before.
func TestAnAgentReportIsCounted(t *testing.T) {
	t.Parallel()
	s := start(t)
	token := s.agentToken(t, rootKey)
	client := goClient(s, rootKey)
	made, err := client.CreateLicenseConfiguration(t.Context(), &licensemanager.CreateLicenseConfigurationInput{
		Name: new("Perl"), LicenseCountingType: types.LicenseCountingTypeInstance,
		ProductInformationList: []types.ProductInformation{{ResourceType: new("SSM_MANAGED"), ProductInformationFilterList: []types.ProductInformationFilter{
			{ProductInformationFilterName: new("Application Name"), ProductInformationFilterComparator: new("EQUALS"), ProductInformationFilterValue: []string{"perl-base"}},
		}}},
	})
	must(t, "create configuration", err)
	if out, err := runAgent(t, "fusioninventory-agent", "--server", token.Url, "--force", "--no-category=process"); err != nil {
		t.Fatalf("fusioninventory-agent: %v\n%s", err, out)
	}
	machine := s.reported(t, rootKey)
	usage, err := client.ListUsageForLicenseConfiguration(t.Context(), &licensemanager.ListUsageForLicenseConfigurationInput{LicenseConfigurationArn: made.LicenseConfigurationArn})
	must(t, "list usage", err)
	if list := usage.LicenseConfigurationUsageList; len(list) != 1 || *list[0].ResourceArn != *machine.ResourceArn {
		t.Errorf("the licence is used by %d machines, want %s", len(list), *machine.ResourceArn)
	}
}
