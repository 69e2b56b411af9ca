package license_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"reeve/internal/license"
	"reeve/internal/store/sqlconn"
)

// tamper changes the database behind the program's back, in one transaction.
// In the SQL, $c is the number of a configuration.
func (w *world) tamper(arn, sql string) {
	w.t.Helper()
	w.tampered = true
	w.must(w.store.Close())
	db := w.db.Open(nil)
	number := fmt.Sprintf("(SELECT num FROM configuration WHERE id = '%s')", arn[len(arn)-36:])
	w.must(db.Update(w.ctx, func(c sqlconn.Conn) error {
		return change(c, strings.Split(strings.ReplaceAll(sql, "$c", number), "; "))
	}))
	w.must(db.Close())
	w.open()
}

// change runs statements, of which one at least must change something.
func change(c sqlconn.Conn, statements []string) error {
	var changed int64
	for _, sql := range statements {
		n, err := c.Exec(sql)
		if err != nil {
			return err
		}
		if !strings.HasPrefix(sql, "CREATE") && !strings.HasPrefix(sql, "DROP") {
			changed += n
		}
	}
	if changed == 0 {
		return fmt.Errorf("%s: nothing is changed", strings.Join(statements, "; "))
	}
	return nil
}

// ledger makes a configuration with some history: machines that were resized,
// moved, stopped and terminated, a hold, and one that found no licence. Beside
// it lives another one, which stays clean.
func (w *world) ledger() (arn, clean string) {
	w.t.Helper()
	clean = w.create(license.VCPU, -1)
	arn = w.create(license.Core, 40, "#licenseAffinityToHost=30")
	w.put(license.Report{ARN: host("1"), Cores: new(int64(8))}, license.Report{ARN: host("2"), Cores: new(int64(16))}, license.Report{ARN: host("3"), Cores: new(int64(32))})
	for i, h := range []string{"h-1", "h-1", "h-2", "h-2"} {
		id := fmt.Sprint(i)
		w.put(onHost(sized(instance(id)), h))
		w.must(w.specify(instance(id), []string{arn, clean}, nil))
		w.advance(time.Minute)
	}
	w.associate(arn, image("1"))
	w.put(onHost(launched("full", "1"), "h-3")) // 8 + 16 + 32 are too many
	w.put(license.Report{ARN: host("1"), Cores: new(int64(4))})
	w.put(license.Report{ARN: instance("2"), Status: new("stopped")})
	w.advance(time.Minute)
	w.put(license.Report{ARN: instance("3"), Status: new("terminated")}) // h-2 is held
	w.put(license.Report{ARN: instance("0"), VCPUs: new(int64(2))})
	w.change(arn, license.ConfigurationChange{Count: new(int64(20))})
	w.put(license.Report{ARN: host("1"), Cores: new(int64(12))}) // h-1 grows too large
	w.change(arn, license.ConfigurationChange{Count: new(int64(50))})
	w.put(license.Report{ARN: instance("1")})
	w.consumes(arn, map[string]int64{"h-1": 12, "h-2": 16})
	return arn, clean
}

func TestVerifyFindsWhatWasTampered(t *testing.T) {
	const last = `(SELECT max(number) FROM revision WHERE configuration = $c)`
	// Values lose their checksums, so that it is not these that tell.
	for name, sql := range map[string]string{
		"usage row larger":          `UPDATE tree_leaf SET value = substr(replace(value, ' 12 ', ' 11 '), 1, length(replace(value, ' 12 ', ' 11 ')) - 9) WHERE cfg = $c AND value LIKE '%dedicated-host/h-1_________'`,
		"usage row of another":      `UPDATE tree_leaf SET value = substr(replace(value, 'h-1', 'h-9'), 1, length(replace(value, 'h-1', 'h-9')) - 9) WHERE cfg = $c AND value LIKE 'EC2_HOST%'`,
		"usage row of another type": `UPDATE tree_leaf SET value = substr(replace(value, 'EC2_HOST', 'EC2_INSTANCE'), 1, length(replace(value, 'EC2_HOST', 'EC2_INSTANCE')) - 9) WHERE cfg = $c AND value LIKE 'EC2_HOST%'`,
		"association time":          `UPDATE tree_leaf SET value = substr(replace(value, '177236', '177235'), 1, length(replace(value, '177236', '177235')) - 9) WHERE cfg = $c`,
		"leaf row deleted":          `DELETE FROM tree_leaf WHERE cfg = $c AND value LIKE 'EC2_HOST%' AND to_rev = 140737488355327`,
		"old leaf row deleted":      `DELETE FROM tree_leaf WHERE cfg = $c AND value LIKE 'EC2_HOST%' AND to_rev < 140737488355327`,
		"association leaf deleted":  `DELETE FROM tree_leaf WHERE cfg = $c AND value LIKE '%instance/i-1_________'`,
		"leaf row added":            `INSERT INTO tree_leaf SELECT cfg, node, owner, id + 1, from_rev, to_rev, value FROM tree_leaf WHERE cfg = $c AND value LIKE 'EC2_HOST%' AND to_rev = 140737488355327`,
		"old leaf row added":        `INSERT INTO tree_leaf SELECT cfg, node, owner, id + 1, from_rev, from_rev + 1, value FROM tree_leaf WHERE cfg = $c AND value LIKE 'EC2_HOST%' AND to_rev = 140737488355327`,
		"leaf row ends earlier":     `UPDATE tree_leaf SET to_rev = to_rev - 1 WHERE cfg = $c AND to_rev < 140737488355327 AND to_rev > from_rev + 1`,
		"leaf row never ends":       `UPDATE tree_leaf SET to_rev = 140737488355327 WHERE cfg = $c AND value LIKE '%h-1_________' AND value LIKE 'EC2_HOST%'`,
		"leaf row ends":             `UPDATE tree_leaf SET to_rev = ` + last + ` WHERE cfg = $c AND to_rev = 140737488355327 AND value LIKE '%h-2_________'`,
		"leaf row starts earlier":   `UPDATE tree_leaf SET from_rev = from_rev - 1 WHERE cfg = $c AND value LIKE '%h-2_________' AND from_rev > 1`,
		"root deleted":              `DELETE FROM tree_root WHERE cfg = $c`,
		"root of another":           `UPDATE tree_root SET node = (SELECT node FROM tree_root WHERE cfg = $c AND tree = 6) WHERE cfg = $c AND tree = 0`,

		"revision's counters":         `UPDATE revision SET counters = replace(counters, '"consumed":', '"consumed":1') WHERE configuration = $c AND number = 5`,
		"revision's counters in full": `UPDATE revision SET counters = 'nonsense' WHERE configuration = $c AND number = 5`,
		"revision's peak":             `UPDATE revision SET consumed = consumed - 1 WHERE configuration = $c AND number = 6`,
		"revision's changes":          `UPDATE revision SET changes = replace(changes, ' 8 ', ' 7 ') WHERE configuration = $c AND number = 2`,
		"revision's hash":             `UPDATE revision SET hash = (SELECT head_hash FROM configuration WHERE num = $c) WHERE configuration = $c AND number = 4`,
		"revision's time":             `UPDATE revision SET at = at + 1 WHERE configuration = $c AND number = 4`,
		"revision's recording":        `UPDATE revision SET recorded = recorded - 1 WHERE configuration = $c AND number = 4`,
		"revision's caller":           `UPDATE revision SET caller = 'somebody else' WHERE configuration = $c AND number = 4`,
		"revision's cause":            `UPDATE revision SET cause = 'something else' WHERE configuration = $c AND number = 4`,
		"revision's terms":            `UPDATE revision SET terms = replace(terms, '40', '400') WHERE configuration = $c AND number = 1`,
		"revision's terms number":     `UPDATE revision SET terms_rev = terms_rev + 1 WHERE configuration = $c AND number = 3`,
		"revision deleted":            `DELETE FROM revision WHERE configuration = $c AND number = 4`,
		"first revision deleted":      `DELETE FROM revision WHERE configuration = $c AND number = 1`,
		"last revision deleted":       `DELETE FROM revision WHERE configuration = $c AND number = ` + last,
		"every revision deleted":      `DELETE FROM revision WHERE configuration = $c`,
		"revisions swapped":           `UPDATE revision SET number = -4 WHERE configuration = $c AND number = 4; UPDATE revision SET number = 4 WHERE configuration = $c AND number = 5; UPDATE revision SET number = 5 WHERE configuration = $c AND number = -4`,
		"revision of another ledger":  `UPDATE revision SET changes = '', counters = (SELECT counters FROM revision WHERE number = 1 LIMIT 1) WHERE configuration = $c AND number = 2`,

		"limit":                `UPDATE configuration SET terms = replace(terms, '"count":50', '"count":5') WHERE num = $c`,
		"counting type":        `UPDATE configuration SET terms = replace(terms, '"Core"', '"Socket"') WHERE num = $c`,
		"counting type wrong":  `UPDATE configuration SET terms = replace(terms, '"Core"', '"vCPU"') WHERE num = $c`,
		"rules":                `UPDATE configuration SET terms = replace(terms, 'ToHost=30', 'ToHost=1') WHERE num = $c`,
		"counters":             `UPDATE configuration SET counters = replace(counters, '"consumed":28', '"consumed":27') WHERE num = $c`,
		"head":                 `UPDATE configuration SET head = head - 1 WHERE num = $c`,
		"head beyond":          `UPDATE configuration SET head = head + 1 WHERE num = $c`,
		"head's time":          `UPDATE configuration SET head_at = head_at + 1 WHERE num = $c`,
		"head's hash":          `UPDATE configuration SET head_hash = (SELECT hash FROM revision WHERE configuration = $c AND number = 1) WHERE num = $c`,
		"terms number":         `UPDATE configuration SET terms_rev = 1 WHERE num = $c`,
		"owner":                `UPDATE configuration SET account = '210987654321' WHERE num = $c`,
		"region":               `UPDATE configuration SET region = 'eu-west-2' WHERE num = $c`,
		"creation":             `UPDATE configuration SET created = created - 1 WHERE num = $c`,
		"marked as deleted":    `UPDATE configuration SET deleted = head_at WHERE num = $c`,
		"deleted at some time": `UPDATE configuration SET deleted = head_at + 5 WHERE num = $c`,
		"marked as loading":    `UPDATE configuration SET loading = 1 WHERE num = $c`,

		"facts":                     `UPDATE resource_facts SET facts = replace(facts, '"cores":4', '"cores":2') WHERE resource = (SELECT num FROM resource WHERE arn LIKE '%host/h-1')`,
		"newest facts":              `UPDATE resource SET facts = replace(facts, '"cores":16', '"cores":2') WHERE arn LIKE '%host/h-2'`,
		"newest facts of a machine": `UPDATE resource SET facts = replace(facts, '"stopped"', '"running"') WHERE arn LIKE '%i-2'`,
		"facts deleted":             `DELETE FROM resource_facts WHERE version = 1 AND resource = (SELECT num FROM resource WHERE arn LIKE '%host/h-1')`,
		"facts of a machine":        `UPDATE resource_facts SET facts = replace(facts, '"running"', '"stopped"') WHERE version = 1 AND resource = (SELECT num FROM resource WHERE arn LIKE '%instance/i-1')`,
		"old facts of a machine":    `UPDATE resource_facts SET facts = replace(facts, '"running"', '"stopped"') WHERE version = 1 AND resource = (SELECT num FROM resource WHERE arn LIKE '%instance/i-2')`,
		"old host of a machine":     `UPDATE resource_facts SET facts = replace(facts, 'h-1', 'h-2') WHERE version = 1 AND resource = (SELECT num FROM resource WHERE arn LIKE '%instance/i-0')`,
		"resource deleted":          `DELETE FROM resource WHERE arn LIKE '%instance/i-1'`,
		"host deleted":              `DELETE FROM resource WHERE arn LIKE '%host/h-2'`,

		"association deleted":    `DELETE FROM association WHERE configuration = $c AND arn LIKE '%i-0'`,
		"association added":      `INSERT INTO association SELECT resource + 1, configuration, owner, arn, type, at, scope, origin, unlicensed, facts, until FROM association WHERE configuration = $c AND arn LIKE '%i-0'`,
		"association of another": `UPDATE association SET resource = resource + 1 WHERE configuration = $c AND arn LIKE '%i-0'`,
		"association moved":      `UPDATE association SET configuration = configuration + 1 WHERE configuration = $c AND arn LIKE '%i-0'`,
		"association's licence":  `UPDATE association SET unlicensed = 1 WHERE configuration = $c AND arn LIKE '%i-0'`,
		"association's origin":   `UPDATE association SET origin = 'request' WHERE configuration = $c AND origin = 'affinity'`,
		"association's owner":    `UPDATE association SET owner = owner + 1 WHERE configuration = $c AND arn LIKE '%i-0'`,
		"association's time":     `UPDATE association SET at = at + 1 WHERE configuration = $c AND arn LIKE '%i-0'`,
		"hold's end":             `UPDATE association SET until = 1 WHERE configuration = $c AND origin = 'affinity'`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, license.Settings{})
			arn, clean := w.ledger()
			w.verifyClean()
			w.tamper(arn, sql)
			faults := w.faultsOf(arn)
			if len(faults) == 0 {
				t.Fatalf("nothing is found after %s", sql)
			}
			if others := w.faultsOf(clean); strings.Contains(sql, "$c") && len(others) > 0 {
				t.Errorf("the ledger beside it is said to have %v", others)
			}
		})
	}
}

// faultsOf verifies and returns the faults of the ledger that an ARN's ID
// names.
func (w *world) faultsOf(arn string) (faults []string) {
	w.t.Helper()
	reports, _, err := w.m.Verify(w.ctx, license.Caller{Root: true}, 0, 1000)
	w.must(err)
	for _, r := range reports {
		if r.Fault != "" && short(r.ConfigurationARN) == short(arn) {
			faults = append(faults, r.Fault)
		}
	}
	return faults
}

// In a ledger of many nodes, most of them dead, no row can be altered so that
// any answer changes.
func TestVerifyFindsAnyRowThatWasTampered(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, -1)
	w.associate(arn, image("1"))
	moments := []license.Time{}
	for round := range 12 { // machines come and go, some change on the way
		reports := make([]license.Report, 100)
		for i := range reports {
			reports[i] = launched(fmt.Sprint(round, "-", i), "1")
		}
		w.put(reports...)
		moments = append(moments, w.configuration(arn).HeadAt)
		for i := range 20 {
			reports[5*i] = license.Report{ARN: reports[5*i].ARN, VCPUs: new(int64(round + 3))}
		}
		w.put(reports...)
		moments = append(moments, w.configuration(arn).HeadAt)
		for i := range reports {
			reports[i] = inStatus(reports[i], "terminated")
		}
		w.put(reports[:90]...)
		moments = append(moments, w.configuration(arn).HeadAt)
	}
	answers := func() (all [][]license.Usage) {
		for _, at := range moments {
			all = append(all, w.rows(arn, &at))
		}
		return all
	}
	before := answers()
	w.verifyClean()
	for i := range 24 {
		row := fmt.Sprintf(`WHERE (cfg, node, owner, id, from_rev) IN (SELECT cfg, node, owner, id, from_rev
			FROM tree_leaf WHERE cfg = $c ORDER BY node, owner, id, from_rev LIMIT 1 OFFSET %d)`, i*257)
		for _, sql := range []string{
			`UPDATE tree_leaf SET value = substr(replace(value, 'i-', 'x-'), 1, length(replace(value, 'i-', 'x-')) - 9) ` + row,
			`UPDATE tree_leaf SET to_rev = CASE WHEN to_rev < 140737488355327 THEN to_rev + 1 ELSE from_rev + 1 END ` + row,
			`DELETE FROM tree_leaf ` + row,
		} {
			const save, restore = `CREATE TABLE saved AS SELECT * FROM tree_leaf; `, `DELETE FROM tree_leaf; INSERT INTO tree_leaf SELECT * FROM saved; DROP TABLE saved`
			w.tamper(arn, save+sql)
			if len(w.faultsOf(arn)) == 0 && !gocmp.Equal(before, answers()) {
				t.Errorf("nothing is found after %s", sql)
			}
			w.tamper(arn, restore)
		}
	}
	w.verifyClean()
}
