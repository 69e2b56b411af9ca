package audit_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"reeve/internal/audit"
	"reeve/internal/store/testdb"
)

// TestLookupFindsWhatANaiveSearchFinds lets several servers record at the same
// time, in blocks of different lengths, and compares pages of random queries
// with a search of everything.
func TestLookupFindsWhatANaiveSearchFinds(t *testing.T) {
	testdb.FewerChecks(t)
	rapid.Check(t, func(rt *rapid.T) {
		s, _ := open(t)
		kept := traffic(rt, t, s)
		for range 6 {
			q := query(rt, kept)
			var want []string
			for _, e := range kept {
				if selects(&q, e) {
					want = append(want, e.Name)
				}
			}
			q.Work = rapid.IntRange(0, 3).Draw(rt, "work")
			q.Limit = rapid.IntRange(1, 7).Draw(rt, "limit")
			if diff := cmp.Diff(want, names(lookup(t, s, q))); diff != "" {
				rt.Fatalf("%+v (-want +got):\n%s", q, diff)
			}
		}
	})
}

// recorded is an event with its place in the list.
type recorded struct {
	audit.Event
	at, chain int64
}

// traffic records events of up to three servers and returns them, the newest
// first.
func traffic(rt *rapid.T, t *testing.T, s audit.Store) (kept []*recorded) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	servers := make([]*audit.Recorder, rapid.IntRange(1, 3).Draw(rt, "servers"))
	chains, last := make([]int64, len(servers)), make([]int64, len(servers))
	for i := range servers {
		servers[i] = record(t, audit.Config{Store: s, Now: func() time.Time { return now }})
	}
	begun := int64(0)
	word := rapid.SampledFrom([]string{"a", "b", "é\"\\", "root", ""})
	for n := range rapid.IntRange(0, 60).Draw(rt, "events") {
		now = now.Add(rapid.SampledFrom([]time.Duration{0, time.Microsecond, time.Millisecond, 2 * time.Second, 10 * time.Second}).Draw(rt, "later"))
		i := rapid.IntRange(0, len(servers)-1).Draw(rt, "server")
		e := audit.Event{
			Name: fmt.Sprint("E", n), Source: word.Draw(rt, "source"), Account: rapid.SampledFrom([]string{"1", "2"}).Draw(rt, "account"),
			ErrorCode: word.Draw(rt, "code"), ReadOnly: chains[i] > 0 && rapid.Bool().Draw(rt, "reads"),
			Identity: audit.Identity{Type: "IAMUser", UserName: word.Draw(rt, "user"), AccessKeyID: word.Draw(rt, "key"), ARN: "arn:user/" + word.Draw(rt, "arn")},
		}
		if rapid.Bool().Draw(rt, "names") {
			e.Resources = []string{"arn:x:" + rapid.SampledFrom([]string{"1", "2"}).Draw(rt, "resource")}
		}
		if err := servers[i].Record(t.Context(), e); err != nil {
			rt.Fatal(err)
		}
		if chains[i] == 0 { // begun with its first change
			begun++
			chains[i] = begun
		}
		last[i] = max(now.UnixMicro(), last[i]+1)
		kept = append(kept, &recorded{e, last[i], chains[i]})
	}
	for _, r := range servers {
		r.Close()
	}
	slices.SortFunc(kept, func(a, b *recorded) int {
		if a.at != b.at {
			return int(b.at - a.at)
		}
		return int(b.chain - a.chain)
	})
	return kept
}

func query(rt *rapid.T, kept []*recorded) (q audit.Query) {
	some := func(name string, list ...string) string {
		return rapid.SampledFrom(append(list, "", "", "", "")).Draw(rt, name)
	}
	q = audit.Query{
		Account: some("of", "1", "2", "3"), User: some("by", "a", "é\"\\", "arn:user/b", "root"), Name: some("named", "E1", "E"),
		Source: some("from", "a", "é\"\\"), AccessKeyID: some("with", "a"), Resource: some("about", "arn:x:1", "arn:x"),
		ErrorCode: some("refused", "b"), Errors: rapid.SampledFrom([]bool{true, false, false}).Draw(rt, "errors"),
	}
	if rapid.Bool().Draw(rt, "either") {
		q.ReadOnly = new(rapid.Bool().Draw(rt, "reading"))
	}
	if len(kept) > 0 {
		moment := rapid.SampledFrom(append([]*recorded{{}, {}}, kept...))
		q.From, q.To = moment.Draw(rt, "since").at, moment.Draw(rt, "until").at
	}
	return q
}

// selects is what a query means, in the plainest words.
func selects(q *audit.Query, e *recorded) bool {
	user := e.Identity.UserName
	if user == "" {
		user = e.Identity.ARN[len("arn:user/"):]
	}
	for _, c := range []struct{ wanted, has string }{
		{q.Account, e.Account}, {q.Name, e.Name}, {q.Source, e.Source}, {q.AccessKeyID, e.Identity.AccessKeyID}, {q.ErrorCode, e.ErrorCode},
	} {
		if c.wanted != "" && c.wanted != c.has {
			return false
		}
	}
	switch {
	case q.User != "" && q.User != user && q.User != e.Identity.ARN,
		q.Resource != "" && !slices.Contains(e.Resources, q.Resource),
		q.Errors && e.ErrorCode == "", q.ReadOnly != nil && *q.ReadOnly != e.ReadOnly,
		q.From > 0 && e.at < q.From, q.To > 0 && e.at >= q.To:
		return false
	}
	return true
}
