package console

import (
	"net/http"
	"net/url"

	"reeve/internal/api"
)

const agentsPath = settingsPath + "/agents"

// agentsPage is a page of the tokens that inventory agents report with.
type agentsPage struct {
	Tokens []agentLine
	Next   string // address of the next page; "" for none
}

type agentLine struct {
	ID, Name, Region       string
	Created, Used, Revoked stamp
}

func (c *console) agents(v *visit) error {
	var out api.ListAgentTokensOutput
	if err := v.call("ListAgentTokens", &api.ListAgentTokensInput{NextToken: v.given("from")}, &out); err != nil {
		return err
	}
	var body agentsPage
	if out.NextToken != nil {
		body.Next = agentsPath + "?" + url.Values{"from": {*out.NextToken}}.Encode()
	}
	for _, t := range out.AgentTokens {
		body.Tokens = append(body.Tokens, agentLine{
			told(t.AgentTokenId), told(t.Name), told(t.Region), v.since(t.CreationTime), v.since(t.LastUsedTime), v.since(t.RevocationTime),
		})
	}
	return v.show(http.StatusOK, "agents", "Agent tokens", body)
}

func (c *console) createAgentToken(v *visit) error {
	var out api.CreateAgentTokenOutput
	if err := v.call("CreateAgentToken", &api.CreateAgentTokenInput{Name: v.given("name")}, &out); err != nil {
		return err
	}
	token := told(out.Token)
	return v.show(http.StatusOK, "issued", "New agent token", issued{
		Text:  "The token is shown this once. Agents send their inventory to the URL; where they reach the server by another name, put that in its place.",
		Facts: []fact{{"URL", c.origin(v.Request) + "/agent/" + token}, {"Token", token}, {"ID", told(out.AgentTokenId)}, {"Region", told(out.Region)}},
		Back:  agentsPath,
	})
}

func (c *console) confirmRevokeAgent(v *visit) error {
	return v.confirm("Revoke an agent token", confirmation{
		Text:   "Agents that report with token " + clipped(v.PathValue("id")) + " are refused within seconds, for ever. What they reported stays.",
		Button: "Revoke the token", Back: agentsPath,
	})
}

func (c *console) revokeAgent(v *visit) error {
	id := v.PathValue("id")
	if err := v.call("DeleteAgentToken", &api.DeleteAgentTokenInput{AgentTokenId: &id}, &api.DeleteAgentTokenOutput{}); err != nil {
		return err
	}
	return v.done(agentsPath, "Agent token %s is revoked.", id)
}
