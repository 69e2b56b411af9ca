package storetest

import (
	"errors"
	"fmt"
	"time"

	"reeve/internal/license"
	"reeve/internal/source"
	"reeve/internal/source/schedule"
)

// scheduled is a suite's store as package schedule uses it.
func (s *suite) scheduled() schedule.Store {
	s.Helper()
	store, ok := s.store.(interface{ Sources() schedule.Store })
	if !ok {
		s.Fatalf("%T keeps no sources", s.store)
	}
	return store.Sources()
}

func (s *suite) updateSources(fn func(schedule.Tx) error) {
	s.Helper()
	if err := s.scheduled().Update(s.ctx, fn); err != nil {
		s.Fatalf("update: %v", err)
	}
}

func readSources[T any](s *suite, fn func(schedule.Tx) (T, error)) T {
	s.Helper()
	var found T
	err := s.scheduled().View(s.ctx, func(tx schedule.Tx) (err error) {
		found, err = fn(tx)
		return err
	})
	if err != nil {
		s.Fatalf("view: %v", err)
	}
	return found
}

func sourceOf(num int64) *schedule.Source {
	return &schedule.Source{
		Num: num, Name: fmt.Sprintf("source-%d", num), Account: alice, Region: region, Kind: "aws", Settings: `{"profile":"ü"}`,
		Every: 15 * time.Minute, Paused: true, AllowShrink: true, Created: license.Time(1000 * num), CreatedBy: "arn:aws:iam::" + alice + ":root",
		State: schedule.State{Due: 1, Asked: schedule.AskedAndShrink, Run: 3, Lease: 4, Failed: 5, Found: -1, Succeeded: 7},
	}
}

func sourceKeepsEverything(s *suite) {
	want := sourceOf(1)
	s.updateSources(func(tx schedule.Tx) error { return tx.InsertSource(want) })
	byName := func(tx schedule.Tx) (*schedule.Source, error) { return tx.SourceNamed("source-1") }
	s.same("source", want, readSources(s, byName))
	s.updateSources(func(tx schedule.Tx) error {
		locked, err := tx.LockSource(1)
		s.same("locked source", want, locked)
		if err != nil {
			return err
		}
		want.Settings, want.Every, want.Paused, want.AllowShrink = "{}", time.Hour, false, false
		want.State = schedule.State{Due: 11, Run: 13, Found: 16, Succeeded: 17}
		return tx.SaveSource(want)
	})
	s.same("saved source", want, readSources(s, byName))
	s.same("no source", (*schedule.Source)(nil), readSources(s, func(tx schedule.Tx) (*schedule.Source, error) { return tx.SourceNamed("nobody") }))
	s.same("account", false, readSources(s, func(tx schedule.Tx) (bool, error) { return tx.AccountExists(bob) }))
}

func sourcesAreListedAndDue(s *suite) {
	s.updateSources(func(tx schedule.Tx) error {
		for n := range int64(5) {
			src := sourceOf(n + 1)
			src.State = schedule.State{Due: license.Time(100 - n)}
			src.Paused = n == 1 || n == 2
			if n == 2 {
				src.Asked = schedule.AskedOnce
			}
			if n == 3 {
				src.Lease = 200
			}
			if err := tx.InsertSource(src); err != nil {
				return err
			}
		}
		return nil
	})
	numbers := func(list []*schedule.Source) (nums []int64) {
		for _, src := range list {
			nums = append(nums, src.Num)
		}
		return nums
	}
	s.same("a page", []int64{2, 3}, numbers(readSources(s, func(tx schedule.Tx) ([]*schedule.Source, error) { return tx.Sources(1000, 1, 2) })))
	due := func(now license.Time, limit int) []int64 {
		return readSources(s, func(tx schedule.Tx) ([]int64, error) { return tx.DueSources(now, limit) })
	}
	s.same("asked alone", []int64{3}, due(50, 10))
	s.same("due, not paused, not leased", []int64{3, 5, 1}, due(199, 10))
	s.same("lease over", []int64{3, 5, 1, 4}, due(200, 10))
	s.same("limited", []int64{3, 5}, due(200, 2))
}

func sourceRunsAreKept(s *suite) {
	run := &schedule.Run{Number: 1, Status: schedule.Running, Server: "here", Started: 5}
	s.updateSources(func(tx schedule.Tx) error {
		return errors.Join(tx.InsertSource(sourceOf(1)), tx.SaveRun(1, run))
	})
	run.Status, run.Ended, run.Error = schedule.Failed, 9, "it broke"
	run.Counts = schedule.Counts{Seen: 1, Created: 2, Changed: 3, Unchanged: 4, Failed: 5, Gone: 6}
	run.Failures = []source.Failure{{Place: "a.csv:3", Reason: "no ARN"}}
	s.updateSources(func(tx schedule.Tx) error {
		if err := tx.SaveRun(1, run); err != nil {
			return err
		}
		for n := int64(2); n < 6; n++ {
			if err := tx.SaveRun(1, &schedule.Run{Number: n, Status: schedule.Succeeded}); err != nil {
				return err
			}
		}
		return tx.DeleteRuns(1, 3, 4)
	})
	s.same("run", run, readSources(s, func(tx schedule.Tx) (*schedule.Run, error) { return tx.Run(1, 1) }))
	s.same("troubled run", run, readSources(s, func(tx schedule.Tx) (*schedule.Run, error) { return tx.TroubledRun(1) }))
	list := readSources(s, func(tx schedule.Tx) ([]*schedule.Run, error) { return tx.Runs(1, 5, 10) })
	s.same("older runs", []int64{2, 1}, []int64{list[0].Number, list[1].Number})
	memory := func(tx schedule.Tx) ([]byte, error) { return tx.Memory(1) }
	for _, want := range []string{"first", "second", ""} {
		s.updateSources(func(tx schedule.Tx) error { return tx.SaveMemory(1, []byte(want)) })
		s.same("memory", want, string(readSources(s, memory)))
	}
}

func sourcesRememberResources(s *suite) {
	remembered := func(num int64) []string {
		return readSources(s, func(tx schedule.Tx) ([]string, error) { return tx.Remembered(num, "", 10) })
	}
	s.updateSources(func(tx schedule.Tx) error {
		return errors.Join(
			tx.InsertSource(sourceOf(1)), tx.InsertSource(sourceOf(2)),
			tx.Remember(1, alice, []string{"b", "a", "c"}), tx.Remember(1, alice, []string{"a"}),
			tx.Remember(2, alice, []string{"c", "d"}), tx.Remember(3, bob, []string{"a"}))
	})
	s.same("remembered", []string{"a", "b", "c"}, remembered(1))
	s.same("a page", []string{"b"}, readSources(s, func(tx schedule.Tx) ([]string, error) { return tx.Remembered(1, "a", 1) }))
	s.updateSources(func(tx schedule.Tx) error {
		shared, err := tx.LockShared(1, alice, []string{"c", "a", "b", "unknown"})
		s.same("shared", []string{"c"}, shared)
		return errors.Join(err, tx.Forget(1, []string{"b", "unknown"}))
	})
	s.same("after forgetting", []string{"a", "c"}, remembered(1))
	s.updateSources(func(tx schedule.Tx) error { return tx.DeleteSource(1) })
	s.same("after deleting", []string(nil), remembered(1))
	s.same("the other source's", []string{"c", "d"}, remembered(2))
}

// guardTakesBack: what the rules write stays only if the guard agrees, and what
// the guard writes comes with it.
func guardTakesBack(s *suite) {
	s.updateSources(func(tx schedule.Tx) error { return tx.InsertSource(sourceOf(1)) })
	save := func(guard func(schedule.Tx) error) error {
		guarded := s.scheduled().Guarded(guard)
		return guarded.Update(s.ctx, func(tx license.Tx) error {
			return tx.SaveSettings(alice, region, license.ServiceSettings{Integration: true})
		})
	}
	settings := func(tx license.Tx) (license.ServiceSettings, error) { return tx.Settings(alice, region) }
	if err := save(func(schedule.Tx) error { return errStop }); !errors.Is(err, errStop) {
		s.Fatalf("got %v", err)
	}
	s.same("what was refused", license.ServiceSettings{}, read(s, settings))
	if err := save(func(tx schedule.Tx) error { return tx.Remember(1, alice, []string{"x"}) }); err != nil {
		s.Fatal(err)
	}
	s.same("what was agreed to", license.ServiceSettings{Integration: true}, read(s, settings))
	s.same("what the guard wrote", []string{"x"}, readSources(s, func(tx schedule.Tx) ([]string, error) { return tx.Remembered(1, "", 2) }))
}
