package schedule

import (
	"testing"
	"time"

	"reeve/internal/license"
	"reeve/internal/source"
	"reeve/internal/source/aws"
	"reeve/internal/source/directory"
	"reeve/internal/source/vsphere"
)

// FuzzSettings puts any settings of any kind: they are refused to whoever put
// them, or kept in the one way in which they stay.
func FuzzSettings(f *testing.F) {
	kinds := []Kind{
		KindOf(time.Minute, nil, func(aws.Settings, source.Options) (source.Puller, error) { return nil, nil }),
		KindOf(time.Minute, nil, func(vsphere.Settings, source.Options) (source.Puller, error) { return nil, nil }),
		KindOf(time.Minute, nil, func(directory.Settings, source.Options) (source.Puller, error) { return nil, nil }),
	}
	f.Add(uint8(0), `{"regions":["eu-west-1"],"role_arns":["arn:aws:iam::222222222222:role/r"],"external_id":"x","session_name":"reeve"}`)
	f.Add(uint8(1), `{"url":"https://vc.example/sdk","user":"u","password_file":"/p","region":"eu-west-1","account":"222222222222"}`)
	f.Add(uint8(2), `{"path":"/var/drop"}`)
	f.Add(uint8(2), `{"path":"/a","path":"/b"}`)
	f.Add(uint8(0), `{"regions":[null,{}]}`)
	owner := source.Options{Region: "eu-west-1", Account: "222222222222"}
	f.Fuzz(func(t *testing.T, kind uint8, text string) {
		k := kinds[int(kind)%len(kinds)]
		kept, err := k.tidy(text, owner)
		if err != nil {
			if license.KindOf(err) != license.InvalidParameter || len(err.Error()) > 8000 {
				t.Fatalf("refused as %d with %d bytes", license.KindOf(err), len(err.Error()))
			}
			return
		}
		if again, err := k.tidy(kept, owner); err != nil || again != kept {
			t.Fatalf("%q is kept as %q, and that as %q, %v", text, kept, again, err)
		}
		if _, err := k.open([]byte(kept), owner); err != nil {
			t.Fatalf("%q is kept, and does not open: %v", kept, err)
		}
	})
}
