package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"reeve/internal/client"
	"reeve/internal/iam"
)

type envOptions struct {
	data     string
	shell    string
	endpoint string
	region   string
	caFile   string
}

func newEnv(p *process) *cobra.Command {
	var o envOptions
	c := &cobra.Command{
		Use:   "env",
		Short: "Print the environment with which clients use a server here",
		Long: `Print the environment that lets AWS clients and reeve's own commands use a server
on this machine: the root account's access key, the region and the endpoint.
Run it where the server's data directory is, inside eval. Old AWS clients do not
read an endpoint from the environment: give them --endpoint-url "$REEVE_ENDPOINT".
Where the server's certificate is of an authority of its own, AWS_CA_BUNDLE and
REEVE_CA_FILE name that: what the server has left, or --ca-file.
With --output json or csv it is the variables alone, for programs.`,
		Example: `  eval "$(reeve env)"
  eval "$(reeve env --data /srv/reeve)"
  reeve env --shell fish | source
  reeve env --shell powershell | Out-String | Invoke-Expression`,
		Args: arguments(0, 0, ""),
		RunE: func(*cobra.Command, []string) error { return runEnv(p, o) },
	}
	f := c.Flags()
	f.StringVar(&o.data, "data", "", "data `directory` of the server (default REEVE_DATA, else ./reeve-data)")
	f.StringVar(&o.shell, "shell", "posix", "`shell` whose syntax to print: posix, fish or powershell")
	f.StringVar(&o.endpoint, "endpoint", "", "`URL` of the server (default what it left in the data directory)")
	f.StringVar(&o.caFile, "ca-file", "", "`file` of the authorities that the server's certificate is believed by (default what it left in the data directory)")
	f.StringVar(&o.region, "region", "", "`region` that clients ask in (default AWS_REGION, AWS_DEFAULT_REGION, else us-east-1)")
	completeWith(c, "shell", "posix", "fish", "powershell")
	return c
}

func runEnv(p *process, o envOptions) error {
	syntax, ok := shells[o.shell]
	if !ok {
		return misuse("--shell is %q: give posix, fish or powershell", o.shell)
	}
	data := dataDirectory(p, o.data)
	key, err := client.ReadCredentials(filepath.Join(data, iam.CredentialsFile), "default")
	if err != nil {
		return fmt.Errorf("no server has left its credentials in %s: run this next to the data directory of a server, or name it with --data (%w)", data, err)
	}
	region := client.RegionFrom(client.Choice{Region: o.region}, p.getenv)
	endpoint := o.endpoint
	if endpoint == "" {
		endpoint = client.LeftEndpoint(data)
	}
	set := [][2]string{
		{"AWS_ACCESS_KEY_ID", key.AccessKeyID},
		{"AWS_SECRET_ACCESS_KEY", key.SecretAccessKey},
		{"AWS_REGION", region},
		{"AWS_DEFAULT_REGION", region},
		// Not AWS_ENDPOINT_URL: that would divert every AWS service here.
		{"AWS_ENDPOINT_URL_LICENSE_MANAGER", endpoint},
		{"AWS_ENDPOINT_URL_REEVE", endpoint},
		{"REEVE_ENDPOINT", endpoint},
		{"AWS_EC2_METADATA_DISABLED", "true"},
	}
	authority, err := authorityOf(o, data)
	if err != nil {
		return err
	}
	if authority != "" {
		set = append(set, [2]string{"AWS_CA_BUNDLE", authority}, [2]string{"REEVE_CA_FILE", authority})
	}
	return printEnv(p, syntax, set)
}

// printEnv prints variables as a shell sets them, or for programs as one object.
func printEnv(p *process, syntax shell, set [][2]string) error {
	var b strings.Builder
	v := view[map[string]string]{}
	object, cells := map[string]string{}, []any{}
	for _, one := range set {
		b.WriteString(syntax.set(one[0], one[1]) + "\n")
		object[one[0]] = one[1]
		v.columns, cells = append(v.columns, column{key: one[0]}), append(cells, one[1])
	}
	for _, name := range []string{"AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"} {
		b.WriteString(syntax.unset(name) + "\n")
	}
	v.cells = func(*map[string]string) []any { return cells }
	return printSaid(p, v, &object, b.String())
}

// authorityOf is the whole path of the authorities that clients need, "" for
// none. What the server left is for the endpoint that it left.
func authorityOf(o envOptions, data string) (string, error) {
	path := o.caFile
	if path == "" && o.endpoint == "" {
		path = client.LeftAuthority(data)
	}
	if path == "" {
		return "", nil
	}
	whole, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("name authorities: %w", err)
	}
	return whole, nil
}

func dataDirectory(p *process, flag string) string {
	switch {
	case flag != "":
		return flag
	case p.getenv("REEVE_DATA") != "":
		return p.getenv("REEVE_DATA")
	}
	return client.DefaultData
}

// shell writes assignments in one shell's syntax.
type shell struct {
	set   func(name, value string) string
	unset func(name string) string
}

var shells = map[string]shell{
	"posix": {
		func(name, value string) string { return "export " + name + "=" + posixQuote(value) },
		func(name string) string { return "unset " + name },
	},
	"fish": {
		func(name, value string) string { return "set -gx " + name + " " + fishQuote(value) },
		func(name string) string { return "set -e " + name },
	},
	"powershell": {
		func(name, value string) string {
			return "$Env:" + name + " = '" + strings.ReplaceAll(value, "'", "''") + "'"
		},
		func(name string) string { return "Remove-Item Env:" + name + " -ErrorAction SilentlyContinue" },
	},
}

// posixQuote quotes what a POSIX shell would not leave as it is.
func posixQuote(s string) string {
	if s != "" && !strings.ContainsFunc(s, needsQuote) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func needsQuote(r rune) bool {
	plain := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	return !plain && !strings.ContainsRune("_-./:@%+,=", r)
}

func fishQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
