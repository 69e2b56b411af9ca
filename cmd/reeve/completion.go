package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"reeve/internal/api"
	"reeve/internal/client"
)

func newCompletion(p *process) *cobra.Command {
	shells := map[string]func(*cobra.Command) error{
		"bash":       func(root *cobra.Command) error { return root.GenBashCompletionV2(p.stdout, true) },
		"zsh":        func(root *cobra.Command) error { return root.GenZshCompletion(p.stdout) },
		"fish":       func(root *cobra.Command) error { return root.GenFishCompletion(p.stdout, true) },
		"powershell": func(root *cobra.Command) error { return root.GenPowerShellCompletionWithDesc(p.stdout) },
	}
	names := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print what lets a shell complete commands, flags and names",
		Long: `Print the script that lets a shell complete commands, flags, and the names of
configurations, sources, users, roles and policies. Names come from the server
that the command would ask; when it does not answer within a second and a half
there are none.

In bash that needs the package bash-completion. The example of each shell puts
the script where new shells find it.`,
		Example: `  reeve completion bash > ~/.local/share/bash-completion/completions/reeve
  reeve completion zsh > "${fpath[1]}/_reeve"
  reeve completion fish > ~/.config/fish/completions/reeve.fish
  reeve completion powershell >> $PROFILE`,
		Args:      arguments(1, 1, "bash, zsh, fish or powershell"),
		ValidArgs: names,
		RunE: func(c *cobra.Command, args []string) error {
			generate := shells[args[0]]
			if generate == nil {
				return misuse("there is no completion for %q: give bash, zsh, fish or powershell", args[0])
			}
			return generate(c.Root())
		},
	}
}

// Bounds of what completion asks a server: a person waits, and reads a screen.
const (
	completeWithin = 1500 * time.Millisecond
	completeMost   = 200
)

// completeWith completes a flag from the values that it takes.
func completeWith(c *cobra.Command, flag string, values ...string) {
	mustComplete(c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)))
}

// mustComplete stops a program in which the completion of a flag is registered
// that there is not, at its start.
func mustComplete(err error) {
	if err != nil {
		panic(err)
	}
}

// lister returns names that there are on a server. What it has when ctx ends, or
// when it fails, is offered all the same.
type lister func(ctx context.Context, c *client.Client, prefix string) []string

// complete offers the names of a lister as the argument number at (from 0); a
// second lister is for the argument behind it.
func complete(c *cobra.Command, p *process, o *connection, listers ...lister) {
	c.ValidArgsFunction = func(c *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= len(listers) || listers[len(args)] == nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return offer(c.Context(), p, o, listers[len(args)], prefix), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeFlag offers the names of a lister as the value of a flag.
func completeFlag(c *cobra.Command, p *process, o *connection, flag string, list lister) {
	mustComplete(c.RegisterFlagCompletionFunc(flag, func(c *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
		return offer(c.Context(), p, o, list, prefix), cobra.ShellCompDirectiveNoFileComp
	}))
}

// offer asks the server for names, and says nothing when that fails.
func offer(ctx context.Context, p *process, o *connection, list lister, prefix string) []string {
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, completeWithin)
	defer cancel()
	c, err := o.dial(p)
	if err != nil {
		return nil
	}
	prefix = typed(prefix)
	var out []string
	for _, name := range list(ctx, c, prefix) {
		if strings.HasPrefix(name, prefix) && printable(name) == name && len(out) < completeMost {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// typed is what somebody means who has begun to type a name with a space: fish
// passes on the quote or the backslashes that stand before it.
func typed(prefix string) string {
	if quoted := strings.TrimLeft(prefix, `"'`); quoted != prefix {
		return quoted
	}
	return strings.ReplaceAll(prefix, `\`, "")
}

// namesOf reads names page by page. It looks at ten times what is offered, as a
// prefix may leave most of them out, and keeps what it has when a page fails.
func namesOf[T any](fetch func(token *string) ([]T, *string, error), name func(*T) *string) (names []string) {
	_ = eachPage(func(token *string) (*string, error) {
		page, next, err := fetch(token)
		for i := range page {
			names = append(names, val(name(&page[i])))
		}
		if len(names) >= 10*completeMost {
			next = nil
		}
		return next, err
	})
	return names
}

// configurations lists what CONFIG may be: names, and lic- identifiers or ARNs
// for those who have begun to type one.
func configurations(ctx context.Context, c *client.Client, prefix string) []string {
	name := func(lc *api.LicenseConfiguration) *string { return lc.Name }
	switch {
	case strings.HasPrefix(prefix, "arn:"):
		name = func(lc *api.LicenseConfiguration) *string { return lc.LicenseConfigurationArn }
	case strings.HasPrefix(prefix, "lic-"):
		name = func(lc *api.LicenseConfiguration) *string { return lc.LicenseConfigurationId }
	}
	return namesOf(func(token *string) ([]api.LicenseConfiguration, *string, error) {
		var out api.ListLicenseConfigurationsOutput
		err := call(ctx, c, opListConfigurations, api.ListLicenseConfigurationsInput{NextToken: token}, &out)
		return out.LicenseConfigurations, out.NextToken, err
	}, name)
}

func sourceNames(ctx context.Context, c *client.Client, _ string) []string {
	return namesOf(func(token *string) ([]api.Source, *string, error) {
		var out api.ListSourcesOutput
		err := call(ctx, c, opListSources, api.ListSourcesInput{NextToken: token}, &out)
		return out.Sources, out.NextToken, err
	}, func(s *api.Source) *string { return s.Name })
}

func userNames(ctx context.Context, c *client.Client, _ string) []string {
	return namesOf(func(token *string) ([]api.User, *string, error) {
		var out api.ListUsersOutput
		err := call(ctx, c, api.Reeve+".ListUsers", api.ListUsersInput{NextToken: token}, &out)
		return out.Users, out.NextToken, err
	}, func(u *api.User) *string { return u.UserName })
}

func roleNames(ctx context.Context, c *client.Client, _ string) []string {
	return namesOf(func(token *string) ([]api.Role, *string, error) {
		var out api.ListRolesOutput
		err := call(ctx, c, api.Reeve+".ListRoles", api.ListRolesInput{NextToken: token}, &out)
		return out.Roles, out.NextToken, err
	}, func(r *api.Role) *string { return r.RoleName })
}

func policyNames(ctx context.Context, c *client.Client, _ string) []string {
	return namesOf(func(token *string) ([]api.Policy, *string, error) {
		var out api.ListPoliciesOutput
		err := call(ctx, c, api.Reeve+".ListPolicies", api.ListPoliciesInput{NextToken: token}, &out)
		return out.Policies, out.NextToken, err
	}, func(one *api.Policy) *string { return one.PolicyName })
}

// pairs lists what a flag such as --buy NAME=VALUE may begin with.
func pairs(list lister) lister {
	return func(ctx context.Context, c *client.Client, prefix string) (out []string) {
		for _, name := range list(ctx, c, prefix) {
			out = append(out, name+"=")
		}
		return out
	}
}
