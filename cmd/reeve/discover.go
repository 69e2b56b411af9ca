package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"reeve/internal/api"
	"reeve/internal/client"
)

// maxRulesFile bounds a file of discovery rules, in bytes.
const maxRulesFile = 1 << 20

type discoverOptions struct {
	connection
	configuration string
	dryRun        bool
	rules         string
}

func newDiscover(p *process) *cobra.Command {
	var o discoverOptions
	c := &cobra.Command{
		Use:   "discover CONFIG",
		Short: "Find the resources that the rules of a configuration match",
		Long: `Run automated discovery over the whole inventory now, and wait for its end. The
server does the same by itself whenever a rule has changed, and looks at every
resource when it is reported.

--dry-run changes nothing and says of each resource which rule it matches and by
what, which exclusion keeps it out, and what it would consume. With --rules it
looks by other rules than those of the configuration: a file with JSON as
ProductInformationList of AWS License Manager has it.

` + configurationHelp,
		Example: `  reeve discover "SQL Server"
  reeve discover "SQL Server" --dry-run
  reeve discover "SQL Server" --dry-run --rules rules.json`,
		Args: arguments(1, 1, "CONFIG"),
		RunE: func(c *cobra.Command, args []string) error {
			o.configuration = args[0]
			return runDiscover(c.Context(), p, o)
		},
	}
	f := c.Flags()
	f.BoolVar(&o.dryRun, "dry-run", false, "change nothing, and say what each rule matches")
	f.StringVar(&o.rules, "rules", "", "`FILE` of the rules to look by, of a dry run")
	o.connection.flags(f)
	complete(c, p, &o.connection, configurations)
	return c
}

func runDiscover(ctx context.Context, p *process, o discoverOptions) error {
	in := api.DiscoverResourcesInput{DryRun: optional(o.dryRun)}
	if o.rules != "" {
		if !o.dryRun {
			return misuse("--rules is for --dry-run: to discover by other rules, give them to update-license-configuration")
		}
		var err error
		if in.ProductInformationList, err = readRules(o.rules); err != nil {
			return err
		}
	}
	c, err := o.dial(p)
	if err != nil {
		return err
	}
	arn, err := resolveConfiguration(ctx, c, o.configuration)
	if err != nil {
		return err
	}
	in.LicenseConfigurationArn = &arn
	d := &discovery{p: p, progress: newProgress(p), client: c, in: in, places: map[string]bool{}}
	if o.dryRun {
		return d.preview(ctx)
	}
	return d.run(ctx)
}

// readRules reads a ProductInformationList.
func readRules(path string) ([]api.DiscoveryRule, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxRulesFile+1))
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	if len(text) > maxRulesFile {
		return nil, fmt.Errorf("read rules: %s is larger than %d bytes", path, maxRulesFile)
	}
	rules := []api.DiscoveryRule{}
	if err := json.Unmarshal(text, &rules, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("read rules: %s is no ProductInformationList: %w", path, err)
	}
	return rules, nil
}

// discovery follows the pages of DiscoverResources and adds them up.
type discovery struct {
	p        *process
	progress *progress
	client   *client.Client
	in       api.DiscoverResourcesInput
	places   map[string]bool // resources whose additional licences were added up

	last                       api.DiscoverResourcesOutput
	looked, matched, new, adds int64
}

func (d *discovery) pages(ctx context.Context, each func(*api.Find) error) error {
	defer d.progress.clear()
	return eachPage(func(token *string) (*string, error) {
		d.in.NextToken = token
		var out api.DiscoverResourcesOutput
		if err := call(ctx, d.client, api.Reeve+".DiscoverResources", d.in, &out); err != nil {
			return nil, err
		}
		d.looked += val(out.Looked)
		d.last = out
		d.progress.show(0, 0, counted(d.looked, "resource")+" looked at")
		for i := range out.Finds {
			if err := each(&out.Finds[i]); err != nil {
				return nil, err
			}
		}
		return out.NextToken, nil
	})
}

var findView = view[api.Find]{
	[]column{
		{key: "ResourceArn", title: "RESOURCE"},
		{key: "Outcome", title: "OUTCOME"},
		{key: "Rule", title: "RULE", right: true},
		{key: "AdditionalLicenses", title: "ADDS", right: true},
		{key: "Why", title: "WHY"},
	},
	func(f *api.Find) []any {
		return []any{val(f.ResourceArn), val(f.Outcome), number(f.Rule), val(f.AdditionalLicenses), why(f)}
	},
}

func (d *discovery) preview(ctx context.Context) error {
	out := newList(d.p, findView)
	err := d.pages(ctx, func(f *api.Find) error {
		d.add(f)
		return out.add(f)
	})
	if err != nil {
		return err
	}
	if err := out.end(); err != nil || !d.p.forPeople() {
		return err
	}
	_, err = fmt.Fprintln(d.p.stdout, d.conclusion())
	return err
}

// add adds up what is new; resources that count on one host share what it
// adds.
func (d *discovery) add(f *api.Find) {
	if f.Rule != nil {
		d.matched++
	}
	if val(f.Outcome) != "associate" {
		return
	}
	d.new++
	if on := val(f.CountedOnResourceArn); !d.places[on] {
		d.places[on] = true
		d.adds += val(f.AdditionalLicenses)
	}
}

// why says by what a resource matches, or what keeps it out.
func why(f *api.Find) string {
	var parts []string
	for _, m := range f.Facts {
		part := val(m.Name) + " = " + val(m.Value)
		if m.KnownAs != nil {
			part += " (" + *m.KnownAs + ")"
		}
		parts = append(parts, part)
	}
	text := strings.Join(parts, ", ")
	if e := f.Exclusion; e != nil {
		until := ""
		if e.Until != nil {
			until = " until " + tidyMoment(*e.Until)
		}
		text += fmt.Sprintf("; excluded by %s%s: %s", val(e.Owner), until, val(e.Reason))
	}
	if f.Note != nil {
		text += "; " + *f.Note
	}
	return strings.TrimPrefix(text, "; ")
}

func (d *discovery) conclusion() string {
	verb := "match"
	if d.matched == 1 {
		verb = "matches"
	}
	text := fmt.Sprintf("%s looked at, %d %s; %d new would use %s", counted(d.looked, "resource"), d.matched, verb, d.new, counted(d.adds, "licence"))
	if d.last.LicenseCount == nil {
		return text + fmt.Sprintf("; %d are in use and their number is not limited", val(d.last.ConsumedLicenses))
	}
	free := *d.last.LicenseCount - val(d.last.ConsumedLicenses)
	text += fmt.Sprintf("; %d of %d are in use", val(d.last.ConsumedLicenses), *d.last.LicenseCount)
	switch {
	case d.adds <= free:
		return text + ", so they fit"
	case val(d.last.LicenseCountHardLimit):
		return text + fmt.Sprintf(", so %d are missing and the limit is hard", d.adds-max(free, 0))
	}
	return text + fmt.Sprintf(", so %d are missing", d.adds-max(free, 0))
}

var discoveredView = view[api.DiscoverResourcesOutput]{
	[]column{{key: "Looked"}, {key: "ConsumedLicenses"}, {key: "LicenseCount"}, {key: "LicenseCountHardLimit"}},
	func(out *api.DiscoverResourcesOutput) []any {
		return []any{val(out.Looked), val(out.ConsumedLicenses), number(out.LicenseCount), val(out.LicenseCountHardLimit)}
	},
}

func (d *discovery) run(ctx context.Context) error {
	if err := d.pages(ctx, func(*api.Find) error { return nil }); err != nil {
		return err
	}
	d.last.Looked = &d.looked
	return printSaid(d.p, discoveredView, &d.last,
		fmt.Sprintf("%s looked at; %s in use\n", counted(d.looked, "resource"), counted(val(d.last.ConsumedLicenses), "licence")))
}
