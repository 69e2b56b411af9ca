package store

import (
	"context"
	"fmt"
	"math"
	"strings"

	"reeve/internal/license"
	"reeve/internal/store/sqlconn"
)

// license.SealTx, the queue of what is to be sealed, and the digests of rows
// that are older than digests.

// unsealed collects the lines that a transaction adds to the inventories, by
// account.
type unsealed map[string][]byte

func (u unsealed) add(account, line string) {
	u[account] = append(append(u[account], line...), '\n')
}

// unseal writes lines down for the next seal. A row that is there already stays.
func (t *tx) unseal(u unsealed) error {
	var rows [][]any
	for account, lines := range u {
		first, _, _ := strings.Cut(string(lines), "\n")
		rows = append(rows, []any{account, first, string(lines)})
	}
	return t.execEach("add entries to seal", `INSERT INTO unsealed (account, first, entries) VALUES ($1, $2, $3)
		ON CONFLICT (account, first) DO NOTHING`, rows)
}

// NextInventory implements license.SealTx.
func (t *tx) NextInventory(from string) (next string, err error) {
	for _, table := range []string{"resource", "inventory_seal", "unsealed"} {
		err := t.query("find inventory", `SELECT account FROM `+table+` WHERE account >= $1 ORDER BY account LIMIT 1`, []any{from},
			func(r sqlconn.Row) error {
				if found := r.Text(0); next == "" || found < next {
					next = found
				}
				return nil
			})
		if err != nil {
			return "", err
		}
	}
	return next, nil
}

func (t *tx) seals(sql string, args ...any) (found []license.Seal, err error) {
	err = t.query("read seals", sql, args, func(r sqlconn.Row) error {
		found = append(found, license.Seal{Account: r.Text(0), Number: r.Int(1), At: license.Time(r.Int(2)), Hash: r.Bytes(3), Entries: r.Text(4)})
		return nil
	})
	return found, err
}

// Seals implements license.SealTx.
func (t *tx) Seals(account string, after int64, limit int) ([]license.Seal, error) {
	return t.seals(`SELECT account, number, at, hash, entries FROM inventory_seal
		WHERE account = $1 AND number > $2 ORDER BY number LIMIT $3`, account, after, int64(limit))
}

// EachUnsealed implements license.SealTx.
func (t *tx) EachUnsealed(account string, each func(string) error) error {
	return t.query("read entries to seal", `SELECT first, entries FROM unsealed WHERE account = $1 ORDER BY first`, []any{account},
		func(r sqlconn.Row) error {
			entries := r.Text(1)
			if !strings.HasPrefix(entries, r.Text(0)+"\n") {
				return fmt.Errorf("read entries to seal: those of %q begin with another line", r.Text(0))
			}
			return each(entries)
		})
}

// SealedResources implements license.SealTx.
func (t *tx) SealedResources(account, after string, limit int) (found []license.SealedResource, err error) {
	err = t.query("read resources as they are kept", selectResourceColumns+`
		WHERE r.account = $1 AND r.arn > $2 ORDER BY r.arn LIMIT $3`, []any{account, after, int64(limit)},
		func(r sqlconn.Row) error {
			one, err := scanResource(r)
			if err != nil {
				return err
			}
			found = append(found, license.SealedResource{Resource: *one, Text: r.Text(8), Columns: license.FactColumns{
				Gone: r.Int(10) != 0, Inactive: r.Int(11) != 0, Lost: r.Int(12) != 0,
				Software: r.Int(13), Host: r.Text(14), Platform: r.Text(15),
			}})
			return nil
		})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found, t.versions(found)
}

const selectResourceColumns = `SELECT r.num, r.account, r.owner, r.arn, r.type, r.created, r.seen, r.version, r.facts, r.digest,
	r.gone, r.inactive, r.lost, r.software, r.host, r.platform FROM resource r`

// versions reads all versions of facts and applications of resources.
func (t *tx) versions(rs []license.SealedResource) error {
	nums := make([]int64, len(rs))
	for i := range rs {
		nums[i] = rs[i].Num
	}
	err := t.queryEach("read versions of facts", `SELECT version, at, facts, digest FROM resource_facts
		WHERE resource = $1 ORDER BY version`, eachOf(nums), func(i int, r sqlconn.Row) error {
		rs[i].Versions = append(rs[i].Versions, license.FactsRow{Version: r.Int(0), At: license.Time(r.Int(1)), Text: r.Text(2), Digest: r.Bytes(3)})
		return nil
	})
	if err != nil {
		return err
	}
	return t.queryEach("read versions of software", `SELECT version, at, applications FROM software
		WHERE resource = $1 ORDER BY version`, eachOf(nums), func(i int, r sqlconn.Row) error {
		rs[i].Software = append(rs[i].Software, license.SoftwareRow{Version: r.Int(0), At: license.Time(r.Int(1)), Text: r.Text(2)})
		return nil
	})
}

// SealedExclusions implements license.SealTx.
func (t *tx) SealedExclusions(account string, each func(*license.Exclusion, []byte) error) error {
	return t.query("read exclusions", `SELECT e.configuration, e.resource, e.created, e.until, e.ended, e.arn, e.reason,
		e.owner, e.created_by, e.ended_by, c.account, e.digest FROM configuration c JOIN exclusion e ON e.configuration = c.num
		WHERE c.account = $1`, []any{account}, func(r sqlconn.Row) error {
		e := scanExclusion(r)
		return each(&e, r.Bytes(11))
	})
}

// olderAtOnce is how many resources get digests in one transaction.
const olderAtOnce = 500

// digestOlder gives digests to what was written before there were any. It has
// nothing to do but when a database is opened for the first time by a program
// that has digests; several may do so at once.
func digestOlder(ctx context.Context, s *Store) error {
	for _, step := range []func(*tx) (int, error){(*tx).digestOlderFacts, (*tx).digestOlderExclusions} {
		for more := true; more; {
			err := s.Update(ctx, func(lt license.Tx) error {
				n, err := step(lt.(*tx))
				more = n > 0
				return err
			})
			if err != nil {
				return fmt.Errorf("digest what is older than digests: %w", err)
			}
		}
	}
	return nil
}

// undigested lists resources with a version of facts that has no digest.
func (t *tx) undigested() (nums []int64, err error) {
	err = t.query("find facts without a digest", `SELECT DISTINCT resource FROM resource_facts WHERE digest IS NULL
		AND resource > $1 ORDER BY resource LIMIT $2`, []any{int64(math.MinInt64), int64(olderAtOnce)}, func(r sqlconn.Row) error {
		nums = append(nums, r.Int(0))
		return nil
	})
	return nums, err
}

func (t *tx) digestOlderFacts() (int, error) {
	nums, err := t.undigested()
	if err != nil || len(nums) == 0 {
		return 0, err
	}
	var found []license.SealedResource
	err = t.queryEach("lock resources without digests", selectResource+` WHERE r.num = $1`+t.conn.ForUpdate(), eachOf(nums),
		func(_ int, r sqlconn.Row) error {
			one, err := scanResource(r)
			if err == nil {
				found = append(found, license.SealedResource{Resource: *one})
			}
			return err
		})
	if err != nil {
		return 0, err
	}
	if err := t.versions(found); err != nil {
		return 0, err
	}
	if err := t.saveDigests(found); err != nil {
		return 0, err
	}
	// Facts of no resource are nobody's, and are not looked for again.
	return len(nums), t.execEach("leave out facts of no resource", `UPDATE resource_facts SET digest = $2 WHERE resource = $1 AND digest IS NULL`,
		eachWith(nums, []byte{}))
}

func eachWith(nums []int64, value any) [][]any {
	args := make([][]any, len(nums))
	for i, n := range nums {
		args[i] = []any{n, value}
	}
	return args
}

// saveDigests computes and writes the digests of all versions of resources.
func (t *tx) saveDigests(rs []license.SealedResource) error {
	var facts, heads [][]any
	entries := unsealed{}
	for i := range rs {
		r := &rs[i]
		if err := r.Digests(); err != nil {
			return err
		}
		for _, f := range r.Versions {
			facts = append(facts, []any{r.Num, f.Version, f.Digest})
			entries.add(r.Account, license.FactsEntry(r.Num, f.Version, f.Digest))
		}
		if n := len(r.Versions); n > 0 {
			heads = append(heads, []any{r.Num, r.Versions[n-1].Version, r.Versions[n-1].Digest})
		}
	}
	if err := t.execEach("save digests of facts", `UPDATE resource_facts SET digest = $3 WHERE resource = $1 AND version = $2`, facts); err != nil {
		return err
	}
	if err := t.execEach("save digests of resources", `UPDATE resource SET digest = $3 WHERE num = $1 AND version = $2`, heads); err != nil {
		return err
	}
	return t.unseal(entries)
}

func (t *tx) digestOlderExclusions() (int, error) {
	found, err := t.exclusions("find exclusions without a digest", selectExclusion+`
		WHERE e.digest IS NULL AND e.configuration > $1 ORDER BY e.configuration, e.resource, e.created LIMIT $2`,
		int64(math.MinInt64), int64(olderAtOnce))
	if err != nil {
		return 0, err
	}
	entries := unsealed{}
	for i := range found {
		e := &found[i]
		err := t.execOne("save digest of exclusion", `UPDATE exclusion SET digest = $4 WHERE configuration = $1 AND resource = $2 AND created = $3`,
			e.Configuration, e.Resource, int64(e.Created), e.Digest())
		if err != nil {
			return 0, err
		}
		for _, line := range license.ExclusionEntries(e) {
			entries.add(e.Account, line)
		}
	}
	return len(found), t.unseal(entries)
}
