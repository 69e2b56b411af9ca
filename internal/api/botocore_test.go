package api_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"reeve/internal/api"
)

// python is the interpreter that Debian's python3-boto3 belongs to.
const python = "/usr/bin/python3"

// missing skips a test that needs something this machine does not have, or
// fails it where everything is required.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("REEVE_REQUIRE_ALL") == "1" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// runPython runs a script of testdata with boto3 and Reeve's model at hand,
// and returns what it prints.
func runPython(t *testing.T, script string, args ...string) string {
	t.Helper()
	if exec.Command(python, "-c", "import boto3").Run() != nil {
		missing(t, python+" has no boto3: install python3-boto3")
	}
	models, err := filepath.Abs("../../models")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, append([]string{filepath.Join("testdata", script)}, args...)...)
	cmd.Env = []string{"AWS_DATA_PATH=" + models, "AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "HOME=" + t.TempDir()}
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		errors.As(err, &exit)
		t.Fatalf("%s: %v\n%s", script, err, exit.Stderr)
	}
	return string(out)
}

// members lists the members of a type as botocore_shapes.py does.
func members(t reflect.Type, path string) []string {
	switch {
	case t == reflect.TypeFor[api.Time]():
		return []string{path + " timestamp"}
	case t.Kind() == reflect.Pointer:
		return members(t.Elem(), path)
	case t.Kind() == reflect.Slice:
		return members(t.Elem(), path+"[]")
	case t.Kind() == reflect.Map:
		return members(t.Elem(), path+"{}")
	case t.Kind() == reflect.Struct:
		list := []string{}
		for i := range t.NumField() {
			field := t.Field(i)
			list = append(list, members(field.Type, strings.TrimPrefix(path+"."+wireName(field), "."))...)
		}
		slices.Sort(list)
		return list
	}
	kind := map[reflect.Kind]string{reflect.String: "string", reflect.Int64: "number", reflect.Bool: "boolean"}[t.Kind()]
	return []string{path + " " + kind}
}

type operationMembers struct {
	Input  []string `json:"input"`
	Output []string `json:"output"`
}

// What any botocore sends and expects has the same name and type here. An
// older botocore knows fewer operations and members of License Manager.
func TestNamesAreBotocores(t *testing.T) {
	var services map[string]map[string]operationMembers
	if err := json.Unmarshal([]byte(runPython(t, "botocore_shapes.py", "license-manager", "reeve")), &services); err != nil {
		t.Fatal(err)
	}
	ours := map[string]map[string]operationMembers{api.LicenseManager: {}, api.Reeve: {}}
	for _, op := range api.Operations {
		ours[op.Service][op.Name] = operationMembers{members(reflect.TypeOf(op.NewInput()), ""), members(reflect.TypeOf(op.NewOutput()), "")}
	}
	if diff := cmp.Diff(services["reeve"], ours[api.Reeve]); diff != "" {
		t.Errorf("reeve (-botocore +api):\n%s", diff)
	}
	if len(services["license-manager"]) < 50 {
		t.Errorf("botocore lists %d operations of license-manager", len(services["license-manager"]))
	}
	for name, theirs := range services["license-manager"] {
		op, ok := ours[api.LicenseManager][name]
		if !ok {
			t.Errorf("%s is missing", name)
		}
		for _, m := range absent(theirs.Input, op.Input) {
			t.Errorf("%sInput has no %s", name, m)
		}
		for _, m := range absent(theirs.Output, op.Output) {
			t.Errorf("%sOutput has no %s", name, m)
		}
	}
}

// absent lists what is in want and not in have.
func absent(want, have []string) []string {
	return slices.DeleteFunc(slices.Clone(want), func(m string) bool { return slices.Contains(have, m) })
}

// boto3 builds a client from the model that Reeve ships, checks parameters,
// pages, and types errors; what it sends is what the Go shapes read.
func TestBoto3UsesTheModel(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Authorization"), "/eu-west-1/license-manager/aws4_request") {
			t.Errorf("signed for another service: %s", r.Header.Get("Authorization"))
		}
		answer(t, w, r)
	}))
	defer server.Close()
	want := "created 1\ndifference a\ndifference b\nrefused The name is taken.\n"
	if diff := cmp.Diff(want, runPython(t, "reeve_client.py", server.URL)); diff != "" {
		t.Error(diff)
	}
}

func answer(t *testing.T, w http.ResponseWriter, r *http.Request) {
	var out any
	switch target := r.Header.Get("X-Amz-Target"); target {
	case "Reeve.PutResources":
		in := new(api.PutResourcesInput)
		read(t, r, in)
		if got := in.Resources[0]; *got.VCpus != 4 || !*got.Virtual || got.Tags == nil || got.LicensePacks != nil || *got.Applications[0].Name != "SQL Server" {
			t.Errorf("boto3 sent %+v", got)
		}
		out = api.PutResourcesOutput{Created: new(int64(1))}
	case "Reeve.CompareUsage":
		in := new(api.CompareUsageInput)
		read(t, r, in)
		out = api.CompareUsageOutput{Differences: []api.UsageDifference{{ResourceArn: new("a")}}, NextToken: new("2")}
		if in.NextToken != nil {
			out = api.CompareUsageOutput{Differences: []api.UsageDifference{{ResourceArn: new("b")}}}
		}
	case "Reeve.CreateAccount":
		w.WriteHeader(http.StatusBadRequest)
		out = map[string]string{"__type": api.InvalidParameterValueException, "Message": "The name is taken."}
	default:
		t.Errorf("unexpected target %s", target)
	}
	if err := json.MarshalWrite(w, out); err != nil {
		t.Error(err)
	}
}

func read(t *testing.T, r *http.Request, in api.Input) {
	if err := json.UnmarshalRead(r.Body, in); err != nil {
		t.Error(err)
	}
	if found := in.Validate(); found != nil {
		t.Error(found)
	}
}
