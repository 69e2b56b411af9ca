package license

import (
	"cmp"
	"slices"
	"strings"
)

// Bounds of what a report may say.
const (
	maxFactText     = 1024
	maxSearchText   = 512       // of what inventory searches look up: an index entry has to hold it
	maxFactNumber   = 1_000_000 // vCPUs, cores, threads or sockets of one resource
	maxFactList     = 100
	maxApplications = 5000
)

// parsedReport is a checked report with its ARN taken apart.
type parsedReport struct {
	Report
	name     ResourceARN
	instance string // ARN of the EC2 instance that Instance names, or ""

	system, systemVersion *string // of an EC2 instance, as its agent names them
}

// parseReports checks reports on their own, before anything is locked. The
// refusal names the resource.
func parseReports(reports []Report) ([]parsedReport, error) {
	if len(reports) == 0 || len(reports) > MaxReports {
		return nil, refuse(InvalidParameter, "Resources has %d entries, expected 1 to %d.", len(reports), MaxReports)
	}
	parsed := make([]parsedReport, len(reports))
	seen := make(map[string]bool, len(reports))
	for i, r := range reports {
		name, err := ParseResourceARN(r.ARN)
		if err != nil {
			return nil, err
		}
		if seen[r.ARN] {
			return nil, refuse(InvalidParameter, "%s is reported more than once in this request.", clip(r.ARN))
		}
		seen[r.ARN] = true
		parsed[i] = parsedReport{Report: r, name: name}
		if err := parsed[i].check(); err != nil {
			return nil, &Error{InvalidParameter, clip(r.ARN) + ": " + err.Error()}
		}
	}
	return parsed, nil
}

func (r *parsedReport) check() error {
	if r.Type != "" && r.Type != r.name.Type {
		return refuse(InvalidParameter, "ResourceType %s does not fit the ARN, which is of type %s.", clip(string(r.Type)), r.name.Type)
	}
	if r.Instance != "" && !(strings.HasPrefix(r.Instance, "i-") && validID(r.Instance)) {
		return refuse(InvalidParameter, "Invalid Instance %q. Expected i-….", clip(r.Instance))
	}
	if err := r.checkTexts(); err != nil {
		return err
	}
	for _, n := range []struct {
		name  string
		value *int64
	}{{"VCpus", r.VCPUs}, {"Cores", r.Cores}, {"ThreadsPerCore", r.ThreadsPerCore}, {"Sockets", r.Sockets}} {
		if n.value != nil && (*n.value < 0 || *n.value > maxFactNumber) {
			return refuse(InvalidParameter, "Invalid %s %d. Expected a number from 0 to %d.", n.name, *n.value, maxFactNumber)
		}
	}
	if r.Status != nil && *r.Status != "" {
		if _, err := canonicalStatus(r.name.Type, *r.Status); err != nil {
			return err
		}
	}
	if r.Tenancy != nil && *r.Tenancy != "" {
		if _, err := canonicalTenancy(*r.Tenancy); err != nil {
			return err
		}
	}
	if r.Host != nil && *r.Host != "" {
		if _, err := r.hostARN("000000000000"); err != nil {
			return err
		}
	}
	return r.checkApplications()
}

func (r *parsedReport) checkTexts() error {
	for _, t := range []struct {
		name  string
		value *string
	}{{"Platform", r.Platform}, {"PlatformType", r.PlatformType}, {"PlatformVersion", r.PlatformVersion}, {"InstanceType", r.InstanceType},
		{"AmiId", r.AMI}, {"UsageOperation", r.UsageOperation}, {"EngineEdition", r.EngineEdition}, {"Name", r.Name}} {
		if t.value != nil {
			if err := checkText(t.name, *t.value, 0, maxFactText); err != nil {
				return err
			}
		}
	}
	if r.AMI != nil && *r.AMI != "" && !(strings.HasPrefix(*r.AMI, "ami-") && validID(*r.AMI)) {
		return refuse(InvalidParameter, "Invalid AmiId %q. Expected ami-….", clip(*r.AMI))
	}
	for _, list := range [][]string{r.ProductCodes, r.LicenseIncluded, r.LicensePacks} {
		if len(list) > maxFactList {
			return refuse(InvalidParameter, "A list has %d entries, at most %d are allowed.", len(list), maxFactList)
		}
		for _, s := range list {
			if err := checkText("list entry", s, 1, maxSearchText); err != nil {
				return err
			}
		}
	}
	return r.checkTags()
}

// checkTags bounds a resource's tags. EC2 has tags of its own that begin with
// aws:, so these are facts here.
func (r *parsedReport) checkTags() error {
	seen := map[string]bool{}
	for _, t := range r.Tags {
		if err := checkText("tag key", t.Key, 1, maxTagKey); err != nil {
			return err
		}
		if err := checkText("tag value", t.Value, 0, maxTagValue); err != nil {
			return err
		}
		if seen[t.Key] {
			return refuse(InvalidParameter, "Tag key %q is given more than once.", clip(t.Key))
		}
		seen[t.Key] = true
	}
	if len(r.Tags) > maxFactList {
		return refuse(InvalidParameter, "%d tags are too many, at most %d are allowed.", len(r.Tags), maxFactList)
	}
	return nil
}

func (r *parsedReport) checkApplications() error {
	if len(r.Applications) > maxApplications {
		return refuse(InvalidParameter, "%d applications are too many, at most %d are allowed.", len(r.Applications), maxApplications)
	}
	for _, a := range r.Applications {
		if err := checkText("application name", a.Name, 1, maxSearchText); err != nil {
			return err
		}
		if err := checkText("application publisher", a.Publisher, 0, maxFactText); err != nil {
			return err
		}
		if err := checkText("application version", a.Version, 0, maxFactText); err != nil {
			return err
		}
	}
	return nil
}

// canonicalTenancy takes the rule's spelling and EC2's own (default,
// dedicated, host).
func canonicalTenancy(s string) (string, error) {
	spellings := map[string]string{
		"default": TenancyDefault, "dedicated": TenancyInstance, "host": TenancyHost,
		TenancyDefault: TenancyDefault, TenancyInstance: TenancyInstance, TenancyHost: TenancyHost,
	}
	if t, ok := spellings[s]; ok {
		return t, nil
	}
	return "", refuse(InvalidParameter, "Invalid Tenancy %q. Expected %s, %s or %s.", clip(s), TenancyDefault, TenancyHost, TenancyInstance)
}

// hostARN names the host of a resource: given as an ARN, or as the ID of a
// dedicated host or managed instance beside it.
func (r *parsedReport) hostARN(account string) (string, error) {
	id := *r.Host
	if r.name.Account != "" {
		account = r.name.Account
	}
	var arn string
	switch {
	case strings.HasPrefix(id, "arn:"):
		arn = id
	case strings.HasPrefix(id, "h-"):
		arn = "arn:" + r.partition() + ":ec2:" + r.name.Region + ":" + account + ":dedicated-host/" + id
	case strings.HasPrefix(id, "mi-"):
		arn = "arn:" + r.partition() + ":ssm:" + r.name.Region + ":" + account + ":managed-instance/" + id
	}
	name, err := ParseResourceARN(arn)
	if err != nil || name.Type != EC2Host && name.Type != ManagedInstance || arn == r.ARN {
		return "", refuse(InvalidParameter, "Invalid HostId %q. Expected h-… or mi-…, or the ARN of a dedicated host or managed instance.", clip(id))
	}
	return arn, nil
}

func (r *parsedReport) partition() string {
	parts := strings.SplitN(r.ARN, ":", 3)
	return parts[1]
}

// merge returns what is known after the report: what it leaves out stays. The
// applications are kept apart, see mergeSoftware.
func (r *parsedReport) merge(f Facts, account string) Facts {
	set(&f.Platform, r.Platform)
	set(&f.PlatformType, r.PlatformType)
	set(&f.PlatformVersion, r.PlatformVersion)
	set(&f.System, r.system)
	set(&f.SystemVersion, r.systemVersion)
	set(&f.InstanceType, r.InstanceType)
	set(&f.AMI, r.AMI)
	set(&f.VCPUs, r.VCPUs)
	set(&f.Cores, r.Cores)
	set(&f.ThreadsPerCore, r.ThreadsPerCore)
	set(&f.Sockets, r.Sockets)
	set(&f.UsageOperation, r.UsageOperation)
	set(&f.EngineEdition, r.EngineEdition)
	set(&f.Name, r.Name)
	setList(&f.ProductCodes, r.ProductCodes)
	setList(&f.LicenseIncluded, r.LicenseIncluded)
	setList(&f.LicensePacks, r.LicensePacks)
	if r.Tags != nil {
		f.Tags = slices.Clone(r.Tags)
		sortTags(f.Tags)
	}
	if r.Virtual != nil {
		f.Virtual = r.Virtual
	}
	r.mergePlacement(&f, account)
	return f
}

// mergePlacement sets what has a canonical spelling; check has refused what
// has none.
func (r *parsedReport) mergePlacement(f *Facts, account string) {
	if r.Status != nil && *r.Status != "" {
		f.Status, _ = canonicalStatus(r.name.Type, *r.Status)
	} else if f.Status == "" || f.Status == inactive || f.Status == connectionLost || f.Gone() {
		f.Status = firstStatus(r.name.Type) // new, or heard from again
	}
	if r.Tenancy != nil {
		f.Tenancy = ""
		if *r.Tenancy != "" {
			f.Tenancy, _ = canonicalTenancy(*r.Tenancy)
		}
	}
	if r.Host != nil {
		f.Host = ""
		if *r.Host != "" {
			f.Host, _ = r.hostARN(account)
		}
	}
}

func setList(dst *[]string, src []string) {
	if src != nil {
		*dst = slices.Clone(src)
	}
}

// sortedApplications returns the applications in a fixed order without
// repeats, so that the same software always compares equal.
func sortedApplications(apps []Application) []Application {
	sorted := slices.Clone(apps)
	slices.SortFunc(sorted, func(a, b Application) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Publisher, b.Publisher), cmp.Compare(a.Version, b.Version))
	})
	return slices.Compact(sorted)
}
