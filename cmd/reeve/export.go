package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"reeve/internal/api"
	"reeve/internal/client"
	"reeve/internal/evidence"
	"reeve/internal/evidence/notary"
	"reeve/internal/license"
	"reeve/internal/store"
)

type exportOptions struct {
	connection
	account  string
	data     string
	evidence string
}

func newExport(p *process) *cobra.Command {
	var o exportOptions
	c := &cobra.Command{
		Use:   "export [CONFIG] --evidence FILE",
		Short: "Write ledgers with their signed checkpoints to an auditor's file",
		Long: `Write all ledgers of an account, or that of CONFIG alone, with the checkpoints
that sign them to a file, - for standard output. "reeve verify FILE --key KEY"
checks it anywhere, with nothing but the file and the key that the server shows
at /.well-known/reeve-key.

A running server signs what is there first, so the file is complete. --data reads
the SQLite database of a stopped server, up to its newest checkpoint.

` + configurationHelp,
		Example: `  reeve export --evidence ledgers.jsonl
  reeve export "Oracle Database EE" --evidence oracle.jsonl
  reeve export --evidence - | gzip > ledgers.jsonl.gz`,
		Args: arguments(0, 1, ""),
		RunE: func(c *cobra.Command, args []string) error { return runExport(c.Context(), p, o, args) },
	}
	f := c.Flags()
	f.StringVar(&o.evidence, "evidence", "", "the `file` to write, - for standard output")
	f.StringVar(&o.account, "account", "", "the account's 12 `digits` (default the key's own; root keys may name others)")
	f.StringVar(&o.data, "data", "", "data `directory` of a stopped server")
	o.connection.flags(f)
	complete(c, p, &o.connection, configurations)
	return c
}

func runExport(ctx context.Context, p *process, o exportOptions, args []string) error {
	switch {
	case o.evidence == "":
		return misuse("--evidence is missing: name the file to write, or - for standard output")
	case o.data != "" && o.account == "":
		return misuse("--account is missing: a directory has all accounts, and a file is of one")
	}
	if err := checkAccount("--account", o.account); err != nil {
		return err
	}
	name := ""
	if len(args) == 1 {
		name = args[0]
	}
	source, only, closeSource, err := o.open(ctx, p, name)
	if err != nil {
		return err
	}
	defer closeSource()
	from := &countedSource{Source: source, progress: newProgress(p), sum: exported{File: o.evidence}}
	err = writeFile(p, o.evidence, func(w io.Writer) error { return evidence.Export(ctx, w, from, only) })
	from.progress.clear()
	switch {
	case errors.Is(err, evidence.ErrNothing):
		return refuse("there is nothing to export: %w", err)
	case err != nil, o.evidence == "-":
		return err
	}
	return printSaid(p, exportedView, &from.sum, from.sum.text())
}

// exported is what reeve export tells programs.
type exported struct {
	File                            string
	Ledgers, Revisions, Checkpoints int64
}

var exportedView = view[exported]{
	[]column{{key: "File"}, {key: "Ledgers"}, {key: "Revisions"}, {key: "Checkpoints"}},
	func(e *exported) []any { return []any{e.File, e.Ledgers, e.Revisions, e.Checkpoints} },
}

func (e *exported) text() string {
	return fmt.Sprintf("wrote %s: %s, %s, %s\n", e.File, counted(e.Ledgers, "ledger"), counted(e.Revisions, "revision"), counted(e.Checkpoints, "checkpoint"))
}

// countedSource counts what is exported of a source, and shows it.
type countedSource struct {
	evidence.Source
	progress *progress
	sum      exported
}

func (s *countedSource) Checkpoints(ctx context.Context, each func(evidence.Document) error) error {
	s.sum.Checkpoints = 0 // they may be read more than once
	return s.Source.Checkpoints(ctx, func(d evidence.Document) error {
		s.sum.Checkpoints++
		return each(d)
	})
}

func (s *countedSource) Revisions(ctx context.Context, arn string, last int64, each func(*license.Revision) error) error {
	s.sum.Ledgers++
	return s.Source.Revisions(ctx, arn, last, func(r *license.Revision) error {
		s.sum.Revisions++
		s.progress.show(0, 0, counted(s.sum.Ledgers, "ledger")+", "+counted(s.sum.Revisions, "revision")+" written")
		return each(r)
	})
}

// open returns what to export from, and the ARN of the one ledger to export, if
// it is to be one.
func (o *exportOptions) open(ctx context.Context, p *process, name string) (source evidence.Source, only string, end func(), err error) {
	if o.data != "" {
		s, err := openStopped(ctx, o.data)
		if err != nil {
			return nil, "", nil, err
		}
		return newStoreSource(s, o.account), name, func() { s.Close() }, nil
	}
	c, err := o.dial(p)
	if err != nil {
		return nil, "", nil, err
	}
	if name != "" {
		if only, err = resolveConfiguration(ctx, c, name); err != nil {
			return nil, "", nil, err
		}
	}
	from := &serverSource{c, optional(o.account)}
	return from, only, func() {}, from.sign(ctx)
}

// openStopped opens the SQLite database of a stopped server.
func openStopped(ctx context.Context, data string) (*store.Store, error) {
	if _, err := os.Stat(filepath.Join(data, databaseFile)); err != nil {
		return nil, fmt.Errorf("there is no SQLite database in %s: name the data directory of a server that was started without --database", data)
	}
	return openStore(ctx, storeOptions{data: data, log: slog.New(slog.DiscardHandler)})
}

// writeFile is fillFile where "-" is standard output.
func writeFile(p *process, path string, write func(io.Writer) error) error {
	if path == "-" {
		return write(p.stdout)
	}
	return fillFile(path, write)
}

// fillFile lets write fill a file, for its owner alone, which is there when all
// of it is.
func fillFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // the first error is what matters
		}
	}()
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// serverSource reads an account of a running server.
type serverSource struct {
	client  *client.Client
	account *string // nil: the key's own
}

// sign has the server sign what is there. A caller that may not gets what was
// signed before.
func (s *serverSource) sign(ctx context.Context) error {
	var out api.CreateCheckpointOutput
	err := call(ctx, s.client, api.Reeve+".CreateCheckpoint", api.CreateCheckpointInput{AccountId: s.account}, &out)
	var refusal *client.Error
	if errors.As(err, &refusal) && refusal.Code == "AuthorizationException" {
		return nil
	}
	return err
}

func (s *serverSource) Keys(ctx context.Context) ([]evidence.Key, error) {
	var out api.GetCheckpointOutput
	if err := call(ctx, s.client, api.Reeve+".GetCheckpoint", api.GetCheckpointInput{AccountId: s.account}, &out); err != nil {
		return nil, err
	}
	return evidence.ParseKeys(val(out.VerifierKeys))
}

func (s *serverSource) Checkpoints(ctx context.Context, each func(evidence.Document) error) error {
	return eachCheckpoint(ctx, s.client, api.ListCheckpointsInput{AccountId: s.account}, func(c api.Checkpoint, _ []api.WitnessProgress) error {
		d := evidence.Document{Note: val(c.Note)}
		for _, l := range c.Ledgers {
			hash, err := evidence.ParseHash(val(l.Hash))
			if err != nil {
				return err
			}
			d.Heads = append(d.Heads, evidence.Head{ARN: val(l.LicenseConfigurationArn), Number: val(l.Revision), Hash: hash})
		}
		return each(d)
	})
}

// eachCheckpoint lists checkpoints, and with the first one the witnesses.
func eachCheckpoint(ctx context.Context, c *client.Client, in api.ListCheckpointsInput, each func(api.Checkpoint, []api.WitnessProgress) error) error {
	return eachPage(func(token *string) (*string, error) {
		var out api.ListCheckpointsOutput
		in.NextToken = token
		if err := call(ctx, c, api.Reeve+".ListCheckpoints", in, &out); err != nil {
			return nil, err
		}
		for _, found := range out.Checkpoints {
			if err := each(found, out.Witnesses); err != nil {
				return nil, err
			}
		}
		return out.NextToken, nil
	})
}

// errEnough ends a list before its end.
var errEnough = errors.New("that is enough")

func (s *serverSource) Revisions(ctx context.Context, arn string, last int64, each func(*license.Revision) error) error {
	err := eachPage(func(token *string) (*string, error) {
		var out api.ExportLedgerOutput
		in := api.ExportLedgerInput{LicenseConfigurationArn: &arn, NextToken: token}
		if err := call(ctx, s.client, api.Reeve+".ExportLedger", in, &out); err != nil {
			return nil, err
		}
		for i := range out.Revisions {
			if val(out.Revisions[i].Revision) > last {
				return nil, errEnough
			}
			if err := each(revisionOf(&out.Revisions[i])); err != nil {
				return nil, err
			}
		}
		return out.NextToken, nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

func revisionOf(r *api.LedgerRevision) *license.Revision {
	out := &license.Revision{
		Number: val(r.Revision), At: license.Time(val(r.At)), Recorded: license.Time(val(r.Recorded)),
		Caller: val(r.Caller), Cause: val(r.Cause), TermsRev: val(r.TermsRevision), Changes: []byte(val(r.Changes)),
		Counters: license.Counters{Consumed: val(r.Consumed)},
	}
	copy(out.Counters.ConsumedBy[:], r.ConsumedBy)
	copy(out.Counters.AssociatedBy[:], r.AssociatedBy)
	if r.Terms != nil {
		out.Terms = []byte(*r.Terms)
	}
	out.Hash, _ = hex.DecodeString(val(r.Hash)) // what is no hash is for a verification to say
	return out
}

// storeSource reads an account of a database.
type storeSource struct {
	manager *license.Manager
	notary  *notary.Notary
	who     license.Caller
}

func newStoreSource(s *store.Store, account string) *storeSource {
	return &storeSource{
		manager: license.New(s, license.Settings{}), notary: notary.New(s.Checkpoints(), notary.Options{}),
		who: license.Caller{Account: account, Root: true, Principal: "reeve export", Operation: "ExportLedger"},
	}
}

func (s *storeSource) Keys(ctx context.Context) ([]evidence.Key, error) { return s.notary.Keys(ctx) }

func (s *storeSource) Checkpoints(ctx context.Context, each func(evidence.Document) error) error {
	const page = 100
	for after := int64(0); ; {
		found, next, err := s.notary.List(ctx, s.who, "", after, page)
		if err != nil {
			return err
		}
		for _, c := range found {
			if err := each(evidence.Document{Note: c.Note, Heads: c.Ledgers}); err != nil {
				return err
			}
		}
		if next == 0 {
			return nil
		}
		after = next
	}
}

func (s *storeSource) Revisions(ctx context.Context, arn string, last int64, each func(*license.Revision) error) error {
	const page = 1000
	for after := int64(0); ; {
		found, next, err := s.manager.Revisions(ctx, s.who, arn, after, page)
		if err != nil {
			return err
		}
		for _, r := range found {
			if r.Number > last {
				return nil
			}
			if err := each(r); err != nil {
				return err
			}
		}
		if next == 0 {
			return nil
		}
		after = next
	}
}
