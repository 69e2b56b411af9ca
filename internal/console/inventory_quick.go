package console

import (
	"net/http"
	"regexp"
	"strings"

	"reeve/internal/api"
)

// quickWords say what the one search box took its text for.
var quickWords = map[string]string{
	"id":          "Taken for the ID of a resource.",
	"account":     "Taken for an account.",
	"name":        "Taken for a name, which is the tag Name.",
	"application": "Taken for the beginning of an installed program's name.",
	"platform":    "Taken for a part of the platform.",
}

var twelveDigits = regexp.MustCompile(`^[0-9]{12}$`)

// quickSearch finds what a person means who typed into the one search box: it
// goes to the machine of an ARN, or to the first search that finds something,
// whose address may be shared.
func (v *visit) quickSearch() (done bool, err error) {
	text := strings.TrimSpace(v.FormValue("q"))
	if text == "" {
		return false, nil
	}
	if strings.HasPrefix(text, "arn:") {
		v.redirect(resourcePath(text))
		return true, nil
	}
	for _, try := range quickTries(text) {
		found, err := v.finds(try.condition)
		if err != nil && !refused(err, "Invalid") {
			return true, err
		}
		if found {
			search := searchValues([]condition{try.condition})
			search.Set("as", try.as)
			v.redirect(withQuery(inventoryPath, search))
			return true, nil
		}
	}
	return true, v.show(http.StatusOK, "inventory", "Inventory", inventoryPage{Quick: clippedTo(text, longest), Searched: true, Fields: inventoryFields, Operators: inventoryOperators,
		Conditions: []condition{{Operator: "EQUALS"}}, Said: "No ID, name, installed program or platform here is like this."})
}

// quickTry is one meaning that a text may have.
type quickTry struct {
	as string
	condition
}

func quickTries(text string) []quickTry {
	tries := []quickTry{
		{"id", condition{Field: "resource_id", Operator: "EQUALS", Value: text}},
		{"name", condition{Field: "tag", Tag: "Name", Operator: "EQUALS", Value: text}},
		{"application", condition{Field: "application_name", Operator: "BEGINS_WITH", Value: text}},
		{"platform", condition{Field: "platform", Operator: "CONTAINS", Value: text}},
	}
	if twelveDigits.MatchString(text) {
		tries = append([]quickTry{{"account", condition{Field: "account_id", Operator: "EQUALS", Value: text}}}, tries...)
	}
	return tries
}

// finds reports whether a search finds something, or has not looked at
// everything yet.
func (v *visit) finds(c condition) (bool, error) {
	var out api.ListResourceInventoryOutput
	err := v.call("ListResourceInventory", &api.ListResourceInventoryInput{MaxResults: new(int64(1)), Filters: filtersOf([]condition{c})}, &out)
	return len(out.ResourceInventoryList) > 0 || out.NextToken != nil, err
}
