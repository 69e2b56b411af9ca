package clients_test

import (
	"math/rand/v2"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"

	"reeve/internal/api"
)

// python is the interpreter that Debian's python3-boto3 belongs to.
const python = "/usr/bin/python3"

// boto3Teller knows Reeve's own service too, from the model in models/.
type boto3Teller struct{ *bridge }

func openBoto3(t *testing.T, s *server, k key) teller {
	t.Helper()
	return boto3Teller{openBridge(t, s.environment(t, k), python, "python/bridge.py", s.url)}
}

func (b boto3Teller) put(t *testing.T, resources []api.Resource) {
	t.Helper()
	in, err := jsonv2.Marshal(api.PutResourcesInput{Resources: resources})
	must(t, "encode resources", err)
	if _, no := b.ask(t, "reeve", "PutResources", in); no != nil {
		t.Fatalf("PutResources is refused with %s: %s", no.Code, no.Message)
	}
}

func needBoto3(t *testing.T) {
	t.Helper()
	if exec.Command(python, "-c", "import boto3").Run() != nil {
		missing(t, python+" has no boto3: install python3-boto3")
	}
}

func TestTheStoryByBoto3(t *testing.T) {
	t.Parallel()
	needBoto3(t)
	tellStory(t, openBoto3)
}

func TestBoto3Idioms(t *testing.T) {
	t.Parallel()
	needBoto3(t)
	s := start(t)
	out, errs, err := run(t, s.environment(t, rootKey), python, "python/idioms.py", s.url)
	if err != nil || !strings.HasSuffix(out, "explained\n") {
		t.Errorf("python/idioms.py: %v\n%s%s", err, out, errs)
	}
}

// TestBoto3Recounts makes random changes and recounts every list of usage from
// them, with every filter: at all moments between the changes, at each revision,
// and just before it.
func TestBoto3Recounts(t *testing.T) {
	t.Parallel()
	needBoto3(t)
	s := start(t)
	seed := strconv.Itoa(rand.IntN(1 << 30))
	out, errs, err := run(t, s.environment(t, rootKey), python, "python/recount.py", s.url, seed)
	if err != nil || !strings.HasPrefix(out, "recounted ") {
		t.Errorf("python/recount.py with seed %s: %v\n%s%s", seed, err, out, errs)
	}
}
