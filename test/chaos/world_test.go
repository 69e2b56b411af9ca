package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/smithy-go"

	"reeve/internal/api"
	"reeve/internal/client"
)

// A world is what one writer has made and knows to be there. Its machines and
// configurations carry its name, so that nobody else changes them; what it
// shares with the others are the configurations that it associates with.
type world struct {
	name     string
	shared   []string
	state    state
	inFlight *state // what will be if the change without an answer was made
	doing    string
	planned  int   // changes so far
	fault    error // an answer that should not be
}

// state is what there is of one writer.
type state struct {
	machines       map[string]machine         // by number
	associated     map[string]map[string]bool // by number of the machine, then ARN of the configuration
	configurations map[string]terms           // the writer's own, by name
	arns           map[string]string          // of those, as far as known
}

// machine is what was last reported of one.
type machine struct {
	report  int // number of the change; the platform's version tells it
	vcpus   int64
	running bool
}

// terms are what the writer changes of its own configurations.
type terms struct {
	count       int64
	description string
}

func newState() state {
	return state{map[string]machine{}, map[string]map[string]bool{}, map[string]terms{}, map[string]string{}}
}

func (s state) clone() state {
	c := state{maps.Clone(s.machines), map[string]map[string]bool{}, maps.Clone(s.configurations), maps.Clone(s.arns)}
	for number, to := range s.associated {
		c.associated[number] = maps.Clone(to)
	}
	return c
}

// learn takes the ARNs of the writer's configurations from what there is.
func (s *state) learn(arns map[string]string) {
	maps.DeleteFunc(s.arns, func(name, _ string) bool { return arns[name] == "" })
	maps.Copy(s.arns, arns)
}

// facts writes a state down as what the server has to show: one line each,
// usage included.
func (s state) facts(shared []string) map[string]string {
	facts := map[string]string{}
	for number, m := range s.machines {
		facts["machine "+number] = "report " + strconv.Itoa(m.report)
	}
	for number, to := range s.associated {
		m := s.machines[number]
		for arn := range to {
			i := slices.Index(shared, arn)
			facts[fmt.Sprintf("association %d %s", i, number)] = "there"
			if m.running {
				facts[fmt.Sprintf("usage %d %s", i, number)] = fmt.Sprint(consumption(i, m.vcpus))
			}
		}
	}
	for name, t := range s.configurations {
		facts["configuration "+name] = fmt.Sprint(t)
	}
	return facts
}

// consumption is what a machine consumes of a shared configuration: the first
// counts vCPUs.
func consumption(shared int, vcpus int64) int64 {
	if shared == 0 {
		return vcpus
	}
	return 1
}

// write makes changes until one of them gets no answer.
func (w *world) write(ctx context.Context, a *account, dice *rand.Rand, acknowledged func()) {
	for {
		err := w.change(ctx, a, dice)
		switch {
		case err == nil:
			acknowledged()
		case isRefusedForLicenses(err):
		case hasAnswer(err):
			w.fault = fmt.Errorf("%s: %w", w.doing, err)
			return
		default:
			return
		}
	}
}

// change makes one change and notes what became of it. An answer that it was
// refused, or that the server cannot do it now, says that nothing was changed.
func (w *world) change(ctx context.Context, a *account, dice *rand.Rand) error {
	next := w.state.clone()
	w.planned++
	call := w.plan(&next, dice)
	w.inFlight = &next
	err := call(ctx, a)
	switch {
	case err == nil:
		w.state, w.inFlight = next, nil
	case isRefusedForLicenses(err), isUnavailable(err):
		w.inFlight = nil
	}
	return err
}

// isUnavailable tells the answer of a server that could do nothing.
func isUnavailable(err error) bool {
	var theirs smithy.APIError
	var own *client.Error
	return errors.As(err, &theirs) && theirs.ErrorCode() == "ServiceUnavailableException" ||
		errors.As(err, &own) && own.Code == "ServiceUnavailableException"
}

// hasAnswer tells a refusal of the server from a line that broke.
func hasAnswer(err error) bool {
	var theirs smithy.APIError
	var own *client.Error
	return errors.As(err, &theirs) || errors.As(err, &own)
}

// call sends a planned change.
type call func(context.Context, *account) error

// plan chooses the next change, makes it in next and returns the request.
func (w *world) plan(next *state, dice *rand.Rand) call {
	number := fmt.Sprintf("%s-%d", w.name, dice.IntN(6))
	_, there := next.machines[number]
	switch choice := dice.IntN(10); {
	case !there || choice < 3:
		return w.planReports(next, dice)
	case choice < 8:
		return w.planAssociations(next, number, dice)
	case choice == 8:
		w.doing = "remove " + number
		delete(next.machines, number)
		delete(next.associated, number)
		return func(ctx context.Context, a *account) error { return a.remove(ctx, a.machine(number)) }
	}
	return w.planTerms(next, dice)
}

// planReports reports up to three machines in one request, which is granted or
// refused as a whole.
func (w *world) planReports(next *state, dice *rand.Rand) call {
	w.doing = "report"
	var numbers []string
	for range 1 + dice.IntN(3) {
		if number := fmt.Sprintf("%s-%d", w.name, dice.IntN(6)); !slices.Contains(numbers, number) {
			numbers = append(numbers, number)
			next.machines[number] = machine{report: w.planned, vcpus: 1 + dice.Int64N(64), running: dice.IntN(4) > 0}
			w.doing += " " + number
		}
	}
	return func(ctx context.Context, a *account) error {
		var reports []api.Resource
		for _, number := range numbers {
			m := next.machines[number]
			r := running(a.machine(number), m.vcpus)
			r.PlatformVersion = aws.String(strconv.Itoa(m.report))
			if !m.running {
				r.Status = aws.String("stopped")
			}
			reports = append(reports, r)
		}
		return a.put(ctx, "admit", reports...)
	}
}

// planAssociations adds and ends associations of one machine in one request.
func (w *world) planAssociations(next *state, number string, dice *rand.Rand) call {
	var add, remove []string
	to := next.associated[number]
	if to == nil {
		to = map[string]bool{}
		next.associated[number] = to
	}
	for _, i := range dice.Perm(len(w.shared))[:1+dice.IntN(len(w.shared))] {
		arn := w.shared[i]
		if dice.IntN(3) > 0 {
			add = append(add, arn)
			to[arn] = true
			continue
		}
		remove = append(remove, arn)
		delete(to, arn)
	}
	w.doing = fmt.Sprintf("associate %s with %d and not with %d", number, len(add), len(remove))
	return func(ctx context.Context, a *account) error { return a.specify(ctx, a.machine(number), add, remove) }
}

// planTerms makes, changes or deletes one of the writer's own configurations.
func (w *world) planTerms(next *state, dice *rand.Rand) call {
	names := slices.Sorted(maps.Keys(next.arns))
	if len(names) == 0 || len(names) < 3 && dice.IntN(3) == 0 {
		return w.planConfiguration(next)
	}
	name := names[dice.IntN(len(names))]
	arn := next.arns[name]
	if dice.IntN(4) == 0 {
		w.doing = "delete " + name
		delete(next.configurations, name)
		delete(next.arns, name)
		return func(ctx context.Context, a *account) error {
			_, err := a.DeleteLicenseConfiguration(ctx, &licensemanager.DeleteLicenseConfigurationInput{LicenseConfigurationArn: &arn})
			return err
		}
	}
	w.doing = "change " + name
	t := terms{count: int64(w.planned), description: fmt.Sprintf("change %d", w.planned)}
	next.configurations[name] = t
	return func(ctx context.Context, a *account) error {
		_, err := a.UpdateLicenseConfiguration(ctx, &licensemanager.UpdateLicenseConfigurationInput{
			LicenseConfigurationArn: &arn, LicenseCount: &t.count, Description: &t.description,
		})
		return err
	}
}

func (w *world) planConfiguration(next *state) call {
	name := fmt.Sprintf("%s-own-%d", w.name, w.planned)
	w.doing = "create " + name
	next.configurations[name] = terms{count: 1}
	return func(ctx context.Context, a *account) (err error) {
		next.arns[name], err = a.configure(ctx, name, "Core", 1)
		return err
	}
}

// observed is what the server has: of every writer its facts, and the ARNs of
// its own configurations by name.
type observed struct {
	facts map[string]map[string]string
	own   map[string]map[string]string
}

func (o *observed) of(writer string) map[string]string {
	if o.facts[writer] == nil {
		return map[string]string{}
	}
	return o.facts[writer]
}

// note adds a fact to the writer that a name begins with, such as w3-1.
func (o *observed) note(kind, name, value string) {
	writer, _, _ := strings.Cut(name, "-")
	if o.facts[writer] == nil {
		o.facts[writer] = map[string]string{}
	}
	o.facts[writer][kind+" "+name] = value
}

// observe asks the server for all that there is.
func observe(ctx context.Context, a *account, shared []string) (*observed, error) {
	o := &observed{facts: map[string]map[string]string{}, own: map[string]map[string]string{}}
	machines, err := a.inventory(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range machines {
		o.note("machine", numberOf(*m.ResourceArn), "report "+aws.ToString(m.PlatformVersion))
	}
	for i, arn := range shared {
		if err := o.look(ctx, a, i, arn); err != nil {
			return nil, err
		}
	}
	return o, o.lookAtOwn(ctx, a)
}

// numberOf is the number of a machine in its ARN.
func numberOf(arn string) string { return arn[strings.LastIndex(arn, "/i-")+3:] }

// look notes associations and usage of a shared configuration, whose counter
// must be the sum.
func (o *observed) look(ctx context.Context, a *account, i int, arn string) error {
	associated, err := a.associated(ctx, arn)
	if err != nil {
		return err
	}
	for _, machine := range associated {
		o.note(fmt.Sprintf("association %d", i), numberOf(machine), "there")
	}
	rows, err := a.usage(ctx, arn, "", 25)
	if err != nil {
		return err
	}
	for _, row := range rows {
		o.note(fmt.Sprintf("usage %d", i), numberOf(*row.ResourceArn), fmt.Sprint(*row.ConsumedLicenses))
	}
	c, err := a.GetLicenseConfiguration(ctx, &licensemanager.GetLicenseConfigurationInput{LicenseConfigurationArn: &arn})
	if err == nil && *c.ConsumedLicenses != total(rows) {
		err = fmt.Errorf("the counter of %s says %d, its usage adds up to %d", *c.Name, *c.ConsumedLicenses, total(rows))
	}
	return err
}

// lookAtOwn notes the configurations that belong to one writer.
func (o *observed) lookAtOwn(ctx context.Context, a *account) error {
	list, err := a.configurations(ctx)
	if err != nil {
		return err
	}
	for _, c := range list {
		writer, own, _ := strings.Cut(*c.Name, "-")
		if !strings.HasPrefix(own, "own-") {
			continue
		}
		o.note("configuration", *c.Name, fmt.Sprint(terms{count: *c.LicenseCount, description: aws.ToString(c.Description)}))
		if o.own[writer] == nil {
			o.own[writer] = map[string]string{}
		}
		o.own[writer][*c.Name] = *c.LicenseConfigurationArn
	}
	return nil
}
