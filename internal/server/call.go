package server

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"

	"reeve/internal/api"
	"reeve/internal/awsjson"
	"reeve/internal/iam"
)

// Caller is who makes a call within this process: proven by it, without a
// signature.
type Caller struct {
	Identity    iam.Identity
	AccessKeyID string // that the caller signed in with; "" for none
	Region      string
	Origin      iam.Origin // where the caller's request came from
}

// Call answers one operation for a caller that this process has proven itself,
// such as a person who is signed in to the console. It takes the way of a signed
// request after its signature: the same validation, permissions and rules. in
// and out are pointers to the operation's shapes in package api. A refusal is
// an *awsjson.Fault; any other error is the server's own trouble.
func (a *API) Call(ctx context.Context, who Caller, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode input of %s: %w", operation, err)
	}
	answer, err := a.handler.Invoke(ctx, awsjson.Call{
		Identity: &signer{Identity: &who.Identity, Region: who.Region, Origin: who.Origin, AccessKeyID: who.AccessKeyID},
		Body:     body,
		Target:   targetOf(operation),
	})
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("decode output of %s: %w", operation, err)
	}
	return nil
}

// Allows reports whether the policies of a caller let it call an operation with
// this input, without calling it: what it then answers may still be a refusal, for
// another reason. Who is not allowed should call all the same, so that the refusal
// is answered and recorded like every other.
func (a *API) Allows(ctx context.Context, who Caller, operation string, in any) bool {
	by := &signer{Identity: &who.Identity, Region: who.Region, Origin: who.Origin, AccessKeyID: who.AccessKeyID}
	return a.server.authorize(ctx, callerOf(by, operation), by, actionOf(modelled(operation)), in) == nil
}

// targetOf is how requests name an operation; what no model has stays as it is.
func targetOf(operation string) string {
	for _, o := range api.Operations {
		if o.Name == operation {
			return o.Service + "." + o.Name
		}
	}
	return operation
}
