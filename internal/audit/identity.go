package audit

import (
	"regexp"
	"strings"

	"reeve/internal/iam"
)

// IdentityOf is a proven caller as CloudTrail tells it. An assumed role names
// the role that the session is of.
func IdentityOf(who *iam.Identity, accessKeyID string) Identity {
	id := Identity{PrincipalID: who.ID, ARN: who.Principal, Account: who.Account, AccessKeyID: accessKeyID, Issued: who.Issued}
	switch who.Holder.Type {
	case iam.OfUser:
		id.Type, id.UserName = "IAMUser", who.Holder.Name
	case iam.OfRole:
		id.Type = "AssumedRole"
		if who.Terms != nil {
			id.Source = who.Terms.Source
		}
		role, _, _ := strings.Cut(who.ID, ":")
		id.Issuer = &Issuer{PrincipalID: role, ARN: who.Holder.ARN(), Account: who.Account, UserName: who.Holder.Name}
	default:
		id.Type = "Root"
		if id.PrincipalID == "" {
			id.PrincipalID = who.Account
		}
	}
	return id
}

// credential finds the key and the region that a request claims to be signed
// with. A secret that was put there by mistake is longer.
var credential = regexp.MustCompile(`Credential=(\w{4,32})/[0-9]{8}/([a-z0-9-]{1,32})/`)

// Claimed is what the Authorization header of a request says of a signer of
// whom nothing is proven.
func Claimed(authorization string) (accessKeyID, region string) {
	if found := credential.FindStringSubmatch(authorization[:min(len(authorization), 512)]); found != nil {
		return found[1], found[2]
	}
	return "", ""
}
