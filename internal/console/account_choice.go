package console

import (
	"net/http"
	"net/url"

	"reeve/internal/api"
)

// accountChoice lets people of the root account choose whose users, keys and
// tokens a page is about. Nobody else is offered it, and the API refuses them.
type accountChoice struct {
	Path     string // of the page
	Account  string // that is chosen; "" for one's own
	Accounts []accountLine
	More     bool // there are more than are listed
}

// maxChosenAccounts bounds the accounts to choose from.
const maxChosenAccounts = 1000

// account is the account that a form or an address is about; nil for one's own.
func (v *visit) account() (*string, error) {
	id := v.FormValue("account")
	switch {
	case id == "" || id == v.who.Identity.Account:
		return nil, nil
	case !isAccount(id):
		return nil, refuse(http.StatusBadRequest, "%q is no account: accounts have 12 digits.", clipped(id))
	}
	return &id, nil
}

// accountChoice is the choice for a page.
func (v *visit) accountChoice(path string, chosen *string) (accountChoice, error) {
	c := accountChoice{Path: path, Account: told(chosen)}
	if !v.who.Identity.Root {
		return c, nil
	}
	var out api.ListAccountsOutput
	err := v.call("ListAccounts", &api.ListAccountsInput{MaxResults: new(int64(maxChosenAccounts))}, &out)
	if _, _, refused := refusalOf(err); refused { // who may not list accounts stays in their own
		return c, nil
	}
	for i := range out.Accounts {
		c.Accounts = append(c.Accounts, v.accountLine(&out.Accounts[i]))
	}
	c.More = out.NextToken != nil
	return c, err
}

// inAccount is an address with the account that it is about.
func inAccount(path string, account *string) string {
	if account == nil {
		return path
	}
	return withQuery(path, url.Values{"account": {*account}})
}

// accountValues are the parameters that links of a page keep.
func accountValues(account *string) url.Values {
	if account == nil {
		return url.Values{}
	}
	return url.Values{"account": {*account}}
}
