package main

import (
	"testing"

	"reeve/internal/client"
	"reeve/internal/config"
)

func TestGoRunIsToldFromAnInstalledProgram(t *testing.T) {
	check := func(exe string, want bool) {
		t.Helper()
		if got := byGoRun(exe); got != want {
			t.Errorf("%s: %v", exe, got)
		}
	}
	t.Chdir("../..")
	check("/tmp/go-build123/b001/exe/reeve", true)
	check("/home/me/.cache/go-build/0a/0a12-d/reeve", true) // since Go 1.24
	check("/usr/local/bin/reeve", false)

	t.Chdir(t.TempDir())
	check("/tmp/go-build123/b001/exe/reeve", false) // go run ./cmd/reeve would not work here
}

func TestEnvCommand(t *testing.T) {
	for want, i := range map[string]invocation{
		"reeve env --data '/srv/my data'": {command: "reeve", data: "/srv/my data"},
		"go run ./cmd/reeve env":          {command: "go run ./cmd/reeve"},
	} {
		if got := i.env(defaultRegion); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if got := i.env("eu-west-1"); got != want+" --region eu-west-1" {
			t.Errorf("%s in another region", got)
		}
	}
}

func TestTheDefaultDataDirectoryHasOneName(t *testing.T) {
	if got := config.Default().Data; got != client.DefaultData {
		t.Errorf("serve keeps data in %s and commands look into %s", got, client.DefaultData)
	}
}
