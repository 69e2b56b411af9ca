package agent

import (
	"errors"
	"net/http"
	"strings"

	"reeve/internal/iam"
)

// prefix is the path under which a token may stand.
const prefix = "/agent/"

// realm is what agents that are given a user and a password look for.
const realm = `Basic realm="Reeve"`

// authenticate finds the token of a request: the password of HTTP Basic, whose
// user may be anything, else the path's first element behind /agent/.
func (h *handler) authenticate(r *http.Request) (*iam.AgentToken, error) {
	_, text, given := r.BasicAuth()
	if !given || text == "" {
		text = pathToken(r.URL.Path)
	}
	if text == "" {
		return nil, &refusal{status: http.StatusUnauthorized, text: "An agent token is missing. Make one with reeve agent-token create, and give the agent its Url as --server, or its Token as --password with any --user."}
	}
	token, err := h.directory.LookupAgentToken(r.Context(), text)
	if errors.Is(err, iam.ErrUnknownAgentToken) {
		return nil, &refusal{status: http.StatusUnauthorized, text: "This agent token is not known, or was revoked. Make another one with reeve agent-token create."}
	}
	return token, err
}

func pathToken(path string) string {
	rest, found := strings.CutPrefix(path, prefix)
	if !found {
		return ""
	}
	token, _, _ := strings.Cut(rest, "/")
	return token
}
