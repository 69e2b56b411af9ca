package policy

import "embed"

//go:embed managed/*.json
var managedFiles embed.FS

// ManagedPolicy is a policy to start from, as the program brings it along.
type ManagedPolicy struct {
	Name        string
	Description string
	Text        []byte // an identity-based policy
}

// managed lists the policies from the least to the most that they allow.
var managed = []ManagedPolicy{
	{Name: "Agent", Description: "Reports resources, and nothing else: for programs that run on every machine."},
	{Name: "ReadOnly", Description: "Sees configurations, usage, inventory and sources, and changes nothing."},
	{Name: "Auditor", Description: "Sees all that ReadOnly sees, explains and verifies usage, and reads evidence and the audit trail."},
	{Name: "Operator", Description: "Works with configurations, associations, resources and sources; administers no accounts, users or credentials."},
	{Name: "Admin", Description: "Does everything in its account."},
}

// Managed lists the policies that the program brings along, from the least to
// the most that they allow.
func Managed() []ManagedPolicy {
	list := make([]ManagedPolicy, len(managed))
	for i, m := range managed {
		m.Text, _ = managedFiles.ReadFile("managed/" + m.Name + ".json")
		list[i] = m
	}
	return list
}
