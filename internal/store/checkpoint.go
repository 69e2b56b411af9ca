package store

import (
	"context"
	"errors"
	"fmt"

	"reeve/internal/evidence"
	"reeve/internal/evidence/notary"
	"reeve/internal/license"
	"reeve/internal/store/sqlconn"
)

// Checkpoints is the store as package notary uses it.
func (s *Store) Checkpoints() notary.Store { return checkpointStore{s} }

type checkpointStore struct{ store *Store }

var (
	_ notary.Store = checkpointStore{}
	_ notary.Tx    = checkpointTx{}
)

// View implements notary.Store.
func (s checkpointStore) View(ctx context.Context, fn func(notary.Tx) error) error {
	return s.store.View(ctx, func(t license.Tx) error { return notarised(t, fn) })
}

// Update implements notary.Store.
func (s checkpointStore) Update(ctx context.Context, fn func(notary.Tx) error) error {
	return s.store.Update(ctx, func(t license.Tx) error { return notarised(t, fn) })
}

func notarised(t license.Tx, fn func(notary.Tx) error) error {
	own, ok := t.(*tx)
	if !ok {
		return fmt.Errorf("checkpoints are kept by a transaction of the store's own, and not by %T", t)
	}
	return fn(checkpointTx{sourceTx{own}})
}

// checkpointTx is notary.Tx over a transaction.
type checkpointTx struct{ sourceTx }

func (t checkpointTx) LockSigning() error {
	return t.query("lock signing", `SELECT number FROM signing_key WHERE number = 1`+t.conn.ForUpdate(), nil, func(sqlconn.Row) error { return nil })
}

func (t checkpointTx) SigningKeys() (keys []notary.SigningKey, err error) {
	err = t.query("read signing keys", `SELECT number, since, public, sealed, old_sig, new_sig FROM signing_key ORDER BY number`, nil,
		func(r sqlconn.Row) error {
			keys = append(keys, notary.SigningKey{
				Number: r.Int(0), Sealed: r.Bytes(3),
				Key: evidence.Key{Text: r.Text(2), From: license.Time(r.Int(1)), Old: r.Text(4), New: r.Text(5)},
			})
			return nil
		})
	return keys, err
}

func (t checkpointTx) InsertSigningKey(k *notary.SigningKey) error {
	return t.execOne("insert signing key", `INSERT INTO signing_key (number, since, public, sealed, old_sig, new_sig)
		VALUES ($1, $2, $3, $4, $5, $6)`, k.Number, int64(k.From), k.Text, k.Sealed, k.Old, k.New)
}

func (t checkpointTx) Ledgers(account string) (ledgers []notary.Ledger, err error) {
	err = t.query("read ledgers of an account", `SELECT c.num, c.id, c.region, c.head, c.head_hash, r.hash
		FROM configuration c LEFT JOIN revision r ON r.configuration = c.num AND r.number = c.head
		WHERE c.account = $1`, []any{account}, func(r sqlconn.Row) error {
		c := license.Configuration{ID: r.Text(1), Region: r.Text(2), Account: account}
		ledgers = append(ledgers, notary.Ledger{
			Head:          evidence.Head{ARN: c.ARN(), Number: r.Int(3), Hash: hashOf(r.Bytes(5))},
			Configuration: r.Int(0), Named: r.Bytes(4),
		})
		return nil
	})
	return ledgers, err
}

// hashOf is zero for what is no hash, so that it equals no other.
func hashOf(b []byte) (h evidence.Hash) {
	if len(b) == len(h) {
		copy(h[:], b)
	}
	return h
}

func (t checkpointTx) Sums() (sums []notary.Sum, err error) {
	err = t.query("sum up ledgers", `SELECT s.account, CAST(sum(s.ledgers) AS BIGINT), CAST(sum(s.revisions) AS BIGINT), CAST(sum(s.seals) AS BIGINT) FROM (
		  SELECT account, count(*) AS ledgers, sum(head) AS revisions, 0 AS seals FROM configuration GROUP BY account
		  UNION ALL SELECT account, 0, 0, max(number) FROM inventory_seal GROUP BY account) AS s
		GROUP BY s.account ORDER BY s.account`, nil, func(r sqlconn.Row) error {
		sums = append(sums, notary.Sum{Account: r.Text(0), Ledgers: r.Int(1), Revisions: r.Int(2), Seals: r.Int(3)})
		return nil
	})
	return sums, err
}

func (t checkpointTx) NextUnsealed(after string) (account string, err error) {
	err = t.query("find account to seal", `SELECT account FROM unsealed WHERE account > $1 ORDER BY account LIMIT 1`, []any{after},
		func(r sqlconn.Row) error {
			account = r.Text(0)
			return nil
		})
	return account, err
}

func (t checkpointTx) Unsealed(account string, limit, bytes int) (rows []notary.Unsealed, err error) {
	size := 0
	err = t.query("read entries to seal", `SELECT first, entries FROM unsealed WHERE account = $1 ORDER BY first LIMIT $2`, []any{account, int64(limit)},
		func(r sqlconn.Row) error {
			rows = append(rows, notary.Unsealed{First: r.Text(0), Entries: r.Text(1)})
			if size += len(rows[len(rows)-1].Entries); size >= bytes {
				return errPageFull
			}
			return nil
		})
	if errors.Is(err, errPageFull) {
		err = nil
	}
	return rows, err
}

func (t checkpointTx) Seal(account string, number int64) (*license.Seal, error) {
	const sql = `SELECT account, number, at, hash, '' FROM inventory_seal WHERE account = $1`
	where, args := ` ORDER BY number DESC LIMIT 1`, []any{account}
	if number > 0 {
		where, args = ` AND number = $2`, append(args, number)
	}
	found, err := t.seals(sql+where, args...)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

func (t checkpointTx) InsertSeal(s *license.Seal, of []notary.Unsealed) error {
	err := t.execOne("insert seal", `INSERT INTO inventory_seal (account, number, at, hash, entries) VALUES ($1, $2, $3, $4, $5)`,
		s.Account, s.Number, int64(s.At), s.Hash, s.Entries)
	if err != nil {
		return err
	}
	rows := make([][]any, len(of))
	for i, u := range of {
		rows[i] = []any{s.Account, u.First}
	}
	return t.execEach("take out sealed entries", `DELETE FROM unsealed WHERE account = $1 AND first = $2`, rows)
}

func (t checkpointTx) RevisionHash(configuration, number int64) (hash []byte, err error) {
	err = t.query("read hash of a revision", `SELECT hash FROM revision WHERE configuration = $1 AND number = $2`,
		[]any{configuration, number}, func(r sqlconn.Row) error {
			hash = r.Bytes(0)
			return nil
		})
	return hash, err
}

const selectCheckpointHead = `SELECT account, number, at, signing_key, ledgers, revisions, seals FROM checkpoint_head`

func (t checkpointTx) heads(sql string, args ...any) (heads []notary.HeadRow, err error) {
	err = t.query("read newest checkpoints", sql, args, func(r sqlconn.Row) error {
		heads = append(heads, notary.HeadRow{
			Sum:    notary.Sum{Account: r.Text(0), Ledgers: r.Int(4), Revisions: r.Int(5), Seals: r.Int(6)},
			Number: r.Int(1), At: license.Time(r.Int(2)), SigningKey: r.Int(3),
		})
		return nil
	})
	return heads, err
}

func (t checkpointTx) Head(account string) (*notary.HeadRow, error) {
	heads, err := t.heads(selectCheckpointHead+` WHERE account = $1`, account)
	if err != nil || len(heads) == 0 {
		return nil, err
	}
	return &heads[0], nil
}

func (t checkpointTx) Heads(after string, limit int) ([]notary.HeadRow, error) {
	return t.heads(selectCheckpointHead+` WHERE account > $1 ORDER BY account LIMIT $2`, after, int64(limit))
}

func (t checkpointTx) NextCheckpointed(after, only string) (account string, err error) {
	const first = `SELECT min(account) AS account FROM `
	const where = ` WHERE account > $1 AND ($2 = '' OR account = $2)`
	err = t.query("find account with checkpoints", `SELECT COALESCE(min(account), '') FROM (`+
		first+`checkpoint_head`+where+` UNION ALL `+
		first+`checkpoint`+where+` UNION ALL `+
		first+`checkpoint_ledger`+where+`) AS kept`, []any{after, only}, func(r sqlconn.Row) error {
		account = r.Text(0)
		return nil
	})
	return account, err
}

func (t checkpointTx) InsertCheckpoint(c *notary.Stored, signingKey int64, changed []notary.Ledger) error {
	err := t.execOne("insert checkpoint", `INSERT INTO checkpoint (account, number, at, note, cosigned) VALUES ($1, $2, $3, $4, $5)`,
		c.Account, c.Number, int64(c.At), c.Note, c.Cosigned)
	if err != nil {
		return err
	}
	args := make([][]any, len(changed))
	for i, l := range changed {
		args[i] = []any{c.Account, l.ARN, c.Number, l.Configuration, l.Number, l.Hash[:]}
	}
	if err := t.execEach("insert ledgers of a checkpoint", `INSERT INTO checkpoint_ledger (account, arn, number, configuration, head, hash)
		VALUES ($1, $2, $3, $4, $5, $6)`, args); err != nil {
		return err
	}
	return t.execOne("save newest checkpoint", `INSERT INTO checkpoint_head (account, number, at, signing_key, ledgers, revisions, seals)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (account) DO UPDATE SET number = excluded.number, at = excluded.at,
		  signing_key = excluded.signing_key, ledgers = excluded.ledgers, revisions = excluded.revisions,
		  seals = excluded.seals`,
		c.Account, c.Number, int64(c.At), signingKey, c.Ledgers, c.Revisions, c.Seals)
}

func (t checkpointTx) SaveCosigned(account string, number int64, note string) error {
	return t.execOne("save co-signed checkpoint", `UPDATE checkpoint SET cosigned = $3 WHERE account = $1 AND number = $2`, account, number, note)
}

func (t checkpointTx) Checkpoints(account string, after int64, limit int) (found []notary.Stored, err error) {
	err = t.query("list checkpoints", `SELECT number, at, note, cosigned FROM checkpoint
		WHERE account = $1 AND number > $2 ORDER BY number LIMIT $3`, []any{account, after, int64(limit)},
		func(r sqlconn.Row) error {
			found = append(found, notary.Stored{Account: account, Number: r.Int(0), At: license.Time(r.Int(1)), Note: r.Text(2), Cosigned: r.Text(3)})
			return nil
		})
	return found, err
}

func (t checkpointTx) checkpointLedgers(sql string, args ...any) (ledgers []notary.Ledger, err error) {
	err = t.query("read ledgers of a checkpoint", sql, args, func(r sqlconn.Row) error {
		ledgers = append(ledgers, notary.Ledger{
			Head:          evidence.Head{ARN: r.Text(0), Number: r.Int(2), Hash: hashOf(r.Bytes(3))},
			Configuration: r.Int(1),
		})
		return nil
	})
	return ledgers, err
}

func (t checkpointTx) LedgersAt(account string, number int64) ([]notary.Ledger, error) {
	return t.checkpointLedgers(`SELECT l.arn, l.configuration, l.head, l.hash FROM checkpoint_ledger l
		WHERE l.account = $1 AND l.number = (SELECT max(m.number) FROM checkpoint_ledger m
		  WHERE m.account = l.account AND m.arn = l.arn AND m.number <= $2)
		ORDER BY l.arn`, account, number)
}

func (t checkpointTx) Changed(account string, number int64) ([]notary.Ledger, error) {
	return t.checkpointLedgers(`SELECT arn, configuration, head, hash FROM checkpoint_ledger
		WHERE account = $1 AND number = $2 ORDER BY arn`, account, number)
}

func (t checkpointTx) Contradiction(account string) (arn string, number int64, err error) {
	err = t.query("compare checkpoints with revisions", `SELECT l.arn, l.head FROM checkpoint_ledger l
		LEFT JOIN configuration c ON c.num = l.configuration AND c.head >= l.head
		LEFT JOIN revision r ON r.configuration = c.num AND r.number = l.head
		WHERE l.account = $1 AND (r.hash IS NULL OR r.hash <> l.hash)
		ORDER BY l.arn, l.head LIMIT 1`, []any{account}, func(r sqlconn.Row) error {
		arn, number = r.Text(0), r.Int(1)
		return nil
	})
	return arn, number, err
}

func (t checkpointTx) Unsent(witness string, now license.Time, limit int) (accounts []string, err error) {
	err = t.query("list accounts to send", `SELECT h.account FROM checkpoint_head h
		LEFT JOIN witness w ON w.name = $1 AND w.account = h.account
		WHERE w.account IS NULL OR w.sent < h.number AND w.ready <= $2 AND w.lease <= $2
		ORDER BY h.account LIMIT $3`, []any{witness, int64(now), int64(limit)}, func(r sqlconn.Row) error {
		accounts = append(accounts, r.Text(0))
		return nil
	})
	return accounts, err
}

const selectWitness = `SELECT name, account, sent, sent_at, failed, ready, lease, error FROM witness`

func (t checkpointTx) witnesses(sql string, args ...any) (found []notary.Progress, err error) {
	err = t.query("read progress of witnesses", sql, args, func(r sqlconn.Row) error {
		found = append(found, notary.Progress{
			Witness: r.Text(0), Account: r.Text(1), Sent: r.Int(2), SentAt: license.Time(r.Int(3)), Failed: r.Int(4),
			Ready: license.Time(r.Int(5)), Lease: license.Time(r.Int(6)), Error: r.Text(7),
		})
		return nil
	})
	return found, err
}

func (t checkpointTx) LockWitness(name, account string) (*notary.Progress, error) {
	_, err := t.conn.Exec(`INSERT INTO witness (name, account, sent, sent_at, failed, ready, lease, error)
		VALUES ($1, $2, 0, 0, 0, 0, 0, '') ON CONFLICT DO NOTHING`, name, account)
	if err != nil {
		return nil, fmt.Errorf("add witness: %w", err)
	}
	found, err := t.witnesses(selectWitness+` WHERE name = $1 AND account = $2`+t.conn.ForUpdate(), name, account)
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("lock witness: %d rows instead of one", len(found))
	}
	return &found[0], nil
}

func (t checkpointTx) SaveWitness(p *notary.Progress) error {
	return t.execOne("save progress of a witness", `UPDATE witness SET sent = $3, sent_at = $4, failed = $5, ready = $6, lease = $7, error = $8
		WHERE name = $1 AND account = $2`,
		p.Witness, p.Account, p.Sent, int64(p.SentAt), p.Failed, int64(p.Ready), int64(p.Lease), p.Error)
}

func (t checkpointTx) Progress(account string) ([]notary.Progress, error) {
	return t.witnesses(selectWitness+` WHERE account = $1 ORDER BY name`, account)
}

func (t checkpointTx) Lag(witness string) (checkpoints int64, last license.Time, err error) {
	err = t.query("read lag of a witness", `SELECT CAST(COALESCE(sum(h.number - COALESCE(w.sent, 0)), 0) AS BIGINT), COALESCE(max(w.sent_at), 0)
		FROM checkpoint_head h LEFT JOIN witness w ON w.name = $1 AND w.account = h.account`, []any{witness}, func(r sqlconn.Row) error {
		checkpoints, last = r.Int(0), license.Time(r.Int(1))
		return nil
	})
	return checkpoints, last, err
}

func (t checkpointTx) witnessed(sql string, args ...any) (found []notary.WitnessedCheckpoint, err error) {
	err = t.query("read witnessed checkpoints", sql, args, func(r sqlconn.Row) error {
		found = append(found, notary.WitnessedCheckpoint{Origin: r.Text(0), Number: r.Int(1), Account: r.Text(2), At: license.Time(r.Int(3)), Note: r.Text(4)})
		return nil
	})
	return found, err
}

const selectWitnessed = `SELECT origin, number, account, at, note FROM witnessed WHERE origin = $1`

func (t checkpointTx) Witnessed(origin string) (*notary.WitnessedCheckpoint, error) {
	found, err := t.witnessed(selectWitnessed+` ORDER BY number DESC LIMIT 1`, origin)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

func (t checkpointTx) WitnessedBy(account, origin string, after int64, limit int) ([]notary.WitnessedCheckpoint, error) {
	return t.witnessed(selectWitnessed+` AND number > $2 AND ($3 = '' OR account = $3) ORDER BY number LIMIT $4`, origin, after, account, int64(limit))
}

func (t checkpointTx) WitnessedLedgers(origin string) (heads []evidence.Head, err error) {
	err = t.query("read witnessed ledgers", `SELECT arn, head, hash FROM witnessed_ledger WHERE origin = $1 ORDER BY arn`, []any{origin},
		func(r sqlconn.Row) error {
			heads = append(heads, evidence.Head{ARN: r.Text(0), Number: r.Int(1), Hash: hashOf(r.Bytes(2))})
			return nil
		})
	return heads, err
}

func (t checkpointTx) InsertWitnessed(c *notary.WitnessedCheckpoint, changed []evidence.Head) error {
	err := t.execOne("insert witnessed checkpoint", `INSERT INTO witnessed (origin, number, account, at, note) VALUES ($1, $2, $3, $4, $5)`,
		c.Origin, c.Number, c.Account, int64(c.At), c.Note)
	if err != nil {
		return err
	}
	args := make([][]any, len(changed))
	for i, h := range changed {
		args[i] = []any{c.Origin, h.ARN, h.Number, h.Hash[:]}
	}
	return t.execEach("save witnessed ledgers", `INSERT INTO witnessed_ledger (origin, arn, head, hash) VALUES ($1, $2, $3, $4)
		ON CONFLICT (origin, arn) DO UPDATE SET head = excluded.head, hash = excluded.hash`, args)
}
