package storetest

import "reeve/internal/license"

// append adds revisions to a configuration's ledger.
func (s *suite) append(configuration int64, rs ...*license.Revision) {
	s.Helper()
	s.update(func(tx license.Tx) error {
		for _, r := range rs {
			if err := tx.AppendRevision(configuration, r); err != nil {
				return err
			}
		}
		return nil
	})
}

func revisionKeepsEverything(s *suite) {
	full := &license.Revision{
		Number: 1, At: 5, Recorded: 9, Caller: "arn:aws:iam::1:root", Cause: "é",
		Counters: license.Counters{Consumed: 3, ConsumedBy: [5]int64{3}, AssociatedBy: [5]int64{0, 0, 1}},
		TermsRev: 1, Terms: []byte(`{"name":"a'b"}`), Changes: []byte("u+ 1 2\na- 3 4\n"),
		Nodes: []int64{-1, 3, 1 << 60}, Hash: []byte{0, 1, 254},
	}
	bare := &license.Revision{Number: 2, At: 6, Recorded: 6, TermsRev: 1, Hash: []byte{2}}
	s.append(7, full, bare)
	get := func(number int64) *license.Revision {
		return read(s, func(tx license.Tx) (*license.Revision, error) { return tx.Revision(7, number) })
	}
	s.same("full", full, get(1))
	s.same("bare", bare, get(2))
	head := *full
	head.Changes = nil
	of := func(number int64) *license.Revision {
		return read(s, func(tx license.Tx) (*license.Revision, error) { return tx.RevisionHead(7, number) })
	}
	s.same("head of the full one", &head, of(1))
	s.same("head of the bare one", bare, of(2))
	s.same("head of a missing one", (*license.Revision)(nil), of(3))
	if r := get(2); r.Terms != nil {
		s.Errorf("terms of a revision that set none: %q, want nil", r.Terms)
	}
	s.same("missing", (*license.Revision)(nil), get(3))
	s.same("another configuration's", (*license.Revision)(nil),
		read(s, func(tx license.Tx) (*license.Revision, error) { return tx.Revision(8, 1) }))
}

// revisions returns revisions at the given times, the first number 1, each
// consuming ten times its number.
func revisions(at ...license.Time) []*license.Revision {
	rs := make([]*license.Revision, len(at))
	for i := range at {
		n := int64(i + 1)
		rs[i] = &license.Revision{
			Number: n, At: at[i], Recorded: at[i], TermsRev: 1, Hash: []byte{byte(n)},
			Counters: license.Counters{Consumed: 10 * n, ConsumedBy: [5]int64{10 * n}},
		}
	}
	return rs
}

func revisionAtFindsTheNewest(s *suite) {
	rs := revisions(100, 101, 200)
	rs[2].Terms, rs[2].Changes, rs[2].Nodes = []byte("{}"), []byte("x"), []int64{4}
	s.append(7, rs...)
	s.append(8, revisions(1)...)
	for _, test := range []struct{ at, want license.Time }{
		{-1, 0}, {99, 0}, {100, 1}, {101, 2}, {102, 2}, {199, 2}, {200, 3}, {1 << 60, 3},
	} {
		found := read(s, func(tx license.Tx) (*license.Revision, error) { return tx.RevisionAt(7, test.at) })
		switch {
		case test.want == 0:
			s.same("before the first", (*license.Revision)(nil), found)
		case found == nil || found.Number != int64(test.want):
			s.Errorf("at %d: %+v, want number %d", test.at, found, test.want)
		case found.Terms != nil || found.Changes != nil:
			s.Errorf("at %d: terms and changes came along", test.at)
		}
	}
	head := *rs[2]
	head.Terms, head.Changes = nil, nil
	s.same("the rest of it", &head,
		read(s, func(tx license.Tx) (*license.Revision, error) { return tx.RevisionAt(7, 200) }))
}

func configurationAtBringsTheRevision(s *suite) {
	c := fullConfiguration()
	s.insert(c, configuration(8))
	rs := revisions(100, 101, 200)
	rs[1].Hash = []byte("longer than a mark")
	s.append(c.Num, rs...)
	s.append(8, revisions(1)...)
	for _, test := range []struct{ at, want license.Time }{
		{-1, 0}, {99, 0}, {100, 1}, {101, 2}, {199, 2}, {200, 3}, {1 << 60, 3},
	} {
		s.view(func(tx license.Tx) error {
			found, number, mark, err := tx.ConfigurationAt(c.ID, test.at)
			s.same("configuration", c, found)
			s.same("number", int64(test.want), number)
			if test.want == 0 {
				s.same("mark of none", int64(0), mark)
			} else {
				s.same("mark", license.MarkOf(rs[test.want-1].Hash), mark)
			}
			return err
		})
	}
	s.view(func(tx license.Tx) error {
		found, number, mark, err := tx.ConfigurationAt("lic-", 1<<60)
		s.same("unknown configuration", (*license.Configuration)(nil), found)
		s.same("its revision", [2]int64{}, [2]int64{number, mark})
		return err
	})
}

func revisionsPage(s *suite) {
	rs := revisions(1, 2, 3, 4, 5)
	rs[3].Terms, rs[3].Changes = []byte(`{}`), []byte("u- 1 2 RDS\n")
	s.append(7, rs...)
	s.append(8, revisions(1, 2)...)
	var found []*license.Revision
	for after := int64(0); ; {
		page := read(s, func(tx license.Tx) ([]*license.Revision, error) { return tx.Revisions(7, after, 2) })
		if len(page) == 0 {
			break
		}
		found = append(found, page...)
		after = page[len(page)-1].Number
	}
	s.same("pages", rs, found)
}

func peaksSummariseSteps(s *suite) {
	rs := revisions(99, 100, 104, 109, 110, 135, 139, 140)
	rs[1].Counters.Consumed = 500 // the peak of its step is not its last
	s.append(7, rs...)
	s.append(8, revisions(100)...)
	peaks := func(from, to license.Time, step int64) []license.Peak {
		return read(s, func(tx license.Tx) ([]license.Peak, error) { return tx.Peaks(7, from, to, step) })
	}
	s.same("steps of ten", []license.Peak{
		{Step: 0, Consumed: 500, Last: 4, After: 40}, {Step: 1, Consumed: 50, Last: 5, After: 50}, {Step: 3, Consumed: 70, Last: 7, After: 70},
	}, peaks(100, 140, 10))
	s.same("one step", []license.Peak{{Step: 0, Consumed: 500, Last: 8, After: 80}}, peaks(0, 1000, 1000))
	s.same("nothing", []license.Peak{}, peaks(141, 1000, 10))
	if s.store.View(s.ctx, func(tx license.Tx) error { _, err := tx.Peaks(7, 0, 1, 0); return err }) == nil {
		s.Error("a step of no length was taken")
	}
}

func lastWithinFindsTheNewest(s *suite) {
	rs := revisions(1, 2, 3, 4, 5)
	rs[3].Counters.Consumed = 15 // between the first two
	s.append(7, rs...)
	s.append(8, revisions(1)...)
	for _, test := range []struct{ after, last, consumed, want int64 }{
		{0, 5, 9, 0}, {0, 5, 10, 1}, {0, 5, 15, 4}, {0, 3, 15, 1}, {1, 3, 15, 0}, {0, 5, 1000, 5}, {4, 5, 20, 0}, {3, 4, 20, 4},
	} {
		got := read(s, func(tx license.Tx) (int64, error) { return tx.LastWithin(7, test.after, test.last, test.consumed) })
		if got != test.want {
			s.Errorf("after %d up to %d, at most %d: revision %d, want %d", test.after, test.last, test.consumed, got, test.want)
		}
	}
}
