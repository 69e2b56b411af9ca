package chaos_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"reeve/internal/store/postgres/pgtest"
)

// TestSoak lets everybody write and read for a long time, on SQLite and on two
// servers over PostgreSQL, with a fault every few seconds: servers are killed
// or stopped, the disk fills up, the cable between SQLite's server and its
// clients is cut, PostgreSQL crashes, backups are made. Nothing
// that was acknowledged may be lost, no limit be exceeded, no answer for a
// moment change, and no server grow. SOAK says how long both take together.
func TestSoak(t *testing.T) {
	whole, err := time.ParseDuration(cmp.Or(os.Getenv("SOAK"), "50s"))
	must(t, "read SOAK", err)
	t.Run("SQLite", func(t *testing.T) {
		newSoak(t, 1, nil).run(whole / 2)
	})
	t.Run("Postgres", func(t *testing.T) {
		newSoak(t, 2, newCluster(t)).run(whole / 2)
	})
}

// newCluster is a PostgreSQL of the test's own.
func newCluster(t *testing.T) *pgtest.Cluster {
	t.Helper()
	cluster, err := pgtest.NewCluster()
	switch {
	case err != nil && os.Getenv("REEVE_REQUIRE_ALL") == "1":
		t.Fatalf("start PostgreSQL: %v", err)
	case err != nil:
		t.Skipf("no PostgreSQL: %v", err)
	}
	t.Cleanup(func() { must(t, "end PostgreSQL", cluster.Close()) })
	return cluster
}

// soak is a deployment under load.
type soak struct {
	t        *testing.T
	dice     *rand.Rand
	cluster  *pgtest.Cluster // nil with SQLite
	disk     string          // of SQLite's directory, "" where none can be mounted
	cable    *cable          // to SQLite's server, nil where none can be laid
	servers  []*process
	metrics  []string // their addresses
	setting  []string
	owner    *account // whose key is used; its server is not
	shared   []string
	models   []*world
	known    *answers
	changes  atomic.Int64
	faults   map[string]int
	lasting  bool // server 0 lives on from here
	measured usage
}

// pace is how long a writer waits after a change, so that the ledgers of an hour
// can be verified within the time that a request has.
const pace = 50 * time.Millisecond

// usage is what a server takes when nobody asks it anything.
type usage struct{ goroutines, files, heap float64 }

func newSoak(t *testing.T, servers int, cluster *pgtest.Cluster) *soak {
	t.Helper()
	s := &soak{t: t, dice: chance(t), cluster: cluster, known: &answers{list: map[string]string{}}, faults: map[string]int{}}
	s.setting = append(rootEnvironment(), "REEVE_MASTER_KEY="+masterKey, "REEVE_MEMORY=256MiB")
	root := t.TempDir()
	if cluster != nil {
		s.setting = append(s.setting, "REEVE_DATABASE="+cluster.URL(pgtest.Leader))
	} else if os.Geteuid() == 0 {
		root = smallDisk(t, "2g")
		s.disk = root
		s.layCable()
	}
	for n := range servers {
		s.metrics = append(s.metrics, "")
		s.servers = append(s.servers, nil)
		s.start(n, filepath.Join(root, fmt.Sprint("data", n)))
	}
	s.owner = s.servers[0].newAccount("222222222222")
	s.shared = sharedConfigurations(t, s.owner)
	for n := range writers {
		s.models = append(s.models, &world{name: fmt.Sprintf("w%d", n), shared: s.shared, state: newState()})
	}
	return s
}

// layCable puts a cable between the server and everybody else.
func (s *soak) layCable() {
	var why string
	if s.cable, why = lay(s.t); s.cable == nil {
		s.t.Log(why)
		return
	}
	s.cable.plugIn()
}

// start starts a server in the place of a dead one.
func (s *soak) start(n int, data string) {
	s.t.Helper()
	var p *process
	if s.cable != nil {
		p = s.cable.start(data, append(slices.Clone(s.setting), "REEVE_METRICS="+serverEnd+":0")...)
	} else {
		p = start(s.t, data, append(slices.Clone(s.setting), "REEVE_METRICS=127.0.0.1:0")...)
	}
	s.metrics[n] = p.metricsAddress(s.t)
	p.mayLog = []string{"its disk is full or read-only", "answered before its event is written", "database is not available", "audit trail cannot be written"}
	s.servers[n] = p
}

// through is the owner through a server.
func (s *soak) through(n int) *account {
	p := s.servers[n%len(s.servers)]
	return p.as(s.owner.id, s.owner.key)
}

// run makes rounds until the time is over. In the first third any server may
// end; from then on the first one lives, so that it can be measured.
func (s *soak) run(long time.Duration) {
	t := s.t
	t.Helper()
	begun := time.Now()
	for round := 0; time.Since(begun) < long || round < 4; round++ {
		if !s.lasting && time.Since(begun) > long/3 {
			s.lasting = true
			s.round("warm-up")
			s.measured = s.settle(0, usage{})
		}
		s.round(s.draw())
		if t.Failed() {
			t.Fatalf("in round %d, after %v", round, s.faults)
		}
	}
	s.end()
}

// draw chooses the fault of a round.
func (s *soak) draw() string {
	faults := []string{"none", "backup"}
	if !s.lasting {
		faults = append(faults, "kill", "stop", "kill")
	}
	if s.disk != "" {
		faults = append(faults, "full disk")
	}
	if s.cable != nil {
		faults = append(faults, "cut cable")
	}
	if s.cluster != nil {
		faults = append(faults, "kill another", "crash of PostgreSQL")
	}
	return faults[s.dice.IntN(len(faults))]
}

// round writes and reads for some seconds around a fault, and then compares
// everything.
func (s *soak) round(fault string) {
	t := s.t
	t.Helper()
	s.faults[fault]++
	ending := make(chan struct{})
	var all sync.WaitGroup
	for n, m := range s.models {
		a, own := s.through(n), fork(s.dice)
		all.Go(func() { s.write(m, a, own, ending) })
	}
	for n := range s.servers {
		a, own := s.through(n), fork(s.dice)
		all.Go(func() { s.read(a, own, ending) })
	}
	s.waitForChanges(20 + s.dice.Int64N(60))
	repair := s.inject(fault)
	<-time.After(time.Duration(s.dice.Int64N(int64(2 * time.Second)))) // any moment
	repair()
	if fault != "kill" && fault != "stop" {
		s.waitForChanges(20)
	}
	close(ending)
	all.Wait()
	s.check()
}

// write makes changes until the end of the round, or until one has no answer.
func (s *soak) write(m *world, a *account, dice *rand.Rand, ending chan struct{}) {
	for {
		select {
		case <-ending:
			return
		default:
		}
		err := m.change(s.t.Context(), a, dice)
		switch {
		case err == nil:
			s.changes.Add(1)
			<-time.After(pace)
		case isRefusedForLicenses(err), isUnavailable(err):
			<-time.After(pace)
		case hasAnswer(err):
			m.fault = fmt.Errorf("%s: %w", m.doing, err)
			return
		default:
			return
		}
	}
}

// read asks for the present as a moment, now and then for one of before. While
// something is broken there may be no answer; a wrong one there may never be.
func (s *soak) read(a *account, dice *rand.Rand, ending chan struct{}) {
	f := &fleet{account: a, arn: s.shared[0]}
	for {
		select {
		case <-ending:
			return
		case <-time.After(10 * time.Millisecond): // readers that leave the writers some room
		}
		now := moment(time.Now())
		for _, m := range []string{now, s.known.old(now, dice)} {
			answer, err := f.asOf(s.t.Context(), m, dice)
			if err != nil {
				break
			}
			if err := s.known.note(m, answer); err != nil {
				s.t.Error(err)
				return
			}
		}
	}
}

func (s *soak) waitForChanges(more int64) {
	s.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	target := s.changes.Load() + more
	for deadline := time.Now().Add(2 * patience); s.changes.Load() < target; <-tick.C {
		if time.Now().After(deadline) {
			s.t.Fatalf("the writers do not write: %d of %d changes; %v\n%s", s.changes.Load(), target, s.faults, s.servers[0].log)
		}
	}
}

// inject breaks something and returns what repairs it.
func (s *soak) inject(fault string) (repair func()) {
	t := s.t
	t.Helper()
	n := s.dice.IntN(len(s.servers))
	switch fault {
	case "kill another":
		n = len(s.servers) - 1
		fallthrough
	case "kill":
		s.servers[n].kill()
		return func() { s.start(n, s.servers[n].data) }
	case "stop":
		s.servers[n].stop()
		return func() { s.start(n, s.servers[n].data) }
	case "full disk":
		return fill(t, s.disk)
	case "cut cable":
		s.cable.cut()
		return s.cable.mend
	case "crash of PostgreSQL":
		must(t, "crash PostgreSQL", s.cluster.Kill(pgtest.Leader))
		return func() { must(t, "start PostgreSQL", s.cluster.Start(pgtest.Leader)) }
	case "backup":
		s.backUp()
	}
	return func() {}
}

// backUp makes a backup under load, which must be good.
func (s *soak) backUp() {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "reeve.backup")
	environment := append(slices.Clone(s.setting), "REEVE_DATA="+s.servers[0].data)
	succeed(s.t, environment, "backup", file)
	succeed(s.t, environment, "restore", "--check", file)
	must(s.t, "remove backup", os.Remove(file))
}

// check compares what there is with what the writers know, on every server.
func (s *soak) check() {
	t := s.t
	t.Helper()
	for _, m := range s.models {
		if m.fault != nil {
			t.Fatalf("%s: %v", m.name, m.fault)
		}
	}
	for n := range s.servers {
		checkWorlds(t, s.through(n), s.models)
		f := &fleet{account: s.through(n), arn: s.shared[0]}
		for range min(10, len(s.known.keys)) {
			m := s.known.old("", s.dice)
			answer, err := f.asOf(t.Context(), m, s.dice)
			must(t, "list usage of a moment", errors.Join(err, s.known.note(m, answer)))
		}
	}
}

// settle waits until a server that nobody asks anything takes no more than a
// bound, and returns what it takes; a bound of zero bounds nothing.
func (s *soak) settle(n int, bound usage) (now usage) {
	t := s.t
	t.Helper()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(3 * patience); ; <-tick.C {
		closeIdle()
		now = s.measure(n)
		if bound == (usage{}) || now.goroutines <= bound.goroutines && now.files <= bound.files && now.heap <= bound.heap {
			return now
		}
		if time.Now().After(deadline) {
			t.Errorf("a server takes %+v after all, which is more than %+v", now, bound)
			return now
		}
	}
}

func (s *soak) measure(n int) (u usage) {
	s.t.Helper()
	_, text := page(s.t, "http://"+s.metrics[n]+"/metrics")
	for line := range strings.Lines(text) {
		for name, to := range map[string]*float64{"go_goroutines": &u.goroutines, "process_open_fds": &u.files, "go_memstats_heap_inuse_bytes": &u.heap} {
			if rest, ok := strings.CutPrefix(line, name+" "); ok {
				_, err := fmt.Sscan(rest, to)
				must(s.t, "read "+name, err)
			}
		}
	}
	return u
}

// end looks at everything once more.
func (s *soak) end() {
	t := s.t
	t.Helper()
	bound := usage{s.measured.goroutines + 8, s.measured.files + 8, s.measured.heap*1.25 + 32<<20}
	after := s.settle(0, bound)
	t.Logf("%d changes, %d moments, faults %v; the first server took %+v after its warm-up and %+v at the end", s.changes.Load(), len(s.known.keys), s.faults, s.measured, after)
	peak, err := highest(t.Context(), s.through(0), s.shared[2])
	must(t, "get history", err)
	if peak > 2*writers {
		t.Errorf("%d licences were in use at a time, the limit is %d", peak, 2*writers)
	}
	s.servers[0].checkLedgers()
	for _, p := range s.servers {
		p.stop()
	}
	if s.cluster == nil {
		verifyCommand(t, "--data", s.servers[0].data)
	}
}

// closeIdle ends the connections that clients keep.
func closeIdle() { http.DefaultTransport.(*http.Transport).CloseIdleConnections() }
