package console

import "slices"

// route is one page or one form's target.
type route struct {
	pattern string // as http.ServeMux has it
	handle  func(v *visit) error
	open    bool // also for people who are not signed in
}

// routes is the table of everything below Home.
func (c *console) routes() []route {
	return slices.Concat(c.personRoutes(), c.settingsRoutes(), c.holderRoutes(usersPath), c.holderRoutes(rolesPath), c.licenceRoutes())
}

// personRoutes are about who is here: sign-in, the bar at the top.
func (c *console) personRoutes() []route {
	return []route{
		{"GET " + signInPath, c.signInPage, true},
		{"POST " + signInPath, c.signIn, true},
		{"GET " + ssoPath, c.beginSSO, true},
		{"GET " + callbackPath, c.finishSSO, true},
		{"POST " + rolePath, c.chooseRole, true},
		{"POST /console/sign-out", c.signOut, false},
		{"POST /console/region", c.chooseRegion, false},
		{"POST /console/theme", c.chooseTheme, false},
	}
}

// settingsRoutes are who may do what, and how.
func (c *console) settingsRoutes() []route {
	return []route{
		{"GET " + settingsPath, c.settings, false},
		{"POST " + settingsPath + "/zone", c.chooseZone, false},
		{"GET " + settingsPath + "/sessions/{id}/end", c.confirmEndSession, false},
		{"POST " + settingsPath + "/sessions/{id}/end", c.endSession, false},
		{"GET " + keysPath, c.keys, false},
		{"POST " + keysPath, c.createKey, false},
		{"POST " + keysPath + "/{id}/status", c.switchKey, false},
		{"GET " + keysPath + "/{id}/delete", c.confirmDeleteKey, false},
		{"POST " + keysPath + "/{id}/delete", c.deleteKey, false},
		{"GET " + agentsPath, c.agents, false},
		{"POST " + agentsPath, c.createAgentToken, false},
		{"GET " + agentsPath + "/{id}/revoke", c.confirmRevokeAgent, false},
		{"POST " + agentsPath + "/{id}/revoke", c.revokeAgent, false},
		{"GET " + accountsPath, c.accounts, false},
		{"POST " + accountsPath, c.createAccount, false},
		{"POST " + accountsPath + "/{id}/keys", c.createAccountKey, false},
		{"GET " + servicePath, c.service, false},
		{"POST " + servicePath, c.changeService, false},
		{"GET " + usersPath, c.users, false},
		{"POST " + usersPath, c.createUser, false},
	}
}

// holderRoutes are the page of a user or role, with what its forms ask for.
func (c *console) holderRoutes(path string) []route {
	path += "/{name}"
	return []route{
		{"GET " + path, c.holder, false},
		{"POST " + path + "/attach", c.attachPolicy, false},
		{"POST " + path + "/detach", c.detachPolicy, false},
		{"POST " + path + "/policies", c.putPolicy, false},
		{"GET " + path + "/policies/delete", c.confirmDeletePolicy, false},
		{"POST " + path + "/policies/delete", c.deletePolicy, false},
	}
}

// licenceRoutes are the pages about licences and machines.
func (c *console) licenceRoutes() []route {
	return []route{
		{"GET /console/{$}", c.overview, false},
		{"GET /console/configurations", c.configurations, false},
		{"POST /console/configurations", c.createConfiguration, false},
		{"GET /console/configurations/new", c.newConfiguration, false},
		{"GET " + failuresPath, c.failures, false},
		{"GET /console/configurations/{id}", c.configuration, false},
		{"GET /console/configurations/{id}/usage.csv", c.exportCSV, false},
		{"GET /console/configurations/{id}/usage.xlsx", c.exportXLSX, false},
		{"GET /console/configurations/{id}/edit", c.editConfiguration, false},
		{"POST /console/configurations/{id}/edit", c.updateConfiguration, false},
		{"GET /console/configurations/{id}/delete", c.deletePage, false},
		{"POST /console/configurations/{id}/delete", c.deleteConfiguration, false},
		{"GET " + whatIfPath, c.whatIf, false},

		{"GET /console/configurations/{id}/explain", c.explainPage, false},
		{"GET /console/configurations/{id}/compare", c.compare, false},
		{"GET /console/configurations/{id}/compare/csv", c.compareSheet, false},

		{"GET " + inventoryPath, c.inventory, false},
		{"GET /console/inventory/csv", c.inventorySheet, false},
		{"GET " + machinePath, c.machine, false},
		{"POST /console/inventory/exclude", c.exclude, false},
		{"POST /console/inventory/include", c.include, false},
		{"GET /console/inventory/software", c.softwareList, false},

		{"GET /console/sources", c.sources, false},
		{"GET /console/sources/{name}", c.sourceDetails, false},
		{"POST /console/sources/{name}/{action}", c.sourceAction, false},

		{"GET /console/", c.nothingHere, false},
	}
}
