package main

import (
	"log/slog"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"reeve/internal/config"
)

// otherVariables are those that begin like a setting and are none: they belong
// to the commands that call a server, or to the tests.
var otherVariables = []string{config.FileEnv, "REEVE_ENDPOINT", "REEVE_CA_FILE", "REEVE_CLIENT_CERTIFICATE", "REEVE_CLIENT_KEY", "REEVE_REQUIRE_ALL"}

// serviceLinks are the variables that Kubernetes makes of a service named reeve,
// and testVariables those of our own tests.
var (
	serviceLinks  = regexp.MustCompile(`^REEVE_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)
	testVariables = regexp.MustCompile(`^REEVE_(TEST|CHAOS|BENCH)_`)
)

// farthest is how many letters a mistyped variable may differ by from what was
// meant.
const farthest = 3

// warnOfUnknown logs every variable that looks like a setting and that nobody
// reads: whoever mistyped it believes that it holds. Its value may be a secret.
func warnOfUnknown(log *slog.Logger, environ []string) {
	known := slices.Clone(otherVariables)
	for _, s := range config.Settings() {
		known = append(known, s.Env())
	}
	for _, variable := range environ {
		name, _, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, "REEVE_") || slices.Contains(known, name) || serviceLinks.MatchString(name) || testVariables.MatchString(name) {
			continue
		}
		if meant := nearest(name, known); meant != "" {
			log.Warn("an environment variable is no setting, and is ignored", "name", name, "did_you_mean", meant)
		} else {
			log.Warn("an environment variable is no setting, and is ignored: reeve serve --help lists the settings", "name", name)
		}
	}
}

// nearest is the known name that somebody most likely meant, "" where none is
// near. Cobra knows how far words are apart, of its commands.
func nearest(name string, known []string) string {
	var words cobra.Command
	for _, k := range known {
		words.AddCommand(&cobra.Command{Use: k, Run: func(*cobra.Command, []string) {}})
	}
	for words.SuggestionsMinimumDistance = 1; words.SuggestionsMinimumDistance <= farthest; words.SuggestionsMinimumDistance++ {
		if meant := words.SuggestionsFor(name); len(meant) > 0 { // with all that only go on longer
			return slices.MinFunc(meant, func(a, b string) int { return len(a) - len(b) })
		}
	}
	return ""
}
