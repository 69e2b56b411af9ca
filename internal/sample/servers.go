package sample

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"reeve/internal/license"
)

// fleet is a kind of EC2 machine whose number changes in steps.
type fleet struct {
	name      string
	team      team
	env       string
	owner     owner
	system    system
	sizes     []size // each machine draws one
	contracts []contractKey

	first int // machines on the first day
	step  int // machines more, or fewer, every so many days
	every int

	replaced  int  // of the oldest at every step
	resized   int  // at every step, to the largest size
	converted bool // machines that leave go on without the licence

	rng      *rand.Rand
	launched int
	machines []*machine
}

var fleets = []fleet{
	{name: "catalogue-api", team: shop, env: production, owner: online, system: rhel, sizes: []size{m6iXlarge, m6i2xlarge},
		contracts: []contractKey{redHat}, first: 120, step: 5, every: 14, replaced: 4},
	{name: "payments-core", team: payments, env: production, owner: erp, system: rhel, sizes: []size{m6iXlarge},
		contracts: []contractKey{redHat}, first: 95, step: 4, every: 14, replaced: 2},
	{name: "data-worker", team: data, env: production, owner: analytics, system: rhel, sizes: []size{r6i2xlarge, r6i4xlarge},
		contracts: []contractKey{redHat}, first: 130, step: 6, every: 14, replaced: 3},
	{name: "shop-staging", team: shop, env: staging, owner: online, system: rhel, sizes: []size{t3Large},
		contracts: []contractKey{redHat}, first: 60, step: 2, every: 28, replaced: 6},
	{name: "batch", team: shop, env: production, owner: online, system: amazonLinux, sizes: []size{c6iLarge, m6iXlarge},
		first: 190, step: 8, every: 28, replaced: 12},
	{name: "search", team: data, env: production, owner: analytics, system: amazonLinux, sizes: []size{r6i2xlarge},
		first: 150, step: 6, every: 28, replaced: 5},
	{name: "build-agent", team: tooling, env: development, owner: workplaces, system: ubuntu, sizes: []size{m6i2xlarge, m6i4xlarge},
		first: 90, step: 3, every: 28, replaced: 15},
	{name: "sap-app", team: finance, env: production, owner: erp, system: sles, sizes: []size{m6i4xlarge},
		contracts: []contractKey{suse}, first: 62, step: 2, every: 28, replaced: 1},
	{name: "hana", team: finance, env: production, owner: erp, system: sles, sizes: []size{x2idn16, x2idn16NoSMT, x2idn32},
		contracts: []contractKey{suse, hana}, first: 24, step: 1, every: 26},
	{name: "oracle", team: finance, env: production, owner: erp, system: oracleLinux, sizes: []size{r6i2xlarge, r6i4xlarge, r6i8xlarge},
		contracts: []contractKey{oracleDatabase}, first: 40, step: 1, every: 28, resized: 1},
	{name: "weblogic", team: finance, env: production, owner: erp, system: oracleLinux, sizes: []size{m6i2xlarge},
		contracts: []contractKey{weblogic}, first: 24, step: -2, every: 21, converted: true},
}

func serverParts() []part {
	parts := make([]part, len(fleets))
	for i, f := range fleets {
		f.rng = generator("fleet " + f.name)
		parts[i] = &f
	}
	return parts
}

func (f *fleet) happen(w *world) {
	switch {
	case w.day == 0:
		f.grow(w, f.first)
	case w.day%f.every == len(f.name)%f.every: // not all fleets on the same day
		f.retire(w, f.replaced-min(f.step, 0))
		f.grow(w, f.replaced+max(f.step, 0))
		f.resize(w, f.resized)
	}
}

func (f *fleet) grow(w *world, n int) {
	for range n {
		f.launched++
		m := w.launch(f.rng, launch{
			owner: f.owner, name: fmt.Sprintf("%s-%03d", f.name, f.launched), team: f.team, env: f.env,
			system: f.system, size: f.sizes[f.rng.IntN(len(f.sizes))], contracts: f.contracts,
		})
		f.machines = append(f.machines, m)
	}
}

// retire takes the oldest machines out of the fleet.
func (f *fleet) retire(w *world, n int) {
	n = min(n, len(f.machines))
	for _, m := range f.machines[:n] {
		if f.converted {
			w.release(m)
		} else {
			w.remove(m)
		}
	}
	f.machines = slices.Clone(f.machines[n:])
}

// resize gives machines the fleet's largest size.
func (f *fleet) resize(w *world, n int) {
	for range n {
		m := f.machines[f.rng.IntN(len(f.machines))]
		f.sizes[len(f.sizes)-1].report(w.report(m))
	}
}

// report writes a size into a report.
func (s size) report(r *license.Report) {
	r.InstanceType, r.VCPUs, r.Cores, r.ThreadsPerCore = &s.name, &s.vcpus, &s.cores, &s.threadsPerCore
}

// launch is what somebody asks for who starts an EC2 instance.
type launch struct {
	owner     owner
	name      string
	team      team
	env       string
	system    system
	size      size
	contracts []contractKey
	host      *machine // dedicated host; nil for shared tenancy
}

// launch starts an EC2 instance from its system's image. What it inherits
// from the image, nobody has to associate.
func (w *world) launch(rng *rand.Rand, l launch) *machine {
	contracts := slices.Clone(l.contracts)
	im := w.images[l.system.image]
	if im != nil && l.owner == online {
		contracts = slices.DeleteFunc(contracts, func(k contractKey) bool { return slices.Contains(im.contracts, k) })
	}
	m := w.add(rng, license.EC2Instance, l.owner, l.name, contracts...)
	r := w.report(m)
	r.Status = new("running")
	r.Platform, r.PlatformType, r.PlatformVersion = &l.system.platform, &l.system.kind, &l.system.version
	r.UsageOperation = &l.system.operation
	r.Virtual = new(true)
	r.Tags = tags(l.team, l.env)
	l.size.report(r)
	if im != nil {
		r.AMI = &im.id
	}
	w.place(m, l.host)
	return m
}

// place puts an instance on a dedicated host, or on hardware that it shares.
func (w *world) place(m, host *machine) {
	r := w.report(m)
	if host == nil {
		r.Tenancy = new("default")
		return
	}
	r.Tenancy, r.Host = new("host"), &host.arn
}
