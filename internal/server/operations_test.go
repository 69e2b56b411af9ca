package server

import (
	"context"
	"strings"
	"testing"
	"time"

	"reeve/internal/api"
	"reeve/internal/awsjson"
	"reeve/internal/iam"
	"reeve/internal/license"
)

func TestAnOperationThatIsNotThereYetSaysSo(t *testing.T) {
	call := callOf(rootUser("111122223333"), `{}`)
	s := &server{now: time.Now}
	for _, r := range s.table() {
		if r.reason == "" {
			continue
		}
		answer, err := s.serve(t.Context(), &r, call)
		f, ok := err.(*awsjson.Fault)
		if answer != nil || !ok || f.Code != "UnknownOperationException" || !strings.HasPrefix(f.Message, r.Name+" is an operation") {
			t.Errorf("%s answers %v, %v", r.Name, answer, err)
		}
	}
}

func callOf(who iam.Identity, body string) awsjson.Call {
	return awsjson.Call{Identity: &signer{Identity: &who, Region: "eu-west-1"}, Body: []byte(body)}
}

// rootUser is an account's root user.
func rootUser(account string) iam.Identity {
	return iam.Identity{Account: account, Principal: iam.PrincipalOf(account)}
}

func TestARowPassesOnWhoSignedAndWhatForWhere(t *testing.T) {
	var got license.Caller
	r := op("GetServiceSettings", func(_ context.Context, who license.Caller, _ *api.GetServiceSettingsInput) (*api.GetServiceSettingsOutput, error) {
		got = who
		return &api.GetServiceSettingsOutput{}, nil
	})
	signer := iam.Identity{Account: "111122223333", Root: true, Principal: "arn:aws:iam::111122223333:root"}
	if _, err := (&server{now: time.Now}).serve(t.Context(), &r, callOf(signer, "")); err != nil {
		t.Fatal(err)
	}
	want := license.Caller{Account: "111122223333", Region: "eu-west-1", Principal: signer.Principal, Root: true, Operation: "GetServiceSettings"}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestARowRefusesBeforeItAsks(t *testing.T) {
	asked := false
	create := op("CreateAccount", func(context.Context, license.Caller, *api.CreateAccountInput) (*api.CreateAccountOutput, error) {
		asked = true
		return nil, nil
	})
	root := rootUser("111122223333")
	root.Root = true
	tests := map[string]struct {
		call awsjson.Call
		code string
	}{
		"NotAllowed": {callOf(rootUser("444455556666"), `{"Name":"x"}`), codeAuthorization},
		"Nobody":     {callOf(iam.Identity{}, `{"Name":"x"}`), codeAuthorization},
		"Missing":    {callOf(root, `{}`), codeValidation},
		"WrongType":  {callOf(root, `{"Name":1}`), "SerializationException"},
		"Pattern":    {callOf(root, `{"Name":"x","AccountId":"12"}`), codeValidation},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := (&server{now: time.Now}).serve(t.Context(), &create, test.call)
			if f, ok := err.(*awsjson.Fault); !ok || f.Code != test.code || asked {
				t.Errorf("got %v (asked: %v), want %s", err, asked, test.code)
			}
		})
	}
}

func TestARowWithoutAnIdentityIsAFaultOfOurs(t *testing.T) {
	r := op("GetServiceSettings", func(context.Context, license.Caller, *api.GetServiceSettingsInput) (*api.GetServiceSettingsOutput, error) {
		return nil, nil
	})
	if _, err := (&server{now: time.Now}).serve(t.Context(), &r, awsjson.Call{}); err == nil || fault(err, nil) != nil {
		t.Errorf("got %v, want an error for the log", err)
	}
}

func TestTheNULCharacterIsRefusedAtTheDoor(t *testing.T) {
	for body, want := range map[string]bool{
		`{}`:                              false,
		`{"Name":"\u0001"}`:               false,
		`{"Name":"\u0000"}`:               true,
		`{"Name":"a\u0000b"}`:             true,
		`{"Name":"\\u0000"}`:              false,
		`{"Name":"\\\u0000"}`:             true,
		`{"Name":"\\u0000","B":"\u0000"}`: true,
		`{"Name":"\\u0000\\u0000"}`:       false,
		`{"Unknown":{"deep":["\u0000"]}}`: true,
	} {
		if got := hasNUL([]byte(body)); got != want {
			t.Errorf("hasNUL(%s) = %v, want %v", body, got, want)
		}
	}
	err := decode([]byte(`{"Name":"a\u0000"}`), &api.CreateAccountInput{})
	if license.KindOf(err) != license.Validation {
		t.Errorf("got %v, want a Validation", err)
	}
}
