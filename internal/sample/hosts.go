package sample

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"reeve/internal/license"
)

// cluster is a number of dedicated hosts with the machines that run on them.
// A host is allocated when all others are full.
type cluster struct {
	name           string
	team           team
	owner          owner
	hostType       string
	cores, sockets int64
	room           int // machines on a host
	guest          size
	contracts      []contractKey // of every guest; counted on the host

	first  int // guests on the first day
	every  int // days between two more guests
	broken int // day on which the hardware of a host fails; 0: never

	rng      *rand.Rand
	launched int
	hosts    []*host
}

// host is a dedicated host with its guests.
type host struct {
	*machine
	guests []*machine
}

var clusters = []cluster{
	{name: "sql", team: data, owner: analytics, hostType: "r5", cores: 48, sockets: 2, room: 6, guest: r5FourXlarge,
		contracts: []contractKey{sqlEnterprise, windowsDatacenter}, first: 45, every: 11},
	{name: "win", team: payments, owner: online, hostType: "m5", cores: 48, sockets: 2, room: 12, guest: m5Twoxlarge,
		contracts: []contractKey{windowsDatacenter}, first: 280, every: 4, broken: 151},
}

func hostParts() []part {
	parts := make([]part, 0, len(clusters)+1)
	for _, c := range clusters {
		c.rng = generator("cluster " + c.name)
		parts = append(parts, &c)
	}
	return append(parts, strayWindows{generator("stray windows")})
}

func (c *cluster) happen(w *world) {
	switch {
	case w.day == 0:
		c.grow(w, c.first)
	case w.day == c.broken:
		c.evacuate(w, c.hosts[3])
	case w.day%28 == 20:
		c.move(w, 5)
	case w.day%c.every == 0:
		c.grow(w, 1)
	}
}

func (c *cluster) grow(w *world, n int) {
	for range n {
		c.launched++
		h := c.free(w, nil)
		m := w.launch(c.rng, launch{
			owner: c.owner, name: fmt.Sprintf("%s-%03d", c.name, c.launched), team: c.team, env: production,
			system: windows, size: c.guest, contracts: c.contracts, host: h.machine,
		})
		h.guests = append(h.guests, m)
	}
}

// free is a host with room, but not the one named.
func (c *cluster) free(w *world, not *host) *host {
	for _, h := range c.hosts {
		if h != not && len(h.guests) < c.room {
			return h
		}
	}
	h := &host{machine: w.add(c.rng, license.EC2Host, c.owner, fmt.Sprintf("%s-host-%02d", c.name, len(c.hosts)+1))}
	r := w.report(h.machine)
	r.Status, r.InstanceType = new("available"), &c.hostType
	r.Cores, r.Sockets = &c.cores, &c.sockets
	r.Tags = tags(c.team, production)
	c.hosts = append(c.hosts, h)
	return h
}

// move takes machines to hosts with room, as maintenance does.
func (c *cluster) move(w *world, n int) {
	for range n {
		from := c.hosts[c.rng.IntN(len(c.hosts))]
		i := slices.IndexFunc(c.hosts, func(h *host) bool { return h != from && len(h.guests) < c.room })
		if i >= 0 && len(from.guests) > 1 {
			c.moveOne(w, from, c.hosts[i])
		}
	}
}

func (c *cluster) moveOne(w *world, from, to *host) {
	m := from.guests[0]
	from.guests = slices.Clone(from.guests[1:])
	to.guests = append(to.guests, m)
	w.place(m, to.machine)
}

// evacuate takes every machine off a host and gives it back.
func (c *cluster) evacuate(w *world, h *host) {
	for len(h.guests) > 0 {
		c.moveOne(w, h, c.free(w, h))
	}
	c.hosts = slices.DeleteFunc(c.hosts, func(other *host) bool { return other == h })
	w.remove(h.machine)
}

// strayWindows are machines that somebody launched without a dedicated host:
// the licence forbids it.
type strayWindows struct{ rng *rand.Rand }

func (s strayWindows) happen(w *world) {
	if w.day != days-25 {
		return
	}
	for i := range 3 {
		w.launch(s.rng, launch{
			owner: workplaces, name: fmt.Sprintf("kiosk-pilot-%d", i+1), team: workplaceIT, env: development,
			system: windows, size: m5Xlarge, contracts: []contractKey{windowsDatacenter},
		})
	}
}
