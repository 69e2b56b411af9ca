//go:build unix

package pgtest

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Archive makes the primary copy every finished piece of its log to a
// directory beside it, as for recovery to a moment. A piece has its name there
// only when it is whole, for the primary may be killed while it copies one. It
// restarts the primary, which does not sync to disk any more: what a crash of
// the machine leaves is another test's matter.
func (c *Cluster) Archive() error {
	return c.run(
		`mkdir archive`,
		`printf '%s\n' fsync=off archive_mode=on "archive_command='cp %p $dir/archive/%f.part && mv $dir/archive/%f.part $dir/archive/%f'" >>primary/postgresql.conf`,
		`"$bin/pg_ctl" -D primary -o "-p 5432" -l primary.log -m fast -w -t 300 restart`,
	)
}

// BackUp takes a base backup of the primary, while it runs.
func (c *Cluster) BackUp() error {
	return c.run(`"$bin/pg_basebackup" -h "$dir" -p 5432 -U reeve -D base -X none -c fast --no-manifest --no-sync`)
}

// FinishLog makes the primary archive its log up to now, and waits for it.
func (c *Cluster) FinishLog() error {
	return c.run(
		`file=$("$bin/psql" -h "$dir" -p 5432 -U reeve -d postgres -Atqc 'SELECT pg_walfile_name(pg_switch_wal())')`,
		`n=0; until [ -f "archive/$file" ]; do n=$((n+1)); [ $n -lt 6000 ] || break; sleep 0.05; done; [ -f "archive/$file" ]`,
	)
}

// Restore puts the base backup, brought forward to a moment, in the place of a
// primary that was killed, and starts it. The old one's data are put aside.
func (c *Cluster) Restore(ctx context.Context, moment time.Time) error {
	const settings = `printf '%%s\n' "restore_command='cp $dir/archive/%%f %%p'" "recovery_target_time='%s'" recovery_target_action=promote >>primary/postgresql.conf`
	err := c.run(
		`mv primary lost && cp -a base primary && chmod 700 primary && touch primary/recovery.signal`,
		fmt.Sprintf(settings, moment.UTC().Format("2006-01-02 15:04:05.000000-07")),
	)
	if err == nil {
		err = c.Start(Leader)
	}
	if err != nil {
		return errors.Join(err, c.run(`tail -n 20 primary.log >&2; false`))
	}
	return c.await(ctx, `SELECT 1 WHERE NOT pg_is_in_recovery()`)
}
