package console

import (
	"net/http"
	"net/url"

	"reeve/internal/api"
)

// softwarePage is what is installed on the machines of the account.
type softwarePage struct {
	Unmatched bool
	Rows      []softwareRow
	Pages     pages
}

type softwareRow struct {
	Name, Publisher, Product string
	Machines                 int64
	Matched                  bool
	Find, Count              string // addresses: of the machines, and to count it
}

func (c *console) softwareList(v *visit) error {
	body := softwarePage{Unmatched: v.FormValue("unmatched") != ""}
	list := v.paged(v.URL.Path, v.kept("unmatched"))
	in := &api.ListSoftwareInput{MaxResults: new(int64(softwareRows)), NextToken: list.token()}
	if body.Unmatched {
		in.Unmatched = &body.Unmatched
	}
	var out api.ListSoftwareOutput
	if err := v.call("ListSoftware", in, &out); err != nil {
		return err
	}
	for i := range out.Software {
		body.Rows = append(body.Rows, softwareRowOf(&out.Software[i]))
	}
	body.Pages = list.pages(out.NextToken)
	return v.show(http.StatusOK, "software", "Installed software", body)
}

func softwareRowOf(s *api.Software) softwareRow {
	row := softwareRow{Name: clipped(told(s.Name)), Publisher: clipped(told(s.Publisher)), Machines: told(s.Machines), Matched: told(s.Matched)}
	row.Product = productName(s.ProductPublisher, s.Product, s.Edition, s.Version)
	row.Find = withQuery(inventoryPath, searchValues([]condition{{Field: "application_name", Operator: "EQUALS", Value: told(s.Name)}}))
	row.Count = Home + "configurations/new?" + url.Values{"application": {told(s.Name)}, "publisher": {told(s.Publisher)}}.Encode()
	return row
}
