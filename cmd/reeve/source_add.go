package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"reeve/internal/api"
	"reeve/internal/source/aws"
	"reeve/internal/source/directory"
	"reeve/internal/source/vsphere"
)

// maxSourceFile bounds a file of sources, in bytes.
const maxSourceFile = 8 << 20

func newSourceAdd(p *process) *cobra.Command {
	var o sourceAddOptions
	var file string
	c := group("add", "Add or change a source", newSourceAddAWS(p), newSourceAddVSphere(p), newSourceAddDirectory(p))
	c.Long = `Add a source, or change the one of that name: what is not given stays as it is,
but the settings of the kind, which are taken as a whole.

--file reads many: {"Sources": [{"Name": "prod", "Kind": "aws", "Every": "15m",
"Settings": {"profile": "prod"}}]}. All of them are taken, or none; running it
again changes nothing.`
	c.Example = `  reeve source add aws --name prod --profile prod --aws-region eu-central-1
  reeve source add vsphere --name dc1 --url https://vcenter.example.com/sdk --user reeve@vsphere.local --password-file /etc/reeve/dc1
  reeve source add directory --name agents --path /srv/inventories
  reeve source add --file sources.json`
	help := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if file == "" {
			return help(c, args)
		}
		return o.addFile(c.Context(), p, file)
	}
	c.Flags().StringVar(&file, "file", "", "JSON `file` of sources; - is standard input")
	o.connection.flags(c.Flags())
	return c
}

// sourceAddOptions are those of every kind.
type sourceAddOptions struct {
	connection
	definition sourceText
}

// sourceText is one source as files and flags have it.
type sourceText struct {
	Name        string
	Kind        string         `json:",omitzero"`
	AccountID   string         `json:"AccountId,omitzero"`
	Region      string         `json:",omitzero"`
	Settings    jsontext.Value `json:",omitzero"`
	Every       string         `json:",omitzero"` // such as 15m
	Paused      *bool          `json:",omitzero"`
	AllowShrink *bool          `json:",omitzero"`
}

func (o *sourceAddOptions) flags(f *pflag.FlagSet) {
	o.definition.Paused, o.definition.AllowShrink = new(bool), new(bool)
	f.StringVar(&o.definition.Name, "name", "", "the source's `name` (required)")
	f.StringVar(&o.definition.Every, "every", "", "`duration` between two runs, 10s to 7d (default 15m; 1m for a directory)")
	f.StringVar(&o.definition.AccountID, "account", "", "12 `digits` of the account whose inventory it feeds (default the key's own)")
	f.BoolVar(o.definition.Paused, "paused", false, "run it only when asked to")
	f.BoolVar(o.definition.AllowShrink, "allow-shrink", false, "believe a run that finds less than half of what the one before found")
	o.connection.flags(f)
}

// wire is the source as the API takes it.
func (s sourceText) wire() (api.SourceDefinition, error) {
	d := api.SourceDefinition{
		Name: &s.Name, Kind: optional(s.Kind), AccountId: optional(s.AccountID), Region: optional(s.Region),
		Paused: s.Paused, AllowShrink: s.AllowShrink,
	}
	if len(s.Settings) > 0 {
		d.Settings = new(string(s.Settings))
	}
	if s.Every == "" {
		return d, nil
	}
	every, err := parseEvery(s.Every)
	if err != nil {
		return d, fmt.Errorf("source %s: the interval %w", s.Name, err)
	}
	d.EverySeconds = new(int64(every / time.Second))
	return d, nil
}

func parseEvery(text string) (time.Duration, error) {
	every, err := parseDays(text)
	if err != nil || every < time.Second || every%time.Second != 0 {
		return 0, fmt.Errorf("is %q: give whole seconds, such as 90s, 15m or 1d", text)
	}
	return every, nil
}

// parseDays is time.ParseDuration with days beside.
func parseDays(text string) (time.Duration, error) {
	var days int
	if n, _ := fmt.Sscanf(text, "%dd", &days); n == 1 && text == fmt.Sprintf("%dd", days) {
		return time.Duration(days) * 24 * time.Hour, nil
	}
	return time.ParseDuration(text)
}

// newSourceAddKind makes the subcommand of a kind. settings returns what its
// flags say.
func newSourceAddKind(p *process, kind, short, long, example string, flags func(*pflag.FlagSet), settings func() any) *cobra.Command {
	var o sourceAddOptions
	c := &cobra.Command{
		Use: kind + " --name NAME", Short: short, Long: long, Example: example, Args: arguments(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			return o.addOne(c, p, kind, settings())
		},
	}
	flags(c.Flags())
	o.flags(c.Flags())
	return c
}

func (o *sourceAddOptions) addOne(c *cobra.Command, p *process, kind string, settings any) error {
	d := o.definition
	if d.Name == "" {
		return misuse("--name is missing")
	}
	if err := checkAccount("--account", d.AccountID); err != nil {
		return err
	}
	if d.Every != "" {
		if _, err := parseEvery(d.Every); err != nil {
			return misuse("--every %w", err)
		}
	}
	// What was not given leaves a known source as it is.
	if !c.Flags().Changed("paused") {
		d.Paused = nil
	}
	if !c.Flags().Changed("allow-shrink") {
		d.AllowShrink = nil
	}
	text, err := json.Marshal(settings, json.OmitZeroStructFields(true))
	if err != nil {
		return err
	}
	d.Kind, d.Settings = kind, text
	return o.put(c.Context(), p, []sourceText{d})
}

func newSourceAddAWS(p *process) *cobra.Command {
	var s aws.Settings
	return newSourceAddKind(p, "aws", "Pull EC2, hosts, images, RDS and Systems Manager of AWS accounts",
		`Pull EC2 instances, dedicated hosts, images, RDS instances and the inventory of
Systems Manager. The credentials are the server's own: a profile of its AWS
configuration files, its environment or its machine's role. docs/sources.md has
the rights that it needs.`,
		`  reeve source add aws --name prod --profile prod --aws-region eu-central-1 --aws-region us-east-1
  reeve source add aws --name all --role-arn arn:aws:iam::111122223333:role/reeve --role-arn arn:aws:iam::444455556666:role/reeve`,
		func(f *pflag.FlagSet) {
			f.StringVar(&s.Profile, "profile", "", "`name` of a profile of the server's AWS configuration (default its default)")
			f.StringArrayVar(&s.Regions, "aws-region", nil, "`region` to read; may be repeated (default the profile's own)")
			f.StringArrayVar(&s.RoleARNs, "role-arn", nil, "`ARN` of a role to assume, one for each account; may be repeated")
			f.StringVar(&s.ExternalID, "external-id", "", "external `ID` that the roles ask for")
			f.StringVar(&s.Endpoint, "aws-endpoint", "", "`URL` in place of AWS's own")
			f.StringArrayVar(&s.Read, "read", nil, "`part` to read: hosts, images, ec2, ssm or rds; may be repeated (default all)")
		}, func() any { return s })
}

func newSourceAddVSphere(p *process) *cobra.Command {
	var s vsphere.Settings
	return newSourceAddKind(p, "vsphere", "Pull hosts and virtual machines of a vCenter",
		`Pull the hosts of a vCenter (or a single ESXi host) and the virtual machines on
them. The password is in a file or an environment variable of the server.`,
		`  reeve source add vsphere --name dc1 --url https://vcenter.example.com/sdk --user reeve@vsphere.local --password-file /etc/reeve/dc1`,
		func(f *pflag.FlagSet) {
			f.StringVar(&s.URL, "url", "", "`URL` of the vCenter (required)")
			f.StringVar(&s.User, "user", "", "`user` to log in as; the role Read-only is enough (required)")
			f.StringVar(&s.PasswordFile, "password-file", "", "`file` on the server that holds the password")
			f.StringVar(&s.PasswordVariable, "password-variable", "", "`name` of the server's environment variable that holds it")
			f.StringVar(&s.Thumbprint, "thumbprint", "", "`fingerprint` of the vCenter's certificate")
			f.StringVar(&s.CAFile, "ca-file", "", "`file` on the server with the certificates of its authority")
			f.BoolVar(&s.Insecure, "insecure", false, "take any certificate")
			f.StringArrayVar(&s.Datacenters, "datacenter", nil, "`datacenter` to read; may be repeated (default all)")
		}, func() any { return s })
}

func newSourceAddDirectory(p *process) *cobra.Command {
	var s directory.Settings
	return newSourceAddKind(p, "directory", "Read the files that are dropped into a directory of the server",
		`Read the files of a directory on the server in the forms that reeve import reads.
Each is read once when it has stopped changing, and again when it changes. Links
and directories below it are not followed. A file that goes away releases nothing.`,
		`  reeve source add directory --name agents --path /srv/inventories`,
		func(f *pflag.FlagSet) {
			f.StringVar(&s.Path, "path", "", "absolute `path` of the directory on the server (required)")
		}, func() any { return s })
}

// addFile adds the sources of a file.
func (o *sourceAddOptions) addFile(ctx context.Context, p *process, name string) error {
	text, err := readSourceFile(p, name)
	if err != nil {
		return err
	}
	var list struct{ Sources []sourceText }
	if err := json.Unmarshal(text, &list, json.RejectUnknownMembers(true)); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return o.put(ctx, p, list.Sources)
}

func readSourceFile(p *process, name string) ([]byte, error) {
	in := p.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxSourceFile+1))
	if err == nil && len(text) > maxSourceFile {
		err = errors.New("the file is larger than 8 MiB")
	}
	return text, err
}

// put sends sources, and says what became of them.
func (o *sourceAddOptions) put(ctx context.Context, p *process, list []sourceText) error {
	var in api.PutSourcesInput
	for _, one := range list {
		d, err := one.wire()
		if err != nil {
			return err
		}
		in.Sources = append(in.Sources, d)
	}
	c, err := o.dial(p)
	if err != nil {
		return err
	}
	var out api.PutSourcesOutput
	if err := call(ctx, c, opPutSources, in, &out); err != nil {
		return err
	}
	return printSaid(p, putSourcesView, &out, fmt.Sprintf("%s: %d created, %d changed, %d unchanged\n",
		counted(int64(len(out.Sources)), "source"), val(out.Created), val(out.Changed), val(out.Unchanged)))
}

var putSourcesView = view[api.PutSourcesOutput]{
	[]column{{key: "Created"}, {key: "Changed"}, {key: "Unchanged"}},
	func(out *api.PutSourcesOutput) []any {
		return []any{val(out.Created), val(out.Changed), val(out.Unchanged)}
	},
}
