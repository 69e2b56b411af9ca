package client

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// fileLimit bounds a credentials file.
const fileLimit = 1 << 20

// ErrNoCredentials is what Environment answers where no credentials are.
var ErrNoCredentials = errors.New(`no credentials: run eval "$(reeve env)" next to the server's data directory, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`)

// Choice is what a command's flags said; "" leaves it to the environment.
type Choice struct {
	Endpoint string
	Region   string
	Data     string // data directory of a server, looked into last
	TLS      TLS    // for an endpoint that is https
}

// DefaultData is the data directory of a server that nobody configured.
const DefaultData = "./reeve-data"

// EndpointFile is where a server leaves its URL in the data directory.
const EndpointFile = "endpoint"

// FromEnvironment returns a client as the usual AWS environment names it:
//
//	credentials  AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, for temporary
//	             ones with AWS_SESSION_TOKEN, else the profile
//	             AWS_PROFILE (default) of AWS_SHARED_CREDENTIALS_FILE
//	             (~/.aws/credentials), else the data directory's credentials
//	region       AWS_REGION, AWS_DEFAULT_REGION, us-east-1
//	endpoint     REEVE_ENDPOINT, AWS_ENDPOINT_URL_LICENSE_MANAGER, else what a
//	             server left beside the credentials, else DefaultEndpoint
//	authorities  REEVE_CA_FILE, AWS_CA_BUNDLE, what a server left beside its
//	             endpoint, else the system's
//	certificate  REEVE_CLIENT_CERTIFICATE and REEVE_CLIENT_KEY, else none
func FromEnvironment(choice Choice, env func(string) string) (*Client, error) {
	credentials, source, err := credentialsFrom(choice, env)
	if err != nil {
		return nil, err
	}
	files := filesOf(choice, env)
	endpoint := first(choice.Endpoint, env("REEVE_ENDPOINT"), env("AWS_ENDPOINT_URL_LICENSE_MANAGER"))
	if endpoint == "" {
		endpoint = LeftEndpoint(filepath.Dir(source))
		files.CA = first(files.CA, LeftAuthority(filepath.Dir(source)))
	}
	c, err := New(endpoint, RegionFrom(choice, env), credentials)
	if err != nil {
		return nil, err
	}
	c.source = source
	return c, c.useWhereNeeded(files)
}

// filesOf are the files for HTTPS that a command or the environment names.
func filesOf(choice Choice, env func(string) string) TLS {
	return TLS{
		CA:          first(choice.TLS.CA, env("REEVE_CA_FILE"), env("AWS_CA_BUNDLE")),
		Certificate: first(choice.TLS.Certificate, env("REEVE_CLIENT_CERTIFICATE")),
		Key:         first(choice.TLS.Key, env("REEVE_CLIENT_KEY")),
	}
}

// LeftEndpoint is the URL that the newest server left in a data directory, or
// DefaultEndpoint.
func LeftEndpoint(data string) string {
	text, err := os.ReadFile(filepath.Join(data, EndpointFile))
	url := strings.TrimSpace(string(text))
	if err != nil || !strings.HasPrefix(url, "http") {
		return DefaultEndpoint
	}
	return url
}

// RegionFrom returns the region that FromEnvironment uses.
func RegionFrom(choice Choice, env func(string) string) string {
	return first(choice.Region, env("AWS_REGION"), env("AWS_DEFAULT_REGION"), DefaultRegion)
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// credentialsFrom returns the credentials and, for people, where they were.
func credentialsFrom(choice Choice, env func(string) string) (c Credentials, source string, err error) {
	id, secret := env("AWS_ACCESS_KEY_ID"), env("AWS_SECRET_ACCESS_KEY")
	switch {
	case id != "" && secret != "":
		return Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: env("AWS_SESSION_TOKEN")}, "AWS_ACCESS_KEY_ID", nil
	case id != "" || secret != "":
		return Credentials{}, "", errors.New("half of the credentials is set: set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither")
	}
	path, profile, named := sharedFile(env)
	c, err = ReadCredentials(path, profile)
	if err == nil {
		return c, path, nil
	}
	if named {
		return Credentials{}, "", fmt.Errorf("%w: AWS_PROFILE or AWS_SHARED_CREDENTIALS_FILE asks for it", err)
	}
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNoProfile) {
		return Credentials{}, "", err
	}
	path = filepath.Join(first(choice.Data, env("REEVE_DATA"), DefaultData), "credentials")
	c, err = ReadCredentials(path, "default")
	if errors.Is(err, fs.ErrNotExist) {
		return Credentials{}, "", ErrNoCredentials
	}
	return c, path, err
}

// sharedFile returns AWS's credentials file and the profile to read of it;
// named tells that the environment asked for one of them, so that it must be
// there.
func sharedFile(env func(string) string) (path, profile string, named bool) {
	path, profile = env("AWS_SHARED_CREDENTIALS_FILE"), env("AWS_PROFILE")
	named = path != "" || profile != ""
	if path == "" {
		path = filepath.Join(env("HOME"), ".aws", "credentials")
	}
	return path, first(profile, "default"), named
}

var errNoProfile = errors.New("no such profile")

// ReadCredentials reads one profile of a file in the form of AWS's shared
// credentials file.
func ReadCredentials(path, profile string) (Credentials, error) {
	f, err := os.Open(path)
	if err != nil {
		return Credentials{}, fmt.Errorf("read credentials: %w", err)
	}
	defer f.Close()
	c, err := parseProfile(io.LimitReader(f, fileLimit), profile)
	if err != nil {
		return Credentials{}, fmt.Errorf("read credentials: %s: profile %q: %w", path, profile, err)
	}
	return c, nil
}

func parseProfile(r io.Reader, profile string) (Credentials, error) {
	var c Credentials
	found, inside := false, false
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if line[0] == '[' {
			inside = strings.TrimSpace(strings.Trim(line, "[]")) == profile
			found = found || inside
			continue
		}
		if inside {
			setCredential(&c, line)
		}
	}
	if err := lines.Err(); err != nil {
		return Credentials{}, err
	}
	if !found {
		return Credentials{}, errNoProfile
	}
	if c.AccessKeyID == "" || c.SecretAccessKey == "" {
		return Credentials{}, errors.New("it has no aws_access_key_id or no aws_secret_access_key")
	}
	return c, nil
}

func setCredential(c *Credentials, line string) {
	name, value, _ := strings.Cut(line, "=")
	value = strings.TrimSpace(value)
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "aws_session_token":
		c.SessionToken = value
	case "aws_access_key_id":
		c.AccessKeyID = value
	case "aws_secret_access_key":
		c.SecretAccessKey = value
	}
}
