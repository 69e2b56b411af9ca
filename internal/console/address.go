package console

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// configurationID is how addresses name a configuration: by its ID, or by the
// account that owns it and its ID.
var configurationID = regexp.MustCompile(`^(?:([0-9]{12}):)?(lic-[0-9a-f]{32})$`)

// configurationARN is the ARN of the configuration that {id} of the address
// names: one of the caller's own account, unless it says which (ACCOUNT:lic-…),
// in the region that the person is signed in to.
func (v *visit) configurationARN() (string, error) {
	parts := configurationID.FindStringSubmatch(v.PathValue("id"))
	if parts == nil {
		return "", refuse(http.StatusNotFound, "There is no licence configuration with this address. Configurations are named lic-… and 32 digits.")
	}
	account := parts[1]
	if account == "" {
		account = v.who.Identity.Account
	}
	return "arn:aws:license-manager:" + v.who.Region + ":" + account + ":license-configuration:" + parts[2], nil
}

// configurationPath is the address of a configuration's page, by its ARN.
func (v *visit) configurationPath(arn string) string {
	parts := strings.Split(arn, ":")
	if len(parts) != 7 {
		return Home + "configurations"
	}
	id := url.PathEscape(parts[6])
	if parts[4] != v.who.Identity.Account {
		id = parts[4] + ":" + id
	}
	return Home + "configurations/" + id
}

// resourcePath is the address of a resource's page, by its ARN.
func resourcePath(arn string) string {
	return withQuery(machinePath, url.Values{"arn": {arn}})
}
