package main

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// origin is what a release is made of.
type origin struct {
	Version string    // 1.2.3 at the tag v1.2.3; behind a tag 1.2.3-4-gcommit, before the first 0.0.0-gcommit
	Commit  string    // its whole hash
	Time    time.Time // of the commit: the time of every file
}

// originOf finds out what the working tree at dir is.
func originOf(ctx context.Context, dir string) (origin, error) {
	described, err := git(ctx, dir, "describe", "--tags", "--match", "v[0-9]*", "--always", "--abbrev=12", "--dirty")
	if err != nil {
		return origin{}, err
	}
	shown, err := git(ctx, dir, "show", "--no-patch", "--format=%H %ct", "HEAD")
	if err != nil {
		return origin{}, err
	}
	commit, seconds, _ := strings.Cut(shown, " ")
	at, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return origin{}, fmt.Errorf("read the time of commit %s: %w", commit, err)
	}
	return origin{versionOf(described), commit, time.Unix(at, 0).UTC()}, nil
}

// versionOf is the version for what git describe says.
func versionOf(described string) string {
	if version, tagged := strings.CutPrefix(described, "v"); tagged {
		return version
	}
	return "0.0.0-g" + described
}

func git(ctx context.Context, dir string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...)
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w", args[0], explained(err))
	}
	return strings.TrimSpace(string(out)), nil
}
