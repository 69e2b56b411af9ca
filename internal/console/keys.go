package console

import (
	"net/http"
	"net/url"

	"reeve/internal/api"
)

const keysPath = settingsPath + "/keys"

// keysPage is the page of users and access keys.
type keysPage struct {
	User  string // whose keys are shown; "" for the account's own
	Users []string
	More  bool // users are left out
	Keys  []keyLine
}

type keyLine struct {
	ID            string
	Active        bool
	Created, Used stamp
}

// keysOf is the address of a user's keys.
func keysOf(user string) string {
	if user == "" {
		return keysPath
	}
	return keysPath + "?" + url.Values{"user": {user}}.Encode()
}

func (c *console) keys(v *visit) error {
	var users api.ListUsersOutput
	if err := v.call("ListUsers", &api.ListUsersInput{MaxResults: new(int64(100))}, &users); err != nil {
		return err
	}
	user := v.given("user")
	var keys api.ListAccessKeysOutput
	if err := v.call("ListAccessKeys", &api.ListAccessKeysInput{UserName: user}, &keys); err != nil {
		return err
	}
	body := keysPage{User: told(user), More: users.NextToken != nil}
	for _, u := range users.Users {
		body.Users = append(body.Users, told(u.UserName))
	}
	for _, k := range keys.AccessKeyMetadata {
		body.Keys = append(body.Keys, keyLine{told(k.AccessKeyId), told(k.Status) == "Active", v.since(k.CreationTime), v.since(k.LastUsedTime)})
	}
	return v.show(http.StatusOK, "keys", "Access keys", body)
}

func (c *console) createUser(v *visit) error {
	name := v.PostFormValue("name")
	if err := v.call("CreateUser", &api.CreateUserInput{UserName: &name}, &api.CreateUserOutput{}); err != nil {
		return err
	}
	return v.done(keysOf(name), "User %s is there, and may do nothing until a policy says so.", name)
}

// issued is what is shown once: a secret, and what it belongs to.
type issued struct {
	Text  string
	Facts []fact
	Back  string
}

type fact struct{ Name, Value string }

func (c *console) createKey(v *visit) error {
	var out api.CreateAccessKeyOutput
	if err := v.call("CreateAccessKey", &api.CreateAccessKeyInput{UserName: v.given("user")}, &out); err != nil {
		return err
	}
	return v.show(http.StatusOK, "issued", "New access key", issued{
		Text:  "The secret is shown this once. Keep it where only its user can read it.",
		Facts: []fact{{"Access key ID", told(out.AccessKeyId)}, {"Secret access key", told(out.SecretAccessKey)}},
		Back:  keysOf(v.PostFormValue("user")),
	})
}

// switchKey lets an access key work, or no longer.
func (c *console) switchKey(v *visit) error {
	id, status := v.PathValue("id"), v.PostFormValue("status")
	in := &api.UpdateAccessKeyInput{AccessKeyId: &id, Status: &status, UserName: v.given("user")}
	if err := v.call("UpdateAccessKey", in, &api.UpdateAccessKeyOutput{}); err != nil {
		return err
	}
	if status == "Active" {
		return v.done(keysOf(v.PostFormValue("user")), "Access key %s works again.", id)
	}
	return v.done(keysOf(v.PostFormValue("user")), "Access key %s no longer works. What is signed in with it is signed out.", id)
}

func (c *console) confirmDeleteKey(v *visit) error {
	user := v.FormValue("user")
	return v.confirm("Delete an access key", confirmation{
		Text:   "Access key " + clipped(v.PathValue("id")) + " stops working within seconds, for ever. Whatever program still uses it fails.",
		Button: "Delete the key", Fields: map[string]string{"user": user}, Back: keysOf(user),
	})
}

func (c *console) deleteKey(v *visit) error {
	id := v.PathValue("id")
	if err := v.call("DeleteAccessKey", &api.DeleteAccessKeyInput{AccessKeyId: &id, UserName: v.given("user")}, &api.DeleteAccessKeyOutput{}); err != nil {
		return err
	}
	return v.done(keysOf(v.PostFormValue("user")), "Access key %s is deleted.", id)
}
