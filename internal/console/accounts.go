package console

import (
	"net/http"
	"net/url"

	"reeve/internal/api"
)

const accountsPath = settingsPath + "/accounts"

// accountsPage is a page of the deployment's accounts, for callers of the root
// account.
type accountsPage struct {
	Accounts []accountLine
	Next     string // address of the next page; "" for none
}

type accountLine struct {
	ID, Name string
	Root     bool
	Created  stamp
}

func (c *console) accounts(v *visit) error {
	var out api.ListAccountsOutput
	if err := v.call("ListAccounts", &api.ListAccountsInput{MaxResults: new(int64(100)), NextToken: v.given("from")}, &out); err != nil {
		return err
	}
	var body accountsPage
	if out.NextToken != nil {
		body.Next = accountsPath + "?" + url.Values{"from": {*out.NextToken}}.Encode()
	}
	for _, a := range out.Accounts {
		body.Accounts = append(body.Accounts, accountLine{told(a.AccountId), told(a.Name), a.Root != nil && *a.Root, v.since(a.CreationTime)})
	}
	return v.show(http.StatusOK, "accounts", "Accounts", body)
}

func (c *console) createAccount(v *visit) error {
	var out api.CreateAccountOutput
	if err := v.call("CreateAccount", &api.CreateAccountInput{Name: v.given("name"), AccountId: v.given("account")}, &out); err != nil {
		return err
	}
	return v.done(accountsPath, "Account %s is there. Create its first access key to hand it over.", told(out.AccountId))
}

// createAccountKey makes a key of another account's root user, with which that
// account begins.
func (c *console) createAccountKey(v *visit) error {
	id := v.PathValue("id")
	var out api.CreateAccessKeyOutput
	if err := v.call("CreateAccessKey", &api.CreateAccessKeyInput{AccountId: &id}, &out); err != nil {
		return err
	}
	return v.show(http.StatusOK, "issued", "New access key", issued{
		Text:  "The secret is shown this once. Whoever has this key may do everything in account " + clipped(id) + ".",
		Facts: []fact{{"Access key ID", told(out.AccessKeyId)}, {"Secret access key", told(out.SecretAccessKey)}},
		Back:  accountsPath,
	})
}
