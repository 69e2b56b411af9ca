package sample

// pool is a number of people's machines that are switched off together, a
// group at a time.
type pool struct {
	fleet
	groups int
	off    [][]*machine // by group: those that were switched off
	stops  func(day, group int) bool
	starts func(day, group int) bool
}

func workplaceParts() []part {
	desktops := &pool{
		fleet: fleet{name: "cad-desktop", team: engineering, env: production, owner: workplaces, system: desktop, sizes: []size{g4dnXlarge},
			contracts: []contractKey{autocad}, first: 255, step: 6, every: 28, replaced: 2},
		groups: 2,
		// Each half is off for a week of two months of the year.
		stops:  func(day, group int) bool { return day%180 == 60+7*group },
		starts: func(day, group int) bool { return day%180 == 67+7*group },
	}
	workstations := &pool{
		fleet: fleet{name: "sim-station", team: engineering, env: development, owner: workplaces, system: ubuntu, sizes: []size{g4dn2xlarge, m6i4xlarge},
			contracts: []contractKey{matlab}, first: 200, step: 4, every: 28},
		groups: 4,
		// Every month each quarter rests for eight days.
		stops:  func(day, group int) bool { return day%30 == 1+7*group },
		starts: func(day, group int) bool { return day%30 == (9+7*group)%30 },
	}
	var parts []part
	for _, p := range []*pool{desktops, workstations} {
		p.rng, p.off = generator(p.name), make([][]*machine, p.groups)
		parts = append(parts, p)
	}
	return parts
}

func (p *pool) happen(w *world) {
	p.fleet.happen(w)
	for group := range p.groups {
		if p.stops(w.day, group) {
			p.off[group] = p.group(group)
			setStatus(w, p.off[group], "stopped")
		}
		if p.starts(w.day, group) {
			setStatus(w, p.off[group], "running")
			p.off[group] = nil
		}
	}
}

// group is one machine of every p.groups.
func (p *pool) group(n int) []*machine {
	var members []*machine
	for i := n; i < len(p.machines); i += p.groups {
		members = append(members, p.machines[i])
	}
	return members
}
