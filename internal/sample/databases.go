package sample

import (
	"fmt"
	"math/rand/v2"

	"reeve/internal/license"
)

// databases are those of Amazon RDS. Some need a licence, most do not.
type databases struct {
	rng     *rand.Rand
	created int
	paused  []*machine // development ones, which rest for some days a month
}

// edition is an engine with what its databases are licensed by.
type edition struct {
	engine, platform, name string
	owner                  owner
	sizes                  []size
	packs                  []string
	envs                   []string // each database draws one
	contracts              []contractKey
	first, every           int
}

// Where databases stand: mixed ones also in development, where they rest for
// some days a month.
var (
	mixed     = []string{production, production, staging, development}
	essential = []string{production, production, production, staging}
)

var editions = []edition{
	{engine: "oracle-se2", platform: "Oracle", name: "ledger", owner: erp, envs: mixed, contracts: []contractKey{rdsOracle},
		sizes: []size{{"db.m6i.xlarge", 4, 2, 2}, {"db.r6i.2xlarge", 8, 4, 2}}, first: 34, every: 20},
	{engine: "oracle-ee", platform: "Oracle", name: "treasury", owner: erp, envs: essential, contracts: []contractKey{oracleDatabase},
		packs: []string{"diagnostic pack sqlt", "tuning pack sqlt"}, sizes: []size{{"db.r6i.4xlarge", 16, 8, 2}}, first: 5, every: 150},
	{platform: "PostgreSQL", name: "orders", owner: online, envs: mixed, sizes: []size{{"db.r6i.xlarge", 4, 2, 2}}, first: 32, every: 16},
	{platform: "MySQL", name: "content", owner: analytics, envs: mixed, sizes: []size{{"db.m6i.large", 2, 1, 2}}, first: 22, every: 40},
}

func newDatabases() *databases { return &databases{rng: generator("databases")} }

func (d *databases) happen(w *world) {
	for i := range editions {
		e := &editions[i]
		switch {
		case w.day == 0:
			for range e.first {
				d.create(w, e)
			}
		case w.day%e.every == e.every/2:
			d.create(w, e)
		}
	}
	switch w.day % 30 {
	case 13:
		setStatus(w, d.paused, "stopped")
	case 20: // AWS itself starts them after a week
		setStatus(w, d.paused, "available")
	}
}

func (d *databases) create(w *world, e *edition) {
	d.created++
	env := e.envs[d.rng.IntN(len(e.envs))]
	m := w.add(d.rng, license.RDS, e.owner, fmt.Sprintf("%s-%s-%03d", e.name, env, d.created), e.contracts...)
	r := w.report(m)
	r.Status, r.Platform = new("available"), &e.platform
	e.sizes[d.rng.IntN(len(e.sizes))].report(r)
	r.Tags = tags(finance, env)
	if e.engine != "" {
		r.EngineEdition, r.LicensePacks = &e.engine, e.packs
	}
	if env == development {
		d.paused = append(d.paused, m)
	}
}

func setStatus(w *world, machines []*machine, status string) {
	for _, m := range machines {
		if !m.gone {
			w.report(m).Status = &status
		}
	}
}
