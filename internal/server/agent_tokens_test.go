package server_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reeve/internal/api"
	"reeve/internal/licensetest"
)

func TestAgentTokens(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	var made [3]api.CreateAgentTokenOutput
	for i := range made {
		s.Call(alice, "Reeve.CreateAgentToken", &api.CreateAgentTokenInput{Name: new("Büro")}, &made[i])
	}
	if *made[0].AccountId != alice || *made[0].Region != licensetest.Region || *made[0].Name != "Büro" || !strings.HasPrefix(*made[0].Token, "reeve-agent-") {
		t.Errorf("the token is %s of %s in %s", *made[0].AgentTokenId, *made[0].AccountId, *made[0].Region)
	}
	s.Call(alice, "Reeve.DeleteAgentToken", &api.DeleteAgentTokenInput{AgentTokenId: made[1].AgentTokenId}, &api.DeleteAgentTokenOutput{})

	var listed, want []string
	for _, one := range made {
		want = append(want, *one.AgentTokenId)
	}
	for in := (&api.ListAgentTokensInput{MaxResults: new(int64(2))}); ; {
		var page api.ListAgentTokensOutput
		s.Call(alice, "Reeve.ListAgentTokens", in, &page)
		for _, one := range page.AgentTokens {
			listed = append(listed, *one.AgentTokenId)
			if revoked := *one.AgentTokenId == *made[1].AgentTokenId; (one.RevocationTime != nil) != revoked || one.CreationTime == nil || one.LastUsedTime != nil {
				t.Errorf("listed is %+v", one)
			}
		}
		if in.NextToken = page.NextToken; in.NextToken == nil {
			break
		}
	}
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Errorf("tokens listed (-made +listed)\n%s", diff)
	}
}

// TestAgentTokensOfAnotherAccount are neither shown nor ended nor made.
func TestAgentTokensOfAnotherAccount(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	s.Credentials(bob)
	var theirs api.CreateAgentTokenOutput
	s.Call(alice, "Reeve.CreateAgentToken", &api.CreateAgentTokenInput{}, &theirs)
	for target, body := range map[string]string{
		"Reeve.CreateAgentToken": `{"AccountId":"` + alice + `"}`,
		"Reeve.ListAgentTokens":  `{"AccountId":"` + alice + `"}`,
		"Reeve.DeleteAgentToken": `{"AccountId":"` + alice + `","AgentTokenId":"` + *theirs.AgentTokenId + `"}`,
	} {
		if got := s.Send(s.URL, bob, target, body); got.Status != 400 || !strings.Contains(got.Body, "AuthorizationException") {
			t.Errorf("%s answers %d %s", target, got.Status, got.Body)
		}
	}
	if got := s.Send(s.URL, bob, "Reeve.DeleteAgentToken", `{"AgentTokenId":"`+*theirs.AgentTokenId+`"}`); !strings.Contains(got.Body, invalidParameter) {
		t.Errorf("revoking it as one's own answers %d %s", got.Status, got.Body)
	}
	var list api.ListAgentTokensOutput
	s.Call(licensetest.Root, "Reeve.ListAgentTokens", &api.ListAgentTokensInput{AccountId: new(alice)}, &list)
	if len(list.AgentTokens) != 1 || list.AgentTokens[0].RevocationTime != nil {
		t.Errorf("the root account is shown %d tokens", len(list.AgentTokens))
	}
}
