package console

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"reeve/internal/api"
	"reeve/internal/awsjson"
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
	in := &api.ListAssociationsInput{LicenseConfigurationArn: &v.arn, AsOf: &v.asOf, MaxResults: new(int64(tabRows)), NextToken: v.token()}
	var out api.ListAssociationsOutput
	if err := v.call("ListAssociations", in, &out); err != nil {
		return nil, err
	}
	t := &associationsTab{Pages: v.tokenPages(out.NextToken, v.tabKept("associations"))}
	t.Rows = make([]associationRow, len(out.Associations))
	cells := make([]*resourceCell, len(t.Rows))
	for i := range out.Associations {
		a := &out.Associations[i]
		t.Rows[i] = associationRow{v.resourceCell(a.ResourceArn, a.ResourceType, a.ResourceOwnerId), origins[told(a.Origin)], told(a.Unlicensed), v.when(a.AssociationTime)}
		cells[i] = &t.Rows[i].resourceCell
	}
	return t, v.nameCells(cells)
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
	ARN, ID, Kind, Owner string
	Name                 string // what its people call it now; "" where nobody said
	Explain, Machine     string // addresses
}

func (v *configurationView) resourceCell(arn, kind, owner *string) resourceCell {
	return resourceCell{
		ARN: told(arn), ID: shortName(told(arn)), Kind: kindName(told(kind)), Owner: told(owner),
		Explain: v.explainPath(told(arn)), Machine: resourcePath(told(arn)),
	}
}

// Called is the name that a row begins with.
func (c *resourceCell) Called() string { return cmp.Or(c.Name, c.ID) }

// nameCells adds the names of the resources that the inventory has.
func (v *visit) nameCells(cells []*resourceCell) error {
	arns := make([]string, len(cells))
	for i, c := range cells {
		arns[i] = c.ARN
	}
	names, err := v.visibleNames(arns)
	for _, c := range cells {
		if name := names[c.ARN]; name != c.ID {
			c.Name = name
		}
	}
	return err
}

// visibleNames are the names of resources by their ARN, as far as the inventory
// has them. Who may not see the inventory gets none.
func (v *visit) visibleNames(arns []string) (map[string]string, error) {
	if len(arns) == 0 {
		return nil, nil
	}
	var out api.FindResourcesOutput
	err := v.call("FindResources", &api.FindResourcesInput{ResourceArns: arns}, &out)
	var fault *awsjson.Fault
	if errors.As(err, &fault) && statusOf(fault) == http.StatusForbidden {
		return nil, nil
	}
	names := map[string]string{}
	for _, r := range out.Resources {
		names[told(r.ResourceArn)] = told(r.Name)
	}
	return names, err
}

// discoveryTab is how machines were found, and which were kept out.
type discoveryTab struct {
	Rules        []string // in words
	Disassociate bool
	Excluded     []exclusionRow
	Cut          bool // there are more exclusions than are listed
	LastRun      stamp
}

type exclusionRow struct {
	Name, Machine, Reason, Owner, By string
	Since, Until                     stamp
}

// maxExclusions bounds the exclusions that a page looks through.
const maxExclusions = 1000

func (v *configurationView) discoveryTab() (*discoveryTab, error) {
	t := &discoveryTab{Disassociate: told(v.out.Terms.DisassociateWhenNotFound)}
	for _, r := range v.out.Terms.ProductInformationList {
		t.Rules = append(t.Rules, discoveryWords(&r))
	}
	if v.out.DeletionTime != nil {
		return t, nil // the API lists exclusions of what exists
	}
	var out api.ListExclusionsOutput
	in := &api.ListExclusionsInput{LicenseConfigurationArn: &v.arn, All: new(v.at != nil), MaxResults: new(int64(maxExclusions))}
	if err := v.call("ListExclusions", in, &out); err != nil {
		return nil, err
	}
	t.Cut = out.NextToken != nil
	for i := range out.Exclusions {
		if e := &out.Exclusions[i]; v.held(e) {
			row := exclusionRow{
				Name: shortName(told(e.ResourceArn)), Machine: resourcePath(told(e.ResourceArn)), Reason: told(e.Reason), Owner: told(e.Owner),
				By: personName(told(e.CreatedBy)), Since: v.visit.at(clockTime(e.CreationTime)), Until: v.when(e.Until),
			}
			t.Excluded = append(t.Excluded, row)
		}
	}
	return t, nil
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
	in := &api.ListFailuresForLicenseConfigurationOperationsInput{LicenseConfigurationArn: &v.arn, MaxResults: new(int64(tabRows)), NextToken: v.token()}
	var out api.ListFailuresForLicenseConfigurationOperationsOutput
	if err := v.call("ListFailuresForLicenseConfigurationOperations", in, &out); err != nil {
		return nil, err
	}
	t.Rows = make([]failureRow, len(out.LicenseOperationFailureList))
	cells := make([]*resourceCell, len(t.Rows))
	for i := range t.Rows {
		f := &out.LicenseOperationFailureList[i]
		t.Rows[i] = failureRow{
			v.resourceCell(f.ResourceArn, f.ResourceType, f.ResourceOwnerId), told(f.ErrorMessage), v.plain(told(f.ErrorMessage)),
			causeWords(told(f.OperationName)), personName(told(f.OperationRequestedBy)), v.visit.at(clockTime(f.FailureTime)),
		}
		cells[i] = &t.Rows[i].resourceCell
	}
	t.Pages = v.tokenPages(out.NextToken, v.tabKept("failures"))
	if v.at == nil { // failures are of no moment, so their pages are of none
		t.Pages.Next, t.Pages.Previous = withoutMoment(t.Pages.Next), withoutMoment(t.Pages.Previous)
	}
	return t, v.nameCells(cells)
}

var arnInText = regexp.MustCompile(`arn:aws[a-z-]*:[^\s,;]*[^\s,;.:]`)

// plain is a message with names in the place of ARNs.
func (v *configurationView) plain(message string) string {
	message = strings.ReplaceAll(message, v.arn, "this configuration")
	return arnInText.ReplaceAllStringFunc(message, shortName)
}

// withoutMoment takes the moment out of an address.
func withoutMoment(href string) string {
	u, err := url.Parse(href)
	if err != nil || href == "" {
		return href
	}
	q := u.Query()
	q.Del("at")
	u.RawQuery = q.Encode()
	return u.String()
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
