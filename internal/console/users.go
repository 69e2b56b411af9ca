package console

import (
	"net/http"

	"reeve/internal/api"
)

const (
	usersPath = settingsPath + "/users"
	rolesPath = settingsPath + "/roles"

	principalRows = 50 // of one page, of users and of roles
)

// usersPage is the page of an account's users and roles.
type usersPage struct {
	Choice               accountChoice
	Sent                 form // the new user, where it was refused
	Users, Roles         []principalLine
	UserPages, RolePages pages
}

type principalLine struct {
	Name, Path string
	Created    stamp
}

func (c *console) users(v *visit) error { return v.showUsers(http.StatusOK, form{}) }

func (v *visit) showUsers(status int, sent form) error {
	account, err := v.account()
	if err != nil {
		return err
	}
	body := usersPage{Sent: sent}
	if body.Choice, err = v.accountChoice(usersPath, account); err != nil {
		return err
	}
	if err := together(
		func() error { return body.readUsers(v, account) },
		func() error { return body.readRoles(v, account) },
	); err != nil {
		return err
	}
	return v.show(status, "users", "Users and roles", body)
}

func (p *usersPage) readUsers(v *visit, account *string) error {
	list := v.pagedPart(usersPath, accountValues(account), "users", "users")
	var out api.ListUsersOutput
	err := v.call("ListUsers", &api.ListUsersInput{AccountId: account, MaxResults: new(int64(principalRows)), NextToken: list.token()}, &out)
	for _, u := range out.Users {
		h := holder{account, ofUser, told(u.UserName)}
		p.Users = append(p.Users, principalLine{h.Name, h.path(), v.since(u.CreationTime)})
	}
	p.UserPages = list.pages(out.NextToken)
	return err
}

func (p *usersPage) readRoles(v *visit, account *string) error {
	list := v.pagedPart(usersPath, accountValues(account), "roles", "roles")
	var out api.ListRolesOutput
	err := v.call("ListRoles", &api.ListRolesInput{AccountId: account, MaxResults: new(int64(principalRows)), NextToken: list.token()}, &out)
	for _, r := range out.Roles {
		h := holder{account, ofRole, told(r.RoleName)}
		p.Roles = append(p.Roles, principalLine{h.Name, h.path(), v.since(r.CreationTime)})
	}
	p.RolePages = list.pages(out.NextToken)
	return err
}

func (c *console) createUser(v *visit) error {
	f := v.sent()
	account, err := v.account()
	if err != nil {
		return err
	}
	if f.need("name", "Enter the name of the user."); len(f.Flaws) > 0 {
		return v.showUsers(http.StatusBadRequest, f)
	}
	name := f.text("name")
	if err := v.call("CreateUser", &api.CreateUserInput{UserName: &name, AccountId: account}, &api.CreateUserOutput{}); err != nil {
		return v.again(err, f, []member{{"name", "name"}, {"user", "name"}}, v.showUsers)
	}
	return v.done(userPath(name, account), "User %s is there, and may do nothing until a policy says so.", name)
}
