package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"reeve/internal/api"
)

type checkpointOptions struct {
	connection
	account string
	origin  string
}

func (o *checkpointOptions) flags(c *cobra.Command) {
	c.Flags().StringVar(&o.account, "account", "", "the account's 12 `digits` (default the key's own; root keys may name others)")
	o.connection.flags(c.Flags())
}

func newCheckpoint(p *process) *cobra.Command {
	return group("checkpoint", "Sign the ledgers, list what was signed, and change the key",
		newCheckpointCreate(p), newCheckpointList(p), newCheckpointShow(p), newCheckpointRotateKey(p))
}

func newCheckpointCreate(p *process) *cobra.Command {
	var o checkpointOptions
	c := &cobra.Command{
		Use:   "create",
		Short: "Sign the ledgers of an account, and print the signed note",
		Long: `Sign the ledgers of an account as they are now and print the checkpoint, a signed
note. Where nothing has changed since the newest checkpoint, that one is printed.
A server makes one every hour (--checkpoint-every) in which something changed.`,
		Example: `  reeve checkpoint create > 2026-01-31.note`,
		Args:    arguments(0, 0, ""),
		RunE:    func(c *cobra.Command, _ []string) error { return runCheckpointCreate(c.Context(), p, o) },
	}
	o.flags(c)
	return c
}

func runCheckpointCreate(ctx context.Context, p *process, o checkpointOptions) error {
	if err := checkAccount("--account", o.account); err != nil {
		return err
	}
	c, err := o.dial(p)
	if err != nil {
		return err
	}
	var out api.CreateCheckpointOutput
	if err := call(ctx, c, api.Reeve+".CreateCheckpoint", api.CreateCheckpointInput{AccountId: optional(o.account)}, &out); err != nil {
		return err
	}
	return printSaid(p, checkpointView, new(val(out.Checkpoint)), val(val(out.Checkpoint).Note))
}

func newCheckpointList(p *process) *cobra.Command {
	var o checkpointOptions
	c := &cobra.Command{
		Use:   "list",
		Short: "List the checkpoints of an account, and how far its witnesses are",
		Long: `List the checkpoints of an account, the oldest first, and say on standard error how
far each witness is. With --origin, list those of another deployment that this
server has witnessed.`,
		Example: `  reeve checkpoint list
  reeve checkpoint list --origin reeve/0123456789abcdef/111122223333`,
		Args: arguments(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error { return runCheckpointList(c.Context(), p, o) },
	}
	o.flags(c)
	c.Flags().StringVar(&o.origin, "origin", "", "`deployment/account` whose checkpoints were witnessed here, as the first line of each has it")
	return c
}

var checkpointView = view[api.Checkpoint]{
	[]column{
		{key: "Number", title: "NUMBER", right: true},
		{key: "Time", title: "TIME"},
		{key: "LedgerCount", title: "LEDGERS", right: true},
		{key: "RevisionCount", title: "REVISIONS", right: true},
		{key: "Note"},
	},
	func(c *api.Checkpoint) []any {
		return []any{val(c.Number), val(c.Time), val(c.LedgerCount), val(c.RevisionCount), val(c.Note)}
	},
}

func runCheckpointList(ctx context.Context, p *process, o checkpointOptions) error {
	if err := checkAccount("--account", o.account); err != nil {
		return err
	}
	c, err := o.dial(p)
	if err != nil {
		return err
	}
	rows := newList(p, checkpointView)
	var newest int64
	var witnesses []api.WitnessProgress
	in := api.ListCheckpointsInput{AccountId: optional(o.account), Origin: optional(o.origin)}
	err = eachCheckpoint(ctx, c, in, func(found api.Checkpoint, w []api.WitnessProgress) error {
		newest = val(found.Number)
		if w != nil {
			witnesses = w
		}
		return rows.add(&found)
	})
	if err != nil {
		return err
	}
	if err := rows.end(); err != nil {
		return err
	}
	for _, w := range witnesses {
		fmt.Fprintln(p.stderr, witnessLine(w, newest))
	}
	return nil
}

// witnessLine says how far a witness is, in words.
func witnessLine(w api.WitnessProgress, newest int64) string {
	line := fmt.Sprintf("witness %s: has checkpoint %d", val(w.Witness), val(w.Sent))
	if val(w.Sent) == 0 {
		line = fmt.Sprintf("witness %s: has none", val(w.Witness))
	}
	if behind := newest - val(w.Sent); behind > 0 {
		line += fmt.Sprintf(", %d behind", behind)
	}
	if val(w.Failures) > 0 {
		line += fmt.Sprintf("; failed %d times, next attempt %s: %s", val(w.Failures), tableText(timeCell(w.NextTime)), printable(val(w.Error)))
	}
	return line
}

func newCheckpointShow(p *process) *cobra.Command {
	var o checkpointOptions
	keys := false
	c := &cobra.Command{
		Use:   "show [NUMBER]",
		Short: "Print a checkpoint, a signed note",
		Long: `Print a checkpoint with all signatures that it has, the newest one without NUMBER.
Keep it where the operators of the database cannot reach: reeve verify
--checkpoint holds the ledgers against it. --keys prints the verifier keys.`,
		Example: `  reeve checkpoint show 12 > /media/usb/12.note
  reeve checkpoint show --keys`,
		Args: arguments(0, 1, ""),
		RunE: func(c *cobra.Command, args []string) error {
			return runCheckpointShow(c.Context(), p, o, args, keys)
		},
	}
	o.flags(c)
	c.Flags().BoolVar(&keys, "keys", false, "print the keys that verify it")
	return c
}

func runCheckpointShow(ctx context.Context, p *process, o checkpointOptions, args []string, keys bool) error {
	if err := checkAccount("--account", o.account); err != nil {
		return err
	}
	in := api.GetCheckpointInput{AccountId: optional(o.account)}
	if len(args) == 1 {
		n, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil || n < 1 {
			return misuse("%q is no number of a checkpoint", args[0])
		}
		in.Number = &n
	}
	c, err := o.dial(p)
	if err != nil {
		return err
	}
	var out api.GetCheckpointOutput
	if err := call(ctx, c, api.Reeve+".GetCheckpoint", in, &out); err != nil {
		return err
	}
	if keys {
		return printSaid(p, verifierKeysView, &out, val(out.VerifierKeys))
	}
	return printSaid(p, checkpointView, new(val(out.Checkpoint)), val(val(out.Checkpoint).Note))
}

var verifierKeysView = view[api.GetCheckpointOutput]{
	[]column{{key: "VerifierKeys"}},
	func(out *api.GetCheckpointOutput) []any { return []any{val(out.VerifierKeys)} },
}

func newCheckpointRotateKey(p *process) *cobra.Command {
	var o checkpointOptions
	c := &cobra.Command{
		Use:   "rotate-key",
		Short: "Make a new key for checkpoints and print its public half",
		Long: `Make a new key, which signs every checkpoint from now on, and print its public half.
The old key signs that the new one follows it and stays published at
/.well-known/reeve-key, so whoever knows either believes both. Only keys of the
root account may.`,
		Example: `  reeve checkpoint rotate-key >> reeve-keys.txt`,
		Args:    arguments(0, 0, ""),
		RunE:    func(c *cobra.Command, _ []string) error { return runCheckpointRotateKey(c.Context(), p, o) },
	}
	o.connection.flags(c.Flags())
	return c
}

var rotatedKeyView = view[api.RotateCheckpointKeyOutput]{
	[]column{{key: "VerifierKey"}},
	func(out *api.RotateCheckpointKeyOutput) []any { return []any{val(out.VerifierKey)} },
}

func runCheckpointRotateKey(ctx context.Context, p *process, o checkpointOptions) error {
	c, err := o.dial(p)
	if err != nil {
		return err
	}
	var out api.RotateCheckpointKeyOutput
	if err := call(ctx, c, api.Reeve+".RotateCheckpointKey", api.RotateCheckpointKeyInput{}, &out); err != nil {
		return err
	}
	return printSaid(p, rotatedKeyView, &out, val(out.VerifierKey)+"\n")
}
