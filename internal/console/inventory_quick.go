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

// search finds a text after the page's head, for the inventory may be long to look
// through. A token and policies may be refused, so where there is one, or they do
// not allow it, the first part is looked through before.
func (p *inventoryPage) search(v *visit, text string) error {
	list := v.paged(inventoryPath, url.Values{"q": {text}})
	in := &api.FindResourcesInput{Text: &text, MaxResults: new(int64(inventoryRows)), NextToken: list.token()}
	if in.NextToken != nil || !v.allows("FindResources", in) {
		if err := p.look(v, list, in); err != nil || in.NextToken == nil || len(p.Rows) > 0 {
			return err
		}
		p.later = v.after(func() error { return p.find(v, list, in) })
		return nil
	}
	p.later = v.after(func() error {
		if err := p.findID(v, text); err != nil {
			return err
		}
		if err := p.find(v, list, in); err != nil {
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

// find adds a page of what has the text in its name, ID, ARN, host, image, size,
// platform or tags.
func (p *inventoryPage) find(v *visit, list paging, in *api.FindResourcesInput) error {
	for range findPages {
		if err := p.look(v, list, in); err != nil || in.NextToken == nil || len(p.Rows) > 0 {
			return err
		}
	}
	return nil
}

// look looks through as much as one call does, and moves in on behind it. What is
// listed by its ID is not listed again.
func (p *inventoryPage) look(v *visit, list paging, in *api.FindResourcesInput) error {
	known := map[string]bool{}
	for _, row := range p.Rows {
		known[row.ARN] = true
	}
	var out api.FindResourcesOutput
	if err := v.call("FindResources", in, &out); err != nil {
		return err
	}
	for i := range out.Resources {
		if row := foundRow(&out.Resources[i]); !known[row.ARN] {
			p.Rows = append(p.Rows, row)
		}
	}
	p.Pages, in.NextToken = list.pages(out.NextToken), out.NextToken
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
