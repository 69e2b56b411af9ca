package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/rogpeppe/go-internal/testscript"

	"reeve/internal/client"
	"reeve/internal/store/testdb"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"reeve": main})
}

// TestScripts runs the sessions of testdata/script: a server as an operator
// starts it, and commands as people type them. Beside testscript's own
// commands there are
//
//	await DIR           wait until the server with that data directory answers
//	api TARGET JSON     call an operation as the root account; prints the answer
//	setvar NAME TEXT    keep what stands between TEXT and the next quote in the last output
//
// and the condition [sqlite]: the servers of the session use SQLite, and not
// an empty PostgreSQL (package testdb).
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup:               chooseDatabase,
		Condition:           condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"await": await, "api": callAPI, "setvar": setVariable,
		},
	})
}

// chooseDatabase is for servers that are started without --database.
func chooseDatabase(env *testscript.Env) error {
	if t, ok := env.T().(testing.TB); ok && testdb.Postgres() {
		env.Setenv("REEVE_DATABASE", testdb.New(t).URL)
	}
	return nil
}

func condition(name string) (bool, error) {
	if name != "sqlite" {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	return !testdb.Postgres(), nil
}

// await polls /healthz; a server that does not come up fails the script.
func await(ts *testscript.TestScript, _ bool, args []string) {
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for time.Now().Before(deadline) {
		if text, err := os.ReadFile(ts.MkAbs(filepath.Join(args[0], client.EndpointFile))); err == nil {
			resp, err := http.Get(strings.TrimSpace(string(text)) + "/healthz")
			if err == nil {
				resp.Body.Close()
				if resp.StatusCode == http.StatusOK {
					return
				}
			}
		}
		<-tick.C
	}
	ts.Fatalf("the server in %s did not answer in time", args[0])
}

func callAPI(ts *testscript.TestScript, neg bool, args []string) {
	env := func(name string) string { return ts.Getenv(name) }
	c, err := client.FromEnvironment(client.Choice{Data: ts.MkAbs("reeve-data")}, env)
	ts.Check(err)
	in := jsontext.Value(args[1])
	out, err := client.Call[jsontext.Value, jsontext.Value](context.Background(), c, args[0], &in)
	switch {
	case err != nil && !neg:
		ts.Fatalf("%s: %v", args[0], err)
	case err != nil:
		_, _ = ts.Stderr().Write([]byte(err.Error() + "\n"))
	case neg:
		ts.Fatalf("%s was answered with %s", args[0], *out)
	default:
		_, _ = ts.Stdout().Write(append(*out, '\n'))
	}
}

func setVariable(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile("stdout")
	_, rest, found := strings.Cut(text, args[1])
	value, _, ended := strings.Cut(rest, `"`)
	if !found || !ended {
		ts.Fatalf("%q and a quoted value are not in %s", args[1], text)
	}
	ts.Setenv(args[0], value)
}
