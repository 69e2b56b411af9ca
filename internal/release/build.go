package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// build makes the archives of the tree at dir, and SHA256SUMS, in out.
func build(ctx context.Context, dir, out string, chosen []target) error {
	from, err := originOf(ctx, dir)
	if err != nil {
		return err
	}
	if err := emptyDirectory(out); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "reeve-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	b := &builder{dir: dir, out: out, work: work, from: from}
	if b.shared, err = b.documents(ctx); err != nil {
		return err
	}
	for _, t := range chosen {
		fmt.Printf("%s for %s\n", from.Version, t)
		if err := b.target(ctx, t); err != nil {
			return fmt.Errorf("build for %s: %w", t, err)
		}
	}
	return b.writeSums()
}

func emptyDirectory(name string) error {
	if err := os.MkdirAll(name, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(name)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%s is not empty: remove what is in it first", name)
	}
	return err
}

// builder builds the archives of one release.
type builder struct {
	dir, out, work string
	from           origin
	shared         []file // of every archive
	written        []string
}

// target builds the archive of one target, and its bill of materials.
func (b *builder) target(ctx context.Context, t target) error {
	program := filepath.Join(b.work, t.os+"-"+t.arch, t.program())
	if err := b.compile(ctx, t, program); err != nil {
		return err
	}
	linked, err := linkedFor(ctx, b.dir, t)
	if err != nil {
		return err
	}
	if err := confirm(program, linked); err != nil {
		return err
	}
	bill, err := billOf(program, t, b.from, linked)
	if err != nil {
		return err
	}
	name := "reeve-" + b.from.Version + "-" + t.os + "-" + t.arch
	files, err := b.bundle(t, program, bill, linked)
	if err != nil {
		return err
	}
	packed, suffix, err := pack(t, name, b.from.Time, files)
	if err != nil {
		return err
	}
	return errors.Join(b.write(name+suffix, packed), b.write(name+".cdx.json", bill))
}

// compile builds the program. What it was built from is in its version: stamps
// of the version control would differ with files beside it that git ignores.
func (b *builder) compile(ctx context.Context, t target, into string) error {
	abs, err := filepath.Abs(into)
	if err != nil {
		return err
	}
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-mod=readonly",
		"-ldflags", "-s -w -X main.version="+b.from.Version, "-o", abs, "./cmd/reeve")
	c.Dir, c.Env = b.dir, t.environment()
	if said, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, bytes.TrimSpace(said))
	}
	return nil
}

// compileHere builds a program that runs on this machine, to ask it for its own
// manual.
func (b *builder) compileHere(ctx context.Context) (string, error) {
	t := target{runtime.GOOS, runtime.GOARCH}
	program := filepath.Join(b.work, "here", t.program())
	return program, b.compile(ctx, t, program)
}

func (b *builder) write(name string, content []byte) error {
	b.written = append(b.written, name)
	return os.WriteFile(filepath.Join(b.out, name), content, 0o644)
}

// writeSums writes the checksums in the form that sha256sum --check reads.
func (b *builder) writeSums() error {
	var text strings.Builder
	for _, name := range slices.Sorted(slices.Values(b.written)) {
		content, err := os.ReadFile(filepath.Join(b.out, name))
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "%x  %s\n", sha256.Sum256(content), name)
	}
	return os.WriteFile(filepath.Join(b.out, "SHA256SUMS"), []byte(text.String()), 0o644)
}

// explained adds to the error of a command what the command said of it.
func explained(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(exit.Stderr))
	}
	return err
}
