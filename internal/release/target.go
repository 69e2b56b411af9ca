package main

import "os"

// target is an operating system and a processor, in Go's names.
type target struct{ os, arch string }

// targets are what every release is built for.
var targets = []target{
	{"darwin", "amd64"}, {"darwin", "arm64"},
	{"linux", "amd64"}, {"linux", "arm64"},
	{"windows", "amd64"},
}

func (t target) String() string { return t.os + "/" + t.arch }

func targetNamed(name string) (target, bool) {
	for _, t := range targets {
		if t.String() == name {
			return t, true
		}
	}
	return target{}, false
}

// program is the name of the program's file.
func (t target) program() string {
	if t.os == "windows" {
		return "reeve.exe"
	}
	return "reeve"
}

// environment is what go runs in for the target: this process's, but for what
// would change the bytes that come out.
func (t target) environment() []string {
	return append(os.Environ(), "GOOS="+t.os, "GOARCH="+t.arch, "CGO_ENABLED=0", "GOAMD64=v1", "GOARM64=v8.0",
		"GOFLAGS=", "GOEXPERIMENT=", "GODEBUG=", "GOFIPS140=off", "GOWORK=off")
}
