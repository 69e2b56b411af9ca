package console

import (
	"net/http"
	"net/url"
	"strings"

	"reeve/internal/api"
)

// Bounds of a search.
const (
	findPages     = 20 // of resources, that are looked through before the person is asked to go on
	softwarePages = 5  // of 1000 programs, that are looked through
	foundPrograms = 8  // that are listed
)

// quickSearch answers the one search box: it goes to the machine of an ARN, and
// finds every other text in whatever people know a machine by, and in the names
// of installed programs.
func (v *visit) quickSearch(text string) error {
	if strings.HasPrefix(text, "arn:") {
		v.redirect(resourcePath(text))
		return nil
	}
	text = clippedTo(text, longest)
	p := newInventoryPage()
	p.Quick, p.Searched = text, true
	if err := p.search(v, text); err != nil {
		return err
	}
	return v.show(http.StatusOK, "inventory", "Inventory: "+text, p)
}

// search finds a text. A search that begins is read after the page's head, for
// the inventory may be long to look through: that the person may search it is
// asked before.
func (p *inventoryPage) search(v *visit, text string) error {
	if v.URL.Query().Has("page") {
		return p.find(v, text)
	}
	var none api.FindResourcesOutput
	if err := v.call("FindResources", &api.FindResourcesInput{ResourceArns: []string{text}}, &none); err != nil {
		return err
	}
	if err := p.findID(v, text); err != nil {
		return err
	}
	p.later = v.after(func() error {
		if err := p.find(v, text); err != nil {
			return err
		}
		return p.findPrograms(v, text)
	})
	return nil
}

// findID finds the resources with this very ID, wherever they are in the inventory.
func (p *inventoryPage) findID(v *visit, id string) error {
	var out api.ListResourceInventoryOutput
	err := v.call("ListResourceInventory", &api.ListResourceInventoryInput{
		MaxResults: new(int64(inventoryRows)), Filters: filtersOf([]condition{{Field: "resource_id", Operator: "EQUALS", Value: id}}),
	}, &out)
	if _, _, refused := refusalOf(err); refused {
		return nil // the text is no ID, or the person may not list everything
	}
	if err != nil {
		return err
	}
	return p.add(v, out.ResourceInventoryList)
}

// find adds a page of what has the text in its name, ID, ARN, host, image,
// size, platform or tags. Whose ID was found is not looked for so far.
func (p *inventoryPage) find(v *visit, text string) error {
	list := v.paged(inventoryPath, url.Values{"q": {text}})
	in := &api.FindResourcesInput{Text: &text, MaxResults: new(int64(inventoryRows)), NextToken: list.token()}
	known := map[string]bool{}
	for _, row := range p.Rows {
		known[row.ARN] = true
	}
	for range findPages {
		var out api.FindResourcesOutput
		if err := v.call("FindResources", in, &out); err != nil {
			return err
		}
		for i := range out.Resources {
			if row := foundRow(&out.Resources[i]); !known[row.ARN] {
				p.Rows = append(p.Rows, row)
			}
		}
		p.Pages = list.pages(out.NextToken)
		if in.NextToken = out.NextToken; in.NextToken == nil || len(p.Rows) > 0 {
			break
		}
	}
	return nil
}

func foundRow(r *api.ResourceSummary) machineRow {
	row := machineRow{
		resourceLink: linkTo(told(r.ResourceArn)), Badge: kindName(told(r.ResourceType)), Platform: clipped(told(r.Platform)),
		Size: clipped(told(r.InstanceType)), Host: shortName(told(r.HostId)), Account: clipped(told(r.ResourceOwnerId)), Zone: clipped(told(r.Region)),
	}
	row.call(told(r.Name))
	return row
}

// findPrograms lists the most widespread programs that have the text in their
// name or publisher. Who may not see them finds none.
func (p *inventoryPage) findPrograms(v *visit, text string) error {
	text = strings.ToLower(text)
	in := &api.ListSoftwareInput{}
	for range softwarePages {
		var out api.ListSoftwareOutput
		if err := v.call("ListSoftware", in, &out); err != nil {
			if status, _, refused := refusalOf(err); refused && status == http.StatusForbidden {
				return nil
			}
			return err
		}
		for i := range out.Software {
			s := &out.Software[i]
			if !strings.Contains(strings.ToLower(told(s.Name)+"\n"+told(s.Publisher)), text) {
				continue
			}
			if p.Programs = append(p.Programs, softwareRowOf(s)); len(p.Programs) == foundPrograms {
				return nil
			}
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return nil
		}
	}
	return nil
}
