package clients_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// jsTeller is the SDK for JavaScript, version 3.
type jsTeller struct {
	imports
	*bridge
}

func openJS(t *testing.T, s *server, k key) teller {
	t.Helper()
	return jsTeller{imports{s, k}, openBridge(t, s.environment(t, k), "node", "js/bridge.js", s.url)}
}

// installed says, once for all tests, whether the SDK is there. It is
// installed as js/package-lock.json has it when js/node_modules is missing.
var installed = sync.OnceValue(func() error {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%w: install nodejs and npm", err)
		}
	}
	if _, err := os.Stat("js/node_modules/@aws-sdk/client-license-manager"); err == nil {
		return nil
	}
	install := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = "js"
	if out, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci in test/clients/js: %w\n%s", err, out)
	}
	return nil
})

func needJS(t *testing.T) {
	t.Helper()
	if err := installed(); err != nil {
		missing(t, "no SDK for JavaScript: "+err.Error())
	}
}

func TestTheStoryByTheJavaScriptSDK(t *testing.T) {
	t.Parallel()
	needJS(t)
	tellStory(t, openJS)
}

func TestJavaScriptIdioms(t *testing.T) {
	t.Parallel()
	needJS(t)
	s := start(t)
	out, errs, err := run(t, s.environment(t, rootKey), "node", "js/idioms.js", s.url, fleet(t, s, 7))
	if err != nil || !strings.HasSuffix(out, "answered\n") {
		t.Errorf("js/idioms.js: %v\n%s%s", err, out, errs)
	}
}
