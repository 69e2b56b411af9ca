package console

// bodies says what the template of each page is given as its Body, for show and
// for the test that holds the templates against it. A new template has a line
// here.
var bodies = map[string]any{
	"configurations":       configurationsBody{},
	"configuration":        &configurationBody{},
	"configuration-form":   configurationForm{},
	"configuration-delete": deletion{},
	"failures":             failuresBody{},
	"error":                trouble{},
	"overview":             &overviewBody{},
	"settings":             identity{},
	"keys":                 keysPage{},
	"agents":               agentsPage{},
	"issued":               issued{},
	"confirm":              confirmation{},
	"sign-in":              signInForm{},
	"sign-in-role":         roleChoice{},
	"sign-in-no-role":      noRole{},
	"signed-out":           signedOut{},
	"what-if":              new(whatIfPage),

	"compare":   &comparePage{},
	"explain":   &explainPage{},
	"inventory": &inventoryPage{},
	"machine":   &machinePage{},
	"software":  softwarePage{},
	"source":    sourcePage{},
	"sources":   sourcesPage{},

	"accounts": accountsPage{},
	"holder":   holderPage{},
	"users":    usersPage{},
	"service":  servicePage{},
}
