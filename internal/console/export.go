package console

import (
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	"reeve/internal/api"
)

const (
	exportPage = 1000             // rows of one call
	exportTime = 30 * time.Second // for one page to be read and sent
)

// exportColumns are the columns of a file of usage.
var exportColumns = []string{"Resource ARN", "Resource type", "Resource status", "Owner account", "Consumed licences", "Associated since (UTC)"}

// exportRow is one row, in the order of the columns.
type exportRow struct {
	ARN, Type, Status, Owner string
	Consumed                 int64
	Since                    time.Time
}

// exportTo takes the rows of a file, and ends it: with discard where the rows
// cannot all be had.
type exportTo interface {
	head(cells []any) error
	row(r *exportRow) error
	end(rows int64) error
	discard()
}

// exportCSV sends the usage at the page's moment as CSV, page by page as it is
// read, so that no list is too long.
func (c *console) exportCSV(v *visit) error {
	return v.export("csv", "text/csv; charset=utf-8", func(w http.ResponseWriter) (exportTo, error) { return newCSVFile(w), nil })
}

// exportXLSX sends the usage at the page's moment as a workbook, which is
// written beside the memory before it is sent.
func (c *console) exportXLSX(v *visit) error {
	return v.export("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", func(w http.ResponseWriter) (exportTo, error) { return newWorkbook(w, sheetRows) })
}

// export writes the usage at the page's moment, by the filters of the address.
// Once the first row is sent the answer is a success for the browser, so what
// fails later ends in a file that says so, and in a broken connection.
func (v *visit) export(kind, media string, open func(http.ResponseWriter) (exportTo, error)) error {
	view, err := v.configurationAt()
	if err != nil {
		return err
	}
	if view.head == nil {
		return refuse(http.StatusNotFound, "The configuration did not exist at that moment, so there is nothing to export.")
	}
	in := view.usageInput(exportPage)
	var first api.ListUsageForLicenseConfigurationOutput
	if err := v.call("ListUsageForLicenseConfiguration", in, &first); err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", media)
	h.Set("Content-Disposition", `attachment; filename="`+view.fileName()+"."+kind+`"`)
	to, err := open(v.w)
	if err != nil {
		return err
	}
	if err := view.write(to, in, &first); err != nil {
		v.c.Log.Error("export usage", "configuration", view.arn, "error", err)
		to.discard()
		v.breakOff()
	}
	return nil
}

// write writes the file: what it is about, the columns, and every row.
func (v *configurationView) write(to exportTo, in *api.ListUsageForLicenseConfigurationInput, page *api.ListUsageForLicenseConfigurationOutput) error {
	if err := to.head(v.exportHead()); err != nil {
		return err
	}
	rows := int64(0)
	for {
		v.mayTake(exportTime)
		for i := range page.LicenseConfigurationUsageList {
			u := &page.LicenseConfigurationUsageList[i]
			r := exportRow{told(u.ResourceArn), told(u.ResourceType), told(u.ResourceStatus), told(u.ResourceOwnerId), told(u.ConsumedLicenses), clockTime(u.AssociationTime)}
			if err := to.row(&r); err != nil {
				return err
			}
			rows++
		}
		if in.NextToken = page.NextToken; in.NextToken == nil {
			return to.end(rows)
		}
		page = new(api.ListUsageForLicenseConfigurationOutput)
		if err := v.call("ListUsageForLicenseConfiguration", in, page); err != nil {
			return fmt.Errorf("read usage: %w", err)
		}
	}
}

// exportHead says what a file is about: a name and a value in turn.
func (v *configurationView) exportHead() []any {
	moment := v.c.Now().UTC()
	if v.at != nil {
		moment = v.at.UTC()
	}
	head := []any{
		"Licence configuration", told(v.out.Terms.Name), "ARN", v.arn, "As of", moment.Format(time.RFC3339)}
	if v.owner == "" {
		head = append(head, "Revision", told(v.head.Number))
	} else {
		head = append(head, "Shared by", v.owner)
	}
	head = append(head, "Counted in", unitOf(told(v.out.Terms.LicenseCountingType)))
	if v.owner == "" || v.at == nil { // a member is told the total of the present
		head = append(head, "Licences in use", told(v.head.ConsumedLicenses))
	}
	head = append(head, "Licences bought")
	if count := v.out.Terms.LicenseCount; count != nil {
		head = append(head, *count)
	} else {
		head = append(head, "unlimited")
	}
	for _, name := range []string{"arn", "type", "owner"} {
		if value := v.URL.Query().Get(name); value != "" {
			head = append(head, "Filter "+name, value)
		}
	}
	return head
}

// fileName is a name that every system takes: letters, digits and dashes.
func (v *configurationView) fileName() string {
	var b strings.Builder
	for _, r := range strings.ToLower(told(v.out.Terms.Name)) {
		switch {
		case r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			b.WriteRune(r)
		case !strings.HasSuffix(b.String(), "-") && b.Len() > 0:
			b.WriteByte('-')
		}
		if b.Len() > 60 {
			break
		}
	}
	moment := v.c.Now()
	if v.at != nil {
		moment = *v.at
	}
	return strings.Trim("usage-"+strings.Trim(b.String(), "-"), "-") + "-" + moment.UTC().Format("20060102T150405Z")
}

// mayTake gives the answer that much more time.
func (v *visit) mayTake(d time.Duration) {
	_ = http.NewResponseController(v.w).SetWriteDeadline(time.Now().Add(d)) // a server without deadlines needs none
}

// breakOff makes the browser see that a file is not whole: what ends the answer
// cannot be sent any more.
func (v *visit) breakOff() {
	c := http.NewResponseController(v.w)
	_ = c.Flush()
	_ = c.SetWriteDeadline(time.Unix(1, 0))
}

// neutral keeps a spreadsheet from reading a text as a formula, by the
// apostrophe with which people write such texts there.
func neutral(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(s)[0]) {
		return "'" + s
	}
	return s
}
