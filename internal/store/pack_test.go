package store

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"reeve/internal/license"
	"reeve/internal/store/mvtree"
)

// usageGenerator draws rows as ledgers have them, and odd ones.
var usageGenerator = rapid.Custom(func(t *rapid.T) license.Usage {
	return license.Usage{
		ResourceARN: rapid.SampledFrom([]string{
			"arn:aws:ec2:eu-west-1:111122223333:instance/i-", "arn:aws:rds:eu-west-1:111122223333:db:", "arn:aws:ssm:eu-west-1:444455556666:managed-instance/mi-", "x",
		}).Draw(t, "prefix") + rapid.StringMatching(`[!-~é]{0,20}`).Draw(t, "rest"),
		Type:            rapid.SampledFrom(license.ResourceTypes[:]).Draw(t, "type"),
		Status:          rapid.SampledFrom([]string{"running", "available", "Online", "pending"}).Draw(t, "status"),
		AssociationTime: license.Time(rapid.Int64Min(0).Draw(t, "time")),
		Consumed:        rapid.Int64Min(1).Draw(t, "consumed"),
		Facts:           rapid.Int64Min(0).Draw(t, "facts"),
	}
})

func textsOf(rows []license.Usage) []string {
	texts := make([]string, len(rows))
	for i := range rows {
		texts[i] = string(rows[i].AppendText(nil))
	}
	return texts
}

// readPacked reads rows as a scan does.
func readPacked(t *rapid.T, shared any, packed []string) []license.Usage {
	rows := license.NewUsageRows(nil)
	r := usageReader{to: rows, left: len(packed)}
	for i, text := range packed {
		if _, err := r.next(mvtree.Key{}, mvtree.Value{Text: text, Shared: shared}); err != nil {
			t.Fatalf("row %d: %v", i, err)
		}
	}
	return rows.Rows
}

func TestPackingLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(usageGenerator, 1, 40).Draw(t, "rows")
		shared, packed, _ := usagePacker{}.Pack(textsOf(rows))
		if shared == nil {
			t.Fatal("the rows were not packed")
		}
		if diff := cmp.Diff(rows, readPacked(t, shared, packed)); diff != "" {
			t.Fatalf("read back (-want +got):\n%s", diff)
		}
	})
}

func TestLeavesThatShareTooLittleStayAsTheyAre(t *testing.T) {
	rows := make([]license.Usage, maxShared+1)
	for i := range rows {
		rows[i] = license.Usage{ResourceARN: fmt.Sprintf("arn:aws:ec2:r:%d:instance/i", i), Type: license.EC2Instance, Status: "running", Consumed: 1}
	}
	if shared, _, _ := (usagePacker{}).Pack(textsOf(rows)); shared != nil {
		t.Error("a leaf with more beginnings than a byte can count was packed")
	}
	if shared, _, _ := (usagePacker{}).Pack(textsOf(rows[:maxShared])); shared == nil {
		t.Error("a leaf with as many as it can count was not")
	}
}

func TestAssociationsAreNotPacked(t *testing.T) {
	a := license.Association{ResourceARN: "arn:aws:ec2:r:1:instance/i", Type: license.EC2Instance, AssociationTime: 1, Origin: license.OriginRequest, Facts: 1}
	if shared, _, _ := (usagePacker{}).Pack([]string{string(a.AppendText(nil))}); shared != nil {
		t.Error("an association was taken for usage")
	}
}

func TestPackingSavesMemory(t *testing.T) {
	rows := make([]license.Usage, 128)
	for i := range rows {
		rows[i] = license.Usage{
			ResourceARN: fmt.Sprintf("arn:aws:ec2:eu-west-1:111122223333:instance/i-%017x", i*i), Type: license.EC2Instance, Status: "running",
			AssociationTime: license.Time(1_700_000_000_000_000 + i*60_000_000), Consumed: 8, Facts: 3,
		}
	}
	before := textsOf(rows)
	_, packed, after := usagePacker{}.Pack(before)
	was := int64(0)
	for i := range before {
		was += int64(len(before[i]))
		after += int64(len(packed[i]))
	}
	if after*3 > was {
		t.Errorf("packed rows take %d bytes of %d", after, was)
	}
}

// FuzzPacked reads any packed row without a fault, and packs any row so that
// it is read as it was.
func FuzzPacked(f *testing.F) {
	shared, packed, _ := usagePacker{}.Pack([]string{"RDS running 5 4 1 arn:aws:rds:r:1:db:a"})
	if shared != nil {
		f.Add(packed[0], "arn:aws:rds:r:1:db:a", "running", int64(5), int64(4), int64(1))
	}
	f.Add("\x00\x00\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", "x", "", int64(-1), int64(0), int64(1<<62))
	f.Fuzz(func(t *testing.T, row, arn, status string, at, consumed, facts int64) {
		u := license.Usage{ResourceARN: arn, Type: license.EC2Instance, Status: status, AssociationTime: license.Time(at), Consumed: consumed, Facts: facts}
		s := &sharedUsage{earliest: min(u.AssociationTime, 0)}
		text, ok := s.pack(&u)
		var got license.Usage
		prefix, rest, err := s.unpack(&got, text)
		got.ResourceARN = prefix + rest
		if diff := cmp.Diff(u, got); !ok || err != nil || diff != "" {
			t.Fatalf("read back with %v (-want +got):\n%s", err, diff)
		}
		if _, _, err := s.unpack(&got, row); err == nil && len(row) < 5 {
			t.Fatalf("%q is a row", row)
		}
	})
}
