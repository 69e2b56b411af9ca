package console_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"reeve/internal/api"
	"reeve/internal/console"
	"reeve/internal/licensetest"
	"reeve/internal/server"
)

// file returns a download with its headers.
func (d *desk) file(path string) (http.Header, []byte) {
	d.t.Helper()
	answer, err := d.client.Get(d.url + path)
	if err != nil {
		d.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		d.t.Fatalf("%s answers %d: %v", path, answer.StatusCode, err)
	}
	return answer.Header, text
}

func (d *desk) csv(path string) [][]string {
	d.t.Helper()
	header, text := d.file(path)
	if !strings.HasPrefix(header.Get("Content-Type"), "text/csv") {
		d.t.Errorf("it is %q", header.Get("Content-Type"))
	}
	r := csv.NewReader(bytes.NewReader(text))
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil {
		d.t.Fatal(err)
	}
	return rows
}

// listed are the rows of a usage as the API lists it at a moment.
func (d *desk) listed(arn string, asOf time.Time) (rows [][]string) {
	d.t.Helper()
	in := &api.ListUsageForLicenseConfigurationInput{LicenseConfigurationArn: &arn, Filters: []api.Filter{{Name: new("asOf"), Values: []string{asOf.Format(time.RFC3339Nano)}}}}
	for {
		var out api.ListUsageForLicenseConfigurationOutput
		d.Call(ledgerAccount, "AWSLicenseManager.ListUsageForLicenseConfiguration", in, &out)
		for _, u := range out.LicenseConfigurationUsageList {
			since := time.UnixMicro(int64(*u.AssociationTime)).UTC().Format(time.RFC3339)
			rows = append(rows, []string{*u.ResourceArn, *u.ResourceType, *u.ResourceStatus, *u.ResourceOwnerId, strconv.FormatInt(*u.ConsumedLicenses, 10), since})
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return rows
		}
	}
}

// fleet associates many machines at once, through their image.
func (d *desk) fleet(arn string, count int) {
	d.t.Helper()
	image := "arn:aws:ec2:eu-west-1::image/ami-1"
	d.Put(ledgerAccount, api.Resource{ResourceArn: &image, Status: new("available")})
	d.Call(ledgerAccount, "AWSLicenseManager.UpdateLicenseSpecificationsForResource", &api.UpdateLicenseSpecificationsForResourceInput{
		ResourceArn: &image, AddLicenseSpecifications: []api.LicenseSpecification{{LicenseConfigurationArn: &arn}}}, nil)
	for from := 0; from < count; from += 1000 {
		var machines []api.Resource
		for i := from; i < min(count, from+1000); i++ {
			machines = append(machines, api.Resource{ResourceArn: new("arn:aws:ec2:eu-west-1:" + ledgerAccount + ":instance/i-" + strconv.Itoa(i)), VCpus: new(int64(1 + i%3)), Status: new("running"), AmiId: new("ami-1")})
		}
		d.Put(ledgerAccount, machines...)
		d.Clock.Advance(time.Second)
	}
}

func TestAnExportIsTheListOfItsMoment(t *testing.T) {
	d := positionDesk(t)
	arn, path, moments := changing(d)
	for _, moment := range append(moments, d.Clock.Now()) {
		rows := d.csv(path + "/usage.csv?" + at(moment))
		if diff := gocmp.Diff(d.listed(arn, moment), rows[2:len(rows)-1]); diff != "" {
			t.Errorf("at %s (-list +file):\n%s", moment, diff)
		}
		if last := rows[len(rows)-1]; last[0] != "End of the list" || last[1] != strconv.Itoa(len(rows)-3)+" rows" {
			t.Errorf("the last line is %q", last)
		}
	}
	head := strings.Join(d.csv(path + "/usage.csv?" + at(moments[0]))[0], "|")
	for _, want := range []string{"Licence configuration|old name|ARN|" + arn + "|As of|2026-01-01T01:00:00Z|Revision|3|", "Licences in use|3|Licences bought|2"} {
		if !strings.Contains(head, want) {
			t.Errorf("the first line is %s, want %s in it", head, want)
		}
	}
	header, _ := d.file(path + "/usage.csv?" + at(moments[0]))
	if got := header.Get("Content-Disposition"); got != `attachment; filename="usage-old-name-20260101T010000Z.csv"` {
		t.Errorf("it is called %s", got)
	}
	if status, _ := d.get(path + "/usage.csv?at=2025-06-01"); status != http.StatusNotFound {
		t.Errorf("before it existed it answers %d", status)
	}
	filtered := d.csv(path + "/usage.csv?owner=999999999999&" + at(moments[0]))
	if len(filtered) != 3 || filtered[2][1] != "0 rows" || !strings.Contains(strings.Join(filtered[0], "|"), "Filter owner|999999999999") {
		t.Errorf("with a filter it is %v", filtered)
	}
}

func TestAnExportOfManyPages(t *testing.T) {
	d := positionDesk(t)
	arn, path := d.create(api.CreateLicenseConfigurationInput{Name: new("fleet")})
	d.fleet(arn, 2500)
	d.Clock.Advance(time.Minute)
	want := d.listed(arn, d.Clock.Now())
	rows := d.csv(path + "/usage.csv")
	if diff := gocmp.Diff(want, rows[2:len(rows)-1]); diff != "" || len(want) != 2500 {
		t.Errorf("%d rows (-list +file):\n%.500s", len(want), diff)
	}
	_, text := d.file(path + "/usage.xlsx")
	book, err := excelize.OpenReader(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	cells, err := book.GetRows("Usage", excelize.Options{RawCellValue: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(cells) != 2502 || cells[0][1] != "fleet" || cells[1][0] != "Resource ARN" || cells[2][0] != want[0][0] || cells[2501][4] != want[2499][4] {
		t.Errorf("the sheet has %d rows: %v", len(cells), cells[0])
	}
	if kind, err := book.GetCellType("Usage", "E3"); err != nil || kind == excelize.CellTypeInlineString || kind == excelize.CellTypeSharedString {
		t.Errorf("a number is of the type %v, %v", kind, err)
	}
	shown, err := book.GetCellValue("Usage", "F3")
	if err != nil || shown != "2026-01-01 00:00:00" {
		t.Errorf("a date is shown as %q, %v", shown, err)
	}
}

func TestFormulasInNamesAreTexts(t *testing.T) {
	d := positionDesk(t)
	for _, name := range []string{`=HYPERLINK("http://x","y")`, "+1", "-1", "@SUM(A1)", "\tx"} {
		arn, path := d.create(api.CreateLicenseConfigurationInput{Name: &name})
		d.use(arn, 1)
		if got := d.csv(path + "/usage.csv")[0][1]; got != "'"+name {
			t.Errorf("%q is written to CSV as %q", name, got)
		}
		_, text := d.file(path + "/usage.xlsx")
		book, err := excelize.OpenReader(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		formula, err := book.GetCellFormula("Usage", "B1")
		value, _ := book.GetCellValue("Usage", "B1")
		if err != nil || formula != "" || value != name {
			t.Errorf("%q is the formula %q with the value %q, %v", name, formula, value, err)
		}
		book.Close()
	}
}

// breaking is the API of a server that fails at the second page of usage.
type breaking struct{ console.API }

func (b breaking) Call(ctx context.Context, who server.Caller, operation string, in, out any) error {
	if usage, ok := in.(*api.ListUsageForLicenseConfigurationInput); ok && usage.NextToken != nil {
		return errors.New("the database is gone")
	}
	return b.API.Call(ctx, who, operation, in, out)
}

func TestAnExportThatBreaksOffIsSeenToBeIncomplete(t *testing.T) {
	d := openDeskWith(t, func(s *licensetest.Server, cfg *console.Config) { cfg.Now, cfg.API = s.Clock.Now, breaking{cfg.API} })
	d.signIn(d.Credentials(ledgerAccount))
	arn, path := d.create(api.CreateLicenseConfigurationInput{Name: new("fleet")})
	d.fleet(arn, 1200)
	for _, file := range []string{"/usage.csv", "/usage.xlsx"} {
		answer, err := d.client.Get(d.url + path + file)
		if err != nil {
			continue // cut off before its first byte
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err == nil || strings.Contains(string(text), "End of the list") || strings.HasSuffix(file, "csv") && !strings.Contains(string(text), "THIS FILE IS NOT WHOLE") {
			t.Errorf("%s ends with %v after %d bytes: …%s", file, err, len(text), text[max(0, len(text)-200):])
		}
	}
}
