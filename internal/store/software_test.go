package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"reeve/internal/license"
)

// What is stored reads as it was, whichever way it is read.
func TestApplicationsAreReadAsTheyWere(t *testing.T) {
	text := rapid.OneOf(rapid.StringOf(rapid.SampledFrom([]rune(`aé"\{}[],: name`))), rapid.SampledFrom([]string{"", `","version":"`, "a", "SQL Server"}))
	rapid.Check(t, func(t *rapid.T) {
		apps := rapid.SliceOf(rapid.Custom(func(t *rapid.T) license.Application {
			return license.Application{Name: text.Draw(t, "name"), Publisher: text.Draw(t, "publisher"), Version: text.Draw(t, "version")}
		})).Draw(t, "applications")
		stored, err := encode(&apps)
		if err != nil {
			t.Fatal(err)
		}
		found := []license.Application{}
		if err := decodeApplications(stored, &found); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(apps, found); diff != "" {
			t.Fatalf("%s (-saved +read):\n%s", stored, diff)
		}
	})
}
