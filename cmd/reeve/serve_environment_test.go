package main

import (
	"log/slog"
	"strings"
	"testing"

	"reeve/internal/config"
)

// A variable that is mistyped would otherwise be a setting that somebody
// believes in: a server that listens elsewhere, without anybody knowing why.
func TestAMistypedVariableIsNamedWithWhatWasMeant(t *testing.T) {
	for variable, want := range map[string]string{
		"REEVE_LISTN=0.0.0.0:80":                "name=REEVE_LISTN did_you_mean=REEVE_LISTEN",
		"REEVE_LISTEN_=1":                       "did_you_mean=REEVE_LISTEN",
		"REEVE_DATABSE=postgres://me:hunter2@h": "did_you_mean=REEVE_DATABASE",
		"REEVE_DAT=/srv":                        "did_you_mean=REEVE_DATA",
		"REEVE_DATABASE_CONN=4":                 "did_you_mean=REEVE_DATABASE_CONNECTIONS",
		"REEVE_TRUSTPROXY=true":                 "did_you_mean=REEVE_TRUST_PROXY",
		"REEVE_SOMETHING_ELSE=hunter2":          "reeve serve --help lists the settings\" name=REEVE_SOMETHING_ELSE",
	} {
		var said strings.Builder
		warnOfUnknown(slog.New(slog.NewTextHandler(&said, nil)), []string{"PATH=/bin", variable})
		if strings.Count(said.String(), "\n") != 1 || !strings.Contains(said.String(), want) || strings.Contains(said.String(), "hunter2") {
			t.Errorf("%s: the log is %q, want one line with %q", variable, said.String(), want)
		}
	}
}

func TestVariablesThatMeanSomethingAreNotNamed(t *testing.T) {
	environ := []string{"HOME=/root", "REEVE=1", "=C:=C:\\", "REEVE_CONFIG=f", "REEVE_ENDPOINT=http://h", "REEVE_CA_FILE=f",
		"REEVE_SERVICE_HOST=10.0.0.1", "REEVE_SERVICE_PORT=80", "REEVE_SERVICE_PORT_HTTP=80", "REEVE_PORT=tcp://10.0.0.1:80", "REEVE_PORT_80_TCP=tcp://10.0.0.1:80", "REEVE_PORT_80_TCP_ADDR=10.0.0.1"}
	for _, s := range config.Settings() {
		environ = append(environ, s.Env()+"=x")
	}
	var said strings.Builder
	warnOfUnknown(slog.New(slog.NewTextHandler(&said, nil)), environ)
	if said.Len() != 0 {
		t.Errorf("the log is %s", said.String())
	}
}
