package console

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"reeve/internal/api"
)

const tabRows = 50 // of one page of a tab

// associationsTab is which resources were associated at the moment.
type associationsTab struct {
	Rows  []associationRow
	Pages pages
}

type associationRow struct {
	resourceCell
	Origin     string
	Unlicensed bool
	Since      stamp
}

// origins say where an association comes from.
var origins = map[string]string{
	"request": "by request", "ami": "from its image", "discovery": "by discovery", "affinity": "kept on its host",
}

func (v *configurationView) associationsTab() (*associationsTab, error) {
	list, in := v.tabPaging("associations"), v.associationsInput(tabRows)
	var out api.ListAssociationsOutput
	if err := v.call("ListAssociations", in, &out); err != nil {
		return nil, err
	}
	t := &associationsTab{Pages: list.pages(out.NextToken)}
	t.Rows = make([]associationRow, len(out.Associations))
	links := make([]*resourceLink, len(t.Rows))
	for i := range out.Associations {
		a := &out.Associations[i]
		t.Rows[i] = associationRow{v.resourceCell(a.ResourceArn, a.ResourceType, a.ResourceOwnerId), origins[told(a.Origin)], told(a.Unlicensed), v.when(a.AssociationTime)}
		links[i] = t.Rows[i].resourceLink
	}
	return t, v.nameLinks(links...)
}

func (v *configurationView) associationsInput(rows int64) *api.ListAssociationsInput {
	return &api.ListAssociationsInput{LicenseConfigurationArn: &v.arn, AsOf: givenText(v.asOf), MaxResults: &rows, NextToken: v.tabPaging("associations").token()}
}

// tabPaging pages the list of a tab.
func (v *configurationView) tabPaging(tab string) paging {
	if tab == "failures" { // which are of no moment
		return v.pagedPart(v.URL.Path, v.tabKept(tab), "token", "list")
	}
	return v.paging(v.tabKept(tab))
}

func (v *configurationView) tabKept(tab string) url.Values {
	q := cloned(v.query)
	q.Set("tab", tab)
	return q
}

// explainPath is where a resource's count is explained, at the page's moment.
func (v *configurationView) explainPath(arn string) string {
	q := url.Values{"resource": {arn}}
	if v.at != nil {
		q.Set("at", v.URL.Query().Get("at"))
	}
	return v.configurationPath(v.arn) + "/explain?" + q.Encode()
}

// resourceCell is a resource in a row of a list.
type resourceCell struct {
	*resourceLink
	Kind, Owner string
	Explain     string // address
}

func (v *configurationView) resourceCell(arn, kind, owner *string) resourceCell {
	return resourceCell{linkTo(told(arn)), kindName(told(kind)), told(owner), v.explainPath(told(arn))}
}

// discoveryTab is how machines were found, and which were kept out.
type discoveryTab struct {
	Rules        []string // in words
	Disassociate bool
	Excluded     []exclusionRow
	Cut          bool // there are more exclusions than are listed
}

type exclusionRow struct {
	*resourceLink
	Reason, Owner, By string
	Since, Until      stamp
}

// maxExclusions bounds the exclusions that a page looks through.
const maxExclusions = 1000

func (v *configurationView) discoveryTab() (*discoveryTab, error) {
	t := &discoveryTab{Disassociate: told(v.out.Terms.DisassociateWhenNotFound)}
	for _, r := range v.out.Terms.ProductInformationList {
		t.Rules = append(t.Rules, discoveryWords(&r))
	}
	if v.out.DeletionTime != nil || v.owner != "" {
		return t, nil // the API lists exclusions of what exists, to its owner
	}
	var out api.ListExclusionsOutput
	if err := v.call("ListExclusions", v.exclusionsInput(maxExclusions), &out); err != nil {
		return nil, err
	}
	t.Cut = out.NextToken != nil
	var links []*resourceLink
	for i := range out.Exclusions {
		if e := &out.Exclusions[i]; v.held(e) {
			row := exclusionRow{
				resourceLink: linkTo(told(e.ResourceArn)), Reason: told(e.Reason), Owner: told(e.Owner),
				By: personName(told(e.CreatedBy)), Since: v.visit.at(clockTime(e.CreationTime)), Until: v.when(e.Until),
			}
			t.Excluded, links = append(t.Excluded, row), append(links, row.resourceLink)
		}
	}
	return t, v.nameLinks(links...)
}

func (v *configurationView) exclusionsInput(rows int64) *api.ListExclusionsInput {
	return &api.ListExclusionsInput{LicenseConfigurationArn: &v.arn, All: new(v.at != nil), MaxResults: &rows}
}

// held reports whether an exclusion held at the page's moment.
func (v *configurationView) held(e *api.Exclusion) bool {
	if v.at == nil {
		return true // only those are listed
	}
	ended := clockTime(e.EndTime)
	return !clockTime(e.CreationTime).After(*v.at) && (ended.IsZero() || ended.After(*v.at))
}

// failuresTab is what could not be done. The API keeps it while it lasts, so it
// is always of the present.
type failuresTab struct {
	Past  bool
	Rows  []failureRow
	Pages pages
}

type failureRow struct {
	resourceCell
	Message, Plain, Operation, By string
	Time                          stamp
}

func (v *configurationView) failuresTab() (*failuresTab, error) {
	t := &failuresTab{Past: v.at != nil}
	if v.out.DeletionTime != nil {
		return t, nil
	}
	list, in := v.tabPaging("failures"), v.failuresInput(tabRows)
	var out api.ListFailuresForLicenseConfigurationOperationsOutput
	if err := v.call("ListFailuresForLicenseConfigurationOperations", in, &out); err != nil {
		return nil, err
	}
	t.Rows = make([]failureRow, len(out.LicenseOperationFailureList))
	links := make([]*resourceLink, len(t.Rows))
	for i := range t.Rows {
		t.Rows[i] = v.failureRow(&out.LicenseOperationFailureList[i])
		links[i] = t.Rows[i].resourceLink
	}
	t.Pages = list.pages(out.NextToken)
	return t, v.nameLinks(links...)
}

func (v *configurationView) failuresInput(rows int64) *api.ListFailuresForLicenseConfigurationOperationsInput {
	return &api.ListFailuresForLicenseConfigurationOperationsInput{LicenseConfigurationArn: &v.arn, MaxResults: &rows, NextToken: v.tabPaging("failures").token()}
}

func (v *configurationView) failureRow(f *api.LicenseOperationFailure) failureRow {
	return failureRow{
		v.resourceCell(f.ResourceArn, f.ResourceType, f.ResourceOwnerId), told(f.ErrorMessage), plainMessage(told(f.ErrorMessage), v.arn, "this configuration"),
		causeWords(told(f.OperationName)), personName(told(f.OperationRequestedBy)), v.visit.at(clockTime(f.FailureTime)),
	}
}

// ruleWords are licence rules, which have the form #name=value, for people.
func ruleWords(rules []string) (words []string) {
	for _, r := range rules {
		name, value, _ := strings.Cut(strings.TrimPrefix(r, "#"), "=")
		words = append(words, ruleWord(name, value))
	}
	return words
}

func ruleWord(name, value string) string {
	switch name {
	case "allowedTenancy":
		return "only on " + strings.Join(tenancyWords(value), " or ")
	case "licenseAffinityToHost":
		days, _ := strconv.ParseInt(value, 10, 64)
		return "a released licence stays on its host for " + counted(days, "day", "days")
	case "honorVcpuOptimization":
		if strings.EqualFold(value, "true") {
			return "counts the vCPUs that are switched on"
		}
		return "counts all vCPUs of the size"
	case "includedStoppedInstances":
		if strings.EqualFold(value, "true") {
			return "stopped machines count too"
		}
		return "stopped machines do not count"
	}
	for _, f := range sizeRuleFields {
		if f.rule == name {
			return fmt.Sprintf(f.words, value)
		}
	}
	return "#" + name + "=" + value
}

func tenancyWords(value string) (words []string) {
	for _, t := range strings.Split(value, ",") {
		word := t
		for _, known := range tenancies {
			if known.Value == t {
				word = known.Text
			}
		}
		words = append(words, word)
	}
	return words
}
