package license

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"strings"

	json "github.com/go-json-experiment/json"
)

// VerifyInventory checks the inventories of up to limit accounts behind one:
// every version of every fact, the applications and the exclusions, by their
// digests and the chain of seals. A root caller verifies all accounts, any other
// its own. next is where to go on, "" after the last one.
func (m *Manager) VerifyInventory(ctx context.Context, who Caller, after string, limit int) (reports []VerifyReport, next string, err error) {
	for {
		account, err := m.nextInventory(ctx, who, after)
		if err != nil || account == "" {
			return reports, "", err
		}
		if len(reports) == limit {
			return reports, after, nil
		}
		report := VerifyReport{Kind: InventoryReport, ConfigurationARN: "inventory of account " + account, Account: account}
		err = m.store.View(ctx, func(tx Tx) error {
			return (&inventoryCheck{tx: tx, account: account}).run()
		})
		if ctx.Err() != nil {
			return nil, "", fmt.Errorf("verify inventory: %w", ctx.Err())
		}
		if err != nil { // also what cannot be read is not as it was written
			report.Fault = err.Error()
		}
		reports, after = append(reports, report), account
	}
}

func (m *Manager) nextInventory(ctx context.Context, who Caller, after string) (account string, err error) {
	from := who.Account
	switch {
	case !who.Root && after != "":
		return "", nil
	case who.Root:
		from = after
		if after != "" {
			from += "!" // behind it, and before every other: accounts are digits
		}
	}
	err = m.store.View(ctx, func(tx Tx) (err error) {
		account, err = tx.NextInventory(from)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("list inventories: %w", err)
	}
	if !who.Root && account != who.Account {
		return "", nil
	}
	return account, nil
}

// How much a verification of an inventory looks at at once.
const (
	verifySeals     = 20
	verifyResources = 100
	verifyEntries   = 500_000 // digests held in memory
)

// inventoryCheck checks the inventory of one account within one snapshot: a
// part of the resources at a time, so that memory stays bounded.
type inventoryCheck struct {
	tx      Tx
	account string
	parts   int64
	part    int64
	entries map[sealed][sha256.Size]byte // of this part, that were not met yet
}

func (v *inventoryCheck) run() error {
	entries, err := v.checkSeals()
	if err != nil {
		return err
	}
	v.parts = entries/verifyEntries + 1
	for v.part = range v.parts {
		if err := v.checkPart(); err != nil {
			return err
		}
	}
	return nil
}

// checkSeals follows the chain and counts its entries.
func (v *inventoryCheck) checkSeals() (entries int64, err error) {
	before := Seal{}
	err = v.seals(func(s *Seal) error {
		if why := s.follows(&before); why != "" {
			return fault(why)
		}
		before = *s
		entries += int64(strings.Count(s.Entries, "\n"))
		return nil
	})
	return entries, err
}

func (v *inventoryCheck) seals(each func(*Seal) error) error {
	for after := int64(0); ; {
		found, err := v.tx.Seals(v.account, after, verifySeals)
		if err != nil {
			return err
		}
		for i := range found {
			if err := each(&found[i]); err != nil {
				return err
			}
			after = found[i].Number
		}
		if len(found) < verifySeals {
			return nil
		}
	}
}

func (v *inventoryCheck) checkPart() error {
	v.entries = map[sealed][sha256.Size]byte{}
	if err := v.readEntries(); err != nil {
		return err
	}
	for after := ""; ; {
		found, err := v.tx.SealedResources(v.account, after, verifyResources)
		if err != nil {
			return err
		}
		for i := range found {
			if after = found[i].ARN; v.mine(found[i].Num) {
				if err := v.checkResource(&found[i]); err != nil {
					return err
				}
			}
		}
		if len(found) < verifyResources {
			break
		}
	}
	if err := v.tx.SealedExclusions(v.account, v.checkExclusion); err != nil {
		return err
	}
	for what := range v.entries {
		return faultf("%s was sealed, and is missing: it was removed", what)
	}
	return nil
}

func (v *inventoryCheck) mine(resource int64) bool { return resource%v.parts == v.part }

// readEntries collects the digests of this part, sealed or still to be.
func (v *inventoryCheck) readEntries() error {
	if err := v.seals(func(s *Seal) error { return v.readLines(s.Entries) }); err != nil {
		return err
	}
	return v.tx.EachUnsealed(v.account, v.readLines)
}

func (v *inventoryCheck) readLines(entries string) error {
	for line := range strings.Lines(entries) {
		if err := v.readEntry(strings.TrimSuffix(line, "\n")); err != nil {
			return err
		}
	}
	return nil
}

func (v *inventoryCheck) readEntry(line string) error {
	what, digest, err := parseEntry(line)
	if err != nil {
		return err
	}
	resource := what.a
	if what.kind != 'f' {
		resource = what.b
	}
	if !v.mine(resource) {
		return nil
	}
	if was, there := v.entries[what]; there && was != digest {
		return faultf("%s was sealed twice, and differently: it was altered", what)
	}
	v.entries[what] = digest
	return nil
}

// sealedAs wants a digest to be the one that was sealed, or waits to be.
func (v *inventoryCheck) sealedAs(what sealed, digest []byte) error {
	want, there := v.entries[what]
	if !there {
		return faultf("%s was never sealed: it was added", what)
	}
	if !bytes.Equal(want[:], digest) {
		return faultf("%s is not as it was sealed: it was altered", what)
	}
	delete(v.entries, what)
	return nil
}

func (v *inventoryCheck) checkResource(r *SealedResource) error {
	digests := make([][]byte, len(r.Versions))
	for i := range r.Versions {
		digests[i] = r.Versions[i].Digest
	}
	if err := r.Digests(); err != nil {
		return faultf("resource %d (%s): %v", r.Num, r.ARN, err)
	}
	for i := range r.Versions {
		f := &r.Versions[i]
		if f.Version != int64(i+1) {
			return faultf("version %d of the facts of %s is missing", i+1, r.ARN)
		}
		if !bytes.Equal(f.Digest, digests[i]) {
			return faultf("version %d of the facts of %s does not match its digest: it was altered", f.Version, r.ARN)
		}
		if err := v.sealedAs(sealed{kind: 'f', a: r.Num, b: f.Version}, f.Digest); err != nil {
			return faultf("%s: %v", r.ARN, err)
		}
	}
	return r.checkNewest()
}

// checkNewest compares the resource's own row with the newest version.
func (r *SealedResource) checkNewest() error {
	last := len(r.Versions) - 1
	if last < 0 || r.Version != r.Versions[last].Version {
		return faultf("%s claims to have %d versions of facts, and has %d", r.ARN, r.Version, last+1)
	}
	f := &r.Facts
	want := FactColumns{f.Gone(), f.Status == inactive, f.Status == connectionLost, f.Software, f.Host, f.Platform}
	switch {
	case r.Text != r.Versions[last].Text:
		return faultf("the newest facts of %s do not match version %d of them", r.ARN, r.Version)
	case !bytes.Equal(r.Digest, r.Versions[last].Digest):
		return faultf("the digest of %s is not that of version %d of its facts", r.ARN, r.Version)
	case r.Columns != want:
		return faultf("%s is found by searches as what it is not: its row was altered", r.ARN)
	case int64(len(r.Software)) != f.Software:
		return faultf("%s claims to have %d versions of applications, and has %d", r.ARN, f.Software, len(r.Software))
	}
	return nil
}

// Digests computes the digests of all versions from what is kept, and fills in
// the hashes of the applications.
func (r *SealedResource) Digests() error {
	var before []byte
	installed := int64(0)
	for i := range r.Versions {
		f := &r.Versions[i]
		var facts struct {
			Software int64 `json:"software"`
		}
		if err := json.Unmarshal([]byte(f.Text), &facts); err != nil {
			return fmt.Errorf("version %d of the facts cannot be read: %w", f.Version, err)
		}
		if facts.Software != installed {
			if facts.Software != installed+1 || int64(len(r.Software)) < facts.Software {
				return fmt.Errorf("version %d of the facts names version %d of the applications, which is not there", f.Version, facts.Software)
			}
			s := &r.Software[installed]
			if installed++; s.Version != installed || s.At != f.At {
				return fmt.Errorf("version %d of the applications is not of version %d of the facts", s.Version, f.Version)
			}
			f.Installed = SoftwareHash(s.Text)
		}
		f.Digest = f.DigestAfter(&r.Resource, before)
		before = f.Digest
	}
	return nil
}

// checkExclusion wants an exclusion to be as it was made, and as it ended.
func (v *inventoryCheck) checkExclusion(e *Exclusion, digest []byte) error {
	if !v.mine(e.Resource) {
		return nil
	}
	what := sealed{'x', e.Configuration, e.Resource, int64(e.Created)}
	if !bytes.Equal(digest, e.Digest()) || e.Ended == 0 && e.EndedBy != "" {
		return faultf("%s does not match its digest: it was altered", what)
	}
	if err := v.sealedAs(what, e.made().Digest()); err != nil {
		return err
	}
	what.kind = 'y'
	if _, has := v.entries[what]; e.Ended != 0 || has {
		return v.sealedAs(what, e.Digest())
	}
	return nil
}
