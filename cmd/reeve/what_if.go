package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"reeve/internal/api"
	"reeve/internal/client"
)

// maxPlanFile bounds a file of actions, in bytes.
const maxPlanFile = 4 << 20

type whatIfOptions struct {
	connection
	steps []planStep // in the order in which they were given
	file  string
	facts bool
}

// planStep is one flag of the plan, as it was given.
type planStep struct{ flag, value string }

// planFlag is a flag that may come many times and whose place among the others
// matters.
type planFlag struct {
	name, kind string
	steps      *[]planStep
}

func (f *planFlag) String() string { return "" }
func (f *planFlag) Type() string   { return f.kind }

func (f *planFlag) Set(s string) error {
	*f.steps = append(*f.steps, planStep{f.name, s})
	return nil
}

func (o *whatIfOptions) planFlags(f *pflag.FlagSet) {
	for _, one := range []struct{ name, kind, usage string }{
		{"launch", "N", "launch so many machines; the flags behind it say what they are"},
		{"type", "TYPE", "instance type of the launched machines; their size is that of one in the inventory"},
		{"vcpus", "N", "vCPUs of each launched machine"},
		{"cores", "N", "cores of each launched machine"},
		{"sockets", "N", "sockets of each launched machine"},
		{"platform", "TEXT", "platform of the launched machines"},
		{"host", "HOST", "host of the launched machines"},
		{"image", "AMI", "image of the launched machines: its associations are theirs"},
		{"application", "NAME", "what is installed on the launched machines"},
		{"configuration", "CONFIG", "associate the launched machines with a configuration"},
		{"buy", "CONFIG=N", "have N licences, or so many more with +N and fewer with -N"},
		{"hard", "CONFIG=on|off", "make the number a hard limit, or none"},
		{"resize", "ID=VCPUS[/CORES[/SOCKETS]]", "give a machine another size"},
		{"move", "ID=HOST", "move a machine to another host"},
		{"stop", "ID", "stop a machine"},
		{"drop", "ID", "terminate a machine"},
	} {
		f.Var(&planFlag{one.name, one.kind, &o.steps}, one.name, one.usage)
	}
}

func newWhatIf(p *process) *cobra.Command {
	var o whatIfOptions
	c := &cobra.Command{
		Use:   "what-if",
		Short: "Say what launching, buying or stopping would do to the licences",
		Long: `Say what would happen to the licences if machines were launched, resized, moved,
stopped or terminated, or licences bought or given back. The flags are actions,
which happen in the order in which they are given. The server decides each of
them as it would decide it for real, and keeps nothing of it.

--file takes the actions from JSON, as the operation SimulateUsage has them; they
come after those of the flags.

ID is the ARN of a resource, or the identifier of an instance (i-…) or managed
instance (mi-…) of the account and region.
` + configurationHelp + `

The exit code is 0 when everything fits, and 4 when something is refused, would
stand without a licence or beyond what was bought. CSV lists the configurations.`,
		Example: `  reeve what-if --launch 10 --type m5.xlarge --configuration "Oracle DB"
  reeve what-if --buy "Oracle DB=+20" --launch 10 --vcpus 4 --configuration "Oracle DB"
  reeve what-if --resize i-0aa1=8 --move i-0aa1=h-0bb2 --drop i-0cc3 --output json
  reeve what-if --file plan.json`,
		Args: arguments(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error { return runWhatIf(c.Context(), p, o) },
	}
	f := c.Flags()
	f.SortFlags = false
	o.planFlags(f)
	f.StringVar(&o.file, "file", "", "`FILE` of actions")
	f.BoolVar(&o.facts, "facts", false, "what a limit forbids happens all the same, without a licence")
	o.connection.flags(f)
	completeFlag(c, p, &o.connection, "configuration", configurations)
	completeFlag(c, p, &o.connection, "buy", pairs(configurations))
	completeFlag(c, p, &o.connection, "hard", pairs(configurations))
	return c
}

func runWhatIf(ctx context.Context, p *process, o whatIfOptions) error {
	c, err := o.dial(p)
	if err != nil {
		return err
	}
	in, err := o.plan(ctx, c)
	if err != nil {
		return err
	}
	var out api.SimulateUsageOutput
	if err := call(ctx, c, api.Reeve+".SimulateUsage", in, &out); err != nil {
		return err
	}
	if err := printWhatIf(p, in, &out); err != nil {
		return err
	}
	if !val(out.Fits) {
		return negative("not everything fits")
	}
	return nil
}

// plan turns flags and the file into actions.
func (o *whatIfOptions) plan(ctx context.Context, c *client.Client) (*api.SimulateUsageInput, error) {
	b := &planner{ctx: ctx, client: c, arns: map[string]string{}}
	for _, s := range o.steps {
		if err := b.add(s); err != nil {
			return nil, err
		}
	}
	in := &api.SimulateUsageInput{Actions: b.actions}
	if o.file != "" {
		read, err := readPlan(o.file)
		if err != nil {
			return nil, err
		}
		in.Mode = read.Mode
		in.Actions = append(in.Actions, read.Actions...)
	}
	if len(in.Actions) == 0 {
		return nil, misuse("nothing is planned: give --launch, --buy, --resize, --move, --stop, --drop or --file")
	}
	if o.facts {
		in.Mode = new("observe")
	}
	return in, nil
}

func readPlan(path string) (*api.SimulateUsageInput, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPlanFile+1))
	if err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	if len(text) > maxPlanFile {
		return nil, fmt.Errorf("read plan: %s is larger than %d bytes", path, maxPlanFile)
	}
	in := new(api.SimulateUsageInput)
	if err := json.Unmarshal(text, in, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("read plan: %s is no input of SimulateUsage: %w", path, err)
	}
	return in, nil
}

// planner turns steps into actions.
type planner struct {
	ctx     context.Context
	client  *client.Client
	arns    map[string]string // of configurations, by what they are called
	account string            // "" until it was needed
	actions []api.SimulatedAction
	launch  *api.SimulatedLaunch // the last one
}

func (b *planner) add(s planStep) error {
	switch s.flag {
	case "launch":
		n, err := s.number(s.value)
		b.launch = &api.SimulatedLaunch{Machines: n}
		b.actions = append(b.actions, api.SimulatedAction{Launch: b.launch})
		return err
	case "buy", "hard":
		return b.terms(s)
	case "resize", "move", "stop", "drop":
		return b.machine(s)
	}
	if b.launch == nil {
		return misuse("--%s says what is launched: give it behind --launch", s.flag)
	}
	return b.describe(s)
}

// number reads a number of a flag.
func (s planStep) number(text string) (*int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil, misuse("--%s is %q: %q is no number", s.flag, s.value, text)
	}
	return &n, nil
}

// pair cuts a flag at its last equals sign.
func (s planStep) pair() (name, value string, err error) {
	at := strings.LastIndexByte(s.value, '=')
	if at <= 0 || at == len(s.value)-1 {
		return "", "", misuse("--%s is %q: give it as NAME=VALUE", s.flag, s.value)
	}
	return s.value[:at], s.value[at+1:], nil
}

// describe says what the last launch is of.
func (b *planner) describe(s planStep) (err error) {
	l := b.launch
	switch s.flag {
	case "type":
		l.InstanceType = &s.value
	case "platform":
		l.Platform = &s.value
	case "host":
		l.HostId = &s.value
	case "image":
		l.AmiId = &s.value
	case "application":
		l.Applications = append(l.Applications, api.Application{Name: &s.value})
	case "vcpus":
		l.VCpus, err = s.number(s.value)
	case "cores":
		l.Cores, err = s.number(s.value)
	case "sockets":
		l.Sockets, err = s.number(s.value)
	case "configuration":
		var arn string
		arn, err = b.configuration(s.value)
		l.LicenseConfigurationArns = append(l.LicenseConfigurationArns, arn)
	}
	return err
}

func (b *planner) configuration(name string) (string, error) {
	if b.arns[name] == "" {
		arn, err := resolveConfiguration(b.ctx, b.client, name)
		if err != nil {
			return "", err
		}
		b.arns[name] = arn
	}
	return b.arns[name], nil
}

func (b *planner) terms(s planStep) error {
	name, text, err := s.pair()
	if err != nil {
		return err
	}
	t := &api.SimulatedTerms{}
	switch {
	case s.flag == "hard" && text != "on" && text != "off":
		return misuse("--hard is %q: give on or off", text)
	case s.flag == "hard":
		t.LicenseCountHardLimit = new(text == "on")
	case text[0] == '+' || text[0] == '-':
		t.AddLicenseCount, err = s.number(text)
	default:
		t.LicenseCount, err = s.number(text)
	}
	if err != nil {
		return err
	}
	arn, err := b.configuration(name)
	t.LicenseConfigurationArn = &arn
	b.actions = append(b.actions, api.SimulatedAction{Configure: t})
	return err
}

func (b *planner) machine(s planStep) (err error) {
	id, text := s.value, ""
	if s.flag == "resize" || s.flag == "move" {
		if id, text, err = s.pair(); err != nil {
			return err
		}
	}
	arn, err := b.resource(id)
	if err != nil {
		return err
	}
	change := &api.Resource{ResourceArn: &arn}
	switch s.flag {
	case "drop":
		b.actions = append(b.actions, api.SimulatedAction{DeleteResourceArn: &arn})
		return nil
	case "stop":
		change.Status = new("stopped")
	case "move":
		change.HostId = &text
	case "resize":
		err = s.size(text, change)
	}
	b.actions = append(b.actions, api.SimulatedAction{Change: change})
	return err
}

// size reads vCPUs, cores and sockets.
func (s planStep) size(text string, r *api.Resource) error {
	parts := strings.Split(text, "/")
	if len(parts) > 3 {
		return misuse("--resize is %q: give it as ID=VCPUS/CORES/SOCKETS", s.value)
	}
	for i, to := range []**int64{&r.VCpus, &r.Cores, &r.Sockets}[:len(parts)] {
		n, err := s.number(parts[i])
		if err != nil {
			return err
		}
		*to = n
	}
	return nil
}

// resource is the ARN of what a person calls a machine.
func (b *planner) resource(id string) (string, error) {
	kind := ""
	switch {
	case strings.HasPrefix(id, "arn:"):
		return id, nil
	case strings.HasPrefix(id, "i-"):
		kind = "ec2:%s:%s:instance/"
	case strings.HasPrefix(id, "mi-"):
		kind = "ssm:%s:%s:managed-instance/"
	default:
		return "", misuse("%q is no i- or mi- identifier: give the ARN of the resource", id)
	}
	if b.account == "" {
		var out api.GetCallerIdentityOutput
		if err := call(b.ctx, b.client, api.Reeve+".GetCallerIdentity", api.GetCallerIdentityInput{}, &out); err != nil {
			return "", err
		}
		b.account = val(out.AccountId)
	}
	return "arn:aws:" + fmt.Sprintf(kind, b.client.Region(), b.account) + id, nil
}
