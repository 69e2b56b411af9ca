package csv_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"reeve/internal/api"
	"reeve/internal/source/csv"
	"reeve/internal/source/record"
)

// read returns what came out of a table, one entry a row: the line with the
// resource as JSON or the reason after "bad: ".
func read(input string) (rows []string, err error) {
	err = csv.Read(strings.NewReader(input), record.Sink{
		Put: func(line int, resource api.Resource) error {
			text, err := json.Marshal(&resource)
			rows = append(rows, fmt.Sprintf("%d %s", line, text))
			return err
		},
		Bad: func(line int, reason string) error {
			rows = append(rows, fmt.Sprintf("%d bad: %s", line, reason))
			return nil
		},
	})
	return rows, err
}

func TestEveryColumn(t *testing.T) {
	cells := map[string]string{
		"resource_arn": "arn", "resource_type": "EC2_INSTANCE", "status": "running", "name": "web", "platform": "Debian",
		"platform_type": "Linux", "platform_version": "12", "instance_type": "m6i.large", "ami_id": "ami-1", "host_id": "h-1",
		"tenancy": "EC2-DedicatedHost", "vcpus": "8", "cores": "4", "threads_per_core": "2", "sockets": "1", "virtual": "no",
		"usage_operation": "RunInstances", "marketplace_product_codes": "m1;m2", "license_included": "windows-server-datacenter",
		"engine_edition": "oracle-ee", "license_packs": "spatial; tuning", "tags": "env=prod;note=", "applications": "SQL Server|Microsoft|2022;cron",
	}
	var header, row []string
	for _, name := range csv.Columns() {
		header, row = append(header, name), append(row, cells[name])
	}
	want := []string{`2 {"ResourceArn":"arn","ResourceType":"EC2_INSTANCE","Status":"running","Name":"web","Platform":"Debian",` +
		`"PlatformType":"Linux","PlatformVersion":"12","InstanceType":"m6i.large","AmiId":"ami-1","HostId":"h-1",` +
		`"Tenancy":"EC2-DedicatedHost","VCpus":8,"Cores":4,"ThreadsPerCore":2,"Sockets":1,"Virtual":false,` +
		`"UsageOperation":"RunInstances","MarketplaceProductCodes":["m1","m2"],"LicenseIncluded":["windows-server-datacenter"],` +
		`"EngineEdition":"oracle-ee","LicensePacks":["spatial","tuning"],"Tags":[{"Key":"env","Value":"prod"},{"Key":"note","Value":""}],` +
		`"Applications":[{"Name":"SQL Server","Publisher":"Microsoft","Version":"2022"},{"Name":"cron"}]}`}
	got, err := read(strings.Join(header, ",") + "\n" + strings.Join(row, ",") + "\n")
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v, rows (-want +got)\n%s", err, diff)
	}
}

func TestTables(t *testing.T) {
	for name, c := range map[string]struct {
		input string
		want  []string
	}{
		"any order and case":     {"Cores, RESOURCE_ARN\n4,a\n", []string{`2 {"ResourceArn":"a","Cores":4}`}},
		"semicolons":             {"resource_arn;cores\r\na;4\r\n", []string{`2 {"ResourceArn":"a","Cores":4}`}},
		"tabs":                   {"resource_arn\tname\na\tx,y\n", []string{`2 {"ResourceArn":"a","Name":"x,y"}`}},
		"one column":             {"resource_arn\na\nb", []string{`2 {"ResourceArn":"a"}`, `3 {"ResourceArn":"b"}`}},
		"empty leaves unchanged": {"resource_arn,cores,virtual,tags\na,, ,\n", []string{`2 {"ResourceArn":"a"}`}},
		"0 clears":               {"resource_arn,cores\na,0\n", []string{`2 {"ResourceArn":"a","Cores":0}`}},
		"empty rows":             {"resource_arn,cores\n\n,\na,1\n , \n", []string{`4 {"ResourceArn":"a","Cores":1}`}},
		"header only":            {"resource_arn\n", nil},
		"quoted over lines": {
			"resource_arn,name\na,\"one\ntwo \"\"x\"\"\"\nb,y\n",
			[]string{`2 {"ResourceArn":"a","Name":"one\ntwo \"x\""}`, `4 {"ResourceArn":"b","Name":"y"}`},
		},
		"escapes": {
			`resource_arn,tags,applications` + "\n" + `a,"a\;b=c\=d;e=\\",x\|y|p\;q`,
			[]string{`2 {"ResourceArn":"a","Tags":[{"Key":"a;b","Value":"c=d"},{"Key":"e","Value":"\\"}],"Applications":[{"Name":"x|y","Publisher":"p;q"}]}`},
		},
		"version without publisher": {"resource_arn,applications\na,n||1;\n", []string{`2 {"ResourceArn":"a","Applications":[{"Name":"n","Version":"1"}]}`}},
		"virtual": {
			"resource_arn,virtual\na,TRUE\nb,yes\nc,1\nd,false\ne,No\nf,0\n",
			[]string{
				`2 {"ResourceArn":"a","Virtual":true}`, `3 {"ResourceArn":"b","Virtual":true}`, `4 {"ResourceArn":"c","Virtual":true}`,
				`5 {"ResourceArn":"d","Virtual":false}`, `6 {"ResourceArn":"e","Virtual":false}`, `7 {"ResourceArn":"f","Virtual":false}`,
			},
		},
	} {
		got, err := read(c.input)
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: error %v, rows (-want +got)\n%s", name, err, diff)
		}
	}
}

// TestBadRows: a bad row is named and the one after it is read.
func TestBadRows(t *testing.T) {
	for row, want := range map[string]string{
		`a,four,,,`:    `cores: "four" is not a whole number`,
		`a,-4,,,`:      `cores: "-4" is not a whole number`,
		`a,4.0,,,`:     `cores: "4.0" is not a whole number`,
		`a,2000000,,,`: `Cores is '2000000': Member must have value less than or equal to 1048576`,
		`a,,maybe,,`:   `virtual: "maybe" is none of true, false, yes, no, 1 and 0`,
		`a,,,k,`:       `tags: "k" is not key=value (write \= for an equals sign inside)`,
		`a,,,k=v=w,`:   `tags: "k=v=w" is not key=value (write \= for an equals sign inside)`,
		`a,,,k=\v,`:    `tags: "\\v" has a backslash before none of ; = | \ (write \\ for a backslash)`,
		`a,,,k=v\,`:    `tags: "v\\" has a backslash before none of ; = | \ (write \\ for a backslash)`,
		`a,,,;,`:       `tags: there is a separator and nothing else`,
		`a,,,,n|p|v|x`: `applications: "n|p|v|x" has more than name|publisher|version (write \| for a bar inside)`,
		`a,,,,|p`:      `Applications.1.Name is '': Member must have length greater than or equal to 1`,
		`,4,,,`:        `ResourceArn is missing`,
		`a,4`:          `the row has 2 cells, the header 5`,
		`a,4,,,,`:      `the row has 6 cells, the header 5`,
		`a"b,,,,`:      `bare " in non-quoted-field`,
		"a\xff,,,,":    `resource_arn: not UTF-8; save the table as CSV in UTF-8`,
		"a,,,k=\xff,":  `tags: not UTF-8; save the table as CSV in UTF-8`,
	} {
		got, err := read("resource_arn,cores,virtual,tags,applications\n" + row + "\nz,,,,\n")
		if diff := cmp.Diff([]string{"2 bad: " + want, `3 {"ResourceArn":"z"}`}, got); diff != "" || err != nil {
			t.Errorf("%s: error %v, rows (-want +got)\n%s", row, err, diff)
		}
	}
}

func TestBadTables(t *testing.T) {
	for input, want := range map[string]string{
		"":                                "the table is empty: the first row must name the columns",
		"\nresource_arn,corse\na,4":       `line 2: unknown column "corse"; the columns are resource_arn, resource_type, `,
		"resource_arn,\na,":               `line 1: unknown column ""; the columns are `,
		"cores\n4":                        "line 1: the column resource_arn is missing; it names the resource of each row",
		"resource_arn,Cores,cores\na,4,4": `line 1: column "cores" is there twice`,
		"\"resource_arn":                  `read header: parse error on line 1, column 14: extraneous or missing " in quoted-field`,
	} {
		rows, err := read(input)
		if err == nil || !strings.HasPrefix(err.Error(), want) || rows != nil {
			t.Errorf("%q: error %v after %d rows, want %s", input, err, len(rows), want)
		}
	}
}

func TestRecordsAreBounded(t *testing.T) {
	input := "resource_arn,name\na,b\nc,\"" + strings.Repeat("a line of a cell whose quote is never closed\n", 50_000)
	got, err := read(input)
	if !errors.Is(err, record.ErrTooLong) || len(got) != 1 || !strings.HasPrefix(err.Error(), "line 3: ") {
		t.Errorf("error %v after %d rows", err, len(got))
	}
}

// FuzzCSV: whatever the input, every resource that comes out is one that
// PutResources would take, and lines never run backwards.
func FuzzCSV(f *testing.F) {
	for _, seed := range []string{
		"resource_arn,cores\na,4\n",
		"resource_arn;tags;applications\r\na;\"k=v;l=\\;\";\"n|p|v;m\"\r\n",
		"name\tresource_arn\n\"x\ny\"\ta\n",
		"resource_arn,virtual\n\"a,yes\n",
		"resource_arn,license_packs\na,;\\\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, input string) {
		last, lines := 1, strings.Count(input, "\n")+1
		check := func(line int) {
			if line < last || line > lines {
				t.Fatalf("line %d after line %d of %d", line, last, lines)
			}
			last = line
		}
		err := csv.Read(strings.NewReader(input), record.Sink{
			Put: func(line int, r api.Resource) error {
				check(line)
				if err := record.Check(&r); err != nil {
					t.Fatalf("line %d: %v", line, err)
				}
				return nil
			},
			Bad: func(line int, reason string) error { check(line); return nil },
		})
		if err != nil && err.Error() == "" {
			t.Fatal("an error without a message")
		}
	})
}
