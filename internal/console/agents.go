package console

import (
	"net/http"

	"reeve/internal/api"
)

const agentsPath = settingsPath + "/agents"

// agentsPage is a page of the tokens that inventory agents report with.
type agentsPage struct {
	Choice  accountChoice
	Account string // that a form is about; "" for one's own
	Sent    form   // the new token, where it was refused
	Tokens  []agentLine
	Pages   pages
}

type agentLine struct {
	ID, Name, Region       string
	Created, Used, Revoked stamp
}

func (c *console) agents(v *visit) error { return v.showAgents(http.StatusOK, form{}) }

func (v *visit) showAgents(status int, sent form) error {
	account, err := v.account()
	if err != nil {
		return err
	}
	body := agentsPage{Account: told(account), Sent: sent}
	if body.Choice, err = v.accountChoice(agentsPath, account); err != nil {
		return err
	}
	list := v.paged(agentsPath, accountValues(account))
	var out api.ListAgentTokensOutput
	if err := v.call("ListAgentTokens", &api.ListAgentTokensInput{AccountId: account, MaxResults: new(int64(100)), NextToken: list.token()}, &out); err != nil {
		return err
	}
	body.Pages = list.pages(out.NextToken)
	for _, t := range out.AgentTokens {
		body.Tokens = append(body.Tokens, agentLine{
			told(t.AgentTokenId), told(t.Name), told(t.Region), v.since(t.CreationTime), v.since(t.LastUsedTime), v.since(t.RevocationTime),
		})
	}
	return v.show(status, "agents", "Agent tokens", body)
}

func (c *console) createAgentToken(v *visit) error {
	f := v.sent()
	account, err := v.account()
	if err != nil {
		return err
	}
	var out api.CreateAgentTokenOutput
	if err := v.call("CreateAgentToken", &api.CreateAgentTokenInput{Name: f.given("name"), AccountId: account}, &out); err != nil {
		return v.again(err, f, []member{{"name", "name"}}, v.showAgents)
	}
	token := told(out.Token)
	return v.show(http.StatusOK, "issued", "New agent token", issued{
		Text: "The token is shown this once. Agents send their inventory to the URL; where they reach the server by another name, put that in its place.",
		Facts: []fact{
			{"URL", c.origin(v.Request) + "/agent/" + token}, {"Token", token}, {"ID", told(out.AgentTokenId)}, {"Account", told(out.AccountId)}, {"Region", told(out.Region)},
		},
		Back: inAccount(agentsPath, account),
	})
}

func (c *console) confirmRevokeAgent(v *visit) error {
	account, err := v.account()
	if err != nil {
		return err
	}
	return v.confirm("Revoke agent token "+clipped(v.PathValue("id")), confirmation{
		Text:   "Agents that report with token " + clipped(v.PathValue("id")) + " are refused within seconds, for ever. What they reported stays.",
		Button: "Revoke the token", Fields: map[string]string{"account": told(account)}, Back: inAccount(agentsPath, account),
	})
}

func (c *console) revokeAgent(v *visit) error {
	account, err := v.account()
	if err != nil {
		return err
	}
	id := v.PathValue("id")
	if err := v.call("DeleteAgentToken", &api.DeleteAgentTokenInput{AgentTokenId: &id, AccountId: account}, &api.DeleteAgentTokenOutput{}); err != nil {
		return err
	}
	return v.done(inAccount(agentsPath, account), "Agent token %s is revoked.", id)
}
