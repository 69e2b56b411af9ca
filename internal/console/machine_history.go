package console

import (
	"net/url"

	"reeve/internal/api"
)

// changesShown bounds the changes of one version that a page lists.
const changesShown = 8

// machineVersion is what one report changed.
type machineVersion struct {
	Number   int64
	Time     stamp
	First    bool
	Facts    []change
	Programs []change
	More     int64 // changes that are not listed
	Effects  []effect
}

// change is a value that was another before; "" where there was none.
type change struct{ Title, From, To string }

// effect is what a report did to a ledger.
type effect struct {
	Name, Path, Explain string
	From, To            int64
}

// versions asks for the page of the history that the address names.
func (p *machinePage) versions(v *visit) (paging, *api.ListResourceVersionsInput) {
	list := v.pagedPart(machinePath, url.Values{"arn": {p.ARN}}, "history", "history")
	return list, &api.ListResourceVersionsInput{ResourceArn: &p.ARN, MaxResults: new(int64(versionRows)), NextToken: list.token()}
}

func (p *machinePage) history(v *visit) error {
	list, in := p.versions(v)
	var out api.ListResourceVersionsOutput
	if err := v.call("ListResourceVersions", in, &out); err != nil {
		return err
	}
	for i := range out.Versions {
		p.History = append(p.History, v.version(p.ARN, &out.Versions[i]))
	}
	p.HistoryPages = list.pages(out.NextToken)
	return nil
}

func (v *visit) version(resource string, r *api.ResourceVersion) machineVersion {
	m := machineVersion{Number: told(r.Version), Time: v.when(r.Time), First: told(r.Version) == 1}
	if !m.First { // of the first, everything is new, and stands above as facts
		m.Facts, m.More = factChanges(r.Changes)
		m.Programs = programChanges(r.SoftwareChanges)
	}
	m.More += told(r.SoftwareChangeCount) - int64(len(m.Programs))
	for _, e := range r.Effects {
		arn := told(e.LicenseConfigurationArn)
		query := url.Values{"resource": {resource}, "at": {told(e.RevisionTime)}}
		m.Effects = append(m.Effects, effect{
			Name: clipped(told(e.LicenseConfigurationName)), Path: v.configurationPath(arn) + "?" + url.Values{"at": {told(e.RevisionTime)}}.Encode(),
			Explain: v.configurationPath(arn) + "/explain?" + query.Encode(), From: told(e.FromConsumedLicenses), To: told(e.ToConsumedLicenses),
		})
	}
	return m
}

func factChanges(list []api.ResourceFactChange) (changes []change, more int64) {
	for _, c := range list[:min(len(list), changesShown)] {
		changes = append(changes, change{factTitle(told(c.Name)), clipped(factValue(told(c.Name), told(c.From))), clipped(factValue(told(c.Name), told(c.To)))})
	}
	return changes, int64(len(list) - len(changes))
}

func programChanges(list []api.ResourceSoftwareChange) []change {
	var changes []change
	for _, c := range list[:min(len(list), changesShown)] {
		changes = append(changes, change{clipped(told(c.Name)), programVersion(c.FromVersion), programVersion(c.ToVersion)})
	}
	return changes
}

// programVersion is a version of an installed program; "" where it is not
// installed.
func programVersion(version *string) string {
	switch {
	case version == nil:
		return ""
	case *version == "":
		return "installed"
	}
	return clipped(*version)
}
