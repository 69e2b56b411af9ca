package chaos_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"

	"reeve/internal/api"
	"reeve/internal/server"
)

// lively are the operations that make or show usage: they come more often.
var lively = []string{
	"PutResources", "UpdateLicenseSpecificationsForResource", "ListUsageForLicenseConfiguration",
	"ListAssociationsForLicenseConfiguration", "ListFailuresForLicenseConfigurationOperations", "ExplainUsage", "CompareUsage",
}

// randomRequest writes a request for any operation, with members as its model
// has them and values that are somebody's: see victim.real for the words.
func randomRequest(dice *rand.Rand) (target, body string) {
	table := server.Operations()
	for {
		row := table[dice.IntN(len(table))]
		if quiet := !slices.Contains(lively, row.Name); quiet && dice.IntN(3) > 0 {
			continue
		}
		if row.Reason != "" && dice.IntN(40) > 0 || strings.HasPrefix(row.Name, "Delete") && dice.IntN(20) > 0 {
			continue // what is not there yet says the same each time; what is gone says little
		}
		if strings.Contains(row.Name, "Organization") && dice.IntN(10) > 0 {
			continue // who is in no organization is told the same each time
		}
		i := slices.IndexFunc(api.Operations, func(o api.Operation) bool { return o.Service == row.Service && o.Name == row.Name })
		w := &requestWriter{dice: dice, operation: row.Name}
		in := w.structure(reflect.TypeOf(api.Operations[i].NewInput()).Elem(), 0)
		text, err := json.Marshal(in)
		if err != nil {
			panic(err) // maps, lists and scalars can be written
		}
		return row.Service + "." + row.Name, string(text)
	}
}

// requestWriter fills the members of one request.
type requestWriter struct {
	dice      *rand.Rand
	operation string
}

// structure fills most members of a structure, or some: the more there are,
// the likelier is one that spoils the request.
func (w *requestWriter) structure(t reflect.Type, depth int) map[string]any {
	members := map[string]any{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if w.dice.IntN(30) == 0 || w.unwanted(name) {
			continue
		}
		if v := w.value(t.Name(), name, t.Field(i).Type, depth); v != nil {
			members[name] = v
		}
	}
	return members
}

// unwanted tells members to leave out: always those that would let pages come
// out differently for two accounts that have the same, since some lists are in
// the order of random numbers, and mostly those that are easily wrong.
func (w *requestWriter) unwanted(member string) bool {
	switch member {
	case "MaxResults":
		return w.operation == "ListLicenseSpecificationsForResource" || w.operation == "VerifyLedgers"
	case "NextToken", "ProductInformationList", "LicenseRules", "StepSeconds", "DryRun", "RemoveLicenseSpecifications":
		return w.dice.IntN(6) > 0
	case "Filters", "LicenseConfigurationArns", "AmiId", "HostId", "LicenseConfigurationStatus":
		return w.dice.IntN(2) > 0
	}
	return false
}

// value is a value for a member, nil for none.
func (w *requestWriter) value(structure, member string, t reflect.Type, depth int) any {
	switch t.Kind() {
	case reflect.Pointer:
		return w.value(structure, member, t.Elem(), depth)
	case reflect.String:
		if v := w.text(structure, member); v != "" {
			return v
		}
	case reflect.Bool:
		return w.dice.IntN(2) == 0
	case reflect.Int64, reflect.Int32:
		return 1 + w.dice.IntN(4)
	case reflect.Slice:
		if v := w.list(structure, member, t.Elem(), depth); len(v) > 0 {
			return v
		}
	case reflect.Struct:
		if depth < 4 {
			return w.structure(t, depth+1)
		}
	}
	return nil
}

func (w *requestWriter) list(structure, member string, t reflect.Type, depth int) (list []any) {
	for range 1 + w.dice.IntN(4)/3 { // one, seldom two
		if v := w.value(structure, member, t, depth); v != nil {
			list = append(list, v)
		}
	}
	return list
}

// texts are what members of a name are filled with. A name that means another
// thing in some structure or operation is listed with that.
var texts = map[string][]string{
	"LicenseConfigurationArn":         {"{own0}", "{own1}", "{own2}", "{own3}", "{conf0}", "{conf1}", "{conf2}"},
	"LicenseConfigurationArns":        {"{own0}", "{own1}", "{conf0}", "{conf1}"},
	"ResourceArn":                     {"{mine}", "{mine}", "{machine0}", "{machine1}", "{hostarn}", "{image}"},
	"TagResource.ResourceArn":         {"{own0}", "{own1}", "{conf0}", "{machine0}"},
	"UntagResource.ResourceArn":       {"{own0}", "{own1}", "{conf0}", "{machine0}"},
	"ListTagsForResource.ResourceArn": {"{own0}", "{own1}", "{conf0}", "{machine0}"},
	"ResourceArns":                    {"{mine}", "{machine0}", "{machine1}", "{hostarn}", "{image}"},
	"AccountId":                       {"{account}", "{me}"},
	"AsOf":                            {"0", "{now}"},
	"From":                            {"0", "{now}"},
	"To":                              {"{now}", "0"},
	"Mode":                            {"observe", "admit"},
	"Status":                          {"running", "running", "stopped", "terminated"},
	"LicenseConfigurationStatus":      {"AVAILABLE", "DISABLED"},
	"LicenseCountingType":             {"vCPU", "Instance", "Core", "Socket"},
	"AmiId":                           {"{ami}"},
	"HostId":                          {"{host}", "{hostarn}"},
	"AmiAssociationScope":             {"", "", "", "", "", "", "", "", "", "", "cross-account"},
	"Key":                             {"{key}", "mine"},
	"TagKeys":                         {"{key}", "mine"},
	"Value":                           {"{value}", "{account}", "{platform}", "{machine0}"},
	"Values":                          {"{account}", "{me}", "{machine0}", "{machine1}", "{mine}", "{now}", "vCPU", "true", "EC2_INSTANCE"},
	"Condition":                       {"EQUALS", "NOT_EQUALS", "BEGINS_WITH", "CONTAINS"},
	"Filter.Name":                     {"resourceArn", "resourceType", "resourceAccount", "asOf"},
	"InventoryFilter.Name":            {"account_id", "application_name", "license_included", "platform", "resource_id", "tag:{key}"},
	"Name":                            {"mine", "also mine"},
	"Platform":                        {"{platform}"},
}

// text is a text for a member, "" to leave it out.
func (w *requestWriter) text(structure, member string) string {
	if member == "NextToken" {
		return w.token()
	}
	choices := texts[member]
	for _, place := range []string{structure, w.operation} {
		if own := texts[place+"."+member]; own != nil {
			choices = own
		}
	}
	if choices == nil {
		return ""
	}
	return choices[w.dice.IntN(len(choices))]
}

// token is the token of some list, not always of the one that is asked for.
func (w *requestWriter) token() string {
	if w.dice.IntN(3) == 0 {
		return "{mytoken}"
	}
	return fmt.Sprintf("{token%d}", w.dice.IntN(len(reading)))
}
