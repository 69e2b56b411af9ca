package console

// route is one page or one form's target.
type route struct {
	pattern string // as http.ServeMux has it
	handle  func(v *visit) error
	open    bool // also for people who are not signed in
}

// routes is the table of everything below Home.
func (c *console) routes() []route {
	return []route{
		{"GET " + signInPath, c.signInPage, true},
		{"POST " + signInPath, c.signIn, true},
		{"GET " + ssoPath, c.beginSSO, true},
		{"GET " + callbackPath, c.finishSSO, true},
		{"POST " + rolePath, c.chooseRole, true},
		{"POST /console/sign-out", c.signOut, false},
		{"POST /console/region", c.chooseRegion, false},
		{"POST /console/theme", c.chooseTheme, false},

		{"GET /console/{$}", c.overview, false},
		{"GET " + whatIfPath, c.whatIf, false},

		{"GET /console/", c.nothingHere, false},
	}
}
