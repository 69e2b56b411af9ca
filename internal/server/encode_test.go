package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"reeve/internal/api"
	"reeve/internal/license"
)

// shapeOf is the page as the api shape that the general encoder knows.
func shapeOf(rows []license.Usage, next *string) *api.ListUsageForLicenseConfigurationOutput {
	return &api.ListUsageForLicenseConfigurationOutput{
		LicenseConfigurationUsageList: convert(rows, func(u *license.Usage) api.LicenseConfigurationUsage {
			return api.LicenseConfigurationUsage{
				ResourceArn:      &u.ResourceARN,
				ResourceType:     new(string(u.Type)),
				ResourceStatus:   &u.Status,
				ResourceOwnerId:  new(license.AccountOf(u.Owner)),
				AssociationTime:  new(api.Time(u.AssociationTime)),
				ConsumedLicenses: &u.Consumed,
			}
		}),
		NextToken: next,
	}
}

// appendUsageList writes a page as a list does, with ARNs in two parts.
func appendUsageList(dst []byte, rows []license.Usage, next *string) []byte {
	w := newUsageWriter(dst)
	w.Restart()
	for _, u := range rows {
		cut := 1 + strings.LastIndexAny(u.ResourceARN, ":/")
		rest := u.ResourceARN[cut:]
		u.ResourceARN = u.ResourceARN[:cut]
		w.Row(&u, rest)
	}
	return w.end(next)
}

func TestARestartedPageHasOnlyWhatCameAfter(t *testing.T) {
	rows := somePage(3)
	w := newUsageWriter([]byte("before"))
	w.Row(&rows[0], "")
	w.Restart()
	w.Row(&rows[1], "")
	w.Row(&rows[2], "")
	want := string(appendUsageList([]byte("before"), rows[1:], nil))
	if got := string(w.end(nil)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// anyText draws what clients may one day store: ASCII, quotes, control
// characters, other scripts, and bytes that are no UTF-8.
func anyText() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`arn:aws:ec2:eu-west-1:[0-9]{12}:instance/i-[0-9a-f]{17}`),
		rapid.String(),
		rapid.StringOf(rapid.RuneFrom([]rune("\"\\/<>&\x00\x01\x1f\x7f\u0080\u2028\ufffd\n\t€😀a"))),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 20), func(b []byte) string { return string(b) }),
	)
}

func anyUsage() *rapid.Generator[license.Usage] {
	return rapid.Custom(func(t *rapid.T) license.Usage {
		return license.Usage{
			Key:             license.Key{Owner: rapid.Int64Range(1, 999999999999).Draw(t, "owner")},
			ResourceARN:     anyText().Draw(t, "arn"),
			Type:            license.ResourceType(anyText().Draw(t, "type")),
			Status:          anyText().Draw(t, "status"),
			AssociationTime: license.Time(rapid.Int64Range(-62135596800_000000, 253402300799_999999).Draw(t, "time")),
			Consumed:        rapid.Int64().Draw(t, "consumed"),
		}
	})
}

func TestUsageIsWrittenAsTheGeneralEncoderDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(anyUsage(), 0, 5).Draw(t, "rows")
		for i := range rows { // neighbours that share what is copied
			if i > 0 && rapid.Bool().Draw(t, "alike") {
				rows[i].Owner, rows[i].Type, rows[i].Status = rows[i-1].Owner, rows[i-1].Type, rows[i-1].Status
				rows[i].ResourceARN = rows[i-1].ResourceARN + rapid.SampledFrom([]string{"", "a", "\"", "é"}).Draw(t, "rest")
			}
		}
		var next *string
		if rapid.Bool().Draw(t, "more") {
			next = new(anyText().Draw(t, "next"))
		}
		want, err := json.Marshal(shapeOf(rows, next), jsontext.AllowInvalidUTF8(true))
		if err != nil {
			t.Fatal(err)
		}
		got := appendUsageList(nil, rows, next)
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Fatalf("written differently (-general +own):\n%s", diff)
		}
	})
}

func TestTheEmptyPageHasItsListAndNoToken(t *testing.T) {
	if got, want := string(appendUsageList(nil, nil, nil)), `{"LicenseConfigurationUsageList":[]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestUsageIsWrittenAsClientsReadIt(t *testing.T) {
	rows := []license.Usage{{
		Key:             license.Key{Owner: 1111},
		ResourceARN:     "arn:aws:ec2:eu-west-1:000000001111:instance/i-0f",
		Type:            license.EC2Instance,
		Status:          "running",
		AssociationTime: 1570892850_519999,
		Consumed:        2,
	}}
	want := `{"LicenseConfigurationUsageList":[{"ResourceArn":"arn:aws:ec2:eu-west-1:000000001111:instance/i-0f",` +
		`"ResourceType":"EC2_INSTANCE","ResourceStatus":"running","ResourceOwnerId":"000000001111",` +
		`"AssociationTime":1570892850.519,"ConsumedLicenses":2}],"NextToken":"abc"}`
	if diff := cmp.Diff(want, string(appendUsageList(nil, rows, new("abc")))); diff != "" {
		t.Errorf("written differently (-want +got):\n%s", diff)
	}
}

func somePage(rows int) []license.Usage {
	page := make([]license.Usage, rows)
	for i := range page {
		page[i] = license.Usage{
			Key:             license.Key{Owner: 111122223333, Resource: int64(i)},
			ResourceARN:     fmt.Sprintf("arn:aws:ec2:eu-west-1:111122223333:instance/i-%017x", i),
			Type:            license.EC2Instance,
			Status:          "running",
			AssociationTime: license.Time(1570892850_519000 + int64(i)*1000),
			Consumed:        int64(i%64 + 1),
		}
	}
	return page
}

func TestWritingAPageAllocatesNothingPerRow(t *testing.T) {
	page, dst := somePage(1000), make([]byte, 0, 1<<20)
	if n := testing.AllocsPerRun(10, func() { dst = appendUsageList(dst[:0], page, nil) }); n > 1 {
		t.Errorf("a page of %d rows costs %v allocations, want one at most", len(page), n)
	}
}

func BenchmarkUsageList(b *testing.B) {
	for _, rows := range []int{50, 1000} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			page, dst := somePage(rows), []byte(nil)
			b.ReportAllocs()
			for b.Loop() {
				dst = appendUsageList(dst[:0], page, nil)
			}
			b.SetBytes(int64(len(dst)))
		})
	}
}
