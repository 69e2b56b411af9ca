package config_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reeve/internal/config"
)

func env(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := values[name]
		return v, ok
	}
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "reeve.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaults(t *testing.T) {
	got, err := config.Load(config.Sources{Env: env(nil)})
	if err != nil {
		t.Fatal(err)
	}
	want := config.Config{
		Data: "./reeve-data", Listen: "127.0.0.1:4750", LogLevel: slog.LevelInfo, LogFormat: "text",
		DatabasePatience: 15 * time.Second, WebIdentityAudiences: []string{"sts.amazonaws.com"},
		ConsoleSessionIdle: time.Hour, ConsoleSessionLifetime: 12 * time.Hour,
		OIDCName: "single sign-on", OIDCScopes: []string{"profile", "email"}, OIDCGroupsClaim: "groups",
		LostAfter:     48 * time.Hour,
		InactiveAfter: 720 * time.Hour, CheckpointEvery: time.Hour,
		Audit: "all", AuditRetention: 400 * 24 * time.Hour,
		TLSClientAuth: "required", MaxConnections: 8192, MaxRequests: 256, RequestWait: time.Second,
		Memory: 512 << 20, ShutdownTimeout: 20 * time.Second,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// samples has a value for every setting in each of three places; what a place
// says must beat the places before it.
var samples = map[string][3]string{
	"data":                            {"a", "b", "c"},
	"listen":                          {":1", ":2", ":3"},
	"metrics":                         {":1", ":2", ":3"},
	"database":                        {"postgres://a", "postgres://b", "postgresql://c"},
	"read-database":                   {"postgres://a", "postgres://b", "postgresql://c"},
	"database-connections":            {"2", "1000", "0"},
	"database-patience":               {"0s", "10m", "90s"},
	"sandbox":                         {"false", "false", "true"},
	"sample":                          {"false", "false", "true"},
	"log-level":                       {"debug", "warn", "error"},
	"log-format":                      {"text", "text", "json"},
	"lost-after":                      {"2h", "3h", "1d"},
	"inactive-after":                  {"1d", "2d", "72h"},
	"products":                        {"a.tsv", "b.tsv", "c.tsv"},
	"max-configurations":              {"1", "2", "3"},
	"max-creates-per-day":             {"1", "2", "3"},
	"max-per-resource":                {"1", "2", "3"},
	"audit":                           {"changes", "off", "all"},
	"audit-retention":                 {"1d", "2d", "72h"},
	"web-identity-issuers":            {"https://a", "https://b", "https://c,https://d"},
	"web-identity-audiences":          {"a", "b", "c,d"},
	"web-identity-ca":                 {"a.pem", "b.pem", "c.pem"},
	"checkpoint-every":                {"1m", "2h", "1d"},
	"witness-webhook":                 {"https://a", "https://b/", "http://127.0.0.1:1/c"},
	"witness-file":                    {"a", "b", "c"},
	"witness-reeve":                   {"https://a", "https://b/", "http://127.0.0.1:1/c"},
	"witness-reeve-access-key-id":     {"AAAA", "BBBB", "CCCC"},
	"witness-reeve-secret-access-key": {"s1", "s2", "s3"},
	"witness-for":                     {"a.txt", "b.txt", "c.txt"},
	"trust-proxy":                     {"false", "false", "true"},
	"console-session-idle":            {"5m", "2h", "1d"},
	"console-session-lifetime":        {"5m", "2h", "1d"},
	"oidc-issuer":                     {"https://a", "https://b/", "http://127.0.0.1:1/c"},
	"oidc-client-id":                  {"a", "b", "c"},
	"oidc-client-secret":              {"s1", "s2", "s3"},
	"oidc-name":                       {"a", "b", "c"},
	"oidc-scopes":                     {"a", "b", "c d"},
	"oidc-groups-claim":               {"a", "b", "c.d"},
	"oidc-groups":                     {"a=111111111111:R", "b=111111111111:R", "c=111111111111:R,d d=222222222222:S"},
	"tls-certificate":                 {"a.pem", "b.pem", "c.pem"},
	"tls-key":                         {"a.pem", "b.pem", "c.pem"},
	"tls-client-ca":                   {"a.pem", "b.pem", "c.pem"},
	"tls-client-auth":                 {"optional", "required", "optional"},
	"rate-limit":                      {"1", "2", "3"},
	"rate-limit-burst":                {"1", "2", "3"},
	"max-connections":                 {"16", "200", "1000000"},
	"max-requests":                    {"4", "8", "16"},
	"request-wait":                    {"0s", "2s", "30s"},
	"memory":                          {"134217728", "262144KiB", "3GiB"},
	"shutdown-timeout":                {"1s", "2s", "3s"},
	"root-account":                    {"111111111111", "222222222222", "333333333333"},
	"root-access-key-id":              {"AAAA", "BBBB", "CCCC"},
	"root-secret-access-key":          {"s1", "s2", "s3"},
	"master-key":                      {"k1", "k2", "k3"},
}

func TestEverySettingIsReadFromEveryPlaceAndTheLaterWins(t *testing.T) {
	for _, s := range config.Settings() {
		values, ok := samples[s.Name]
		if !ok {
			t.Errorf("no sample for %s", s.Name)
			continue
		}
		src := config.Sources{Env: env(nil), Flags: map[string]string{}}
		src.File = file(t, s.Name+" = "+values[0]+"\n")
		check := func(place, value string) {
			t.Helper()
			got, err := config.Load(src)
			if err != nil {
				t.Fatalf("%s from %s: %v", s.Name, place, err)
			}
			want := config.Default()
			if err := s.Set(&want, value); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s from %s (-want +got):\n%s", s.Name, place, diff)
			}
		}
		check("file", values[0])
		src.Env = env(map[string]string{s.Env(): values[1]})
		check("environment", values[1])
		if !s.NoFlag {
			src.Flags[s.Name] = values[2]
			check("flag", values[2])
		}
	}
}

func TestFileSyntax(t *testing.T) {
	path := file(t, "# a comment\n\n  data=/srv/reeve  \r\nlisten = \"0.0.0.0:4750\"\n   # another\nroot-secret-access-key = a=b#c\n")
	got, err := config.Load(config.Sources{Env: env(map[string]string{"REEVE_CONFIG": path})})
	if err != nil {
		t.Fatal(err)
	}
	if got.Data != "/srv/reeve" || got.Listen != "0.0.0.0:4750" || got.RootSecretAccessKey != "a=b#c" {
		t.Errorf("read %q %q, secret as written: %v", got.Data, got.Listen, got.RootSecretAccessKey == "a=b#c")
	}
}

// Some editors begin a file in UTF-8 with a mark that nobody sees.
func TestAFileMayBeginWithAMark(t *testing.T) {
	for _, text := range []string{"listen = :1\n", "# comment\nlisten = :1", "\r\nlisten=:1\r\n"} {
		got, err := config.Load(config.Sources{Env: env(nil), File: file(t, "\ufeff"+text)})
		if err != nil || got.Listen != ":1" {
			t.Errorf("%q: listen is %q, %v", text, got.Listen, err)
		}
	}
}

func TestErrorsNameThePlaceAndTheFix(t *testing.T) {
	for name, c := range map[string]struct {
		file  string
		env   map[string]string
		flags map[string]string
		words []string
	}{
		"unknown name":        {file: "data = x\nlisen = :1\n", words: []string{":2: ", `"lisen"`, "inactive-after", "listen, log-format"}},
		"no equals sign":      {file: "sandbox\n", words: []string{":1: ", "name = value"}},
		"UTF-16":              {file: "\xff\xfel\x00i\x00s\x00t\x00e\x00n\x00", words: []string{":1: ", "save it in UTF-8"}},
		"a mark elsewhere":    {file: "data = x\n\ufefflisten = :1\n", words: []string{":2: ", "unknown setting"}},
		"twice":               {file: "data = x\n\ndata = y\n", words: []string{":3: ", "line 1"}},
		"bad number":          {file: "max-per-resource = -1\n", words: []string{":1: max-per-resource", "whole number"}},
		"bad port":            {env: map[string]string{"REEVE_LISTEN": "localhost:http"}, words: []string{"REEVE_LISTEN", "port"}},
		"no port":             {env: map[string]string{"REEVE_LISTEN": "4750"}, words: []string{"REEVE_LISTEN", "127.0.0.1:4750"}},
		"bad duration":        {flags: map[string]string{"inactive-after": "30 days"}, words: []string{"--inactive-after", "30d"}},
		"too short":           {flags: map[string]string{"inactive-after": "10s"}, words: []string{"at least 1h"}},
		"negative":            {flags: map[string]string{"shutdown-timeout": "-1s"}, words: []string{"at least 0s"}},
		"bad level":           {flags: map[string]string{"log-level": "loud"}, words: []string{"debug, info, warn or error"}},
		"bad size":            {flags: map[string]string{"memory": "64MB"}, words: []string{"64MiB"}},
		"too little":          {flags: map[string]string{"memory": "64MiB"}, words: []string{"128MiB"}},
		"one connection":      {env: map[string]string{"REEVE_DATABASE_CONNECTIONS": "1"}, words: []string{"from 2 to 1000"}},
		"too many":            {env: map[string]string{"REEVE_DATABASE_CONNECTIONS": "1001"}, words: []string{"from 2 to 1000"}},
		"too patient":         {flags: map[string]string{"database-patience": "11m"}, words: []string{"--database-patience", "0s to 10m"}},
		"impatient":           {flags: map[string]string{"database-patience": "-1s"}, words: []string{"0s to 10m"}},
		"issuer in the clear": {flags: map[string]string{"oidc-issuer": "http://login.example"}, words: []string{"--oidc-issuer", "https://"}},
		"no issuer":           {flags: map[string]string{"oidc-issuer": "https:login.example"}, words: []string{"https://"}},
		"group of no account": {flags: map[string]string{"oidc-groups": "a=111111111111:R, b=R"}, words: []string{"--oidc-groups", `"b=R"`, "GROUP=ACCOUNT:ROLE"}},
		"nameless group":      {flags: map[string]string{"oidc-groups": "=111111111111:R"}, words: []string{"GROUP=ACCOUNT:ROLE"}},
		"too many groups":     {flags: map[string]string{"oidc-groups": strings.Repeat("a=111111111111:R,", 1001)}, words: []string{"1000"}},
		"empty data":          {flags: map[string]string{"data": ""}, words: []string{"--data is empty"}},
		"mysql":               {env: map[string]string{"REEVE_DATABASE": "mysql://u:hunter2@h/d"}, words: []string{"postgres://"}},
	} {
		t.Run(name, func(t *testing.T) {
			src := config.Sources{Env: env(c.env), Flags: c.flags}
			if c.file != "" {
				src.File = file(t, c.file)
			}
			_, err := config.Load(src)
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range c.words {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q lacks %q", err, w)
				}
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%q shows a password", err)
			}
		})
	}
}

func TestGroupsMayBeNamesOfADirectory(t *testing.T) {
	var c config.Config
	all := config.Settings()
	i := slices.IndexFunc(all, func(s config.Setting) bool { return s.Name == "oidc-groups" })
	if err := all[i].Set(&c, " staff = 111111111111:Reader ,CN=Admins,OU=IT=EU,DC=x=222222222222:Ad=min@x, a b=111111111111:R,"); err != nil {
		t.Fatal(err)
	}
	want := []config.GroupRole{{Group: "staff", Account: "111111111111", Role: "Reader"}, {Group: "CN=Admins,OU=IT=EU,DC=x", Account: "222222222222", Role: "Ad=min@x"},
		{Group: "a b", Account: "111111111111", Role: "R"}}
	if diff := cmp.Diff(want, c.OIDCGroups); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
}

func TestAMissingFileIsAnError(t *testing.T) {
	if _, err := config.Load(config.Sources{File: "/nonexistent/reeve.conf", Env: env(nil)}); err == nil {
		t.Error("a configuration file that is not there was ignored")
	}
}

func TestEmptyEnvironmentValuesCountAsUnset(t *testing.T) {
	got, err := config.Load(config.Sources{Env: env(map[string]string{"REEVE_DATA": ""})})
	if err != nil || got.Data != "./reeve-data" {
		t.Errorf("%q, %v", got.Data, err)
	}
}

func TestHelpNamesEverySettingAndNoSecretIsAFlag(t *testing.T) {
	help := config.Help()
	for _, s := range config.Settings() {
		if !strings.Contains(help, s.Env()) || !strings.Contains(help, s.Help) {
			t.Errorf("help lacks %s", s.Name)
		}
		if s.NoFlag && strings.Contains(help, "--"+s.Name) {
			t.Errorf("help shows %s as a flag", s.Name)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	c := config.Config{RootSecretAccessKey: "hunter2", MasterKey: "hunter2", Database: "hunter2"}
	out := fmt.Sprintf("%v %+v %#v %q %x", c, c, c, c.MasterKey, c.MasterKey)
	if strings.Contains(out, "hunter2") || strings.Contains(out, "68756e74657232") {
		t.Errorf("a secret shows in %s", out)
	}
}
