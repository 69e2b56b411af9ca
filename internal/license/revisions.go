package license

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	json "github.com/go-json-experiment/json"
)

// Bounds of a list of revisions.
const (
	revisionChunk  = 16      // revisions that are read at once
	revisionBudget = 4 << 20 // bytes of changes and terms that one page reads
	revisionRows   = 2000    // rows that one page names
	// MaxRevisionChanges is how many rows of one revision can be asked for.
	MaxRevisionChanges = 100
)

// RevisionQuery says which revisions of a ledger to list, and with what.
type RevisionQuery struct {
	From, To    *Time // both included; nil: from the first, to the newest
	OldestFirst bool
	Terms       bool // with the terms that hold after the newest one of the page
	Changes     int  // how many rows of each revision to name
}

// RevisionCursor is the last revision of a page. Mark is [MarkOf] its hash.
type RevisionCursor struct{ Number, Mark int64 }

// RevisionPage is one page of a ledger's revisions. It may end early, with Next
// set, where the revisions are very large.
type RevisionPage struct {
	Created, Deleted Time // of the configuration; Deleted is 0 while it exists
	Revisions        []RevisionEntry
	Terms            *Terms // nil unless they were asked for and there is a revision
	Next             *RevisionCursor
}

// RevisionEntry is one revision as people read it.
type RevisionEntry struct {
	Number       int64
	At, Recorded Time
	Caller       string
	Cause        string
	Hash         []byte
	Before       Counters // as they were
	Counters     Counters // after it
	TermsSet     bool
	TermChanges  []TermChange
	Opened       int // rows of usage that begin with it, those of another size or status than before included
	Closed       int // rows of usage that end without another
	Associated   int // likewise of associations
	Dissociated  int
	Changes      []RevisionChange
	Cut          bool // there are more changes than were asked for
}

// TermChange is a term that a revision set to something else; nil is a term
// that is not set. Name is the API's.
type TermChange struct {
	Name     string
	From, To *string
}

// RevisionChange is one row that a revision opened or closed, beside the row
// that it replaced. Of From and To, one at least is not nil.
type RevisionChange struct {
	Kind                           ChangeKind
	ResourceARN                    string
	Type                           ResourceType
	Owner                          string // account
	From, To                       *Usage // KindUsage
	FromAssociation, ToAssociation *Association
}

// ListRevisions returns up to limit revisions of a configuration's ledger, the
// newest first unless the query says otherwise, and where to go on. It answers
// for deleted configurations too. To may not be in the future.
func (m *Manager) ListRevisions(ctx context.Context, who Caller, arn string, q RevisionQuery, after *RevisionCursor, limit int) (*RevisionPage, error) {
	c, err := m.target(ctx, who, arn, true)
	if err != nil {
		return nil, err
	}
	newest := c.Head
	if q.To != nil {
		r, err := m.revisionAt(ctx, c, *q.To)
		if err != nil {
			return nil, err
		}
		if newest = 0; r != nil {
			newest = r.Number
		}
	}
	page := &RevisionPage{Created: c.Created, Deleted: c.Deleted}
	err = m.store.View(ctx, func(tx Tx) error {
		l := &revisionLister{tx: tx, c: c, query: q, page: page, limit: limit, first: 1, last: newest}
		if err := l.bound(after); err != nil {
			return err
		}
		return l.list()
	})
	return page, err
}

// revisionLister fills a page with the revisions first to last.
type revisionLister struct {
	tx          Tx
	c           *Configuration
	query       RevisionQuery
	page        *RevisionPage
	limit       int
	first, last int64
	bytes, rows int // read so far
}

// bound narrows the range to what From and the page before leave.
func (l *revisionLister) bound(after *RevisionCursor) error {
	if l.query.From != nil {
		r, err := l.tx.RevisionAt(l.c.Num, *l.query.From-1)
		if err != nil {
			return fmt.Errorf("find revision: %w", err)
		}
		if r != nil {
			l.first = r.Number + 1
		}
	}
	if after == nil {
		return nil
	}
	r, err := l.tx.RevisionHead(l.c.Num, after.Number)
	if err != nil {
		return fmt.Errorf("read revision: %w", err)
	}
	if r == nil || MarkOf(r.Hash) != after.Mark {
		return listError("list revisions", ErrNoRevision)
	}
	if l.query.OldestFirst {
		l.first = max(l.first, after.Number+1)
	} else {
		l.last = min(l.last, after.Number-1)
	}
	return nil
}

func (l *revisionLister) list() error {
	for l.first <= l.last && !l.full() {
		chunk, before, err := l.chunk()
		if err != nil {
			return err
		}
		for i := range chunk {
			at := i
			if !l.query.OldestFirst {
				at = len(chunk) - 1 - i
			}
			if l.full() {
				l.more()
				return l.terms()
			}
			previous := before
			if at > 0 {
				previous = chunk[at-1]
			}
			if err := l.add(chunk[at], previous); err != nil {
				return err
			}
		}
	}
	if l.first <= l.last {
		l.more()
	}
	return l.terms()
}

// more says that there are revisions behind the page.
func (l *revisionLister) more() {
	last := l.page.Revisions[len(l.page.Revisions)-1]
	l.page.Next = &RevisionCursor{last.Number, MarkOf(last.Hash)}
}

// full reports whether the page has all that one page may have; one revision
// is on every page.
func (l *revisionLister) full() bool {
	n := len(l.page.Revisions)
	return n == l.limit || n > 0 && (l.bytes > revisionBudget || l.rows > revisionRows)
}

// chunk reads the next revisions, oldest first, with the one before them without
// its Changes, and takes them out of the range.
func (l *revisionLister) chunk() (chunk []*Revision, before *Revision, err error) {
	n := min(revisionChunk, l.last-l.first+1, int64(l.limit-len(l.page.Revisions)))
	start := l.first
	if !l.query.OldestFirst {
		start = l.last - n + 1
	}
	if start > 1 { // the first revision has none before it
		if before, err = revisionOf(l.tx, l.c.Num, start-1); err != nil {
			return nil, nil, err
		}
	}
	chunk, err = l.tx.Revisions(l.c.Num, start-1, int(n))
	if err != nil {
		return nil, nil, fmt.Errorf("read revisions: %w", err)
	}
	if int64(len(chunk)) != n {
		return nil, nil, fmt.Errorf("read revisions: %d of %d to %d are there", len(chunk), start, start+n-1)
	}
	if l.query.OldestFirst {
		l.first += n
	} else {
		l.last -= n
	}
	return chunk, before, nil
}

// terms adds the terms that hold after the newest revision of the page.
func (l *revisionLister) terms() error {
	if !l.query.Terms || len(l.page.Revisions) == 0 {
		return nil
	}
	newest := l.page.Revisions[0].Number
	if l.query.OldestFirst {
		newest = l.page.Revisions[len(l.page.Revisions)-1].Number
	}
	r, err := revisionOf(l.tx, l.c.Num, newest)
	if err != nil {
		return err
	}
	l.page.Terms, err = termsAt(l.tx, l.c.Num, r.TermsRev)
	return err
}

func (l *revisionLister) add(r, before *Revision) error {
	l.bytes += len(r.Changes) + len(r.Terms)
	e := RevisionEntry{Number: r.Number, At: r.At, Recorded: r.Recorded, Caller: r.Caller, Cause: r.Cause,
		Hash: r.Hash, Counters: r.Counters, TermsSet: r.Terms != nil}
	if before != nil {
		e.Before = before.Counters
	}
	if e.TermsSet {
		if err := l.compareTerms(&e, r, before); err != nil {
			return err
		}
	}
	named, err := l.count(&e, r)
	if err != nil {
		return err
	}
	if err := l.name(&e, named); err != nil {
		return err
	}
	l.page.Revisions = append(l.page.Revisions, e)
	return nil
}

// compareTerms says which terms a revision changed.
func (l *revisionLister) compareTerms(e *RevisionEntry, r, before *Revision) error {
	var now Terms
	if err := json.Unmarshal(r.Terms, &now); err != nil {
		return fmt.Errorf("read terms of revision %d: %w", r.Number, err)
	}
	was := new(Terms)
	if before != nil {
		var err error
		if was, err = termsAt(l.tx, l.c.Num, before.TermsRev); err != nil {
			return err
		}
	}
	for i, to := range now.texts() {
		from := was.texts()[i]
		if from.text != to.text {
			e.TermChanges = append(e.TermChanges, TermChange{to.name, from.given(), to.given()})
		}
	}
	return nil
}

// termText is a term as text; "" is a term that is not set.
type termText struct{ name, text string }

func (t termText) given() *string {
	if t.text == "" {
		return nil
	}
	return &t.text
}

// texts are all terms, each at its own place, by the API's names.
func (t *Terms) texts() []termText {
	tags := make([]string, len(t.Tags))
	for i, tag := range t.Tags {
		tags[i] = tag.Key + "=" + tag.Value
	}
	products := ""
	if len(t.Products) > 0 {
		text, _ := json.Marshal(t.Products) // texts that were read from JSON
		products = string(text)
	}
	set := t.CountingType != "" // else there were none before
	return []termText{
		{"Name", t.Name},
		{"Description", t.Description},
		{"LicenseCountingType", string(t.CountingType)},
		{"LicenseCount", numberText(t.Count)},
		{"LicenseCountHardLimit", flagText(set, t.HardLimit)},
		{"LicenseRules", strings.Join(t.Rules, "\n")},
		{"Status", t.Status},
		{"DisassociateWhenNotFound", flagText(set, t.Disassociate)},
		{"ProductInformationList", products},
		{"LicenseExpiry", numberText(t.Expiry)},
		{"Tags", strings.Join(tags, "\n")},
	}
}

func numberText(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}

func flagText(set, flag bool) string {
	if !set {
		return ""
	}
	return strconv.FormatBool(flag)
}

// count counts a revision's rows, and returns the first ones, to be named.
func (l *revisionLister) count(e *RevisionEntry, r *Revision) (named []Change, err error) {
	counts := map[string]*int{"u+": &e.Opened, "u-": &e.Closed, "a+": &e.Associated, "a-": &e.Dissociated}
	err = eachChange(r.Changes, func(line []byte) error {
		if n := counts[string(line[:min(2, len(line))])]; n != nil {
			*n++
		}
		if e.Cut = len(named) == l.query.Changes; e.Cut {
			return nil
		}
		ch, err := parseChange(string(line))
		named = append(named, ch)
		return err
	})
	return named, err
}

// name adds rows to an entry, with what each replaced.
func (l *revisionLister) name(e *RevisionEntry, named []Change) error {
	l.rows += len(named)
	var closed []int64 // whose text does not name the resource
	for _, ch := range named {
		if ch.Usage == nil && ch.Association == nil {
			closed = append(closed, ch.Resource)
		}
	}
	slices.Sort(closed)
	resources, err := l.tx.ResourcesByNum(slices.Compact(closed))
	if err != nil {
		return fmt.Errorf("read resources: %w", err)
	}
	for _, ch := range named {
		row := RevisionChange{Kind: ch.Kind, Owner: AccountOf(ch.Owner), Type: ch.WasType, To: ch.Usage, ToAssociation: ch.Association}
		if r := resources[ch.Resource]; r != nil {
			row.ResourceARN = r.ARN
		}
		if err := l.replaced(&row, e.Number, ch.Key); err != nil {
			return err
		}
		e.Changes = append(e.Changes, row)
	}
	return nil
}

// replaced adds the row that held before, and what both say of the resource.
func (l *revisionLister) replaced(row *RevisionChange, number int64, k Key) (err error) {
	if number > 1 && row.Kind == KindUsage {
		if row.From, err = l.tx.UsageOf(l.c.Num, number-1, k); err != nil {
			return fmt.Errorf("read usage: %w", err)
		}
	}
	if number > 1 && row.Kind == KindAssociation {
		past := past{tx: l.tx, configuration: l.c.Num, revision: number - 1}
		if row.FromAssociation, err = past.association(k); err != nil {
			return err
		}
	}
	for _, u := range []*Usage{row.From, row.To} {
		if u != nil {
			row.ResourceARN, row.Type = u.ResourceARN, u.Type
		}
	}
	for _, a := range []*Association{row.FromAssociation, row.ToAssociation} {
		if a != nil {
			row.ResourceARN, row.Type = a.ResourceARN, a.Type
		}
	}
	return nil
}
