package store

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"reeve/internal/license"
	"reeve/internal/store/sqlconn"
)

// license.DiscoveryTx: on how many machines an application is. Counting is put
// off (table software_uncounted), so that two thousand agents that report the
// same office suite do not wait for the one row that counts it.

// counted is a resource whose applications are to be counted.
type counted struct {
	resource int64
	account  string
	from, to int64 // version in the counts, and the one that should be; 0: none
	old, new []license.Application
}

// CountSoftware implements license.DiscoveryTx.
func (t *tx) CountSoftware(limit int) (int, error) {
	var nums []int64
	err := t.query("list software to count", `SELECT resource FROM software_uncounted WHERE resource > $1 ORDER BY resource LIMIT $2`,
		[]any{int64(0), int64(limit)}, func(r sqlconn.Row) error {
			nums = append(nums, r.Int(0))
			return nil
		})
	if err != nil || len(nums) == 0 {
		return 0, err
	}
	todo, err := t.lockUncounted(nums)
	if err != nil {
		return 0, err
	}
	if err := t.readCounted(todo); err != nil {
		return 0, err
	}
	if err := t.addCounts(todo); err != nil {
		return 0, err
	}
	return len(todo), t.saveCounted(todo)
}

// lockUncounted locks resources and returns those that nobody counted
// meanwhile.
func (t *tx) lockUncounted(nums []int64) ([]counted, error) {
	locked := make([]counted, len(nums))
	err := t.queryEach("lock resources to count", `SELECT account, gone, software FROM resource WHERE num = $1`+t.conn.ForUpdate(),
		eachOf(nums), func(i int, r sqlconn.Row) error {
			locked[i] = counted{resource: nums[i], account: r.Text(0)}
			if r.Int(1) == 0 {
				locked[i].to = r.Int(2)
			}
			return nil
		})
	if err != nil {
		return nil, err
	}
	var todo []counted
	err = t.queryEach("read counted software", `SELECT c.version FROM software_uncounted u
		LEFT JOIN software_counted c ON c.resource = u.resource WHERE u.resource = $1`,
		eachOf(nums), func(i int, r sqlconn.Row) error {
			locked[i].from = r.Int(0)
			todo = append(todo, locked[i])
			return nil
		})
	return todo, err
}

// readCounted reads the applications before and after.
func (t *tx) readCounted(todo []counted) error {
	versions := make([]license.Software, 0, 2*len(todo))
	for _, c := range todo {
		versions = append(versions, license.Software{Resource: c.resource, Version: c.from}, license.Software{Resource: c.resource, Version: c.to})
	}
	if err := t.SoftwareOf(versions); err != nil {
		return err
	}
	for i := range todo {
		todo[i].old, todo[i].new = versions[2*i].Applications, versions[2*i+1].Applications
	}
	return nil
}

// program is an application of an account, whatever its version.
type program struct{ account, name, publisher string }

// addCounts adds the differences, in the order of their keys: others may be
// counting at the same time.
func (t *tx) addCounts(todo []counted) error {
	change := map[program]int64{}
	for _, c := range todo {
		for p := range programs(c.account, c.old) {
			change[p]--
		}
		for p := range programs(c.account, c.new) {
			change[p]++
		}
	}
	rows := make([][]any, 0, len(change))
	for p, n := range change {
		if n != 0 {
			rows = append(rows, []any{p.account, p.name, p.publisher, rand.Int64(), -n})
		}
	}
	slices.SortFunc(rows, func(a, b []any) int {
		return cmp.Or(cmp.Compare(a[0].(string), b[0].(string)), cmp.Compare(a[1].(string), b[1].(string)), cmp.Compare(a[2].(string), b[2].(string)))
	})
	err := t.execEach("count software", `INSERT INTO software_count (account, name, publisher, num, rank)
		VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (account, name, publisher) DO UPDATE SET rank = software_count.rank + excluded.rank`, rows)
	if err != nil {
		return err
	}
	keys := make([][]any, len(rows))
	for i, row := range rows {
		keys[i] = row[:3]
	}
	return t.execEach("forget software", `DELETE FROM software_count
		WHERE account = $1 AND name = $2 AND publisher = $3 AND rank = 0`, keys)
}

// programs has no duplicates: two versions of one application are one.
func programs(account string, apps []license.Application) map[program]bool {
	found := make(map[program]bool, len(apps))
	for _, a := range apps {
		found[program{account, a.Name, a.Publisher}] = true
	}
	return found
}

func (t *tx) saveCounted(todo []counted) error {
	rows, nums := make([][]any, len(todo)), make([][]any, len(todo))
	for i, c := range todo {
		rows[i], nums[i] = []any{c.resource, c.to}, []any{c.resource}
	}
	err := t.execEach("save counted software", `INSERT INTO software_counted (resource, version) VALUES ($1, $2)
		ON CONFLICT (resource) DO UPDATE SET version = excluded.version`, rows)
	if err != nil {
		return err
	}
	return t.execEach("unmark counted software", `DELETE FROM software_uncounted WHERE resource = $1`, nums)
}

func (t *tx) SoftwareCounts(account string, after license.SoftwareCursor, limit int) ([]license.SoftwareCount, error) {
	var found []license.SoftwareCount
	err := t.query("list software", `SELECT name, publisher, rank, num FROM software_count
		WHERE account = $1 AND (rank, num) > ($2, $3) ORDER BY rank, num LIMIT $4`,
		[]any{account, after.Rank, after.Num, int64(limit)}, func(r sqlconn.Row) error {
			found = append(found, license.SoftwareCount{
				Name: r.Text(0), Publisher: r.Text(1), Machines: -r.Int(2),
				Cursor: license.SoftwareCursor{Rank: r.Int(2), Num: r.Int(3)},
			})
			return nil
		})
	return found, err
}
