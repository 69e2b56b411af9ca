package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// prove builds HEAD twice and compares what comes out: in two clones at other
// places, the second with an empty build cache and from another directory.
func prove(ctx context.Context, only string) error {
	if only == "" {
		only = runtime.GOOS + "/" + runtime.GOARCH
	}
	work, err := os.MkdirTemp("", "reeve-release-check-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	first, err := buildClone(ctx, filepath.Join(work, "a"), only)
	if err != nil {
		return err
	}
	second, err := buildClone(ctx, filepath.Join(work, "somewhere", "else"), only, "GOCACHE="+filepath.Join(work, "cache"), "TZ=Asia/Tokyo", "LC_ALL=C")
	if err != nil {
		return err
	}
	return same(first, second)
}

// buildClone clones HEAD and has the clone build itself.
func buildClone(ctx context.Context, into, only string, env ...string) (out string, err error) {
	if _, err := git(ctx, ".", "clone", "--quiet", "--local", ".", into); err != nil {
		return "", err
	}
	out = filepath.Join(into, "dist")
	c := exec.CommandContext(ctx, "go", "run", "./internal/release", "-targets", only, "-out", out)
	c.Dir, c.Env, c.Stdout, c.Stderr = into, append(os.Environ(), env...), os.Stdout, os.Stderr
	return out, c.Run()
}

// same compares two directories, byte by byte.
func same(a, b string) error {
	count := 0
	for _, pair := range [][2]string{{a, b}, {b, a}} {
		err := filepath.WalkDir(pair[0], func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			name, _ := filepath.Rel(pair[0], path) // it is below
			count++
			return sameFile(path, filepath.Join(pair[1], name))
		})
		if err != nil {
			return err
		}
	}
	fmt.Printf("%d files are the same in both builds\n", count/2)
	return nil
}

func sameFile(a, b string) error {
	one, err := os.ReadFile(a)
	if err != nil {
		return err
	}
	other, err := os.ReadFile(b)
	if err != nil {
		return fmt.Errorf("only one of the builds has %s: %w", filepath.Base(a), err)
	}
	if !bytes.Equal(one, other) {
		return fmt.Errorf("%s differs between the builds", filepath.Base(a))
	}
	return nil
}
