package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"reeve/internal/license"
	"reeve/internal/source/schedule"
	"reeve/internal/store/sqlconn"
)

// Sources is the store as package schedule uses it.
func (s *Store) Sources() schedule.Store { return sourceStore{s} }

type sourceStore struct{ store *Store }

var (
	_ schedule.Store = sourceStore{}
	_ schedule.Tx    = sourceTx{}
)

// View implements schedule.Store.
func (s sourceStore) View(ctx context.Context, fn func(schedule.Tx) error) error {
	return s.store.View(ctx, func(t license.Tx) error { return over(t, fn) })
}

// Update implements schedule.Store.
func (s sourceStore) Update(ctx context.Context, fn func(schedule.Tx) error) error {
	return s.store.Update(ctx, func(t license.Tx) error { return over(t, fn) })
}

// Guarded implements schedule.Store.
func (s sourceStore) Guarded(guard func(schedule.Tx) error) license.Store {
	return guarded{s.store, guard}
}

// guarded is a store whose every Update ends with a guard's word.
type guarded struct {
	*Store
	guard func(schedule.Tx) error
}

// Update implements license.Store.
func (g guarded) Update(ctx context.Context, fn func(license.Tx) error) error {
	return g.Store.Update(ctx, func(t license.Tx) error {
		if err := fn(t); err != nil {
			return err
		}
		return over(t, g.guard)
	})
}

func over(t license.Tx, fn func(schedule.Tx) error) error {
	own, ok := t.(*tx)
	if !ok {
		return fmt.Errorf("sources are kept by a transaction of the store's own, and not by %T", t)
	}
	return fn(sourceTx{own})
}

// sourceTx is schedule.Tx over a transaction.
type sourceTx struct{ *tx }

const selectSource = `SELECT num, name, account, region, kind, created, every, paused, allow_shrink,
	due, asked, run, lease, failed, found, succeeded, created_by, settings FROM source`

func scanSource(r sqlconn.Row) *schedule.Source {
	return &schedule.Source{
		Num: r.Int(0), Name: r.Text(1), Account: r.Text(2), Region: r.Text(3), Kind: r.Text(4),
		Created: license.Time(r.Int(5)), Every: time.Duration(r.Int(6)) * time.Microsecond,
		Paused: r.Int(7) != 0, AllowShrink: r.Int(8) != 0,
		State: schedule.State{
			Due: license.Time(r.Int(9)), Asked: schedule.Ask(r.Int(10)), Run: r.Int(11), Lease: license.Time(r.Int(12)),
			Failed: r.Int(13), Found: r.Int(14), Succeeded: license.Time(r.Int(15)),
		},
		CreatedBy: r.Text(16), Settings: r.Text(17),
	}
}

func (t sourceTx) sources(doing, sql string, args ...any) ([]*schedule.Source, error) {
	var found []*schedule.Source
	err := t.query(doing, sql, args, func(r sqlconn.Row) error {
		found = append(found, scanSource(r))
		return nil
	})
	return found, err
}

func (t sourceTx) source(doing, sql string, arg any) (*schedule.Source, error) {
	found, err := t.sources(doing, sql, arg)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

func (t sourceTx) AccountExists(account string) (there bool, err error) {
	err = t.query("look for account", `SELECT 1 FROM account WHERE id = $1`, []any{account}, func(sqlconn.Row) error {
		there = true
		return nil
	})
	return there, err
}

func (t sourceTx) SourceNamed(name string) (*schedule.Source, error) {
	return t.source("read source", selectSource+` WHERE name = $1`, name)
}

func (t sourceTx) LockSource(num int64) (*schedule.Source, error) {
	return t.source("lock source", selectSource+` WHERE num = $1`+t.conn.ForUpdate(), num)
}

func (t sourceTx) InsertSource(s *schedule.Source) error {
	return t.execOne("insert source", `INSERT INTO source (num, name, account, region, kind, created, every, paused,
		allow_shrink, due, asked, run, lease, failed, found, succeeded, created_by, settings, ready)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`,
		s.Num, s.Name, s.Account, s.Region, s.Kind, int64(s.Created), s.Every.Microseconds(), bit(s.Paused),
		bit(s.AllowShrink), int64(s.Due), int64(s.Asked), s.Run, int64(s.Lease), s.Failed, s.Found, int64(s.Succeeded),
		s.CreatedBy, s.Settings, int64(s.Ready()))
}

func (t sourceTx) SaveSource(s *schedule.Source) error {
	return t.execOne("save source", `UPDATE source SET every = $2, paused = $3, allow_shrink = $4, due = $5, asked = $6,
		run = $7, lease = $8, failed = $9, found = $10, succeeded = $11, settings = $12, ready = $13 WHERE num = $1`,
		s.Num, s.Every.Microseconds(), bit(s.Paused), bit(s.AllowShrink), int64(s.Due), int64(s.Asked),
		s.Run, int64(s.Lease), s.Failed, s.Found, int64(s.Succeeded), s.Settings, int64(s.Ready()))
}

func (t sourceTx) DeleteSource(num int64) error {
	if err := t.execOne("delete source", `DELETE FROM source WHERE num = $1`, num); err != nil {
		return err
	}
	for _, table := range []string{"source_run", "source_resource", "source_memory"} {
		if _, err := t.conn.Exec(`DELETE FROM `+table+` WHERE source = $1`, num); err != nil {
			return fmt.Errorf("delete source from %s: %w", table, err)
		}
	}
	return nil
}

func (t sourceTx) Sources(created license.Time, num int64, limit int) ([]*schedule.Source, error) {
	return t.sources("list sources", selectSource+` WHERE (created, num) > ($1, $2) ORDER BY created, num LIMIT $3`,
		int64(created), num, int64(limit))
}

func (t sourceTx) DueSources(now license.Time, limit int) (due []int64, err error) {
	err = t.query("list due sources", `SELECT num FROM source WHERE ready <= $1 ORDER BY ready, num LIMIT $2`,
		[]any{int64(now), int64(limit)}, func(r sqlconn.Row) error {
			due = append(due, r.Int(0))
			return nil
		})
	return due, err
}

const selectRun = `SELECT number, status, server, started, ended, counts, error, failures FROM source_run`

func (t sourceTx) runs(doing, sql string, args ...any) ([]*schedule.Run, error) {
	var found []*schedule.Run
	err := t.query(doing, sql, args, func(r sqlconn.Row) error {
		run := &schedule.Run{
			Number: r.Int(0), Status: schedule.Status(r.Text(1)), Server: r.Text(2),
			Started: license.Time(r.Int(3)), Ended: license.Time(r.Int(4)), Error: r.Text(6),
		}
		found = append(found, run)
		return errors.Join(decode(r.Text(5), &run.Counts), decode(r.Text(7), &run.Failures))
	})
	return found, err
}

func (t sourceTx) run(doing, sql string, args ...any) (*schedule.Run, error) {
	found, err := t.runs(doing, sql, args...)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

func (t sourceTx) SaveRun(source int64, r *schedule.Run) error {
	counts, err := encode(&r.Counts)
	if err != nil {
		return err
	}
	failures, err := encode(r.Failures)
	if err != nil {
		return err
	}
	return t.execOne("save run of a source", `INSERT INTO source_run
		(source, number, status, server, started, ended, troubled, counts, error, failures)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (source, number) DO UPDATE SET status = excluded.status, ended = excluded.ended,
			troubled = excluded.troubled, counts = excluded.counts, error = excluded.error, failures = excluded.failures`,
		source, r.Number, string(r.Status), r.Server, int64(r.Started), int64(r.Ended),
		bit(r.Error != "" || r.Counts.Failed > 0), counts, r.Error, failures)
}

func (t sourceTx) Run(source, number int64) (*schedule.Run, error) {
	return t.run("read run of a source", selectRun+` WHERE source = $1 AND number = $2`, source, number)
}

func (t sourceTx) Runs(source, before int64, limit int) ([]*schedule.Run, error) {
	return t.runs("list runs of a source", selectRun+` WHERE source = $1 AND number < $2 ORDER BY number DESC LIMIT $3`,
		source, before, int64(limit))
}

func (t sourceTx) TroubledRun(source int64) (*schedule.Run, error) {
	return t.run("read troubled run of a source",
		selectRun+` WHERE source = $1 AND troubled = 1 ORDER BY number DESC LIMIT 1`, source)
}

func (t sourceTx) DeleteRuns(source, first, last int64) error {
	_, err := t.conn.Exec(`DELETE FROM source_run WHERE source = $1 AND number >= $2 AND number <= $3`, source, first, last)
	if err != nil {
		return fmt.Errorf("delete runs of a source: %w", err)
	}
	return nil
}

func (t sourceTx) Memory(source int64) (memory []byte, err error) {
	err = t.query("read memory of a source", `SELECT memory FROM source_memory WHERE source = $1`, []any{source},
		func(r sqlconn.Row) error {
			memory = r.Bytes(0)
			return nil
		})
	return memory, err
}

func (t sourceTx) SaveMemory(source int64, memory []byte) error {
	sql, args := `INSERT INTO source_memory (source, memory) VALUES ($1, $2)
		ON CONFLICT (source) DO UPDATE SET memory = excluded.memory`, []any{source, memory}
	if len(memory) == 0 {
		sql, args = `DELETE FROM source_memory WHERE source = $1`, []any{source}
	}
	if _, err := t.conn.Exec(sql, args...); err != nil {
		return fmt.Errorf("save memory of a source: %w", err)
	}
	return nil
}

func (t sourceTx) Remembered(source int64, after string, limit int) (arns []string, err error) {
	err = t.query("list resources of a source", `SELECT arn FROM source_resource
		WHERE source = $1 AND arn > $2 ORDER BY arn LIMIT $3`, []any{source, after, int64(limit)},
		func(r sqlconn.Row) error {
			arns = append(arns, r.Text(0))
			return nil
		})
	return arns, err
}

func (t sourceTx) Remember(source int64, account string, arns []string) error {
	args := make([][]any, len(arns))
	for i, arn := range arns {
		args[i] = []any{source, arn, account}
	}
	return t.execEach("remember resources of a source", `INSERT INTO source_resource (source, arn, account)
		VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, args)
}

func (t sourceTx) Forget(source int64, arns []string) error {
	args := make([][]any, len(arns))
	for i, arn := range arns {
		args[i] = []any{source, arn}
	}
	return t.execEach("forget resources of a source", `DELETE FROM source_resource WHERE source = $1 AND arn = $2`, args)
}

// LockShared locks in the order of ARNs, and of sources at each.
func (t sourceTx) LockShared(source int64, account string, arns []string) (shared []string, err error) {
	arns = slices.Clone(arns)
	slices.Sort(arns)
	args := make([][]any, len(arns))
	for i, arn := range arns {
		args[i] = []any{account, arn}
	}
	err = t.queryEach("look for other sources of resources", `SELECT source FROM source_resource
		WHERE account = $1 AND arn = $2 ORDER BY source`+t.conn.ForUpdate(), args, func(i int, r sqlconn.Row) error {
		last := len(shared) - 1
		if r.Int(0) != source && (last < 0 || shared[last] != arns[i]) {
			shared = append(shared, arns[i])
		}
		return nil
	})
	return shared, err
}
