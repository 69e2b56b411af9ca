package clients_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"reeve/internal/api"
	"reeve/internal/client"
)

// shellScripts ask a shell, for each line that somebody has typed, what the tab
// key makes of it, or offers.
var shellScripts = map[string]string{
	"fish": `reeve completion fish | source
for line in $argv; complete -C $line; echo; end`,

	// Another zsh, at a terminal of its own, is typed into: what must come of a
	// line is the argument behind it, and zsh waits for it.
	"zsh": `zmodload zsh/zpty
reeve completion zsh > _reeve
zpty typed zsh -f -i
zpty -w typed "fpath=($PWD \$fpath); autoload -Uz compinit; compinit -u -D; zstyle ':completion:*' menu no; bindkey '^I' complete-word; unsetopt BEEP"
while (( $# )); do
  zpty -w -n typed "$1"$'\t'
  zpty -r typed seen "*${(b)2}*"
  print -r -- "$2"
  zpty -w -n typed $'\x15'
  shift 2
done`,

	"bash": `source /usr/share/bash-completion/bash_completion
source <(reeve completion bash)
compopt() { :; } # there is no terminal whose line could be edited
for line in "$@"; do
  read -ra COMP_WORDS <<<"$line"
  COMP_LINE=$line COMP_POINT=${#line} COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_TYPE=9
  COMPREPLY=()
  __start_reeve
  printf '%s\n' "${COMPREPLY[@]}"
done`,
}

// TestShellsComplete presses the tab key behind a command, a flag, the value of a
// flag, and the name of a configuration, which has a space.
func TestShellsComplete(t *testing.T) {
	typed := []struct{ line, want string }{
		{"reeve usa", "usage"}, {"reeve history x --outp", "--output"}, {"reeve history x --output c", "csv"}, {"reeve usage Ora", `Oracle\ DB`},
		{`reeve usage Oracle\ D`, `Oracle\ DB`},
	}
	for shell, script := range shellScripts {
		t.Run(shell, func(t *testing.T) {
			needShell(t, shell)
			s := start(t)
			s.nameConfiguration(t, "Oracle DB")
			var lines []string
			for _, one := range typed {
				switch {
				case shell == "zsh":
					lines = append(lines, one.line, one.want)
				case shell == "bash" && strings.Contains(one.line, `\`): // words are cut where the script reads them
				default:
					lines = append(lines, one.line)
				}
			}
			out := strings.ReplaceAll(s.ask(t, shell, script, lines), `\`, "")
			for _, one := range typed {
				plain := strings.ReplaceAll(one.want, `\`, "")
				_, rest, found := strings.Cut(out, plain)
				if bashed := shell == "bash" && strings.Contains(one.line, `\`); !found && !bashed {
					t.Errorf("behind %q the tab key offers no %q:\n%s", one.line, plain, out)
				}
				out = rest
			}
		})
	}
}

// nameConfiguration makes a configuration of this name.
func (s *server) nameConfiguration(t *testing.T, name string) {
	t.Helper()
	c, err := client.New(s.url, region, client.Credentials{AccessKeyID: rootKey.id, SecretAccessKey: rootKey.secret})
	must(t, "take the key", err)
	in := &api.CreateLicenseConfigurationInput{Name: &name, LicenseCountingType: new("vCPU")}
	_, err = client.Call[api.CreateLicenseConfigurationInput, api.CreateLicenseConfigurationOutput](t.Context(), c, "AWSLicenseManager.CreateLicenseConfiguration", in)
	must(t, "create a configuration", err)
}

func needShell(t *testing.T, shell string) {
	t.Helper()
	if _, err := exec.LookPath(shell); err != nil {
		missing(t, shell+" is not installed")
	}
	if _, err := os.Stat("/usr/share/bash-completion/bash_completion"); shell == "bash" && err != nil {
		missing(t, "bash-completion is not installed")
	}
}

// ask runs a shell without anybody's settings, with reeve on its path.
func (s *server) ask(t *testing.T, shell, script string, lines []string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	flags := map[string][]string{"fish": {"--no-config", "-c", script}, "zsh": {"-f", "-c", script, "zsh"}, "bash": {"--norc", "-c", script, "bash"}}
	cmd := exec.CommandContext(ctx, shell, append(flags[shell], lines...)...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(s.environment(t, rootKey), "PATH="+filepath.Dir(binary(t))+":"+os.Getenv("PATH"), "TERM=xterm")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", shell, err, out)
	}
	return string(out)
}
