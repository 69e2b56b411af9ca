package store

import "reeve/internal/license"

// knownResource is a resource as this transaction has locked or written it.
// Nobody else can change it before the transaction ends, so what it said
// before need not be read again when it is replaced.
type knownResource struct {
	account      string
	facts        license.Facts
	digest       []byte
	software     int64 // version of applications; 0 when they were not read
	applications []license.Application
}

// remember notes resources as they are in the database. The facts' lists are
// replaced by whoever changes facts, never changed in place.
func (t *tx) remember(rs ...*license.Resource) {
	if t.known == nil {
		t.known = make(map[int64]*knownResource, len(rs))
	}
	for _, r := range rs {
		if k := t.known[r.Num]; k != nil {
			k.facts, k.digest = r.Facts, r.Digest
			continue
		}
		t.known[r.Num] = &knownResource{account: r.Account, facts: r.Facts, digest: r.Digest}
	}
}

// rememberSoftware notes applications of resources that are known.
func (t *tx) rememberSoftware(vs []license.Software) {
	for _, v := range vs {
		if k := t.known[v.Resource]; k != nil && v.Version >= k.software {
			k.software, k.applications = v.Version, v.Applications
		}
	}
}

// replacedBy returns the applications that the next version takes the place
// of; false when they have to be read.
func (k *knownResource) replacedBy(next license.Software) ([]license.Application, bool) {
	if k == nil || next.Version != k.software+1 {
		return nil, false
	}
	return k.applications, true
}
