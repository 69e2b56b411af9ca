package sample

import (
	"testing"
	"time"

	json "github.com/go-json-experiment/json"

	"reeve/internal/license"
)

var (
	caller = license.Caller{Account: "123456789012", Region: "us-east-1"}
	start  = time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)
)

// year lets a world live and calls each after every day, before what happened
// is forgotten.
func year(w *world, each func()) {
	for w.day = range days {
		if w.day == 0 {
			w.introduceImages()
			each()
			w.written()
		}
		w.live()
		each()
		w.written()
	}
}

func TestTheYearIsTheSameEveryTime(t *testing.T) {
	tell := func() (told []string) {
		w := newWorld(caller, start)
		year(w, func() {
			text, err := json.Marshal([]any{w.reports, w.associate, w.dissociate}, json.Deterministic(true))
			if err != nil {
				t.Fatal(err)
			}
			told = append(told, string(text))
		})
		return told
	}
	first, second := tell(), tell()
	for i := range first {
		if first[i] != second[i] {
			t.Fatalf("the same day was told differently:\n%s\n%s", first[i], second[i])
		}
	}
}

// TestNothingHappensToWhatIsGone follows every resource from its first report
// to its last.
func TestNothingHappensToWhatIsGone(t *testing.T) {
	w := newWorld(caller, start)
	there := map[string]bool{}
	gone := map[string]bool{}
	year(w, func() {
		for _, r := range w.reports {
			if gone[r.ARN] {
				t.Errorf("day %d: %s is reported after it was gone", w.day, r.ARN)
			}
			if !there[r.ARN] && r.Name == nil {
				t.Errorf("day %d: the first report of %s is not a whole one", w.day, r.ARN)
			}
			there[r.ARN] = true
			if r.Host != nil && (!there[*r.Host] || gone[*r.Host]) {
				t.Errorf("day %d: %s runs on %s, which is not there", w.day, r.ARN, *r.Host)
			}
		}
		for _, m := range w.machines {
			gone[m.arn] = gone[m.arn] || m.gone
		}
	})
	if len(gone) == 0 || len(there) < 2*w.alive() {
		t.Errorf("%d resources came in a year, %d are left: the scaling group does not scale", len(there), w.alive())
	}
}

func TestLicencesAreAskedForWhatIsThere(t *testing.T) {
	w := newWorld(caller, start)
	there := map[string]bool{}
	year(w, func() {
		for _, m := range w.machines {
			there[m.arn] = !m.gone
		}
		for key, arns := range w.associate {
			for _, arn := range arns {
				if !there[arn] {
					t.Errorf("day %d: a licence of %s is asked for %s, which is not there", w.day, key, arn)
				}
			}
		}
	})
}

func TestHostsAreNotOverfull(t *testing.T) {
	w := newWorld(caller, start)
	year(w, func() {
		for _, p := range w.parts {
			c, ok := p.(*cluster)
			if !ok {
				continue
			}
			for _, h := range c.hosts {
				if len(h.guests) > c.room {
					t.Fatalf("day %d: a host of %s has %d machines and room for %d", w.day, c.name, len(h.guests), c.room)
				}
			}
		}
	})
}

func TestAllThatWasStoppedIsStarted(t *testing.T) {
	w := newWorld(caller, start)
	status := map[string]string{}
	stopped := map[string]int{} // by ARN: the day
	year(w, func() {
		for _, r := range w.reports {
			if r.Status == nil {
				continue
			}
			if *r.Status == "stopped" && status[r.ARN] != "stopped" {
				stopped[r.ARN] = w.day
			}
			status[r.ARN] = *r.Status
		}
		for arn, day := range stopped {
			if status[arn] == "stopped" && w.day-day > 10 {
				t.Errorf("day %d: %s has been stopped since day %d", w.day, arn, day)
				delete(stopped, arn)
			}
		}
	})
	if len(stopped) < 100 {
		t.Errorf("%d machines were ever stopped", len(stopped))
	}
}

func TestAccountsAreFive(t *testing.T) {
	for _, own := range append([]string{"555500001111"}, otherAccounts[:]...) {
		accounts := accountsOf(own)
		distinct := map[string]bool{}
		for _, a := range accounts {
			distinct[a] = true
		}
		if accounts[online] != own || len(accounts) != 5 || len(distinct) != 5 {
			t.Errorf("the accounts of %s's company are %v", own, accounts)
		}
	}
}
