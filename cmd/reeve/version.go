package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by release builds: -ldflags "-X main.version=1.2.3".
var version = ""

// buildVersion names this build: the release, else the commit it was built
// from.
func buildVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	commit, dirty := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+changes"
		}
	}
	if commit == "" {
		return "development build"
	}
	return "commit " + commit + dirty
}

func versionLine() string {
	return fmt.Sprintf("reeve %s (%s %s/%s)", buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// build is what reeve version tells programs.
type build struct{ Version, Go, OS, Architecture string }

var buildView = view[build]{
	[]column{{key: "Version"}, {key: "Go"}, {key: "OS"}, {key: "Architecture"}},
	func(b *build) []any { return []any{b.Version, b.Go, b.OS, b.Architecture} },
}

func newVersion(p *process) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print what this binary was built from",
		Example: `  reeve version
  reeve version --output json`,
		Args: arguments(0, 0, ""),
		RunE: func(*cobra.Command, []string) error {
			b := build{buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH}
			return printSaid(p, buildView, &b, versionLine()+"\n")
		},
	}
}
