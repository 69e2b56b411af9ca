package notary_test

import (
	"strings"
	"testing"

	"reeve/internal/evidence"
	"reeve/internal/evidence/notary"
	"reeve/internal/license"
	"reeve/internal/store/sqlconn"
)

// attacked is a deployment with two ledgers and three checkpoints, of which an
// auditor has kept the second.
type attacked struct {
	*world
	arn, other string
	kept       *notary.Checkpoint
	pinned     []evidence.Key
}

func newAttacked(t *testing.T) *attacked {
	w := newWorld(t, notary.Options{})
	a := &attacked{world: w, arn: w.create("Oracle"), other: w.create("SQL Server")}
	w.use(a.arn, 1, 3)
	w.checkpoint()
	w.use(a.arn, 4, 5)
	w.use(a.other, 1, 2)
	a.kept = w.checkpoint()
	w.use(a.arn, 6, 7)
	w.checkpoint()
	a.pinned = w.keys()
	if found := w.faults(); found != "" {
		t.Fatalf("before anything was altered: %s", found)
	}
	w.must(w.audit(a.pinned, a.kept.Note, line(a.kept)))
	return a
}

// TestWhatIsAlteredIsFound changes the database with SQL, as somebody does who
// has no key: reeve verify finds each.
func TestWhatIsAlteredIsFound(t *testing.T) {
	const last = `(SELECT max(number) FROM revision WHERE configuration = $c)`
	for name, c := range map[string]struct {
		sql    string
		rehash bool
		found  string
	}{
		"an altered count":                 {`UPDATE revision SET changes = replace(changes, ' 4 1 arn', ' 2 1 arn') WHERE configuration = $c AND number = 3`, false, "the hash of revision 3 does not match"},
		"an altered count, chain and all":  {`UPDATE revision SET changes = replace(changes, ' 4 1 arn', ' 2 1 arn') WHERE configuration = $c AND number = 3`, true, "of the ledger of"},
		"altered terms":                    {`UPDATE revision SET terms = replace(terms, '1000', '2000') WHERE configuration = $c AND number = 1`, false, "the hash of revision 1 does not match"},
		"altered terms, chain and all":     {`UPDATE revision SET terms = replace(terms, '1000', '2000') WHERE configuration = $c AND number = 1; UPDATE configuration SET terms = replace(terms, '1000', '2000') WHERE num = $c`, true, "is not the one that was signed: the ledger was cut off or rewritten"},
		"a deleted revision":               {`DELETE FROM revision WHERE configuration = $c AND number = 3`, false, "revision 3 is missing"},
		"swapped revisions":                {`UPDATE revision SET number = -3 WHERE configuration = $c AND number = 3; UPDATE revision SET number = 3 WHERE configuration = $c AND number = 4; UPDATE revision SET number = 4 WHERE configuration = $c AND number = -3`, false, "revision 3"},
		"a tail that was cut off":          {`DELETE FROM revision WHERE configuration = $c AND number = ` + last, false, "names revision 8 as its newest"},
		"another caller, chain and all":    {`UPDATE revision SET caller = 'nobody' WHERE configuration = $c AND number = 2`, true, "is not the one that was signed: the ledger was cut off or rewritten"},
		"a ledger that is gone":            {`DELETE FROM revision WHERE configuration = $c; DELETE FROM configuration WHERE num = $c`, false, "is not the one that was signed"},
		"checkpoints that are gone":        {`DELETE FROM checkpoint WHERE number = 3`, false, "the newest checkpoint is 2, and the database says 3"},
		"a checkpoint in the middle":       {`DELETE FROM checkpoint WHERE number = 2; DELETE FROM checkpoint_ledger WHERE number = 2`, false, "checkpoint 2 is missing before it"},
		"the row of the newest":            {`DELETE FROM checkpoint_head`, false, "the newest checkpoint is 3, and the database's own row of the newest is missing"},
		"a key that is moved":              {`UPDATE signing_key SET number = 1000`, false, "number 1000 stands where 1 is expected"},
		"what is not to be read":           {`UPDATE configuration SET counters = '{' WHERE num = $c`, false, "the configuration's own row cannot be read"},
		"an altered checkpoint":            {`UPDATE checkpoint SET note = replace(note, 'ledgers 2', 'ledgers 1') WHERE number = 2`, false, "was altered"},
		"what a checkpoint covers":         {`UPDATE checkpoint_ledger SET head = head - 1 WHERE configuration = $c AND number = 2`, false, "the root differs"},
		"another key":                      {`UPDATE signing_key SET since = since + 1`, false, "the list of keys was altered"},
		"facts that change a count":        {`UPDATE resource_facts SET facts = replace(facts, '"vcpus":4', '"vcpus":2')`, false, "consumes 4 at revision 2, recounted 2"},
		"a seal that is gone":              {`DELETE FROM inventory_seal WHERE number = 2`, false, "seal 2 of the inventory is missing"},
		"the newest seal":                  {`DELETE FROM inventory_seal WHERE number = (SELECT max(number) FROM inventory_seal)`, false, "of the inventory is not the one that was signed"},
		"a resource that is gone":          {`DELETE FROM resource WHERE num = (SELECT max(num) FROM resource); DELETE FROM resource_facts WHERE resource = (SELECT max(resource) FROM resource_facts)`, false, "was sealed, and is missing"},
		"a fact that was added":            {`INSERT INTO resource_facts SELECT resource, version + 1, at, facts, digest FROM resource_facts`, false, "does not match its digest"},
		"counters, beside a right history": {`UPDATE revision SET counters = replace(counters, '"consumed":8', '"consumed":7'), consumed = 7 WHERE configuration = $c AND number = 3`, true, "the counters of revision 3 do not match its changes"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAttacked(t)
			a.sql(a.arn, c.sql)
			if c.rehash {
				a.rehash(a.arn)
			}
			wants(t, name, a.faults(), c.found)
		})
	}
}

const alterName = `UPDATE resource_facts SET facts = replace(facts, '"vcpus":4', '"vcpus":4,"name":"somebody else"') WHERE resource = (SELECT min(num) FROM resource);
	UPDATE resource SET facts = replace(facts, '"vcpus":4', '"vcpus":4,"name":"somebody else"') WHERE num = (SELECT min(num) FROM resource)`

// TestFactsThatChangeNoCountAreSeen: what is altered without changing a count is
// named with the resource and the version.
func TestFactsThatChangeNoCountAreSeen(t *testing.T) {
	a := newAttacked(t)
	a.sql(a.arn, strings.ReplaceAll(alterName, ";\n\t", "; "))
	wants(t, "an altered name", a.faults(), "version 1 of the facts of "+a.machine(1)+" does not match its digest")
}

// TestRewrittenFactsContradictTheCheckpoint: somebody rewrites digests and seals
// to fit an altered fact.
func TestRewrittenFactsContradictTheCheckpoint(t *testing.T) {
	a := newAttacked(t)
	a.sql(a.arn, strings.ReplaceAll(alterName, ";\n\t", "; "))
	a.reseal()
	wants(t, "facts, chain and all", a.faults(), "seal 1 of the inventory is not the one that was signed")
	_, _, err := a.notary.Create(t.Context(), a.who, "")
	if kindOf(err) != license.Conflict {
		t.Errorf("Create: %v", err)
	}
	// And throws all checkpoints away: the server signs what it finds.
	a.sql(a.arn, `DELETE FROM checkpoint; DELETE FROM checkpoint_ledger; DELETE FROM checkpoint_head`)
	a.checkpoint()
	a.use(a.arn, 8, 8)
	a.checkpoint()
	if found := a.faults(); found != "" {
		t.Errorf("inside the database there is nothing to find, and found is: %s", found)
	}
	for name, kept := range map[string]string{"a note": a.kept.Note, "with ledgers": line(a.kept)} {
		err := a.audit(a.pinned, kept)
		if err == nil {
			t.Fatalf("%s finds nothing", name)
		}
		wants(t, name, err.Error(), "another checkpoint has its number now")
	}
}

// TestARewrittenLedgerIsNotSigned: what contradicts the newest checkpoint gets
// no other one.
func TestARewrittenLedgerIsNotSigned(t *testing.T) {
	for name, sql := range map[string]string{
		"rewritten":  `UPDATE revision SET caller = 'nobody' WHERE configuration = $c AND number = 2`,
		"cut off":    `DELETE FROM revision WHERE configuration = $c AND number = 8; UPDATE configuration SET head = 7, counters = (SELECT counters FROM revision WHERE configuration = $c AND number = 7) WHERE num = $c`,
		"of no name": `UPDATE configuration SET id = 'lic-00000000000000000000000000000000' WHERE num = $c`,
	} {
		t.Run(name, func(t *testing.T) {
			a := newAttacked(t)
			if name == "rewritten" {
				a.use(a.arn, 8, 8) // so that its newest revision is another one
			}
			a.sql(a.arn, sql)
			if name != "of no name" {
				a.rehash(a.arn)
			}
			_, _, err := a.notary.Create(t.Context(), a.who, "")
			if kindOf(err) != license.Conflict {
				t.Errorf("Create: %v", err)
			}
		})
	}
}

// TestOnlyWhatWasKeptElsewhereFindsAWholeRewrite: somebody rewrites the ledgers
// and throws all checkpoints away, and the server signs new ones. Nothing inside
// contradicts that.
func TestOnlyWhatWasKeptElsewhereFindsAWholeRewrite(t *testing.T) {
	a := newAttacked(t)
	older := bytesOfExport(a)
	a.sql(a.arn, `UPDATE revision SET caller = 'nobody' WHERE configuration = $c AND number = 2; DELETE FROM checkpoint; DELETE FROM checkpoint_ledger; DELETE FROM checkpoint_head`)
	a.rehash(a.arn)
	a.checkpoint()
	if found := a.faults(); found != "" {
		t.Errorf("inside the database there is nothing to find, and found is: %s", found)
	}
	a.must(a.audit(a.pinned))
	for name, kept := range map[string]string{"a note": a.kept.Note, "with ledgers": line(a.kept), "an older export": older} {
		err := a.audit(a.pinned, kept)
		if err == nil {
			t.Errorf("%s finds nothing", name)
		}
	}
	a.use(a.arn, 8, 8)
	a.checkpoint() // so that number 2 is there again
	wants(t, "a note", a.audit(a.pinned, a.kept.Note).Error(), "the ledgers were rewritten: another checkpoint has its number now")
	wants(t, "with ledgers", a.audit(a.pinned, line(a.kept)).Error(), "the ledgers were rewritten")
}

func bytesOfExport(a *attacked) string {
	var file strings.Builder
	a.must(evidence.Export(a.t.Context(), &file, a, ""))
	return file.String()
}

// TestAnotherKeyIsNoKeyOfOurs: somebody without the master key replaces the
// keys, too.
func TestAnotherKeyIsNoKeyOfOurs(t *testing.T) {
	a, b := newAttacked(t), newWorld(t, notary.Options{})
	var foreign notary.SigningKey
	b.keys()
	b.must(b.store.Checkpoints().View(t.Context(), func(tx notary.Tx) error {
		keys, err := tx.SigningKeys()
		foreign = keys[0]
		return err
	}))
	a.must(a.db.Update(t.Context(), func(c sqlconn.Conn) error {
		_, err := c.Exec(`UPDATE signing_key SET since = $1, public = $2, sealed = $3, new_sig = $4`, int64(foreign.From), foreign.Text, foreign.Sealed, foreign.New)
		return err
	}))
	wants(t, "a foreign key", a.faults(), "does not open with this master key")
	wants(t, "an auditor", a.audit(a.pinned).Error(), "no key that you gave is in the list of keys")
}
