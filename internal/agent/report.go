package agent

import (
	"reeve/internal/api"
	"reeve/internal/license"
)

// operation is what revisions name as their cause.
const operation = "AgentReport"

// reportOf is a machine as the rules take it. A whole inventory without
// programs says that there are none, which the rules do not believe of an
// agent; a partial one says nothing of them.
func reportOf(m *api.Resource, instance string, partial bool) license.Report {
	r := license.Report{
		FromAgent: true, Instance: instance,
		ARN: *m.ResourceArn, Type: license.ManagedInstance, Status: m.Status, Name: m.Name,
		Platform: m.Platform, PlatformType: m.PlatformType, PlatformVersion: m.PlatformVersion,
		VCPUs: m.VCpus, Cores: m.Cores, ThreadsPerCore: m.ThreadsPerCore, Sockets: m.Sockets, Virtual: m.Virtual,
	}
	if partial && len(m.Applications) == 0 {
		return r
	}
	r.Applications = make([]license.Application, len(m.Applications))
	for i, a := range m.Applications {
		r.Applications[i] = license.Application{Name: text(a.Name), Publisher: text(a.Publisher), Version: text(a.Version)}
	}
	return r
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// Memory that a message takes, roughly and rather more than less, in bytes.
const (
	leastCost = 256 << 10 // of a connection with its buffers and a usual report
	perByte   = 8         // of a body, with what it is parsed into
	perText   = 64
)

// cost is what a message may take before it is known; a length of -1 is not
// told.
func cost(length int64) int64 {
	if length < 0 || length > MaxBody {
		length = MaxBody
	}
	return max(leastCost, perByte*length)
}

// weight is what a report takes.
func weight(r *license.Report) int64 {
	n := int64(64 << 10)
	for _, a := range r.Applications {
		n += int64(len(a.Name)+len(a.Publisher)+len(a.Version)) + 3*perText
	}
	return 2 * n // the rules make the text of it that is stored
}
