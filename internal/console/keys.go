package console

import (
	"net/http"

	"reeve/internal/api"
)

const keysPath = settingsPath + "/keys"

// keysPage is the page of the access keys of an account itself.
type keysPage struct {
	Choice accountChoice
	Keys   keyTable
}

// keyTable is the access keys of a user, or of an account itself. The template
// "access-keys" shows it.
type keyTable struct {
	User    string // "" for the account itself
	Account string // "" for one's own
	Keys    []keyLine
}

type keyLine struct {
	ID            string
	Active        bool
	Created, Used stamp
}

// keysOf is the address of a user's keys, or with nil of those of the account
// itself.
func keysOf(user, account *string) string {
	if user == nil {
		return inAccount(keysPath, account)
	}
	return userPath(*user, account)
}

func (c *console) keys(v *visit) error {
	account, err := v.account()
	if err != nil {
		return err
	}
	if user := v.given("user"); user != nil {
		v.redirect(userPath(*user, account))
		return nil
	}
	var body keysPage
	if body.Choice, err = v.accountChoice(keysPath, account); err != nil {
		return err
	}
	if body.Keys, err = v.keyTable(nil, account); err != nil {
		return err
	}
	return v.show(http.StatusOK, "keys", "Access keys", body)
}

func (v *visit) keyTable(user, account *string) (t keyTable, err error) {
	t = keyTable{User: told(user), Account: told(account)}
	var out api.ListAccessKeysOutput
	err = v.call("ListAccessKeys", &api.ListAccessKeysInput{UserName: user, AccountId: account}, &out)
	for _, k := range out.AccessKeyMetadata {
		t.Keys = append(t.Keys, keyLine{told(k.AccessKeyId), told(k.Status) == "Active", v.since(k.CreationTime), v.since(k.LastUsedTime)})
	}
	return t, err
}

// issued is what is shown once: a secret, and what it belongs to.
type issued struct {
	Text  string
	Facts []fact
	Back  string
}

type fact struct{ Name, Value string }

func (c *console) createKey(v *visit) error {
	account, err := v.account()
	if err != nil {
		return err
	}
	user := v.given("user")
	return v.issueKey(user, account, keysOf(user, account))
}

// issueKey makes an access key, of the account itself where no user is named, and
// shows it this once.
func (v *visit) issueKey(user, account *string, back string) error {
	var out api.CreateAccessKeyOutput
	if err := v.call("CreateAccessKey", &api.CreateAccessKeyInput{UserName: user, AccountId: account}, &out); err != nil {
		return err
	}
	text := "The secret is shown this once. Keep it where only its user can read it."
	if user == nil {
		text = "The secret is shown this once. Whoever has this key may do everything in account " + told(out.AccountId) + "."
	}
	return v.show(http.StatusOK, "issued", "New access key", issued{
		Text: text, Facts: []fact{{"Access key ID", told(out.AccessKeyId)}, {"Secret access key", told(out.SecretAccessKey)}}, Back: back,
	})
}

// switchKey lets an access key work, or no longer.
func (c *console) switchKey(v *visit) error {
	account, err := v.account()
	if err != nil {
		return err
	}
	id, status, user := v.PathValue("id"), v.PostFormValue("status"), v.given("user")
	in := &api.UpdateAccessKeyInput{AccessKeyId: &id, Status: &status, UserName: user, AccountId: account}
	if err := v.call("UpdateAccessKey", in, &api.UpdateAccessKeyOutput{}); err != nil {
		return err
	}
	if status == "Active" {
		return v.done(keysOf(user, account), "Access key %s works again.", id)
	}
	return v.done(keysOf(user, account), "Access key %s no longer works. What is signed in with it is signed out.", id)
}

func (c *console) confirmDeleteKey(v *visit) error {
	account, err := v.account()
	if err != nil {
		return err
	}
	user := v.given("user")
	return v.confirm("Delete access key "+clipped(v.PathValue("id")), confirmation{
		Text:   "Access key " + clipped(v.PathValue("id")) + " stops working within seconds, for ever. Whatever program still uses it fails.",
		Button: "Delete the key", Fields: map[string]string{"user": told(user), "account": told(account)}, Back: keysOf(user, account),
	})
}

func (c *console) deleteKey(v *visit) error {
	account, err := v.account()
	if err != nil {
		return err
	}
	id, user := v.PathValue("id"), v.given("user")
	if err := v.call("DeleteAccessKey", &api.DeleteAccessKeyInput{AccessKeyId: &id, UserName: user, AccountId: account}, &api.DeleteAccessKeyOutput{}); err != nil {
		return err
	}
	return v.done(keysOf(user, account), "Access key %s is deleted.", id)
}
