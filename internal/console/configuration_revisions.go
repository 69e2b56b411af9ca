package console

import (
	"github.com/go-json-experiment/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"reeve/internal/api"
)

// Bounds of the list of revisions.
const (
	revisionRows    = 20 // of one page
	revisionChanges = 6  // resources that are named of each
)

// revisionsTab is who changed what, and when, the newest first.
type revisionsTab struct {
	Rows  []revisionRow
	Pages pages
	later // revisions may be of very many machines
}

type revisionRow struct {
	Number          int64
	At, Recorded    stamp
	Loaded          bool // as history: it was recorded later than it took effect
	Who, Principal  string
	What            string // in words
	Hash            string
	From, To, Delta int64
	Terms           []termRow
	Changes         []changeRow
	More            bool
	Here            string // this page as of then
}

type termRow struct{ Name, From, To string }

type changeRow struct {
	Link       *resourceLink // nil for a resource that is gone
	Kind, Text string
}

func (v *configurationView) revisionsTab() (*revisionsTab, error) {
	t := &revisionsTab{}
	t.later = v.after(func() error { return t.list(v) })
	return t, nil
}

func (v *configurationView) revisionsInput(rows int64) *api.ListRevisionsInput {
	return &api.ListRevisionsInput{
		LicenseConfigurationArn: &v.arn, To: &v.asOf, MaxResults: &rows, MaxChanges: new(int64(revisionChanges)), NextToken: v.tabPaging("revisions").token(),
	}
}

func (t *revisionsTab) list(v *configurationView) error {
	var out api.ListRevisionsOutput
	if err := v.call("ListRevisions", v.revisionsInput(revisionRows), &out); err != nil {
		return err
	}
	t.Pages = v.tabPaging("revisions").pages(out.NextToken)
	var links []*resourceLink
	for i := range out.Revisions {
		row := v.revisionRow(&out.Revisions[i])
		t.Rows = append(t.Rows, row)
		for _, c := range row.Changes {
			links = append(links, c.Link)
		}
	}
	return v.nameLinks(links...)
}

func (v *configurationView) revisionRow(r *api.Revision) revisionRow {
	row := revisionRow{
		Number: told(r.Number), At: v.when(r.Time), Recorded: v.when(r.RecordedTime), Who: personName(told(r.Caller)), Principal: told(r.Caller),
		What: causeWords(told(r.Cause)), Hash: told(r.Hash), From: told(r.PreviousConsumedLicenses), To: told(r.ConsumedLicenses),
		More: told(r.ChangesTruncated), Here: v.configurationPath(v.arn) + "?" + url.Values{"at": {told(r.Time)}}.Encode(),
	}
	row.Delta, row.Loaded = row.To-row.From, told(r.Time) != told(r.RecordedTime)
	for _, t := range r.TermChanges {
		row.Terms = append(row.Terms, v.termRow(&t))
	}
	row.Changes = changeRows(r.Changes)
	if n := associationWords(r); n != "" {
		row.What += ": " + n
	}
	return row
}

// associationWords say how many resources came and went.
func associationWords(r *api.Revision) string {
	switch n := told(r.AssociationCount) - told(r.PreviousAssociationCount); {
	case n > 0:
		return counted(n, "resource more", "resources more")
	case n < 0:
		return counted(-n, "resource fewer", "resources fewer")
	}
	if n := told(r.UsageOpened) + told(r.UsageClosed); n > 0 {
		return counted(n, "resource changed", "resources changed")
	}
	return ""
}

// causes are the operations and jobs that make revisions, for people.
var causes = map[string]string{
	"CreateLicenseConfiguration":             "Created",
	"UpdateLicenseConfiguration":             "Changed the terms",
	"DeleteLicenseConfiguration":             "Deleted",
	"UpdateLicenseSpecificationsForResource": "Changed an association",
	"PutResources":                           "Reported machines",
	"DeleteResources":                        "Removed machines",
	"DiscoverResources":                      "Discovered machines",
	"ExcludeResource":                        "Excluded a machine",
	"IncludeResource":                        "Included a machine again",
	"TagResource":                            "Changed the tags",
	"UntagResource":                          "Removed tags",
	"RunSource":                              "Read a source",
	"AgentReport":                            "An agent reported",
	"EndExclusion":                           "An exclusion ended",
	"ReleaseHeldLicense":                     "Released a licence that was held on a host",
	"SealHistory":                            "Sealed the history that was loaded",
}

// causeWords says what an operation does; one that is not known is told in its
// own name, word by word.
func causeWords(cause string) string {
	if words, ok := causes[cause]; ok {
		return words
	}
	var b strings.Builder
	for i, r := range cause {
		if i > 0 && r >= 'A' && r <= 'Z' && !strings.HasSuffix(b.String(), " ") {
			b.WriteByte(' ')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// termNames are the terms, for people.
var termNames = map[string]string{
	"LicenseCountingType": "What is counted", "LicenseCount": "Licences bought", "LicenseCountHardLimit": "Hard limit", "LicenseRules": "Licence rules",
	"DisassociateWhenNotFound": "Release what is not found", "ProductInformationList": "Discovery rules", "LicenseExpiry": "Expires",
}

func (v *visit) termRow(t *api.TermChange) termRow {
	row := termRow{Name: told(t.Name), From: v.termText(told(t.Name), t.From), To: v.termText(told(t.Name), t.To)}
	if name, ok := termNames[row.Name]; ok {
		row.Name = name
	}
	return row
}

// termText is the value of a term for people; "" where it was not set.
func (v *visit) termText(name string, text *string) string {
	if text == nil {
		return ""
	}
	switch name {
	case "LicenseCount":
		if n, err := strconv.ParseInt(*text, 10, 64); err == nil {
			return grouped(n)
		}
	case "LicenseCountHardLimit", "DisassociateWhenNotFound":
		return map[string]string{"true": "yes", "false": "no"}[*text]
	case "LicenseExpiry":
		if n, err := strconv.ParseInt(*text, 10, 64); err == nil {
			return time.Unix(n, 0).In(v.zone).Format("2 Jan 2006")
		}
	case "LicenseRules":
		return strings.Join(ruleWords(strings.Split(*text, "\n")), "; ")
	case "ProductInformationList":
		return productWords(*text)
	}
	return *text
}

// productWords tells discovery rules from their text in words.
func productWords(text string) string {
	var rules []api.DiscoveryRule
	if json.Unmarshal([]byte(text), &rules) != nil {
		return text
	}
	words := make([]string, len(rules))
	for i := range rules {
		words[i] = discoveryWords(&rules[i])
	}
	return strings.Join(words, "\n")
}

// changeRows tells what a revision changed of each resource: one row for both
// its usage and its association.
func changeRows(changes []api.RevisionChange) (rows []changeRow) {
	at := map[string]int{}
	for i := range changes {
		ch := &changes[i]
		arn, text := told(ch.ResourceArn), changeText(ch)
		if text == "" {
			continue
		}
		if n, ok := at[arn]; ok && arn != "" {
			rows[n].Text += ", " + text
			continue
		}
		at[arn] = len(rows)
		rows = append(rows, changeRow{linkGiven(ch.ResourceArn), kindName(told(ch.ResourceType)), text})
	}
	return rows
}

// changeText says what happened; "" where it goes without saying.
func changeText(ch *api.RevisionChange) string {
	if told(ch.Kind) == "usage" {
		return usageText(ch)
	}
	switch told(ch.Change) {
	case "added":
		if told(ch.Unlicensed) {
			return "associated without a licence"
		}
		return "associated " + origins[told(ch.Origin)]
	case "removed":
		return "no longer associated"
	}
	if told(ch.Unlicensed) {
		return "goes without a licence"
	}
	return ""
}

func usageText(ch *api.RevisionChange) string {
	from, to := told(ch.FromConsumedLicenses), told(ch.ToConsumedLicenses)
	switch {
	case from == to:
		return "is " + told(ch.ToStatus)
	case from == 0:
		return "uses " + grouped(to)
	case to == 0:
		return "uses none, " + grouped(from) + " before"
	}
	return "uses " + grouped(to) + ", " + grouped(from) + " before"
}
