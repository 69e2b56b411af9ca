package sample

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"reeve/internal/license"
)

// datacentre is the company's own: ESXi servers with their guests, and
// servers of bare metal, all managed through Systems Manager.
type datacentre struct {
	rng     *rand.Rand
	servers []*host // ESXi
	metal   int
	guests  []*guest
}

// guest is a virtual machine with what is installed on it.
type guest struct {
	*machine
	software []license.Application
}

// What the data centre has on its first day, and how it grows.
const (
	firstServers   = 34
	serverEvery    = 90 // days
	firstGuests    = 380
	guestEvery     = 6 // days
	metalServers   = 10
	sqlOneIn       = 14 // guests, one of which runs SQL Server
	softwareOneIn  = 3  // guests, one of which nobody looks into
	movesEvery     = 9  // days
	movesAtOnce    = 4
	patchEvery     = 45 // days
	patchedAtOnce  = 90
	guestsOnServer = 16
)

func newDatacentre() *datacentre { return &datacentre{rng: generator("data centre")} }

func (d *datacentre) happen(w *world) {
	if w.day == 0 {
		d.open(w)
		return
	}
	if w.day%serverEvery == 0 {
		d.rack(w)
	}
	if w.day%guestEvery == 0 {
		d.create(w)
	}
	if w.day%movesEvery == 4 {
		d.move(w)
	}
	if w.day%patchEvery == 30 {
		d.patch(w)
	}
}

func (d *datacentre) open(w *world) {
	for range firstServers {
		d.rack(w)
	}
	for range metalServers {
		d.metal++
		m := d.physical(w, fmt.Sprintf("sql-metal-%02d", d.metal), 24, sqlStandard)
		sys := windows
		sys.report(w.report(m))
		w.report(m).Applications = software(d.rng, sys, true)
	}
	for range firstGuests {
		d.create(w)
	}
}

// rack adds an ESXi server.
func (d *datacentre) rack(w *world) {
	cores := []int64{32, 32, 40}[d.rng.IntN(3)]
	m := d.physical(w, fmt.Sprintf("esx-%02d", len(d.servers)+1), cores, vsphere)
	r := w.report(m)
	r.Platform, r.PlatformVersion = new("VMware ESXi"), new("8.0.3")
	d.servers = append(d.servers, &host{machine: m})
}

// physical adds a server with two sockets.
func (d *datacentre) physical(w *world, name string, cores int64, contracts ...contractKey) *machine {
	m := w.add(d.rng, license.ManagedInstance, plants, name, contracts...)
	r := w.report(m)
	r.Status, r.Virtual = new("Online"), new(false)
	r.Cores, r.Sockets, r.ThreadsPerCore, r.VCPUs = &cores, new(int64(2)), new(int64(2)), new(2*cores)
	r.Tags = tags(factories, production)
	return m
}

// create adds a guest on the server with the most room.
func (d *datacentre) create(w *world) {
	n := len(d.guests) + 1
	sys, contracts, sql := d.kind(n)
	m := w.add(d.rng, license.ManagedInstance, plants, fmt.Sprintf("vm-%s-%03d", strings.ToLower(sys.kind), n), contracts...)
	r := w.report(m)
	sys.report(r)
	r.Status, r.Virtual = new("Online"), new(true)
	r.VCPUs = new([]int64{2, 4, 8}[d.rng.IntN(3)])
	r.Tags = tags(factories, []string{production, production, staging}[n%3])
	g := &guest{machine: m}
	if n%softwareOneIn != 0 {
		g.software = software(d.rng, sys, sql)
		r.Applications = g.software
	}
	d.guests = append(d.guests, g)
	d.put(w, m, d.emptiest())
}

// kind draws what the n-th guest is.
func (d *datacentre) kind(n int) (sys system, contracts []contractKey, sql bool) {
	switch {
	case n%sqlOneIn == 0:
		return windows, []contractKey{sqlStandard}, true
	case n%4 == 0:
		return rhel, []contractKey{redHat}, false
	case n%2 == 0:
		return windows, nil, false
	}
	return ubuntu, nil, false
}

// report writes an operating system into the report of a managed instance.
func (s system) report(r *license.Report) {
	r.Platform, r.PlatformType, r.PlatformVersion = &s.platform, &s.kind, &s.version
}

func (d *datacentre) emptiest() *host {
	return slices.MinFunc(d.servers, func(a, b *host) int { return len(a.guests) - len(b.guests) })
}

func (d *datacentre) put(w *world, m *machine, on *host) {
	on.guests = append(on.guests, m)
	w.report(m).Host = &on.arn
}

// move takes guests to other servers while they run.
func (d *datacentre) move(w *world) {
	for range movesAtOnce {
		from, to := d.servers[d.rng.IntN(len(d.servers))], d.servers[d.rng.IntN(len(d.servers))]
		if from == to || len(from.guests) == 0 || len(to.guests) >= guestsOnServer {
			continue
		}
		i := d.rng.IntN(len(from.guests))
		m := from.guests[i]
		from.guests = slices.Delete(slices.Clone(from.guests), i, i+1)
		d.put(w, m, to)
	}
}

// patch brings the first program of some guests up to date.
func (d *datacentre) patch(w *world) {
	for range patchedAtOnce {
		g := d.guests[d.rng.IntN(len(d.guests))]
		if len(g.software) == 0 {
			continue
		}
		g.software = slices.Clone(g.software)
		g.software[0].Version = fmt.Sprintf("3.3.%d.0", 1000+w.day)
		w.report(g.machine).Applications = g.software
	}
}

// agent is on every machine that says what is installed.
var agent = license.Application{Name: "Amazon SSM Agent", Publisher: "Amazon Web Services", Version: "3.3.987.0"}

// programs are what machines have installed, by the kind of system.
var programs = map[string][]license.Application{
	"Windows": {
		{Name: "7-Zip", Publisher: "Igor Pavlov", Version: "24.08"},
		{Name: "Google Chrome", Publisher: "Google LLC", Version: "131.0.6778.86"},
		{Name: "Microsoft Edge", Publisher: "Microsoft Corporation", Version: "131.0.2903.63"},
		{Name: "Microsoft Visual C++ 2022 Redistributable (x64)", Publisher: "Microsoft Corporation", Version: "14.40.33810"},
		{Name: "Notepad++ (64-bit x64)", Publisher: "Notepad++ Team", Version: "8.7.1"},
		{Name: "VMware Tools", Publisher: "Broadcom Inc.", Version: "12.5.0"},
		{Name: "WinSCP", Publisher: "Martin Prikryl", Version: "6.3.5"},
	},
	"Linux": {
		{Name: "openssl", Publisher: "OpenSSL Project", Version: "3.0.13"},
		{Name: "openssh-server", Publisher: "OpenBSD Project", Version: "9.6p1"},
		{Name: "open-vm-tools", Publisher: "Broadcom Inc.", Version: "12.3.5"},
		{Name: "nginx", Publisher: "NGINX", Version: "1.26.2"},
		{Name: "postgresql-16", Publisher: "PostgreSQL Global Development Group", Version: "16.6"},
		{Name: "java-17-openjdk", Publisher: "Eclipse Adoptium", Version: "17.0.13"},
		{Name: "node_exporter", Publisher: "Prometheus", Version: "1.8.2"},
	},
}

var sqlServer = []license.Application{
	{Name: "Microsoft SQL Server 2022 (64-bit)", Publisher: "Microsoft Corporation", Version: "16.0.1000.6"},
	{Name: "Microsoft ODBC Driver 18 for SQL Server", Publisher: "Microsoft Corporation", Version: "18.4.1.1"},
}

// software draws the programs of a machine; the agent is always first.
func software(rng *rand.Rand, sys system, sql bool) []license.Application {
	list := []license.Application{agent}
	known := programs[sys.kind]
	for _, i := range rng.Perm(len(known))[:2+rng.IntN(4)] {
		list = append(list, known[i])
	}
	if sql {
		list = append(list, sqlServer...)
	}
	return list
}
