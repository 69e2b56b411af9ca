package license

import (
	"context"
	"errors"
	"time"
)

// What would happen if? A simulation runs its actions through the very methods
// of a Manager that decide for real, over a Rehearsal: one transaction of which
// nothing remains. It holds the locks of what it looks at until it ends, so it
// is bounded in size and time, and one runs at once.

// Bounds of one simulation.
const (
	MaxSimulatedActions  = 100
	MaxSimulatedMachines = 1000 // of all actions together

	maxSimulatedApplications = 20_000 // of all launched machines together
	simulatedRows            = 20     // of a launch that are listed one by one
	simulationTime           = 10 * time.Second
)

// Simulation is a list of actions, which happen in their order to the state of
// now, and how they are asked for.
type Simulation struct {
	// Mode says what a hard limit or a rule does: with Admit ("" too) whatever
	// it forbids does not happen; with Observe it happens all the same and
	// whoever lacks a licence stands without one.
	Mode    Mode
	Actions []SimulatedAction
}

// SimulatedAction is one thing that might happen; exactly one member is set.
type SimulatedAction struct {
	Launch    *Launch
	Change    *Report // of a resource that is there: another size, host or status
	Delete    string  // ARN of a resource that leaves the inventory
	Associate *SimulatedAssociation
	Configure *SimulatedTerms
}

// Launch is a number of equal new EC2 instances.
type Launch struct {
	Machines int // 1 to MaxSimulatedMachines

	// Report is what they are; its ARN is not looked at. Where it has an
	// InstanceType and no size, the size is that of another machine of the
	// type in the inventory.
	Report

	Configurations []string // ARNs that each is associated with, by request
}

// SimulatedAssociation associates a resource with configurations and ends its
// association with others, as UpdateSpecifications does.
type SimulatedAssociation struct {
	Resource    string
	Add, Remove []string // ARNs of configurations
}

// SimulatedTerms buys or returns licences of a configuration; nil leaves a
// term as it is.
type SimulatedTerms struct {
	Configuration string
	Count         *int64 // how many there are then, or
	AddCount      *int64 // how many more; less than 0 gives some back
	HardLimit     *bool
}

// SimulationResult says what would be.
type SimulationResult struct {
	At Time // the moment whose state was looked at

	// Fits: nothing was refused, nobody would newly stand without a licence,
	// and no configuration would be further over its count.
	Fits bool

	Actions        []ActionResult        // in their order
	Configurations []ConfigurationResult // that the actions name or look at, in the order of their creation
	Resources      []ResourceResult      // that the actions are about, in order; of a launch the first ones
	Failures       []PutFailure          // who would stand without a licence; Mode Observe only
}

// ActionResult says how much of an action would happen. Machines is 1 for
// whatever is no Launch.
type ActionResult struct {
	Machines, Fit int
	Refusal       string // why the first one that does not fit does not; "" when all do
	SizedLike     string // ARN of the machine that the size was taken from
}

// ConfigurationResult is a configuration before the actions and after them.
type ConfigurationResult struct{ Before, After *Configuration }

// OverUse is how many licences are consumed beyond the count, hard or not.
func (c *Configuration) OverUse() int64 {
	if c.Terms.Count == nil {
		return 0
	}
	return max(0, c.Counters.Consumed-*c.Terms.Count)
}

// What becomes of a resource in a simulation, besides OutcomeRefused: the
// action on it does not happen.
const (
	OutcomeFits       = "fits"
	OutcomeUnlicensed = "unlicensed" // it is there, and lacks a licence that it should have
)

// ResourceResult is what would become of one resource.
type ResourceResult struct {
	Action  int // the first that is about it, from 1
	ARN     string
	New     bool
	Outcome string
	Message string // why, in words; "" when it fits
	Usage   []SimulatedUsage
}

// SimulatedUsage is what one resource consumes of one configuration, before
// and after. Machines that count on the same host all show what that consumes.
type SimulatedUsage struct {
	ConfigurationARN, Name string
	Before, After          int64
	CountedOn              string // ARN of the resource whose row carries the count afterwards
}

// SimulateUsage answers what would be if those actions happened now, one after
// another, by deciding each of them exactly as it would be decided. It changes
// nothing. What an action meets with (a limit, a rule) is part of the result;
// it is refused itself where it names what is not there or is too large.
func (m *Manager) SimulateUsage(ctx context.Context, who Caller, s Simulation) (result *SimulationResult, err error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	mine, cancel := context.WithTimeout(ctx, simulationTime)
	defer cancel()
	select {
	case m.simulating <- struct{}{}:
		defer func() { <-m.simulating }()
		result, err = m.simulate(mine, who, &s)
	case <-mine.Done():
		err = mine.Err()
	}
	if err != nil && ctx.Err() == nil && mine.Err() != nil {
		err = refuse(InvalidParameter, "The simulation took longer than %s. Simulate fewer machines or actions at once.", simulationTime)
	}
	return result, err
}

func (m *Manager) simulate(ctx context.Context, who Caller, s *Simulation) (result *SimulationResult, err error) {
	sizes, err := m.sizesOf(ctx, who, s)
	if err != nil {
		return nil, err
	}
	err = m.store.Rehearse(ctx, func(r Rehearsal) error {
		w := &witness{Rehearsal: r, before: map[int64]*Configuration{}}
		sim := &simulator{ctx: ctx, who: who, store: w, m: New(w, m.settings), mode: cmpMode(s.Mode), sizes: sizes, uses: map[string]map[string]ResourceUse{}}
		if err := sim.run(s.Actions); err != nil {
			return err
		}
		result = &sim.result
		return nil
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

func cmpMode(m Mode) Mode {
	if m == Observe {
		return Observe
	}
	return Admit
}

// check refuses what needs no look at the inventory.
func (s *Simulation) check() error {
	if s.Mode != "" && s.Mode != Observe && s.Mode != Admit {
		return refuse(InvalidParameter, "Invalid Mode %q. Expected %s or %s.", clip(string(s.Mode)), Observe, Admit)
	}
	if len(s.Actions) == 0 || len(s.Actions) > MaxSimulatedActions {
		return refuse(InvalidParameter, "Actions has %d entries, expected 1 to %d.", len(s.Actions), MaxSimulatedActions)
	}
	machines, applications := 0, 0
	for i := range s.Actions {
		if err := s.Actions[i].check(); err != nil {
			return inAction(i, err)
		}
		machines += s.Actions[i].machines()
		if l := s.Actions[i].Launch; l != nil {
			applications += l.Machines * len(l.Applications)
		}
	}
	if machines > MaxSimulatedMachines {
		return refuse(InvalidParameter, "The actions are about %d machines, at most %d are allowed at once.", machines, MaxSimulatedMachines)
	}
	if applications > maxSimulatedApplications {
		return refuse(InvalidParameter, "The launched machines have %d applications together, at most %d are allowed at once. Launch fewer machines, or with the applications alone that matter.", applications, maxSimulatedApplications)
	}
	return nil
}

// inAction says which action a refusal is about.
func inAction(i int, err error) error {
	var e *Error
	if !errors.As(err, &e) || e.Kind == NotFound { // whose message clients recognise by its first words
		return err
	}
	return refuse(e.Kind, "Action %d: %s", i+1, e.Message)
}

func (a *SimulatedAction) check() error {
	members := 0
	for _, set := range []bool{a.Launch != nil, a.Change != nil, a.Delete != "", a.Associate != nil, a.Configure != nil} {
		if set {
			members++
		}
	}
	switch {
	case members != 1:
		return refuse(InvalidParameter, "It has %d of Launch, Change, Delete, Associate and Configure, expected exactly one.", members)
	case a.Launch != nil:
		return a.Launch.check()
	case a.Change != nil:
		_, err := parseReports([]Report{*a.Change})
		return err
	case a.Associate != nil:
		return a.Associate.check()
	case a.Configure != nil:
		return a.Configure.check()
	}
	_, err := ParseResourceARN(a.Delete)
	return err
}

func (l *Launch) check() error {
	if l.Machines < 1 || l.Machines > MaxSimulatedMachines {
		return refuse(InvalidParameter, "Invalid number of machines %d. Expected 1 to %d.", l.Machines, MaxSimulatedMachines)
	}
	if len(l.Configurations) > maxSpecifications {
		return refuse(InvalidParameter, "%d license configurations are too many for one launch: at most %d are allowed.", len(l.Configurations), maxSpecifications)
	}
	r := l.Report
	r.ARN, r.Instance = "arn:aws:ec2:us-east-1:000000000000:instance/i-launched", ""
	_, err := parseReports([]Report{r})
	return err
}

func (a *SimulatedAssociation) check() error {
	parsed, err := ParseResourceARN(a.Resource)
	if err != nil {
		return err
	}
	if len(a.Add)+len(a.Remove) == 0 {
		return refuse(InvalidParameter, "Associate changes nothing. Name a license configuration to add or remove.")
	}
	return checkSpecifications(parsed, specificationsOf(a.Add), specificationsOf(a.Remove))
}

func specificationsOf(arns []string) (list []Specification) {
	for _, arn := range arns {
		list = append(list, Specification{ConfigurationARN: arn})
	}
	return list
}

func (t *SimulatedTerms) check() error {
	switch {
	case t.Count == nil && t.AddCount == nil && t.HardLimit == nil:
		return refuse(InvalidParameter, "Configure changes nothing. Give LicenseCount, AddLicenseCount or LicenseCountHardLimit.")
	case t.Count != nil && t.AddCount != nil:
		return refuse(InvalidParameter, "Configure has both LicenseCount and AddLicenseCount. Give one of them.")
	case t.AddCount != nil && (*t.AddCount > maxCount || *t.AddCount < -maxCount):
		return refuse(InvalidParameter, "Invalid AddLicenseCount %d. Expected a number from -%d to %d.", *t.AddCount, int64(maxCount), int64(maxCount))
	}
	return nil
}

// machines is how many resources an action is about.
func (a *SimulatedAction) machines() int {
	switch {
	case a.Launch != nil:
		return a.Launch.Machines
	case a.Configure != nil:
		return 0
	}
	return 1
}

// configurations lists the configurations that an action names.
func (a *SimulatedAction) configurations() []string {
	switch {
	case a.Launch != nil:
		return a.Launch.Configurations
	case a.Associate != nil:
		return append(append([]string{}, a.Associate.Add...), a.Associate.Remove...)
	case a.Configure != nil:
		return []string{a.Configure.Configuration}
	}
	return nil
}

// resource is the resource that an action changes, "" when it is about none
// that has to be there.
func (a *SimulatedAction) resource() string {
	switch {
	case a.Change != nil:
		return a.Change.ARN
	case a.Associate != nil:
		return a.Associate.Resource
	}
	return a.Delete
}
