// Command gen writes package api's Go from service models in botocore's
// format (service-2.json):
//
//	go run ./internal/api/gen -aws FILE -reeve models/reeve/2026-12-01/service-2.json -out internal/api
//
// -aws names AWS License Manager's model, which Reeve does not carry: take it
// from botocore, data/license-manager/2018-08-01/service-2.json. Without
// -aws only reeve.gen.go is written.
//
// Names, types and constraints are taken over; documentation is not. A shape
// that is in both models must be the same in both; it is written once, to
// reeve.gen.go, so that this file depends on Reeve's own model alone.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

// The files that gen writes.
const (
	reeveFile = "reeve.gen.go"
	awsFile   = "licensemanager.gen.go"
)

func main() {
	aws := flag.String("aws", "", "AWS License Manager's service-2.json (default: leave "+awsFile+" as it is)")
	reeve := flag.String("reeve", "", "Reeve's own service-2.json")
	out := flag.String("out", ".", "directory of package api")
	flag.Parse()
	if err := run(*aws, *reeve, *out); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(aws, reeve, out string) error {
	if reeve == "" {
		return errors.New("-reeve is missing")
	}
	files, err := generate(aws, reeve)
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := os.WriteFile(filepath.Join(out, file.name), file.text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// A file is one generated Go file.
type file struct {
	name string
	text []byte
}

// generate returns the files for both models, or for Reeve's alone when aws
// is empty.
func generate(aws, reeve string) ([]file, error) {
	own, err := load(reeve)
	if err != nil {
		return nil, err
	}
	done := written{}
	text, err := emit(own, "Reeve", "reeveOperations", done)
	if err != nil {
		return nil, fmt.Errorf("generate from %s: %w", reeve, err)
	}
	files := []file{{reeveFile, text}}
	if aws == "" {
		return files, nil
	}
	theirs, err := load(aws)
	if err != nil {
		return nil, err
	}
	if err := agree(own, theirs); err != nil {
		return nil, err
	}
	text, err = emit(theirs, "LicenseManager", "licenseManagerOperations", done)
	if err != nil {
		return nil, fmt.Errorf("generate from %s: %w", aws, err)
	}
	return append(files, file{awsFile, text}), nil
}
