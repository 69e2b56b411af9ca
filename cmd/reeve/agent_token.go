package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"reeve/internal/api"
)

type agentTokenOptions struct {
	connection
	account string
	name    string
}

// flags are those of all three commands. --region is the connection's: a token
// is for machines of the region that it was asked for in.
func (o *agentTokenOptions) flags(c *cobra.Command) {
	c.Flags().StringVar(&o.account, "account", "", "the account's 12 `digits` (default the key's own; root keys may name others)")
	o.connection.flags(c.Flags())
}

func newAgentToken(p *process) *cobra.Command {
	return group("agent-token", "Make, list and revoke the tokens that inventory agents report with",
		newAgentTokenCreate(p), newAgentTokenList(p), newAgentTokenRevoke(p))
}

func newAgentTokenCreate(p *process) *cobra.Command {
	var o agentTokenOptions
	c := &cobra.Command{
		Use:   "create",
		Short: "Make a token for inventory agents and print it",
		Long: `Make a token with which inventory agents report machines of one account and
region, and nothing else. Url is ready for an agent's --server; agents that ask
for a password take Token instead. Both are shown this once. One token serves
any number of machines.`,
		Example: `  reeve agent-token create --name "Data centre Zürich" --region eu-central-1
  fusioninventory-agent --server "$(reeve agent-token create | jq -r .Url)"`,
		Args: arguments(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error { return runAgentTokenCreate(c.Context(), p, o) },
	}
	c.Flags().StringVar(&o.name, "name", "", "what people call it")
	o.flags(c)
	return forPrograms(p, c)
}

// issuedToken is what agent-token create prints.
type issuedToken struct {
	api.CreateAgentTokenOutput
	Url string
}

var issuedTokenView = view[issuedToken]{
	[]column{
		{key: "AgentTokenId", title: "ID"},
		{key: "AccountId", title: "ACCOUNT"},
		{key: "Region", title: "REGION"},
		{key: "Name", title: "NAME"},
		{key: "Token", title: "TOKEN"},
		{key: "Url", title: "URL"},
	},
	func(t *issuedToken) []any {
		return []any{val(t.AgentTokenId), val(t.AccountId), val(t.Region), val(t.Name), val(t.Token), t.Url}
	},
}

func runAgentTokenCreate(ctx context.Context, p *process, o agentTokenOptions) error {
	if err := checkAccount("--account", o.account); err != nil {
		return err
	}
	c, err := o.dial(p)
	if err != nil {
		return err
	}
	var out issuedToken
	in := api.CreateAgentTokenInput{Name: optional(o.name), AccountId: optional(o.account)}
	if err := call(ctx, c, api.Reeve+".CreateAgentToken", in, &out.CreateAgentTokenOutput); err != nil {
		return err
	}
	out.Url = strings.TrimSuffix(c.Endpoint(), "/") + "/agent/" + val(out.Token)
	return printOne(p, issuedTokenView, &out)
}

func newAgentTokenList(p *process) *cobra.Command {
	var o agentTokenOptions
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the agent tokens of an account, revoked ones included",
		Example: `  reeve agent-token list`,
		Args:    arguments(0, 0, ""),
		RunE:    func(c *cobra.Command, _ []string) error { return runAgentTokenList(c.Context(), p, o) },
	}
	o.flags(c)
	return c
}

var agentTokenView = view[api.AgentToken]{
	[]column{
		{key: "AgentTokenId", title: "ID"},
		{key: "AccountId", title: "ACCOUNT"},
		{key: "Region", title: "REGION"},
		{key: "Name", title: "NAME"},
		{key: "CreationTime", title: "CREATED", spare: true},
		{key: "LastUsedTime", title: "LAST USED"},
		{key: "RevocationTime", title: "REVOKED"},
	},
	func(t *api.AgentToken) []any {
		return []any{val(t.AgentTokenId), val(t.AccountId), val(t.Region), val(t.Name),
			timeCell(t.CreationTime), timeCell(t.LastUsedTime), timeCell(t.RevocationTime)}
	},
}

func runAgentTokenList(ctx context.Context, p *process, o agentTokenOptions) error {
	if err := checkAccount("--account", o.account); err != nil {
		return err
	}
	c, err := o.dial(p)
	if err != nil {
		return err
	}
	return printPages(p, agentTokenView, func(token *string) ([]api.AgentToken, *string, error) {
		var out api.ListAgentTokensOutput
		in := api.ListAgentTokensInput{AccountId: optional(o.account), NextToken: token}
		err := call(ctx, c, api.Reeve+".ListAgentTokens", in, &out)
		return out.AgentTokens, out.NextToken, err
	})
}

func newAgentTokenRevoke(p *process) *cobra.Command {
	var o agentTokenOptions
	c := &cobra.Command{
		Use:   "revoke ID",
		Short: "Revoke an agent token",
		Long: `Revoke an agent token. Within seconds no server takes reports with it any more.
What was reported with it stays.`,
		Example: `  reeve agent-token revoke at-0123456789abcdef0`,
		Args:    arguments(1, 1, "the ID of the token"),
		RunE:    func(c *cobra.Command, args []string) error { return runAgentTokenRevoke(c.Context(), p, o, args[0]) },
	}
	o.flags(c)
	return c
}

func runAgentTokenRevoke(ctx context.Context, p *process, o agentTokenOptions, id string) error {
	if err := checkAccount("--account", o.account); err != nil {
		return err
	}
	c, err := o.dial(p)
	if err != nil {
		return err
	}
	var out api.DeleteAgentTokenOutput
	in := api.DeleteAgentTokenInput{AgentTokenId: &id, AccountId: optional(o.account)}
	return call(ctx, c, api.Reeve+".DeleteAgentToken", in, &out)
}
