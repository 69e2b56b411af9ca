package client_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"reeve/internal/client"
)

// place is a home directory and a working directory, with files in them.
type place struct {
	t    *testing.T
	home string
	vars map[string]string
}

func newPlace(t *testing.T) *place {
	p := &place{t: t, home: t.TempDir(), vars: map[string]string{}}
	p.vars["HOME"] = p.home
	t.Chdir(t.TempDir())
	return p
}

func (p *place) write(path, text string) {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) env(name string) string { return p.vars[name] }

func profile(name, id string) string {
	return "[" + name + "]\naws_access_key_id = " + id + "\naws_secret_access_key=secret-of-" + id + "\n"
}

// keyOf tells which key a client signs with, by asking it to fail.
func keyOf(t *testing.T, p *place, choice client.Choice) string {
	t.Helper()
	c, err := client.FromEnvironment(choice, p.env)
	if err != nil {
		return "error: " + err.Error()
	}
	return c.AccessKeyID()
}

func TestCredentialsComeFromTheFirstPlaceThatHasThem(t *testing.T) {
	p := newPlace(t)
	check := func(step, want string) {
		t.Helper()
		if got := keyOf(t, p, client.Choice{}); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", step, got, want)
		}
	}
	check("nothing anywhere", `run eval "$(reeve env)"`)
	p.write("reeve-data/credentials", "# comment\n"+profile("default", "DATA"))
	check("data directory", "DATA")
	p.write(filepath.Join(p.home, ".aws/credentials"), profile("work", "WORK"))
	check("home without the default profile", "DATA")
	p.write(filepath.Join(p.home, ".aws/credentials"), profile("work", "WORK")+"\n; comment\n"+profile("default", "HOME"))
	check("home", "HOME")
	p.vars["AWS_PROFILE"] = "work"
	check("profile", "WORK")
	p.vars["AWS_PROFILE"] = "absent"
	check("a profile that is not there", `profile "absent": no such profile`)
	p.vars["AWS_SHARED_CREDENTIALS_FILE"] = filepath.Join(p.home, "other")
	check("a file that is not there", "no such file")
	p.write(filepath.Join(p.home, "other"), profile("absent", "OTHER"))
	check("named file", "OTHER")
	p.vars["AWS_ACCESS_KEY_ID"] = "VARIABLE"
	check("half of the variables", "set both")
	p.vars["AWS_SECRET_ACCESS_KEY"] = "secret"
	check("variables", "VARIABLE")
}

func TestTheDataDirectoryMayBeChosen(t *testing.T) {
	p := newPlace(t)
	p.write("one/credentials", profile("default", "ONE"))
	p.write("two/credentials", profile("default", "TWO"))
	p.vars["REEVE_DATA"] = "one"
	if got := keyOf(t, p, client.Choice{}); got != "ONE" {
		t.Errorf("REEVE_DATA: %q", got)
	}
	if got := keyOf(t, p, client.Choice{Data: "two"}); got != "TWO" {
		t.Errorf("--data: %q", got)
	}
}

func TestAProfileWithoutASecretIsNamed(t *testing.T) {
	p := newPlace(t)
	p.write(filepath.Join(p.home, ".aws/credentials"), "[default]\naws_access_key_id = A\n")
	if got := keyOf(t, p, client.Choice{}); !strings.Contains(got, "no aws_secret_access_key") {
		t.Errorf("got %q", got)
	}
}

func TestRegionAndEndpoint(t *testing.T) {
	p := newPlace(t)
	check := func(choice client.Choice, region, endpoint string) {
		t.Helper()
		c, err := client.FromEnvironment(choice, p.env)
		if err != nil {
			t.Fatal(err)
		}
		if c.Region() != region || c.Endpoint() != endpoint+"/" {
			t.Errorf("region %q at %q, want %q at %q", c.Region(), c.Endpoint(), region, endpoint)
		}
	}
	p.write("reeve-data/credentials", profile("default", "DATA"))
	check(client.Choice{}, "us-east-1", "http://127.0.0.1:4750")
	p.write("reeve-data/endpoint", "http://127.0.0.1:5555\n")
	check(client.Choice{}, "us-east-1", "http://127.0.0.1:5555")
	p.vars["AWS_DEFAULT_REGION"], p.vars["AWS_ENDPOINT_URL_LICENSE_MANAGER"] = "eu-west-1", "http://a:1"
	check(client.Choice{}, "eu-west-1", "http://a:1")
	p.vars["AWS_REGION"], p.vars["REEVE_ENDPOINT"] = "eu-central-1", "http://b:2"
	check(client.Choice{}, "eu-central-1", "http://b:2")
	check(client.Choice{Region: "ap-south-1", Endpoint: "http://c:3"}, "ap-south-1", "http://c:3")
}

func TestAnEndpointLeftBesideOtherCredentialsIsNotUsed(t *testing.T) {
	p := newPlace(t)
	p.write("reeve-data/endpoint", "http://127.0.0.1:5555\n")
	p.vars["AWS_ACCESS_KEY_ID"], p.vars["AWS_SECRET_ACCESS_KEY"] = "VARIABLE", "secret"
	c, err := client.FromEnvironment(client.Choice{}, p.env)
	if err != nil || c.Endpoint() != client.DefaultEndpoint+"/" {
		t.Errorf("%v, %v", c.Endpoint(), err)
	}
	delete(p.vars, "AWS_ACCESS_KEY_ID")
	delete(p.vars, "AWS_SECRET_ACCESS_KEY")
	p.write(filepath.Join(p.home, ".aws/credentials"), profile("default", "HOME"))
	c, err = client.FromEnvironment(client.Choice{}, p.env)
	if err != nil || c.Endpoint() != client.DefaultEndpoint+"/" {
		t.Errorf("%v, %v", c.Endpoint(), err)
	}
}

func TestEndpointsThatCannotWorkAreRefused(t *testing.T) {
	for _, bad := range []string{"localhost:4750", "ftp://h", "http://", "http://h/?x=1", "::"} {
		if _, err := client.New(bad, "us-east-1", client.Credentials{}); err == nil || !strings.Contains(err.Error(), client.DefaultEndpoint) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
