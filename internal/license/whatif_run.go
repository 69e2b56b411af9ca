package license

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

// witness is a Rehearsal that remembers each configuration as it was when it
// was locked for the first time: nothing changes without that lock.
type witness struct {
	Rehearsal
	before map[int64]*Configuration
}

type witnessTx struct {
	Tx
	before map[int64]*Configuration
}

// Update implements Store.
func (w *witness) Update(ctx context.Context, fn func(Tx) error) error {
	return w.Rehearsal.Update(ctx, func(tx Tx) error { return fn(&witnessTx{tx, w.before}) })
}

// UpdateTogether implements Store.
func (w *witness) UpdateTogether(ctx context.Context, _ string, fn func(Tx) error) error {
	return w.Update(ctx, fn)
}

// LockConfiguration implements ConfigurationTx. It reads twice the first time,
// since whoever asked may change what it gets.
func (t *witnessTx) LockConfiguration(num int64) (*Configuration, error) {
	if t.before[num] == nil {
		c, err := t.Tx.LockConfiguration(num)
		if err != nil || c == nil {
			return nil, err
		}
		t.before[num] = c
	}
	return t.Tx.LockConfiguration(num)
}

// simulator runs the actions of one simulation.
type simulator struct {
	ctx    context.Context
	who    Caller
	store  *witness
	m      *Manager // over store
	mode   Mode
	sizes  map[string]*Resource              // machines of the types that are launched without a size
	uses   map[string]map[string]ResourceUse // before, by ARN of the resource and of the configuration
	number int                               // of machines launched so far
	result SimulationResult
}

func (s *simulator) run(actions []SimulatedAction) error {
	if err := s.look(actions); err != nil {
		return err
	}
	s.result.Fits = true
	for i := range actions {
		done, err := s.act(i, &actions[i])
		if err != nil {
			return inAction(i, err)
		}
		s.result.Actions = append(s.result.Actions, done)
		s.result.Fits = s.result.Fits && done.Fit == done.Machines
	}
	s.result.Fits = s.result.Fits && len(s.result.Failures) == 0
	return s.store.View(s.ctx, s.conclude)
}

// look refuses what names something that is not there, and remembers how
// everything else is before the first action. The terms of what another account
// shares are its owner's to change, machines of the caller's own may use it.
func (s *simulator) look(actions []SimulatedAction) error {
	return s.store.View(s.ctx, func(tx Tx) (err error) {
		if s.result.At, err = s.m.now(tx); err != nil {
			return err
		}
		for i := range actions {
			find := usable
			if actions[i].Configure != nil {
				find = configuration
			}
			for _, arn := range actions[i].configurations() {
				c, err := find(tx, s.who, arn)
				if err != nil {
					return err
				}
				s.store.before[c.Num] = c
			}
			if arn := actions[i].resource(); arn != "" {
				if err := s.lookAt(tx, i, arn); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (s *simulator) lookAt(tx Tx, action int, arn string) error {
	r, err := tx.Resource(s.who.Account, arn)
	if err != nil {
		return fmt.Errorf("read resource: %w", err)
	}
	if r == nil || r.Facts.Gone() {
		return inAction(action, refuse(InvalidParameter, "Resource %s is not in the inventory. Report it first, with PutResources or reeve import.", clip(arn)))
	}
	s.uses[arn], err = s.usesOf(tx, r)
	return err
}

// usesOf returns what a resource has to do with each configuration.
func (s *simulator) usesOf(tx Tx, r *Resource) (map[string]ResourceUse, error) {
	d := ResourceDetails{Resource: r}
	if err := s.m.fillUses(tx, s.who, &d); err != nil {
		return nil, err
	}
	uses := make(map[string]ResourceUse, len(d.Uses))
	for _, u := range d.Uses {
		uses[u.ConfigurationARN] = u
	}
	return uses, nil
}

// act runs one action. What it meets with is in its result; an error ends the
// simulation.
func (s *simulator) act(i int, a *SimulatedAction) (ActionResult, error) {
	if a.Launch != nil {
		return s.launch(i, a.Launch)
	}
	err := s.change(a)
	why, err := refusalOf(err)
	if err != nil {
		return ActionResult{}, err
	}
	if arn := a.resource(); arn != "" {
		s.list(i, arn, false, why)
	}
	if why != "" {
		return ActionResult{Machines: 1, Refusal: why}, nil
	}
	return ActionResult{Machines: 1, Fit: 1}, nil
}

// refusalOf tells what an action met with from what ends a simulation.
func refusalOf(err error) (why string, fatal error) {
	var e *Error
	if err == nil || !errors.As(err, &e) || e.Kind == NotFound || e.Kind == Internal {
		return "", err
	}
	return e.Message, nil
}

func (s *simulator) change(a *SimulatedAction) error {
	switch {
	case a.Change != nil:
		return s.put(*a.Change)
	case a.Delete != "":
		_, err := s.m.DeleteResources(s.ctx, s.who, []string{a.Delete})
		return err
	case a.Associate != nil:
		return s.m.UpdateSpecifications(s.ctx, s.who, a.Associate.Resource, specificationsOf(a.Associate.Add), specificationsOf(a.Associate.Remove))
	}
	return s.configure(a.Configure)
}

func (s *simulator) put(reports ...Report) error {
	done, err := s.m.PutResources(s.ctx, s.who, Put{Mode: s.mode, Reports: reports})
	s.result.Failures = append(s.result.Failures, done.Failures...)
	return err
}

func (s *simulator) configure(t *SimulatedTerms) error {
	change := ConfigurationChange{Count: t.Count, HardLimit: t.HardLimit}
	if t.AddCount != nil {
		c, err := s.m.Configuration(s.ctx, s.who, t.Configuration)
		if err != nil {
			return err
		}
		if c.Terms.Count == nil {
			return refuse(InvalidParameter, "%s has no LicenseCount to add to: its number is not limited. Give LicenseCount.", c.ARN())
		}
		change.Count = new(*c.Terms.Count + *t.AddCount)
	}
	return s.m.UpdateConfiguration(s.ctx, s.who, t.Configuration, change)
}

// launch launches machines: all at once where they fit, else as many as do.
// They are equal, so when one does not fit, neither does a later one.
func (s *simulator) launch(action int, l *Launch) (ActionResult, error) {
	done := ActionResult{Machines: l.Machines}
	report, like := s.sized(l)
	done.SizedLike = like
	reports := make([]Report, l.Machines)
	for i := range reports {
		s.number++
		reports[i] = report
		reports[i].ARN = fmt.Sprintf("arn:aws:ec2:%s:%s:instance/i-what.if.%04d", s.who.Region, s.who.Account, s.number)
	}
	specs := specificationsOf(l.Configurations)
	for size := l.Machines; size > 0; size = min(size, l.Machines-done.Fit) {
		err := s.start(reports[done.Fit:done.Fit+size], specs, &done)
		why, err := refusalOf(err)
		if err != nil {
			return done, err
		}
		if why == "" {
			done.Fit += size
			continue
		}
		done.Refusal = why
		size /= 2
	}
	s.listLaunched(action, reports, &done)
	return done, nil
}

// start launches some machines together: all of them, or none.
func (s *simulator) start(reports []Report, specs []Specification, done *ActionResult) error {
	failures := len(s.result.Failures)
	err := s.store.Attempt(s.ctx, func() error {
		if err := s.put(reports...); err != nil || len(specs) == 0 {
			return err
		}
		for i := range reports {
			if err := s.specify(reports[i].ARN, specs); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.result.Failures = s.result.Failures[:failures]
	}
	return err
}

// specify associates a new machine. With Observe it is there whatever comes of
// that.
func (s *simulator) specify(arn string, specs []Specification) error {
	if s.mode == Admit {
		return s.m.UpdateSpecifications(s.ctx, s.who, arn, specs, nil)
	}
	for _, one := range specs {
		why, err := refusalOf(s.m.UpdateSpecifications(s.ctx, s.who, arn, []Specification{one}, nil))
		if err != nil {
			return err
		}
		if why != "" {
			s.result.Failures = append(s.result.Failures, PutFailure{arn, one.ConfigurationARN, why})
		}
	}
	return nil
}

func (s *simulator) list(action int, arn string, isNew bool, why string) {
	if slices.ContainsFunc(s.result.Resources, func(r ResourceResult) bool { return r.ARN == arn && (why == "" || r.Outcome == OutcomeRefused) }) {
		return
	}
	r := ResourceResult{Action: action + 1, ARN: arn, New: isNew, Outcome: OutcomeFits, Message: why}
	if why != "" {
		r.Outcome = OutcomeRefused
	}
	s.result.Resources = append(s.result.Resources, r)
}

// listLaunched lists the first machines of a launch that fit, and the first one
// that does not.
func (s *simulator) listLaunched(action int, reports []Report, done *ActionResult) {
	for _, r := range reports[:min(done.Fit, simulatedRows)] {
		s.list(action, r.ARN, true, "")
	}
	if done.Fit < done.Machines {
		s.list(action, reports[done.Fit].ARN, true, done.Refusal)
	} else {
		done.Refusal = "" // of more at once, which then did fit
	}
}

// conclude reads what there is after the last action.
func (s *simulator) conclude(tx Tx) error {
	for _, before := range s.store.before {
		after, err := visibleConfiguration(tx, s.who, before.Num)
		if err != nil {
			return err
		}
		if after == nil {
			continue
		}
		s.result.Configurations = append(s.result.Configurations, ConfigurationResult{before, after})
		s.result.Fits = s.result.Fits && after.OverUse() <= before.OverUse()
	}
	slices.SortFunc(s.result.Configurations, func(a, b ConfigurationResult) int {
		return cmp.Or(cmp.Compare(a.Before.Created, b.Before.Created), cmp.Compare(a.Before.Num, b.Before.Num))
	})
	for i := range s.result.Resources {
		if err := s.concludeResource(tx, &s.result.Resources[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *simulator) concludeResource(tx Tx, result *ResourceResult) error {
	r, err := tx.Resource(s.who.Account, result.ARN)
	if err != nil {
		return fmt.Errorf("read resource: %w", err)
	}
	before, after := s.uses[result.ARN], map[string]ResourceUse{}
	if r != nil && !r.Facts.Gone() {
		if after, err = s.usesOf(tx, r); err != nil {
			return err
		}
	}
	for _, of := range s.result.Configurations {
		arn := of.Before.ARN()
		was, is := before[arn], after[arn]
		if was.ConfigurationARN == "" && is.ConfigurationARN == "" {
			continue
		}
		result.Usage = append(result.Usage, SimulatedUsage{arn, of.After.Terms.Name, was.Consumed, is.Consumed, is.CountedOn})
		if result.Outcome == OutcomeFits && (is.Failure != "" || is.Association != nil && is.Association.Unlicensed) {
			result.Outcome, result.Message = OutcomeUnlicensed, is.Failure
		}
	}
	s.explainFailure(result)
	return nil
}

// explainFailure finds the message of a resource that has no licence and whose
// failure no configuration lists.
func (s *simulator) explainFailure(result *ResourceResult) {
	for _, f := range s.result.Failures {
		if f.ResourceARN == result.ARN && result.Message == "" {
			result.Outcome, result.Message = OutcomeUnlicensed, f.Message
		}
	}
}

// sizeBudget bounds how many resources are looked at for the size of a type.
const sizeBudget = 10_000

// sized is the report of a launch with a size, and where that is from.
func (s *simulator) sized(l *Launch) (Report, string) {
	r := l.Report
	if r.Status == nil {
		r.Status = new("running")
	}
	like := s.sizes[l.needsSize()]
	if like == nil {
		return r, ""
	}
	f := like.Facts
	r.VCPUs, r.Cores, r.ThreadsPerCore, r.Sockets = &f.VCPUs, &f.Cores, &f.ThreadsPerCore, &f.Sockets
	return r, like.ARN
}

// needsSize is the instance type that a launch takes its size from, "" when it
// has one, or no type.
func (l *Launch) needsSize() string {
	if l.InstanceType == nil || l.VCPUs != nil || l.Cores != nil || l.Sockets != nil {
		return ""
	}
	return *l.InstanceType
}

// sizesOf finds a machine of each instance type that is launched without a
// size, before anything is locked.
func (m *Manager) sizesOf(ctx context.Context, who Caller, s *Simulation) (map[string]*Resource, error) {
	sizes := map[string]*Resource{}
	for i := range s.Actions {
		if l := s.Actions[i].Launch; l != nil && l.needsSize() != "" {
			sizes[l.needsSize()] = nil
		}
	}
	if len(sizes) == 0 {
		return sizes, nil
	}
	err := m.store.View(ctx, func(tx Tx) error { return findSizes(tx, who, sizes) })
	if err != nil {
		return nil, err
	}
	for instanceType, r := range sizes {
		if r == nil {
			return nil, refuse(InvalidParameter, "The size of the instance type %s is not known: no machine among the first %d of the inventory has it. Give VCpus, and Cores and Sockets where they are counted.", clip(instanceType), sizeBudget)
		}
	}
	return sizes, nil
}

func findSizes(tx Tx, who Caller, sizes map[string]*Resource) error {
	missing := len(sizes)
	after := int64(0)
	for looked := 0; looked < sizeBudget && missing > 0; {
		page, next, err := tx.Inventory(who.Account, nil, after, MaxReports)
		if err != nil {
			return fmt.Errorf("list inventory: %w", err)
		}
		for _, r := range page {
			if known, wanted := sizes[r.Facts.InstanceType]; wanted && known == nil && r.Facts.VCPUs > 0 {
				sizes[r.Facts.InstanceType] = r
				missing--
			}
		}
		looked += len(page)
		if next == 0 {
			return nil
		}
		after = next
	}
	return nil
}
