package console

import (
	"slices"
	"strings"
	"time"

	"reeve/internal/api"
)

// Bounds of looking for where facts come from.
const (
	originVersions = 50 // of one page of a resource's history
	originPages    = 4
	originEvents   = 20 // of the audit trail, around one report
	reportTakes    = time.Minute
)

// factOrigin is since when a fact is as it is, and who said so.
type factOrigin struct {
	Since  stamp
	Source string // "" where nothing says it
}

// reported is a resource as it was reported up to a moment.
type reported struct {
	Name    string // what its people called it then; "" where nobody said
	origins map[string]factOrigin
}

// reportedFacts are the facts that explanations name, by the names that reports
// give them.
var reportedFacts = map[string]string{
	"Status": "Status", "Host": "HostId", "Tenancy": "Tenancy", "VCpus": "VCpus", "Cores": "Cores", "Sockets": "Sockets", "ThreadsPerCore": "ThreadsPerCore",
}

// reportedAt reads the history of a resource from a moment backwards, nil for
// now: the facts of these names, and the resource's own. Who may not see it learns
// nothing.
func (v *visit) reportedAt(arn string, at *time.Time, names []string) (*reported, error) {
	r := &reported{origins: map[string]factOrigin{}}
	wanted := map[string]bool{"Name": true}
	for _, name := range names {
		wanted[name] = true
	}
	in := &api.ListResourceVersionsInput{ResourceArn: &arn, MaxResults: new(int64(originVersions))}
	for range originPages {
		var out api.ListResourceVersionsOutput
		if err := v.call("ListResourceVersions", in, &out); err != nil {
			if _, _, refused := refusalOf(err); refused {
				return r, nil
			}
			return nil, err
		}
		for i := range out.Versions {
			if version := &out.Versions[i]; at == nil || !moment(version.Time).After(*at) {
				v.noteOrigins(r, arn, version, wanted)
			}
		}
		if in.NextToken = out.NextToken; in.NextToken == nil || len(wanted) == 0 {
			break
		}
	}
	return r, nil
}

// noteOrigins takes from the wanted facts those that a version changed.
func (v *visit) noteOrigins(r *reported, arn string, version *api.ResourceVersion, wanted map[string]bool) {
	var source *string
	for _, c := range version.Changes {
		name := told(c.Name)
		if !wanted[name] {
			continue
		}
		delete(wanted, name)
		if name == "Name" {
			r.Name = clipped(told(c.To))
			continue
		}
		if source == nil {
			source = new(v.sourceOf(arn, version))
		}
		r.origins[name] = factOrigin{v.when(version.Time), *source}
	}
}

// sourceOf says who reported a version of a resource: as the ledgers have it that
// it changed, or else as the audit trail has it. It is "" where neither does.
func (v *visit) sourceOf(arn string, version *api.ResourceVersion) string {
	for _, e := range version.Effects {
		return v.reporter(told(e.Cause), told(e.Caller))
	}
	begun := moment(version.Time)
	var out api.LookupEventsOutput
	err := v.call("LookupEvents", &api.LookupEventsInput{
		ResourceArn: &arn, StartTime: new(begun.Format(time.RFC3339Nano)), EndTime: new(begun.Add(reportTakes).Format(time.RFC3339Nano)),
		ReadOnly: new(false), MaxResults: new(int64(originEvents)),
	}, &out)
	if err != nil {
		return "" // the trail may be off, or not for this person
	}
	for _, e := range slices.Backward(out.Events) {
		if name := told(e.EventName); slices.Contains(reportingCauses, name) && e.ErrorCode == nil {
			return v.reporter(name, told(e.Username))
		}
	}
	return ""
}

// reportingCauses are the operations that report machines.
var reportingCauses = []string{"AgentReport", "PutResources", "DeleteResources", "RunSource"}

// reporter is who reported, by the operation and by whom records name.
func (v *visit) reporter(cause, caller string) string {
	who := clipped(personName(caller))
	switch cause {
	case "AgentReport":
		return "inventory agent, token " + clipped(shortName(caller))
	case "RunSource":
		return v.sourceWords(strings.TrimPrefix(caller, "source/"))
	case "PutResources":
		return "import or API, by " + who
	case "DeleteResources":
		return "taken out by " + who
	}
	return causeWords(cause)
}

// sourceKinds are what the kinds of sources read, for people.
var sourceKinds = map[string]string{"aws": "AWS account", "vsphere": "vCenter", "directory": "files"}

// sourceWords names a source with its kind, which the root account alone may see.
func (v *visit) sourceWords(name string) string {
	var out api.GetSourceOutput
	if v.call("GetSource", &api.GetSourceInput{Name: &name}, &out) != nil || out.Source == nil {
		return "source " + clipped(name)
	}
	return worded(sourceKinds, told(out.Source.Kind)) + ", source " + clipped(name)
}
