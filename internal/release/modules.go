package main

import (
	"cmp"
	"context"
	"debug/buildinfo"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// module is something of others that is linked into a program.
type module struct {
	Path     string
	Version  string
	Sum      string // as in go.sum; "" for Go's own library, and before a program was looked at
	Licences []licence

	dir      string
	packages []string // directories of the packages that are linked
}

// standard is what Go's own library is called among modules.
const standard = "std"

// linkedFor lists the modules that a program for a target is linked from, in
// the order of their paths, and Go's own library.
func linkedFor(ctx context.Context, dir string, t target) ([]module, error) {
	const each = "{{$dir := .Dir}}{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}\t{{$dir}}{{end}}{{end}}"
	c := exec.CommandContext(ctx, "go", "list", "-deps", "-f", each, "./cmd/reeve")
	c.Dir, c.Env = dir, t.environment()
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", explained(err))
	}
	root, err := goEnvironment(ctx, "GOROOT")
	if err != nil {
		return nil, err
	}
	version, err := goEnvironment(ctx, "GOVERSION")
	if err != nil {
		return nil, err
	}
	list := []module{{Path: standard, Version: strings.TrimPrefix(version, "go"), dir: root}}
	for line := range strings.Lines(string(out)) {
		parts := strings.Split(strings.TrimSpace(line), "\t")
		if len(parts) != 4 {
			continue // of Go's or ours
		}
		i := slices.IndexFunc(list, func(m module) bool { return m.Path == parts[0] })
		if i < 0 {
			i = len(list)
			list = append(list, module{Path: parts[0], Version: parts[1], dir: parts[2]})
		}
		list[i].packages = append(list[i].packages, parts[3])
	}
	slices.SortFunc(list, func(a, b module) int { return cmp.Compare(a.Path, b.Path) })
	for i := range list {
		if list[i].Licences, err = list[i].findLicences(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func goEnvironment(ctx context.Context, name string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", name).Output()
	if err != nil {
		return "", fmt.Errorf("go env: %w", explained(err))
	}
	return strings.TrimSpace(string(out)), nil
}

// confirm compares the modules with what the linker has written into a program,
// and adds their checksums.
func confirm(program string, linked []module) error {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return fmt.Errorf("read what %s was built from: %w", filepath.Base(program), err)
	}
	if len(info.Deps) != len(linked)-1 {
		return fmt.Errorf("%s has %d modules, and go list names %d", filepath.Base(program), len(info.Deps), len(linked)-1)
	}
	for _, d := range info.Deps {
		i := slices.IndexFunc(linked, func(m module) bool { return m.Path == d.Path && m.Version == d.Version })
		if i < 0 || d.Replace != nil {
			return fmt.Errorf("%s has %s %s, which go.mod does not name", filepath.Base(program), d.Path, d.Version)
		}
		linked[i].Sum = d.Sum
	}
	return nil
}
