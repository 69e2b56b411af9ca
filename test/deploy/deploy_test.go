package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"reeve/internal/config"
)

const root = "../.."

// tool finds a program by its name, or where the environment says it is.
func tool(t *testing.T, name, variable string) string {
	t.Helper()
	if path := os.Getenv(variable); path != "" {
		return path
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s IS NOT INSTALLED, so nothing is tested of it: put it into PATH, or name it with %s", name, variable)
	}
	return path
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestSettingsOfTheDeploymentsExist looks for REEVE_ variables that no setting
// reads: a mistyped one would be passed over in silence.
func TestSettingsOfTheDeploymentsExist(t *testing.T) {
	known := []string{}
	for _, s := range config.Settings() {
		known = append(known, s.Env())
	}
	for _, name := range []string{"deploy/systemd/reeve.service", "deploy/container/Dockerfile", "deploy/helm/reeve/templates/deployment.yaml"} {
		found := regexp.MustCompile(`REEVE_[A-Z_]*[A-Z]\b`).FindAllString(read(t, name), -1)
		for _, variable := range found {
			if !slices.Contains(known, variable) && variable != "REEVE_NAME" && variable != "REEVE_PORT" {
				t.Errorf("%s sets %s, which is no setting", name, variable)
			}
		}
		if len(found) == 0 {
			t.Errorf("%s sets nothing", name)
		}
	}
}

// TestTheUnitIsVerified has systemd read the unit, with a program that is there.
func TestTheUnitIsVerified(t *testing.T) {
	analyze := tool(t, "systemd-analyze", "REEVE_TEST_SYSTEMD_ANALYZE")
	unit := strings.Replace(read(t, "deploy/systemd/reeve.service"), "/usr/local/bin/reeve", "/bin/true", 1)
	path := filepath.Join(t.TempDir(), "reeve.service")
	if err := os.WriteFile(path, []byte(unit), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", "--man=no", path).CombinedOutput(); err != nil || strings.Contains(string(out), "reeve.service") {
		t.Errorf("%v\n%s", err, out)
	}
	out, err := exec.Command(analyze, "security", "--offline=true", "--threshold=15", path).CombinedOutput()
	if err != nil && strings.Contains(string(out), "exposure level") {
		t.Errorf("the unit is more exposed than 1.5:\n%s", out[max(0, len(out)-200):])
	}
}

func helm(t *testing.T, args ...string) (string, error) {
	t.Helper()
	c := exec.Command(tool(t, "helm", "REEVE_TEST_HELM"), args...)
	home := t.TempDir()
	c.Env = append(os.Environ(), "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	out, err := c.CombinedOutput()
	return string(out), err
}

var chart = filepath.Join(root, "deploy/helm/reeve")

// least is what has to be said to install the chart.
var least = []string{"--set", "database.existingSecret=db", "--set", "masterKey.existingSecret=mk"}

func TestTheChartIsLinted(t *testing.T) {
	out, err := helm(t, append([]string{"lint", "--strict", chart}, least...)...)
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestTheChartSaysWhatItNeeds(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{nil, "database.existingSecret is required"},
		{least[:2], "masterKey.existingSecret is required"},
		{append([]string{"--set", "ingress.enabled=true"}, least...), "ingress.host is required"},
		{append([]string{"--set", "metrics.serviceMonitor.enabled=true"}, least...), "metrics.serviceMonitor needs metrics.enabled"},
		{append([]string{"--set", "replicas=0"}, least...), "replicas"},
		{append([]string{"--set", "tls.existingSecret=t,settings.tls-client-ca=/ca.pem"}, least...), "needs metrics.enabled"},
	} {
		if out, err := helm(t, append([]string{"template", "--kube-version", "1.30.0", "reeve", chart}, c.args...)...); err == nil || !strings.Contains(out, c.says) {
			t.Errorf("%v: %v, want %q in\n%s", c.args, err, c.says, out)
		}
	}
}

func TestTheChartRunsWithoutRights(t *testing.T) {
	out, err := helm(t, append([]string{"template", "--kube-version", "1.30.0", "reeve", chart}, least...)...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"runAsNonRoot: true", "readOnlyRootFilesystem: true", "allowPrivilegeEscalation: false", `drop: ["ALL"]`, "type: RuntimeDefault",
		"automountServiceAccountToken: false", "kind: PodDisruptionBudget", "path: /healthz", "key: master-key", "kind: Service\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("it has no %s", want)
		}
	}
	for _, other := range []string{"kind: Ingress", "kind: ServiceMonitor", "REEVE_METRICS", "REEVE_ROOT_ACCESS_KEY_ID"} {
		if strings.Contains(out, other) {
			t.Errorf("it has %s, which nobody asked for", other)
		}
	}
}

// TestProbesSpeakWhatTheServerSpeaks: HTTPS where it has a certificate, and at the
// metrics' address where clients have to show one.
func TestProbesSpeakWhatTheServerSpeaks(t *testing.T) {
	for _, c := range []struct{ set, probe, says string }{
		{"replicas=1", "port: http\n              scheme: HTTP\n", "path: /healthz"},
		{"tls.existingSecret=t", "port: http\n              scheme: HTTPS\n", "REEVE_TLS_CERTIFICATE\n              value: /tls/tls.crt"},
		{"tls.existingSecret=t", "port: http\n              scheme: HTTPS\n", "secretName: t\n"},
		{"settings.tls-certificate=/x,settings.tls-key=/y", "port: http\n              scheme: HTTPS\n", "path: /healthz"},
		{"tls.existingSecret=t,settings.tls-client-ca=/ca,settings.tls-client-auth=optional", "port: http\n              scheme: HTTPS\n", "path: /healthz"},
		{"tls.existingSecret=t,settings.tls-client-ca=/ca,metrics.enabled=true", "port: metrics\n            periodSeconds", "path: /healthz"},
	} {
		out, err := helm(t, append([]string{"template", "--kube-version", "1.30.0", "reeve", chart, "--set", c.set}, least...)...)
		if err != nil {
			t.Errorf("%s: %v\n%s", c.set, err, out)
			continue
		}
		if !strings.Contains(out, "path: /healthz\n              "+c.probe) || !strings.Contains(out, c.says) {
			t.Errorf("%s: no probe like %q, or no %q in\n%s", c.set, c.probe, c.says, out)
		}
	}
}

// TestTheChartsValuesAreWhatItsTemplatesRead, without helm: each value has a use
// and each use a value, and every one is said in values.yaml.
func TestTheChartsValuesAreWhatItsTemplatesRead(t *testing.T) {
	templates, err := filepath.Glob(filepath.Join(chart, "templates", "*"))
	if err != nil || len(templates) < 5 {
		t.Fatal(templates, err)
	}
	values, used := read(t, "deploy/helm/reeve/values.yaml"), map[string]bool{}
	for _, name := range templates {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\.Values\.([A-Za-z]+)`).FindAllStringSubmatch(string(text), -1) {
			used[m[1]] = true
		}
	}
	given := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([A-Za-z]+):`).FindAllStringSubmatch(values, -1) {
		given[m[1]] = true
		if !used[m[1]] {
			t.Errorf("values.yaml has %s, which no template reads", m[1])
		}
	}
	for name := range used {
		if !given[name] {
			t.Errorf("a template reads %s, which values.yaml has not", name)
		}
	}
}

func TestTheChartWithEverything(t *testing.T) {
	out, err := helm(t, append([]string{"template", "--kube-version", "1.30.0", "a", chart,
		"--set", "ingress.enabled=true,ingress.host=reeve.example,ingress.tlsSecret=tls,ingress.className=nginx",
		"--set", "metrics.enabled=true,metrics.serviceMonitor.enabled=true", "--set", "rootKey.existingSecret=rk,database.readKey=read",
		"--set", "settings.log-level=debug,replicas=1", "--set", "image.digest=sha256:" + strings.Repeat("a", 64),
	}, least...)...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"kind: Ingress", `host: "reeve.example"`, "kind: ServiceMonitor", "REEVE_METRICS", "REEVE_ROOT_SECRET_ACCESS_KEY", "REEVE_READ_DATABASE",
		"name: REEVE_LOG_LEVEL\n              value: \"debug\"", "@sha256:aaaa", "name: a-reeve\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("it has no %s in\n%s", want, out)
		}
	}
	if strings.Contains(out, "PodDisruptionBudget") {
		t.Error("a single server has a disruption budget, which would block every drain")
	}
}
