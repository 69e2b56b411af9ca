package license_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"reeve/internal/license"
)

// wantRefusal fails the test unless err is nil or a refusal that any client
// can be told.
func wantRefusal(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if license.KindOf(err) != license.InvalidParameter || !utf8.ValidString(err.Error()) || len(err.Error()) > 2000 {
		t.Fatalf("the refusal is %q of kind %d", err, license.KindOf(err))
	}
}

func FuzzRules(f *testing.F) {
	f.Add(uint8(0), "#minimumVcpus=2\n#maximumVcpus=8\n#honorVcpuOptimization=True")
	f.Add(uint8(2), "#licenseAffinityToHost=180\n#allowedTenancy=EC2-DedicatedHost")
	f.Add(uint8(3), "#=\n#\n=\n#a=b=c\n#includedStoppedInstances=\xff")
	f.Add(uint8(1), "#minimumVcpus=9223372036854775808")
	f.Fuzz(func(t *testing.T, counting uint8, text string) {
		rules := strings.Split(text, "\n")
		err := license.CheckRules(countingTypes[counting%4], rules)
		wantRefusal(t, err)
		if err != nil {
			return
		}
		names := map[string]bool{}
		for _, r := range rules {
			name, value, _ := strings.Cut(r, "=")
			if names[name] || !strings.HasPrefix(name, "#") || value == "" {
				t.Fatalf("%q is taken", rules)
			}
			names[name] = true
		}
	})
}

func FuzzResourceARN(f *testing.F) {
	for _, arn := range []string{instance("0a1b"), host("0"), image("x"), database("my-db"), managed("1"), "arn:aws-cn:ec2:cn-north-1:123456789012:instance/i-1", "arn:aws:ec2:::instance/i-", "arn:aws:rds:eu-west-1:123456789012:db:a:b", "::::::", strings.Repeat("arn:", 600)} {
		f.Add(arn)
	}
	f.Fuzz(func(t *testing.T, arn string) {
		r, err := license.ParseResourceARN(arn)
		wantRefusal(t, err)
		if err != nil {
			return
		}
		// What the ledger's lines are made of must not hold their separators.
		if strings.ContainsAny(arn, " \n\t\x00") || !utf8.ValidString(arn) || len(arn) > 2048 {
			t.Fatalf("%q is taken", arn)
		}
		if r.Type.Number() < 0 || !strings.HasSuffix(arn, r.ID) || (r.Account == "") != (r.Type == license.EC2AMI) {
			t.Fatalf("%q is read as %+v", arn, r)
		}
	})
}

func FuzzChanges(f *testing.F) {
	usage := license.Usage{ResourceARN: instance("a"), Type: license.EC2Instance, Status: "running", AssociationTime: 5, Consumed: 4, Facts: 1}
	association := license.Association{ResourceARN: instance("a"), Type: license.EC2Instance, AssociationTime: 5, Origin: license.OriginAMI, Unlicensed: true, Facts: 2}
	whole := "u+ 123456789012 7 " + string(usage.AppendText(nil)) + "\nu- 1 8 RDS\na+ 123456789012 7 " + string(association.AppendText(nil)) + "\na- 1 8 RDS\n"
	for _, text := range []string{whole, whole[:len(whole)-1], "u+ 1 2\n", "u- 1 9223372036854775808 RDS\n", "x+ 1 2 y\n", "u-  1 2 RDS\n", "\n", "u+ 1 2 RDS available 1 2 3 \n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		again, err := license.ReadChanges(text)
		if err != nil {
			return
		}
		twice, err := license.ReadChanges(again)
		if err != nil || string(twice) != string(again) {
			t.Fatalf("%q is written as %q, which is read as %q, %v", text, again, twice, err)
		}
	})
}

func TestChangesReadBack(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn, _ := w.ledger()
	num := w.configuration(arn).Num
	lines := map[string]int{}
	w.must(w.store.View(w.ctx, func(tx license.Tx) error {
		revisions, err := tx.Revisions(num, 0, 100)
		for _, r := range revisions {
			again, err := license.ReadChanges(r.Changes)
			if err != nil || string(again) != string(r.Changes) {
				t.Errorf("%q is read back as %q, %v", r.Changes, again, err)
			}
			for line := range strings.Lines(string(r.Changes)) {
				lines[line[:2]]++
			}
		}
		return err
	}))
	for _, kind := range []string{"u+", "u-", "a+", "a-"} {
		if lines[kind] == 0 {
			t.Errorf("no line of kind %s was read: the ledger has %v", kind, lines)
		}
	}
}
