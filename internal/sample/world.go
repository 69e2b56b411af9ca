package sample

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"reeve/internal/license"
)

// world is the company on one day of its year, and what has happened there
// since it was last written.
type world struct {
	region   string
	accounts []string // by owner
	start    time.Time
	day      int
	parts    []part
	images   map[string]*machine // by name, the newest

	machines []*machine                 // in the inventory, in the order of their coming
	licensed map[contractKey][]*machine // those that were asked for, in the same order

	reports    []*license.Report
	dissociate map[contractKey][]string
	associate  map[contractKey][]string
}

// part is one part of the company. happen is called once a day, in order, and
// draws from a generator of its own, so that a change of one part leaves the
// others as they were.
type part interface{ happen(w *world) }

// machine is a resource of any type.
type machine struct {
	arn       string
	id        string
	kind      license.ResourceType
	contracts []contractKey
	since     int // day of its coming
	gone      bool
	today     *license.Report // what is to be written of it; nil when nothing happened
}

func newWorld(who license.Caller, start time.Time) *world {
	w := &world{region: who.Region, accounts: accountsOf(who.Account), start: start, images: map[string]*machine{}, licensed: map[contractKey][]*machine{}}
	w.parts = slices.Concat(imageParts(), serverParts(), hostParts(), workplaceParts(),
		[]part{newScalingGroup(), newDatabases(), newDatacentre()})
	w.written()
	return w
}

// generator is a part's own source of chance.
func generator(name string) *rand.Rand {
	seed := uint64(14695981039346656037) // FNV-1a, so that every name has its own
	for i := range len(name) {
		seed = (seed ^ uint64(name[i])) * 1099511628211
	}
	return rand.New(rand.NewPCG(2026, seed))
}

func (w *world) midnight() time.Time { return w.start.AddDate(0, 0, w.day) }

func (w *world) weekend() bool {
	day := w.midnight().Weekday()
	return day == time.Saturday || day == time.Sunday
}

// live lets the day happen. On the last one every machine reports itself, so
// that all were seen yesterday.
func (w *world) live() {
	for _, p := range w.parts {
		p.happen(w)
	}
	w.machines = slices.DeleteFunc(w.machines, func(m *machine) bool { return m.gone && m.today == nil })
	if w.day == days-1 {
		for _, m := range w.machines {
			w.report(m)
		}
	}
}

// written forgets what has been taken to the ledgers.
func (w *world) written() {
	for _, m := range w.machines {
		m.today = nil
	}
	w.reports, w.dissociate, w.associate = nil, map[contractKey][]string{}, map[contractKey][]string{}
}

func (w *world) alive() (n int) {
	for _, m := range w.machines {
		if !m.gone {
			n++
		}
	}
	return n
}

// report is the day's report of a machine, for its part to fill in.
func (w *world) report(m *machine) *license.Report {
	if m.today == nil {
		m.today = &license.Report{ARN: m.arn}
		w.reports = append(w.reports, m.today)
	}
	return m.today
}

// arn names a resource; id is its last part.
func (w *world) arn(kind license.ResourceType, o owner, id string) string {
	account := w.accounts[o]
	switch kind {
	case license.EC2AMI:
		return "arn:aws:ec2:" + w.region + "::image/" + id
	case license.EC2Host:
		return "arn:aws:ec2:" + w.region + ":" + account + ":dedicated-host/" + id
	case license.RDS:
		return "arn:aws:rds:" + w.region + ":" + account + ":db:" + id
	case license.ManagedInstance:
		return "arn:aws:ssm:" + w.region + ":" + account + ":managed-instance/" + id
	}
	return "arn:aws:ec2:" + w.region + ":" + account + ":instance/" + id
}

// idPrefix begins the IDs of each type but databases, which have names.
var idPrefix = map[license.ResourceType]string{
	license.EC2Instance: "i-0", license.EC2Host: "h-0", license.EC2AMI: "ami-0", license.ManagedInstance: "mi-0",
}

// add puts a new resource into the world. Its report is the caller's to
// complete; the contracts are those that somebody associates it with.
func (w *world) add(rng *rand.Rand, kind license.ResourceType, o owner, name string, contracts ...contractKey) *machine {
	id := name
	if prefix := idPrefix[kind]; prefix != "" {
		id = fmt.Sprintf("%s%016x", prefix, rng.Uint64())
	}
	m := &machine{arn: w.arn(kind, o, id), id: id, kind: kind, since: w.day, contracts: contracts}
	w.machines = append(w.machines, m)
	w.report(m).Name = &name
	for _, key := range contracts {
		w.associate[key] = append(w.associate[key], m.arn)
		w.licensed[key] = append(w.licensed[key], m)
	}
	return m
}

// goneStatus is how each type says that it is no longer there.
var goneStatus = map[license.ResourceType]string{
	license.EC2Instance: "terminated", license.EC2Host: "released", license.EC2AMI: "deregistered",
	license.RDS: "deleted", license.ManagedInstance: "deregistered",
}

// remove ends a resource.
func (w *world) remove(m *machine) {
	m.gone = true
	w.report(m).Status = new(goneStatus[m.kind])
}

// release ends what somebody associated with a machine that stays.
func (w *world) release(m *machine) {
	for _, key := range m.contracts {
		w.dissociate[key] = append(w.dissociate[key], m.arn)
		w.licensed[key] = slices.DeleteFunc(w.licensed[key], func(other *machine) bool { return other == m })
	}
	m.contracts = nil
}

// retry asks once more for the licences of a contract's machines, as their
// people do when new ones were bought. Those that have one keep it as it is.
func (w *world) retry(key contractKey) {
	for _, m := range w.licensed[key] {
		if !m.gone {
			w.associate[key] = append(w.associate[key], m.arn)
		}
	}
}
