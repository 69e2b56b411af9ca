package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"reeve/internal/evidence"
)

// maxKeyFile bounds what is read of a file of keys.
const maxKeyFile = 1 << 20

// readKeys reads verifier keys that were given as they are, or in files.
func readKeys(given []string) (keys []evidence.Key, err error) {
	for _, text := range given {
		if !strings.Contains(text, "+") { // as every verifier key has
			if text, err = readSmall(text, maxKeyFile); err != nil {
				return nil, err
			}
		}
		more, err := evidence.ParseKeys(text)
		if err != nil {
			return nil, err
		}
		keys = append(keys, more...)
	}
	return keys, nil
}

func readSmall(path string, most int64) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s is larger than %d bytes", path, most)
	}
	return string(text), err
}

// readKept reads checkpoints that were kept: files, and directories of files.
func readKept(paths []string) (*evidence.Kept, error) {
	kept := &evidence.Kept{}
	for _, path := range paths {
		err := filepath.WalkDir(path, func(name string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			f, err := os.Open(name)
			if err != nil {
				return err
			}
			defer f.Close()
			return kept.Read(name, f)
		})
		if err != nil {
			return nil, err
		}
	}
	return kept, nil
}

// evidenceOptions reads what a file, or a server, is held against.
func (o *verifyOptions) evidenceOptions() (e evidence.Options, err error) {
	if e.Keys, err = readKeys(o.keys); err != nil {
		return e, fmt.Errorf("--key: %w", err)
	}
	if e.Witnesses, err = readKeys(o.witnesses); err != nil {
		return e, fmt.Errorf("--witness-key: %w", err)
	}
	if e.Kept, err = readKept(o.checkpoints); err != nil {
		return e, fmt.Errorf("--checkpoint: %w", err)
	}
	return e, nil
}

// runVerifyFile verifies a file of evidence with nothing but the keys.
func runVerifyFile(ctx context.Context, p *process, o *verifyOptions, path string) error {
	if len(o.keys) == 0 {
		return misuse("--key is missing: give the key of the server whose ledgers these are, as its /.well-known/reeve-key shows it, or a file with it")
	}
	e, err := o.evidenceOptions()
	if err != nil {
		return err
	}
	var in io.Reader = p.stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	read := newCountingReader(ctx, p, in, sizeOf(in))
	report, err := evidence.Verify(read, e)
	read.progress.clear()
	if err != nil {
		return notGood(path, err)
	}
	return printSaid(p, checkedFileView, newCheckedFile(report), reportText(report, len(e.Witnesses) > 0))
}

// notGood says that a file did not pass.
func notGood(what string, err error) error {
	var f *evidence.Fault
	if errors.As(err, &f) {
		return negative("%s is not good evidence: %w", what, err)
	}
	return err
}

// checkedFile is what reeve verify FILE tells programs.
type checkedFile struct {
	Origin                          string
	LicenseConfigurationArn         string `json:",omitzero"` // of a file of one ledger
	Ledgers, Revisions, Checkpoints int64
	SignedCheckpoint                int64
	SignedTime                      string
	WitnessedCheckpoint             int64 `json:",omitzero"`
	KeptCheckpoints                 int64
}

func newCheckedFile(r *evidence.Report) *checkedFile {
	return &checkedFile{r.Origin, r.Only, r.Ledgers, r.Revisions, r.Checkpoints, r.Newest.Number, fmt.Sprint(r.Newest.Time), r.Witnessed, int64(r.Kept)}
}

var checkedFileView = view[checkedFile]{
	[]column{{key: "Origin"}, {key: "LicenseConfigurationArn"}, {key: "Ledgers"}, {key: "Revisions"}, {key: "Checkpoints"},
		{key: "SignedCheckpoint"}, {key: "SignedTime"}, {key: "WitnessedCheckpoint"}, {key: "KeptCheckpoints"}},
	func(f *checkedFile) []any {
		return []any{f.Origin, f.LicenseConfigurationArn, f.Ledgers, f.Revisions, f.Checkpoints, f.SignedCheckpoint, f.SignedTime, f.WitnessedCheckpoint, f.KeptCheckpoints}
	},
}

func reportText(r *evidence.Report, witnessed bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "checked %s, %s, %s of %s: everything agrees\n", counted(r.Ledgers, "ledger"), counted(r.Revisions, "revision"), counted(r.Checkpoints, "checkpoint"), r.Origin)
	if r.Only != "" {
		fmt.Fprintf(&b, "ledger: %s alone\n", r.Only)
	}
	fmt.Fprintf(&b, "signed up to: %s (checkpoint %d)\n", r.Newest.Time, r.Newest.Number)
	if witnessed {
		fmt.Fprintf(&b, "witnessed up to: checkpoint %d\n", r.Witnessed)
	}
	if r.Kept > 0 {
		fmt.Fprintf(&b, "contains: %s kept elsewhere\n", counted(int64(r.Kept), "checkpoint"))
	}
	return b.String()
}

// against holds the ledgers of the accounts that checkpoints were kept of, as
// source has them now, against these checkpoints: what an export would write
// is verified as it is written.
func (o *verifyOptions) against(ctx context.Context, p *process, source func(account string) evidence.Source) error {
	if len(o.checkpoints) == 0 {
		return nil
	}
	e, err := o.evidenceOptions()
	if err != nil {
		return err
	}
	accounts := e.Kept.Accounts()
	if len(accounts) == 0 {
		return errors.New("--checkpoint: there is no checkpoint in what you gave")
	}
	for _, account := range accounts {
		from := source(account)
		keys := e
		if len(keys.Keys) == 0 {
			if keys.Keys, err = from.Keys(ctx); err != nil {
				return err
			}
		}
		report, err := exportInto(ctx, from, keys)
		if err != nil {
			return notGood("the database", err)
		}
		if p.forPeople() {
			if _, err := io.WriteString(p.stdout, reportText(report, len(e.Witnesses) > 0)); err != nil {
				return err
			}
		}
	}
	return nil
}

// exportInto verifies an export while it is written, and keeps none of it.
func exportInto(ctx context.Context, source evidence.Source, o evidence.Options) (*evidence.Report, error) {
	r, w := io.Pipe()
	go func() { w.CloseWithError(evidence.Export(ctx, w, source, "")) }()
	report, err := evidence.Verify(r, o)
	_ = r.CloseWithError(err) // ends the export
	return report, err
}
