package iam

import (
	"strconv"
	"time"
)

// Keys are the condition keys that every request of a caller has, whatever it
// asks for, by their names in lower case.
func (who *Identity) Keys(from Origin, region string, now time.Time) map[string][]string {
	kind := "Account"
	principal := who.Principal
	switch who.Holder.Type {
	case OfUser:
		kind = "User"
	case OfRole:
		kind, principal = "AssumedRole", who.Holder.ARN()
	}
	keys := map[string][]string{
		"aws:principalarn":     {principal},
		"aws:principalaccount": {who.Account},
		"aws:principaltype":    {kind},
		"aws:userid":           {who.ID},
	}
	if who.Holder.Type == OfUser {
		keys["aws:username"] = []string{who.Holder.Name}
	}
	who.sessionKeys(keys)
	from.AddKeys(keys, region, now)
	return keys
}

// AddKeys adds the condition keys that a request has without a caller.
func (from Origin) AddKeys(keys map[string][]string, region string, now time.Time) {
	keys["aws:securetransport"] = []string{strconv.FormatBool(from.Secure)}
	keys["aws:currenttime"] = []string{now.UTC().Format(time.RFC3339)}
	keys["aws:epochtime"] = []string{strconv.FormatInt(now.Unix(), 10)}
	keys["aws:viaawsservice"], keys["aws:principalisawsservice"] = []string{"false"}, []string{"false"}
	if from.UserAgent != "" {
		keys["aws:useragent"] = []string{from.UserAgent}
	}
	if from.SourceIP != "" {
		keys["aws:sourceip"] = []string{from.SourceIP}
	}
	if region != "" {
		keys["aws:requestedregion"] = []string{region}
	}
}
