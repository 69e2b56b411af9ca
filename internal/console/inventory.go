package console

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"reeve/internal/api"
)

const inventoryPath = Home + "inventory"

// inventoryRows is how many resources a page has.
const inventoryRows = 50

// inventoryPage is a search of the inventory with what it found.
type inventoryPage struct {
	Quick      string
	Programs   []softwareRow // that are called like Quick
	Conditions []condition
	Fields     []searchOption
	Operators  []searchOption
	Fault      string // of the conditions
	Rows       []machineRow
	Searched   bool
	Full       bool // no more conditions are taken
	Pages      pages
	CSV        string
	later      // what a search finds in the whole inventory
}

type machineRow struct {
	*resourceLink
	Badge                               string
	Platform, Size, Host, Account, Zone string
}

func newInventoryPage() *inventoryPage {
	return &inventoryPage{Fields: inventoryFields, Operators: inventoryOperators, Conditions: []condition{{Operator: "EQUALS"}}}
}

func (c *console) inventory(v *visit) error {
	if text := strings.TrimSpace(v.FormValue("q")); text != "" {
		return v.quickSearch(text)
	}
	conditions, err := v.conditions()
	body := newInventoryPage()
	if len(conditions) > 0 {
		body.Conditions, body.Searched = conditions, true
	}
	if status, text, refused := refusalOf(err); refused {
		body.Fault = text
		return v.show(status, "inventory", "Inventory", body)
	}
	body.Full = len(conditions) >= maxConditions
	if v.FormValue("add") != "" && !body.Full && body.Searched {
		body.Conditions = append(body.Conditions, condition{Operator: "EQUALS"})
	}
	if err := body.read(v, conditions); err != nil {
		return err
	}
	return v.show(http.StatusOK, "inventory", "Inventory", body)
}

func (p *inventoryPage) read(v *visit, conditions []condition) error {
	search := searchValues(conditions)
	list := v.paged(inventoryPath, search)
	in := &api.ListResourceInventoryInput{MaxResults: new(int64(inventoryRows)), Filters: filtersOf(conditions), NextToken: list.token()}
	p.CSV = withQuery(inventoryPath+"/csv", search)
	if len(in.Filters) == 0 && in.NextToken == nil && v.allows("ListResourceInventory", in) { // nothing can be refused
		p.later = v.after(func() error {
			found, err := p.list(v, list, in)
			if err != nil {
				return err
			}
			return p.add(v, found)
		})
		return nil
	}
	found, err := p.list(v, list, in)
	p.later = v.after(func() error { return p.add(v, found) })
	return err
}

// list reads a page of the inventory.
func (p *inventoryPage) list(v *visit, list paging, in *api.ListResourceInventoryInput) ([]api.ResourceInventory, error) {
	var out api.ListResourceInventoryOutput
	err := v.call("ListResourceInventory", in, &out)
	p.Pages = list.pages(out.NextToken)
	return out.ResourceInventoryList, err
}

// add adds rows with the names of their resources.
func (p *inventoryPage) add(v *visit, found []api.ResourceInventory) error {
	links := make([]*resourceLink, len(found))
	for i := range found {
		row := rowOf(&found[i])
		p.Rows, links[i] = append(p.Rows, row), row.resourceLink
	}
	return v.nameLinks(links...)
}

func rowOf(r *api.ResourceInventory) machineRow {
	platform := strings.TrimSpace(told(r.Platform) + " " + told(r.PlatformVersion))
	return machineRow{
		resourceLink: linkTo(told(r.ResourceArn)), Badge: kindName(told(r.ResourceType)),
		Platform: clipped(platform), Size: clipped(told(r.InstanceType)), Host: shortName(told(r.HostId)),
		Account: clipped(told(r.ResourceOwningAccountId)), Zone: clipped(told(r.Region)),
	}
}

func (c *console) inventorySheet(v *visit) error {
	conditions, err := v.conditions()
	if err != nil {
		return err
	}
	header := []string{"ARN", "ID", "Type", "Platform", "Platform version", "Instance type", "Host", "Image", "Account", "Region", "Usage operation", "Product codes"}
	return v.sendSheet("inventory.csv", header, func(token *string) (rows [][]string, next *string, err error) {
		var out api.ListResourceInventoryOutput
		err = v.call("ListResourceInventory", &api.ListResourceInventoryInput{Filters: filtersOf(conditions), NextToken: token}, &out)
		for i := range out.ResourceInventoryList {
			r := &out.ResourceInventoryList[i]
			rows = append(rows, []string{told(r.ResourceArn), told(r.ResourceId), told(r.ResourceType), told(r.Platform), told(r.PlatformVersion), told(r.InstanceType), told(r.HostId),
				told(r.AmiId), told(r.ResourceOwningAccountId), told(r.Region), told(r.UsageOperation), strings.Join(r.MarketplaceProductCodes, " ")})
		}
		return rows, out.NextToken, err
	})
}

// condition is one line of the search.
type condition struct{ Field, Tag, Operator, Value string }

// searchOption is one option of a list to choose from.
type searchOption struct{ Value, Label string }

// inventoryFields and inventoryOperators are what ListResourceInventory takes.
var (
	inventoryFields = []searchOption{
		{"application_name", "Installed program"}, {"platform", "Platform"}, {"resource_id", "ID of the resource"},
		{"account_id", "Account"}, {"license_included", "Licence included"}, {"tag", "Tag"},
	}
	inventoryOperators = []searchOption{{"EQUALS", "is"}, {"NOT_EQUALS", "is not"}, {"BEGINS_WITH", "begins with"}, {"CONTAINS", "contains"}}
)

// operatorsOf lists the operators that a field takes.
var operatorsOf = map[string][]string{
	"application_name": {"EQUALS", "BEGINS_WITH"},
	"platform":         {"EQUALS", "NOT_EQUALS", "BEGINS_WITH", "CONTAINS"},
	"resource_id":      {"EQUALS", "NOT_EQUALS"},
	"account_id":       {"EQUALS", "NOT_EQUALS"},
	"license_included": {"EQUALS", "NOT_EQUALS"},
	"tag":              {"EQUALS", "NOT_EQUALS"},
}

// maxConditions is how many conditions the API takes at once.
const maxConditions = 10

// conditions reads the lines of the form; those without a value are no
// conditions, but for tags, whose value may be empty. They are there also where
// they are refused.
func (v *visit) conditions() ([]condition, error) {
	q := v.URL.Query()
	fields, operators, values, tags := q["field"], q["is"], q["value"], q["tag"]
	var list []condition
	for i, field := range fields {
		c := condition{Field: field, Operator: nth(operators, i), Value: nth(values, i), Tag: strings.TrimSpace(nth(tags, i))}
		if field != "tag" {
			c.Tag, c.Value = "", strings.TrimSpace(c.Value)
		}
		if c.Value == "" && c.Tag == "" {
			continue
		}
		list = append(list, c)
	}
	if len(list) > maxConditions {
		return list[:maxConditions], refuse(http.StatusBadRequest, "A search takes at most %d conditions.", maxConditions)
	}
	for _, c := range list {
		if err := c.check(); err != nil {
			return list, err
		}
	}
	return list, nil
}

func nth(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}

// check says in the form's words what the API would refuse in its own.
func (c *condition) check() error {
	label, operator := labelOf(inventoryFields, c.Field), labelOf(inventoryOperators, c.Operator)
	switch {
	case label == "" || operator == "":
		return refuse(http.StatusBadRequest, "The search does not know the field %q or the comparison %q.", clipped(c.Field), clipped(c.Operator))
	case c.Field == "tag" && c.Tag == "":
		return refuse(http.StatusBadRequest, "A search for a tag needs the tag's name.")
	case !slices.Contains(operatorsOf[c.Field], c.Operator):
		var known []string
		for _, o := range operatorsOf[c.Field] {
			known = append(known, fmt.Sprintf("%q", labelOf(inventoryOperators, o)))
		}
		return refuse(http.StatusBadRequest, "%s cannot be searched with %q. Choose %s.", label, operator, strings.Join(known, " or "))
	}
	return nil
}

func labelOf(list []searchOption, value string) string {
	for _, c := range list {
		if c.Value == value {
			return c.Label
		}
	}
	return ""
}

func filtersOf(list []condition) []api.InventoryFilter {
	var filters []api.InventoryFilter
	for _, c := range list {
		name := c.Field
		if name == "tag" {
			name = "tag:" + c.Tag
		}
		filters = append(filters, api.InventoryFilter{Name: &name, Condition: &c.Operator, Value: &c.Value})
	}
	return filters
}

// searchValues is a search as an address has it.
func searchValues(list []condition) url.Values {
	q := url.Values{}
	for _, c := range list {
		q.Add("field", c.Field)
		q.Add("tag", c.Tag)
		q.Add("is", c.Operator)
		q.Add("value", c.Value)
	}
	return q
}
