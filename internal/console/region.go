package console

import (
	"net/http"
	"regexp"
	"strings"
)

// regionForm is a region as AWS writes them: us-east-1, us-gov-west-1.
var regionForm = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-[0-9]+$`)

const (
	maxRegion  = 32 // characters
	notARegion = "This is no region. Regions are written like eu-west-1."
)

func isRegion(s string) bool { return len(s) <= maxRegion && regionForm.MatchString(s) }

// regions are those that the person looked at in this session, the last first.
func (v *visit) regions() []string {
	if v.session == nil {
		return nil
	}
	return v.session.Regions
}

// chooseRegion makes another region the one that the person looks at.
func (c *console) chooseRegion(v *visit) error {
	region := strings.TrimSpace(v.PostFormValue("region"))
	if !isRegion(region) {
		v.region = field{"region", clipped(region), notARegion}
		return refuse(http.StatusBadRequest, notARegion)
	}
	if err := c.Sessions.Look(v.Context(), v.session, region); err != nil {
		return err
	}
	v.redirect(nextOf(v.PostFormValue("next")))
	return nil
}
