package license

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	json "github.com/go-json-experiment/json"
)

// Verify recomputes up to limit ledgers with a number beyond after: every hash
// and counter from the revisions, every stored interval from the changes, and
// every count from the facts. A root caller verifies the whole deployment,
// any other its own account. It returns what it found and where to go on; 0
// after the last one. Deleted configurations are verified too.
func (m *Manager) Verify(ctx context.Context, who Caller, after int64, limit int) (reports []VerifyReport, next int64, err error) {
	for len(reports) < limit {
		asked := limit - len(reports)
		var found []*Configuration
		err := m.store.View(ctx, func(tx Tx) (err error) {
			if found, err = tx.EveryConfiguration(after, asked); err != nil || !who.Root {
				return err
			}
			orphans, err := orphans(tx, found, after, len(found) == asked)
			reports = append(reports, orphans...)
			return err
		})
		if err != nil {
			return nil, 0, fmt.Errorf("list license configurations: %w", err)
		}
		for _, c := range found {
			if who.Root || c.Account == who.Account {
				report, err := m.verify(ctx, c)
				if err != nil {
					return nil, 0, err
				}
				reports = append(reports, report)
			}
			after = c.Num
		}
		if len(found) < asked {
			return reports, 0, nil
		}
	}
	return reports, after, nil
}

// orphans reports the ledgers beyond after whose configuration is not among
// those found; more says that these are not all there are.
func orphans(tx Tx, found []*Configuration, after int64, more bool) (reports []VerifyReport, err error) {
	for {
		if after, err = tx.NextLedger(after); err != nil || after == 0 {
			return reports, err
		}
		if more && after > found[len(found)-1].Num {
			return reports, nil
		}
		if !slices.ContainsFunc(found, func(c *Configuration) bool { return c.Num == after }) {
			reports = append(reports, VerifyReport{
				Kind:             LedgerReport,
				ConfigurationARN: fmt.Sprintf("configuration number %d", after),
				Fault:            "there are revisions, but the configuration's own row is missing",
			})
		}
	}
}

// fault is a disagreement that a verification found.
type fault string

func (f fault) Error() string { return string(f) }

func faultf(format string, args ...any) error { return fault(fmt.Sprintf(format, args...)) }

func (m *Manager) verify(ctx context.Context, c *Configuration) (VerifyReport, error) {
	report := VerifyReport{Kind: LedgerReport, ConfigurationARN: c.ARN(), Account: c.Account}
	if c.Unreadable != nil {
		report.Fault = fmt.Sprintf("the configuration's own row cannot be read: %v", c.Unreadable)
		return report, nil
	}
	begun := false
	err := m.store.View(ctx, func(tx Tx) error {
		now, err := tx.Configuration(c.ID) // as this snapshot has it
		if err != nil {
			return err
		}
		v := &verification{tx: tx, c: now}
		begun = true
		err = v.run()
		report.Revisions, report.Intervals = now.Head, v.intervals
		return err
	})
	if err != nil && (!begun || ctx.Err() != nil) {
		return report, fmt.Errorf("verify %s: %w", c.ARN(), err)
	}
	if err != nil { // also what cannot be read is not as it was written
		report.Fault = err.Error()
	}
	return report, nil
}

// verification checks one configuration within one snapshot.
type verification struct {
	tx        Tx
	c         *Configuration
	counter   counter
	intervals int64

	usage        map[Key]Usage // replayed, at the revision replay stands at
	associations map[Key]Association
	counters     Counters
	recounter    *recounter
	loaded       bool  // some revision was recorded later than it took effect
	sealed       int64 // the revision that sealed loaded history
}

// How much a verification looks at at once.
const (
	verifySamples   = 8         // past revisions that are listed as a whole
	verifyChunk     = 500       // revisions or rows read at once
	verifyIntervals = 1_000_000 // intervals held in memory at once
)

func (v *verification) run() error {
	var err error
	if v.counter, err = newCounter(&v.c.Terms); err != nil {
		return faultf("%v", err)
	}
	if err := v.checkChain(); err != nil {
		return err
	}
	if err := v.tx.CheckTrees(v.c); err != nil {
		return faultf("the stored trees are damaged: %v", err)
	}
	return v.checkIntervals()
}

// checkChain replays every revision: numbers, times, hashes, counters, and
// what the facts count. At sampled revisions it compares what the store lists
// with the replay.
func (v *verification) checkChain() error {
	v.usage, v.associations = map[Key]Usage{}, map[Key]Association{}
	v.recounter = newRecounter(v)
	before := &Revision{}
	err := v.revisions(func(r *Revision) error {
		if err := v.checkRevision(before, r); err != nil {
			return err
		}
		before = r
		return nil
	})
	if err != nil {
		return err
	}
	return v.checkHead(before)
}

func (v *verification) revisions(each func(*Revision) error) error {
	for after := int64(0); ; {
		found, err := v.tx.Revisions(v.c.Num, after, verifyChunk)
		if err != nil {
			return fmt.Errorf("read revisions: %w", err)
		}
		for _, r := range found {
			if err := each(r); err != nil {
				return err
			}
			after = r.Number
		}
		if len(found) < verifyChunk {
			return nil
		}
	}
}

func (v *verification) checkRevision(before, r *Revision) error {
	switch {
	case r.Number != before.Number+1:
		return faultf("revision %d is missing: revision %d follows %d", before.Number+1, r.Number, before.Number)
	case r.At <= before.At:
		return faultf("revision %d is not later than the one before", r.Number)
	case !bytes.Equal(r.Hash, r.hash(v.c.ARN(), before.Hash)):
		return faultf("the hash of revision %d does not match its content: it was altered", r.Number)
	case r.Terms == nil && r.TermsRev != before.TermsRev, r.Terms != nil && r.TermsRev != r.Number:
		return faultf("revision %d names the wrong terms", r.Number)
	}
	if err := v.replay(r); err != nil {
		return err
	}
	v.loaded = v.loaded || r.At < r.Recorded
	if r.Cause == sealCause {
		v.sealed = r.Number
	}
	if r.Counters != v.counters {
		return faultf("the counters of revision %d do not match its changes: %+v, recomputed %+v", r.Number, r.Counters, v.counters)
	}
	if err := v.recounter.revision(r); err != nil {
		return err
	}
	if r.Number%max(v.c.Head/verifySamples, 1) == 0 || r.Number == v.c.Head {
		return v.checkSample(r.Number)
	}
	return nil
}

// replay applies a revision's changes to the replayed state.
func (v *verification) replay(r *Revision) error {
	return parseChanges(r.Changes, func(ch Change) error {
		if ch.Kind == KindUsage {
			return v.replayUsage(r.Number, ch)
		}
		return v.replayAssociation(r.Number, ch)
	})
}

func (v *verification) replayUsage(revision int64, ch Change) error {
	if was, ok := v.usage[ch.Key]; ok {
		v.counters.consume(was.Type, -was.Consumed)
		delete(v.usage, ch.Key)
	} else if ch.Usage == nil {
		return faultf("revision %d closes usage that is not open", revision)
	}
	if ch.Usage != nil {
		if ch.Usage.Type.Number() < 0 || ch.Usage.Consumed < 1 {
			return faultf("revision %d opens usage that cannot be", revision)
		}
		v.usage[ch.Key] = *ch.Usage
		v.counters.consume(ch.Usage.Type, ch.Usage.Consumed)
		v.intervals++
	}
	return nil
}

func (v *verification) replayAssociation(revision int64, ch Change) error {
	if was, ok := v.associations[ch.Key]; ok {
		v.counters.associate(&OpenAssociation{Association: was}, -1)
		delete(v.associations, ch.Key)
	} else if ch.Association == nil {
		return faultf("revision %d closes an association that is not open", revision)
	}
	if ch.Association != nil {
		if ch.Association.Type.Number() < 0 {
			return faultf("revision %d opens an association that cannot be", revision)
		}
		v.associations[ch.Key] = *ch.Association
		v.counters.associate(&OpenAssociation{Association: *ch.Association}, 1)
		v.intervals++
	}
	return nil
}

// checkHead compares the configuration's row with its newest revision, and
// the open associations with the replayed ones.
func (v *verification) checkHead(head *Revision) error {
	c := v.c
	if c.Head != head.Number || c.HeadAt != head.At || !bytes.Equal(c.HeadHash, head.Hash) {
		return faultf("the configuration names revision %d as its newest, the ledger ends with %d", c.Head, head.Number)
	}
	if c.Counters != head.Counters || c.TermsRev != head.TermsRev {
		return faultf("the configuration's counters do not match revision %d: %+v, recomputed %+v", head.Number, c.Counters, head.Counters)
	}
	terms, err := v.tx.Revision(c.Num, c.TermsRev)
	if err != nil {
		return err
	}
	if text, _ := json.Marshal(&c.Terms); terms == nil || !bytes.Equal(text, terms.Terms) {
		return faultf("the configuration's terms do not match revision %d", c.TermsRev)
	}
	if err := v.checkLife(); err != nil {
		return err
	}
	return v.checkOpen()
}

// checkLife compares what the configuration's row says of its creation, its
// loading and its end with the ledger.
func (v *verification) checkLife() error {
	c := v.c
	first, err := v.tx.Revision(c.Num, 1)
	if err != nil {
		return fmt.Errorf("read revision: %w", err)
	}
	switch {
	case c.Created != first.At:
		return faultf("the configuration claims to be created at %s, the ledger begins at %s", c.Created, first.At)
	case c.Loading && v.sealed > 0:
		return faultf("the configuration is marked as being loaded, revision %d sealed it", v.sealed)
	case c.Loading && !v.loaded:
		return faultf("the configuration is marked as being loaded, and nothing in its ledger was")
	case !c.Loading && v.loaded && v.sealed == 0:
		return faultf("the configuration's history was loaded and never sealed")
	case (c.Deleted != 0) != (c.Terms.Status == deletedTerms), c.Deleted != 0 && c.Deleted != c.HeadAt:
		return faultf("the configuration's deletion (%d) does not match revision %d, which leaves it %s", c.Deleted, c.Head, c.Terms.Status)
	}
	return nil
}

// checkOpen compares the open associations, and the newest facts of what they
// count, with the ledger.
func (v *verification) checkOpen() error {
	count, err := v.tx.CountAssociations(v.c.Num)
	if err != nil {
		return err
	}
	if count != int64(len(v.associations)) {
		return faultf("%d associations are open, the ledger has %d", count, len(v.associations))
	}
	for keys := range slices.Chunk(slices.SortedFunc(maps.Keys(v.associations), Key.Compare), verifyChunk) {
		if err := v.checkOpenOf(keys); err != nil {
			return err
		}
	}
	for place := range v.usage {
		if err := v.recounter.checkNewest(place.Resource); err != nil {
			return err
		}
	}
	return nil
}

func (v *verification) checkOpenOf(keys []Key) error {
	nums := make([]int64, len(keys))
	for i, k := range keys {
		nums[i] = k.Resource
		if err := v.recounter.checkNewest(k.Resource); err != nil {
			return err
		}
	}
	open, err := v.tx.AssociationsOf(nums)
	if err != nil {
		return fmt.Errorf("read associations: %w", err)
	}
	found := 0
	for _, a := range open {
		if a.Configuration != v.c.Num {
			continue
		}
		if v.associations[a.Key] != a.Association {
			return faultf("the open association of %s does not match the ledger", a.ResourceARN)
		}
		found++
	}
	if found != len(keys) {
		return faultf("%d of %d associations of the ledger are open", found, len(keys))
	}
	return nil
}

// checkSample compares the lists at a revision with the replay.
func (v *verification) checkSample(revision int64) error {
	for _, kind := range append([]ResourceType{""}, ResourceTypes[:]...) {
		if err := v.checkList(revision, kind); err != nil {
			return err
		}
	}
	return v.checkAssociationList(revision)
}

func (v *verification) checkList(revision int64, kind ResourceType) error {
	listed := 0
	for after, more := (Key{}), true; more; {
		rows, err := v.tx.ScanUsage(nil, UsageScan{Configuration: v.c.Num, Revision: revision, Type: kind, After: after, Limit: verifyChunk})
		if err != nil {
			return faultf("the usage at revision %d cannot be read: %v", revision, err)
		}
		for _, u := range rows {
			if v.usage[u.Key] != u {
				return faultf("the usage of %s at revision %d does not match the ledger", u.ResourceARN, revision)
			}
			after = u.Key
		}
		listed += len(rows)
		more = len(rows) == verifyChunk
	}
	if want := v.usageOf(kind); listed != want {
		return faultf("%d usage records of type %q are listed at revision %d, the ledger has %d", listed, kind, revision, want)
	}
	return nil
}

func (v *verification) usageOf(kind ResourceType) (n int) {
	for _, u := range v.usage {
		if kind == "" || u.Type == kind {
			n++
		}
	}
	return n
}

func (v *verification) checkAssociationList(revision int64) error {
	listed := 0
	for after, more := (Key{}), true; more; {
		rows, err := v.tx.ScanAssociations(nil, UsageScan{Configuration: v.c.Num, Revision: revision, After: after, Limit: verifyChunk})
		if err != nil {
			return faultf("the associations at revision %d cannot be read: %v", revision, err)
		}
		for _, a := range rows {
			if v.associations[a.Key] != a {
				return faultf("the association of %s at revision %d does not match the ledger", a.ResourceARN, revision)
			}
			after = a.Key
		}
		listed += len(rows)
		more = len(rows) == verifyChunk
	}
	if listed != len(v.associations) {
		return faultf("%d associations are listed at revision %d, the ledger has %d", listed, revision, len(v.associations))
	}
	return nil
}

// span is a replayed interval: when it closed, its text, and how many
// revisions its stored copies know of in the tree of all types and in that of
// its own.
type span struct {
	to         int64
	text       string
	kind       ResourceType
	all, typed int64
}

// spanKey tells intervals apart.
type spanKey struct {
	ChangeKind
	Key
	from int64
}

// checkIntervals compares every stored interval with the replay, a part of
// the keys at a time so that memory stays bounded.
func (v *verification) checkIntervals() error {
	parts := v.intervals/verifyIntervals + 1
	for part := range parts {
		spans, err := v.spans(func(k Key) bool { return k.Resource%parts == part })
		if err != nil {
			return err
		}
		err = v.tx.ScanIntervals(v.c.Num, func(iv Interval) error {
			if iv.Key.Resource%parts != part {
				return nil
			}
			return checkInterval(spans, iv)
		})
		if err != nil {
			return err
		}
		if err := v.checkSpans(spans); err != nil {
			return err
		}
	}
	return nil
}

// spans replays the intervals of some keys.
func (v *verification) spans(mine func(Key) bool) (map[spanKey]*span, error) {
	spans := map[spanKey]*span{}
	type place struct {
		ChangeKind
		Key
	}
	open := map[place]*span{}
	err := v.revisions(func(r *Revision) error {
		return parseChanges(r.Changes, func(ch Change) error {
			if !mine(ch.Key) {
				return nil
			}
			at := place{ch.Kind, ch.Key}
			if s := open[at]; s != nil {
				s.to = r.Number
				delete(open, at)
			}
			if s := spanOf(ch); s != nil {
				open[at], spans[spanKey{ch.Kind, ch.Key, r.Number}] = s, s
			}
			return nil
		})
	})
	return spans, err
}

func spanOf(ch Change) *span {
	switch {
	case ch.Usage != nil:
		return &span{to: OpenEnd, text: string(ch.Usage.AppendText(nil)), kind: ch.Usage.Type}
	case ch.Association != nil:
		return &span{to: OpenEnd, text: string(ch.Association.AppendText(nil))}
	}
	return nil
}

// checkInterval compares one stored copy, which may end before its interval.
func checkInterval(spans map[spanKey]*span, iv Interval) error {
	s := spans[spanKey{iv.Kind, iv.Key, iv.From}]
	if s == nil || s.text != iv.Text || iv.To > s.to || iv.Type != "" && iv.Type != s.kind {
		return faultf("a stored interval of resource %d from revision %d does not match the ledger", iv.Key.Resource, iv.From)
	}
	if iv.Type == "" {
		s.all += iv.To - iv.Since
	} else {
		s.typed += iv.To - iv.Since
	}
	return nil
}

// checkSpans looks for intervals that are missing in the store, and counts
// every one of usage again from the facts that it names.
func (v *verification) checkSpans(spans map[spanKey]*span) error {
	for k, s := range spans {
		length := s.to - k.from
		if s.all != length || k.ChangeKind == KindUsage && s.typed != length {
			return faultf("the interval of resource %d from revision %d is missing in the store, or has a gap, or ends at another revision", k.Resource, k.from)
		}
		if k.ChangeKind == KindUsage {
			if err := v.countAgain(k, s); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *verification) countAgain(k spanKey, s *span) error {
	var u Usage
	if err := u.ParseText(s.text); err != nil {
		return err
	}
	f, err := v.tx.FactsOf(k.Resource, u.Facts)
	if err != nil {
		return fmt.Errorf("read facts: %w", err)
	}
	if f == nil {
		return faultf("version %d of the facts of %s is missing", u.Facts, u.ResourceARN)
	}
	if n := v.counter.size(&Resource{ARN: u.ResourceARN, Type: u.Type, Facts: *f}, nil); n != u.Consumed {
		return faultf("%s consumes %d from revision %d on, its facts say %d", u.ResourceARN, u.Consumed, k.from, n)
	}
	return nil
}
