// Command release builds what users download: for each target an archive with
// the program, its documents, the licences of everything that is linked, and a
// bill of materials; and the checksums of all of them.
//
// The same commit and the same Go give the same bytes, wherever and whenever
// it runs: nothing of the machine, the directory or the clock gets in. With
// -check it proves that: it builds two clones of HEAD, one of them with nothing
// cached, and compares.
//
// Files: target.go what is built for; version.go what it is called; build.go
// the steps; bundle.go what is in an archive and archive.go how it is written;
// modules.go, licence.go and sbom.go what is linked; check.go the proof.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	out := flags.String("out", "dist", "directory that gets the files; it is made, or must be empty")
	only := flags.String("targets", "", "what to build for, such as linux/amd64,darwin/arm64; without it, everything")
	check := flags.Bool("check", false, "build HEAD twice, in two clones and for -targets (this machine's without them), and compare")
	list := flags.Bool("third-party", false, "write docs/third-party.md")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case *list:
		return writeThirdParty(ctx)
	case *check:
		return prove(ctx, *only)
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	return build(ctx, ".", *out, chosen)
}

// choose reads a list of targets; all of them for "".
func choose(list string) ([]target, error) {
	if list == "" {
		return targets, nil
	}
	var chosen []target
	for name := range strings.SplitSeq(list, ",") {
		t, ok := targetNamed(name)
		if !ok {
			return nil, fmt.Errorf("there is no target %q: the targets are %v", name, targets)
		}
		chosen = append(chosen, t)
	}
	return chosen, nil
}
