package license

import (
	"slices"
	"strings"
)

// statuses lists the states of each type that Reeve knows: those in which a
// resource holds its licences, those in which it holds none, and those in
// which it is gone and its associations end. RDS has many more states; all
// others of it hold.
var statuses = map[ResourceType]struct{ holds, idle, gone []string }{
	EC2Instance: {
		// A licence is taken when a launch begins and is held until the
		// machine has stopped: what is still running still uses it.
		holds: []string{"running", "pending", "stopping", "shutting-down"},
		idle:  []string{"stopped"},
		gone:  []string{"terminated"},
	},
	EC2Host: {
		holds: []string{"available", "pending", "under-assessment", "permanent-failure"},
		gone:  []string{"released", "released-permanent-failure"},
	},
	EC2AMI: {
		idle: []string{"available", "pending", "transient", "failed", "disabled", "invalid", "error"},
		gone: []string{"deregistered"},
	},
	RDS: {
		holds: []string{"available"},
		idle:  []string{"stopped"},
		gone:  []string{"deleted"},
	},
	ManagedInstance: {
		holds: []string{"Online", connectionLost},
		idle:  []string{inactive},
		gone:  []string{"deregistered"},
	},
}

// The states of a managed instance whose report is overdue, and of one that
// was not seen for long.
const (
	connectionLost = "ConnectionLost"
	inactive       = "Inactive"
)

// deleted is the status that DeleteResources gives to any type.
const deleted = "deleted"

// GoneStatuses are the states in which a resource is no longer in the
// inventory, whatever its type.
var GoneStatuses = []string{"terminated", "released", "released-permanent-failure", "deregistered", deleted}

// Gone reports whether the resource has left the inventory.
func (f *Facts) Gone() bool { return slices.Contains(GoneStatuses, f.Status) }

// firstStatus is what a resource is taken to be when its first report does
// not say.
func firstStatus(t ResourceType) string {
	if known := statuses[t]; len(known.holds) > 0 {
		return known.holds[0]
	}
	return statuses[t].idle[0]
}

// canonicalStatus returns a status in its own spelling, or a refusal that
// names the states of the type.
func canonicalStatus(t ResourceType, status string) (string, error) {
	known := statuses[t]
	all := slices.Concat(known.holds, known.idle, known.gone, []string{deleted})
	for _, s := range all {
		if strings.EqualFold(s, status) {
			return s, nil
		}
	}
	if t == RDS && len(status) >= 1 && len(status) <= 64 && onlyBytes(status, isLowerDigit, "-") {
		return status, nil
	}
	return "", refuse(InvalidParameter, "Invalid status %q for a resource of type %s. Expected one of %s.", clip(status), t, strings.Join(all, ", "))
}

// holdsLicences reports whether a resource in its state consumes;
// stoppedToo is the rule includedStoppedInstances.
func holdsLicences(t ResourceType, f *Facts, stoppedToo bool) bool {
	switch {
	case f.Gone() || t == EC2AMI:
		return false
	case f.Status == "stopped":
		return stoppedToo
	}
	return !slices.Contains(statuses[t].idle, f.Status)
}
