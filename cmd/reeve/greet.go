package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"reeve/internal/client"
	"reeve/internal/iam"
	"reeve/internal/license"
)

// defaultRegion is the region that commands ask in where nothing names one.
var defaultRegion = client.RegionFrom(client.Choice{}, func(string) string { return "" })

// greet says where the server is, and what to do next. With the sample, more is
// said once there is something to see.
func (s *serverProcess) greet(ctx context.Context, p *process) {
	fmt.Fprintf(p.stdout, "Reeve serves %s from %s. ", s.endpoint(), s.cfg.Data)
	if !s.cfg.Sample {
		s.suggest(ctx, p)
		return
	}
	self := s.self()
	fmt.Fprintf(p.stdout, "The sample is being loaded, and more to try follows.\n\n  eval \"$(%s)\"\n", self.env(regionOf(p)))
	for _, line := range s.list() {
		fmt.Fprintf(p.stdout, "  %s\n", line)
	}
	fmt.Fprintf(p.stdout, "  %s verify\n\n", self.command)
}

// suggest prints commands to try, which a person can paste as they stand.
func (s *serverProcess) suggest(ctx context.Context, p *process) {
	self, where := s.self(), "In another terminal"
	if self.here {
		where += ", in this directory"
	}
	fmt.Fprintf(p.stdout, "%s:\n\n", where)
	for _, line := range s.commands(ctx, p, self) {
		fmt.Fprintf(p.stdout, "  %s\n", line)
	}
	fmt.Fprintln(p.stdout)
}

// commands shows what there is, or makes a first configuration.
func (s *serverProcess) commands(ctx context.Context, p *process, self invocation) []string {
	lines := []string{`eval "$(` + self.env(regionOf(p)) + `)"`}
	e, err := s.example(ctx, p)
	if err != nil {
		s.log.Warn("look for an example", "error", err)
	}
	if e == nil {
		create := []string{
			s.aws("create-license-configuration"),
			"    --name demo --license-counting-type vCPU --license-count 16",
		}
		return append(append(lines, create...), s.list()...)
	}
	lines = append(lines, s.list()...)
	lines = append(lines, s.aws("list-usage-for-license-configuration"))
	if at := e.midlife(); at != "" {
		lines = append(lines, "    --filters Name=asOf,Values="+at+` \`)
	}
	lines = append(lines, "    --license-configuration-arn "+e.ARN())
	return append(lines, self.command+" history "+posixQuote(e.Terms.Name))
}

// aws is the first line of a command of the AWS CLI, which goes on in the next.
func (s *serverProcess) aws(operation string) string {
	return "aws license-manager " + operation + " --endpoint-url " + s.endpoint() + ` \`
}

// list is the command that lists the configurations.
func (s *serverProcess) list() []string {
	return []string{
		s.aws("list-license-configurations"),
		"    --output table --query 'LicenseConfigurations[].[Name,LicenseCount,ConsumedLicenses]'",
	}
}

// example is a configuration of the root account that is worth a look.
type example struct{ *license.Configuration }

// examined bounds how many configurations example looks at.
const examined = 100

// example returns a configuration that is overused, else the one in most use,
// and nil where none has a name that works on a command line.
func (s *serverProcess) example(ctx context.Context, p *process) (*example, error) {
	all, _, err := s.manager.ListConfigurations(ctx, s.rootCaller(p, "ListLicenseConfigurations"), license.ConfigurationFilter{}, nil, examined)
	if err != nil {
		return nil, err
	}
	named := make(map[string]int)
	for _, c := range all {
		named[c.Terms.Name]++
	}
	var best *license.Configuration
	for _, c := range all {
		plain := named[c.Terms.Name] == 1 && printable(c.Terms.Name) == c.Terms.Name && !strings.HasPrefix(c.Terms.Name, "-")
		if plain && (best == nil || appeal(c) > appeal(best)) {
			best = c
		}
	}
	if best == nil {
		return nil, nil
	}
	return &example{best}, nil
}

// appeal ranks configurations by how much there is to see.
func appeal(c *license.Configuration) int64 {
	over := c.Terms.Count != nil && c.Counters.Consumed > *c.Terms.Count
	if over {
		return 1<<62 + c.Counters.Consumed
	}
	return c.Counters.Consumed
}

// midlife is a moment in the middle of the example's history, once that is some
// days long.
func (e *example) midlife() string {
	from, to := e.Created.Std(), e.HeadAt.Std()
	at := from.Add(to.Sub(from) / 2).UTC().Truncate(24 * time.Hour)
	if !at.After(from) {
		return ""
	}
	return at.Format(time.RFC3339)
}

// rootCaller is the root account in the region that commands started here
// would ask in.
func (s *serverProcess) rootCaller(p *process, operation string) license.Caller {
	return license.Caller{
		Account: s.root.Account, Region: regionOf(p), Root: true,
		Principal: iam.PrincipalOf(s.root.Account), Operation: operation,
	}
}

func regionOf(p *process) string { return client.RegionFrom(client.Choice{}, p.getenv) }

// invocation is how to run this program from another terminal.
type invocation struct {
	command string
	data    string // for --data; "" where the default finds it
	here    bool   // only in the directory that this process runs in
}

// env is the command that prints the environment for a region.
func (i invocation) env(region string) string {
	line := i.command + " env"
	if i.data != "" {
		line += " --data " + posixQuote(i.data)
	}
	if region != defaultRegion {
		line += " --region " + posixQuote(region)
	}
	return line
}

// self finds out how this process was started: by go run, by name, or by path.
func (s *serverProcess) self() invocation {
	exe, err := os.Executable()
	if err != nil {
		exe = "reeve"
	}
	if byGoRun(exe) {
		i := invocation{command: "go run ./cmd/reeve", data: s.cfg.Data, here: true}
		if filepath.Clean(i.data) == filepath.Clean(client.DefaultData) {
			i.data = ""
		}
		return i
	}
	i := invocation{command: posixQuote(exe), data: s.cfg.Data}
	if found, err := exec.LookPath("reeve"); err == nil && sameFile(found, exe) {
		i.command = "reeve"
	}
	if whole, err := filepath.Abs(i.data); err == nil {
		i.data = whole
	}
	return i
}

// byGoRun tells whether exe is what go run built of this directory.
func byGoRun(exe string) bool {
	if _, err := os.Stat(filepath.Join("cmd", "reeve", "greet.go")); err != nil {
		return false
	}
	for part := range strings.SplitSeq(filepath.ToSlash(exe), "/") {
		if strings.HasPrefix(part, "go-build") {
			return true
		}
	}
	return false
}

func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}
