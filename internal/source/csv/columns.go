package csv

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"reeve/internal/api"
)

// column is one fact of a row. Its read is given a cell that is not empty.
type column struct {
	name string
	read func(r *api.Resource, cell string) error
}

// columns are all that a table may have, in the order of the documentation.
var columns = []column{
	text("resource_arn", func(r *api.Resource) **string { return &r.ResourceArn }),
	text("resource_type", func(r *api.Resource) **string { return &r.ResourceType }),
	text("status", func(r *api.Resource) **string { return &r.Status }),
	text("name", func(r *api.Resource) **string { return &r.Name }),
	text("platform", func(r *api.Resource) **string { return &r.Platform }),
	text("platform_type", func(r *api.Resource) **string { return &r.PlatformType }),
	text("platform_version", func(r *api.Resource) **string { return &r.PlatformVersion }),
	text("instance_type", func(r *api.Resource) **string { return &r.InstanceType }),
	text("ami_id", func(r *api.Resource) **string { return &r.AmiId }),
	text("host_id", func(r *api.Resource) **string { return &r.HostId }),
	text("tenancy", func(r *api.Resource) **string { return &r.Tenancy }),
	number("vcpus", func(r *api.Resource) **int64 { return &r.VCpus }),
	number("cores", func(r *api.Resource) **int64 { return &r.Cores }),
	number("threads_per_core", func(r *api.Resource) **int64 { return &r.ThreadsPerCore }),
	number("sockets", func(r *api.Resource) **int64 { return &r.Sockets }),
	{"virtual", readVirtual},
	text("usage_operation", func(r *api.Resource) **string { return &r.UsageOperation }),
	list("marketplace_product_codes", func(r *api.Resource) *[]string { return &r.MarketplaceProductCodes }),
	list("license_included", func(r *api.Resource) *[]string { return &r.LicenseIncluded }),
	text("engine_edition", func(r *api.Resource) **string { return &r.EngineEdition }),
	list("license_packs", func(r *api.Resource) *[]string { return &r.LicensePacks }),
	{"tags", readTags},
	{"applications", readApplications},
}

// columnIndex finds a column by its name.
var columnIndex = func() map[string]int {
	index := make(map[string]int, len(columns))
	for i, c := range columns {
		index[c.name] = i
	}
	return index
}()

// Columns are the names of the columns that a table may have.
func Columns() []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return names
}

func columnNames() string { return strings.Join(Columns(), ", ") }

func text(name string, member func(*api.Resource) **string) column {
	return column{name, func(r *api.Resource, cell string) error {
		if !utf8.ValidString(cell) {
			return errors.New("not UTF-8; save the table as CSV in UTF-8")
		}
		*member(r) = &cell
		return nil
	}}
}

func number(name string, member func(*api.Resource) **int64) column {
	return column{name, func(r *api.Resource, cell string) error {
		n, err := strconv.ParseInt(cell, 10, 64)
		if err != nil || n < 0 {
			return fmt.Errorf("%.40q is not a whole number", cell)
		}
		*member(r) = &n
		return nil
	}}
}

func list(name string, member func(*api.Resource) *[]string) column {
	return column{name, func(r *api.Resource, cell string) error {
		entries, err := split(cell, ';')
		if err != nil {
			return err
		}
		*member(r), err = plainAll(entries)
		return err
	}}
}

func readVirtual(r *api.Resource, cell string) error {
	var virtual bool
	switch strings.ToLower(cell) {
	case "true", "yes", "1":
		virtual = true
	case "false", "no", "0":
	default:
		return fmt.Errorf("%.40q is none of true, false, yes, no, 1 and 0", cell)
	}
	r.Virtual = &virtual
	return nil
}

// readTags reads key=value;key=value. The value may be empty.
func readTags(r *api.Resource, cell string) error {
	entries, err := split(cell, ';')
	if err != nil {
		return err
	}
	for _, entry := range entries {
		parts, err := splitPlain(entry, '=')
		if err != nil {
			return err
		}
		if len(parts) != 2 {
			return fmt.Errorf(`%.100q is not key=value (write \= for an equals sign inside)`, entry)
		}
		r.Tags = append(r.Tags, api.Tag{Key: &parts[0], Value: &parts[1]})
	}
	return nil
}

// readApplications reads name|publisher|version;…, where what follows the name
// may be left out.
func readApplications(r *api.Resource, cell string) error {
	entries, err := split(cell, ';')
	if err != nil {
		return err
	}
	for _, entry := range entries {
		parts, err := splitPlain(entry, '|')
		if err != nil {
			return err
		}
		if len(parts) > 3 {
			return fmt.Errorf(`%.100q has more than name|publisher|version (write \| for a bar inside)`, entry)
		}
		r.Applications = append(r.Applications, application(parts))
	}
	return nil
}

func application(parts []string) api.Application {
	app := api.Application{Name: &parts[0]}
	if len(parts) > 1 && parts[1] != "" {
		app.Publisher = &parts[1]
	}
	if len(parts) > 2 && parts[2] != "" {
		app.Version = &parts[2]
	}
	return app
}
