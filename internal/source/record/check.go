package record

import (
	"fmt"
	"strings"

	"reeve/internal/api"
)

// fault is an error that says what is wrong with one record.
type fault string

func (f fault) Error() string { return string(f) }

// Check applies the constraints that the server will apply to r, so that what
// it would refuse is named with its line. The error names the first member at
// fault.
func Check(r *api.Resource) error {
	request := api.PutResourcesInput{Resources: []api.Resource{*r}}
	found := request.Validate()
	if len(found) == 0 {
		return nil
	}
	member := memberName(found[0].Path)
	if found[0].Value == "null" {
		return fault(member + " is missing")
	}
	return fault(fmt.Sprintf("%s is %s: %s", member, found[0].Value, found[0].Constraint))
}

// memberName writes the path of a violation as documents spell it:
// resources.1.member.applications.3.member.name is Applications.3.Name.
func memberName(path string) string {
	path = strings.TrimPrefix(path, "resources.1.member.")
	var parts []string
	for part := range strings.SplitSeq(strings.ReplaceAll(path, ".member", ""), ".") {
		parts = append(parts, strings.ToUpper(part[:1])+part[1:])
	}
	return strings.Join(parts, ".")
}
