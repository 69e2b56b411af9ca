package sample

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// scalingGroup is the shop's front: many machines on weekdays, few at the
// weekend, none of them for long.
type scalingGroup struct {
	rng      *rand.Rand
	launched int
	machines []*machine // the oldest first
}

// How the group scales.
const (
	frontAtWeekends = 24
	frontOnWeekdays = 60 // on the first day; one more every frontGrowth days
	frontGrowth     = 9
	frontReplaced   = 4 // machines that a day replaces in any case
)

func newScalingGroup() *scalingGroup { return &scalingGroup{rng: generator("scaling group")} }

func (g *scalingGroup) happen(w *world) {
	wanted := frontOnWeekdays + w.day/frontGrowth + g.rng.IntN(9)
	if w.weekend() {
		wanted = frontAtWeekends + g.rng.IntN(4)
	}
	end := min(len(g.machines), max(frontReplaced, len(g.machines)-wanted))
	for _, m := range g.machines[:end] {
		w.remove(m)
	}
	g.machines = slices.Clone(g.machines[end:])
	for len(g.machines) < wanted {
		g.launched++
		g.machines = append(g.machines, w.launch(g.rng, launch{
			owner: online, name: fmt.Sprintf("shop-front-%05d", g.launched), team: shop, env: production,
			system: rhel, size: c6iLarge, contracts: []contractKey{redHat},
		}))
	}
}
