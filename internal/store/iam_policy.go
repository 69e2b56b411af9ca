package store

import (
	"fmt"

	"reeve/internal/iam"
	"reeve/internal/store/sqlconn"
)

// iam.Tx: policies, and to whom they are attached.

const selectPolicy = `SELECT account, type, owner, name, num, changed, document FROM iam_policy WHERE account = $1 AND type = $2 AND owner = $3`

func scanPolicy(r sqlconn.Row) iam.StoredPolicy {
	return iam.StoredPolicy{
		Holder:     iam.Holder{Account: r.Text(0), Type: iam.HolderType(r.Int(1)), Name: r.Text(2)},
		PolicyName: r.Text(3), Num: r.Int(4), Changed: moment(r.Int(5)), Text: r.Text(6),
	}
}

// Policy implements iam.Tx.
func (t iamTx) Policy(h iam.Holder, name string) (found *iam.StoredPolicy, err error) {
	err = t.rows("read policy", selectPolicy+` AND name = $4`, []any{h.Account, int64(h.Type), h.Name, name},
		func(r sqlconn.Row) { found = new(scanPolicy(r)) })
	return found, err
}

// Policies implements iam.Tx.
func (t iamTx) Policies(h iam.Holder, after int64, limit int) (list []iam.StoredPolicy, err error) {
	err = t.rows("list policies", selectPolicy+` AND num > $4 ORDER BY num LIMIT $5`,
		[]any{h.Account, int64(h.Type), h.Name, after, int64(limit)}, func(r sqlconn.Row) { list = append(list, scanPolicy(r)) })
	return list, err
}

// CountPolicies implements iam.Tx.
func (t iamTx) CountPolicies(h iam.Holder) (int64, error) {
	return t.count("count policies", `SELECT COUNT(*) FROM iam_policy WHERE account = $1 AND type = $2 AND owner = $3`, h.Account, int64(h.Type), h.Name)
}

// InsertPolicy implements iam.Tx.
func (t iamTx) InsertPolicy(p iam.StoredPolicy) error {
	return t.insertNew("insert policy", `INSERT INTO iam_policy (account, type, owner, name, num, changed, document)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
		p.Account, int64(p.Type), p.Name, p.PolicyName, p.Num, p.Changed.UnixMicro(), p.Text)
}

// UpdatePolicy implements iam.Tx.
func (t iamTx) UpdatePolicy(p iam.StoredPolicy) error {
	return t.exec("update policy", `UPDATE iam_policy SET changed = $5, document = $6
		WHERE account = $1 AND type = $2 AND owner = $3 AND name = $4`,
		p.Account, int64(p.Type), p.Name, p.PolicyName, p.Changed.UnixMicro(), p.Text)
}

// DeletePolicy implements iam.Tx.
func (t iamTx) DeletePolicy(h iam.Holder, name string) error {
	return t.exec("delete policy", `DELETE FROM iam_policy WHERE account = $1 AND type = $2 AND owner = $3 AND name = $4`,
		h.Account, int64(h.Type), h.Name, name)
}

// Attachments implements iam.Tx.
func (t iamTx) Attachments(h iam.Holder) (arns []string, err error) {
	err = t.rows("list attached policies", `SELECT policy FROM iam_attachment WHERE account = $1 AND type = $2 AND owner = $3 ORDER BY policy`,
		[]any{h.Account, int64(h.Type), h.Name}, func(r sqlconn.Row) { arns = append(arns, r.Text(0)) })
	return arns, err
}

// Attached implements iam.Tx.
func (t iamTx) Attached(account, policyARN string) (by *iam.Holder, err error) {
	err = t.rows("read who has a policy", `SELECT type, owner FROM iam_attachment WHERE account = $1 AND policy = $2 LIMIT 1`,
		[]any{account, policyARN}, func(r sqlconn.Row) {
			by = &iam.Holder{Account: account, Type: iam.HolderType(r.Int(0)), Name: r.Text(1)}
		})
	return by, err
}

// Attach implements iam.Tx.
func (t iamTx) Attach(h iam.Holder, policyARN string) error {
	return t.exec("attach policy", `INSERT INTO iam_attachment (account, type, owner, policy) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		h.Account, int64(h.Type), h.Name, policyARN)
}

// Detach implements iam.Tx.
func (t iamTx) Detach(h iam.Holder, policyARN string) (found bool, err error) {
	n, err := t.conn.Exec(`DELETE FROM iam_attachment WHERE account = $1 AND type = $2 AND owner = $3 AND policy = $4`,
		h.Account, int64(h.Type), h.Name, policyARN)
	if err != nil {
		return false, fmt.Errorf("detach policy: %w", err)
	}
	return n > 0, nil
}
