package console

import (
	"net/http"

	"reeve/internal/api"
)

const accountsPath = settingsPath + "/accounts"

// accountsPage is a page of the deployment's accounts, for callers of the root
// account.
type accountsPage struct {
	Sent     form // the new account, where it was refused
	Accounts []accountLine
	Pages    pages
}

type accountLine struct {
	ID, Name  string
	Root, Own bool
	Created   stamp
}

func (v *visit) accountLine(a *api.Account) accountLine {
	return accountLine{told(a.AccountId), told(a.Name), told(a.Root), told(a.AccountId) == v.who.Identity.Account, v.since(a.CreationTime)}
}

func (c *console) accounts(v *visit) error { return v.showAccounts(http.StatusOK, form{}) }

func (v *visit) showAccounts(status int, sent form) error {
	list := v.paged(accountsPath, nil)
	var out api.ListAccountsOutput
	if err := v.call("ListAccounts", &api.ListAccountsInput{MaxResults: new(int64(100)), NextToken: list.token()}, &out); err != nil {
		return err
	}
	body := accountsPage{Sent: sent, Pages: list.pages(out.NextToken)}
	for i := range out.Accounts {
		body.Accounts = append(body.Accounts, v.accountLine(&out.Accounts[i]))
	}
	return v.show(status, "accounts", "Accounts", body)
}

func (c *console) createAccount(v *visit) error {
	f := v.sent()
	f.need("name", "Enter a name: what people call the account.")
	if id := f.text("account"); id != "" && !isAccount(id) {
		f.blame("account", "An account's number has 12 digits. Leave it empty for a free one.")
	}
	if len(f.Flaws) > 0 {
		return v.showAccounts(http.StatusBadRequest, f)
	}
	var out api.CreateAccountOutput
	if err := v.call("CreateAccount", &api.CreateAccountInput{Name: f.given("name"), AccountId: f.given("account")}, &out); err != nil {
		return v.again(err, f, []member{{"name", "name"}, {"account", "account"}}, v.showAccounts)
	}
	return v.done(accountsPath, "Account %s is there. Create its first access key to hand it over.", told(out.AccountId))
}

// createAccountKey makes a key of another account's root user, with which that
// account begins.
func (c *console) createAccountKey(v *visit) error {
	return v.issueKey(nil, new(v.PathValue("id")), accountsPath)
}
