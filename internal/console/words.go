package console

import (
	"errors"
	"strings"
	"time"

	"reeve/internal/api"
	"reeve/internal/awsjson"
)

// told is what an operation said, the zero value where it said nothing.
func told[T any](p *T) T {
	var none T
	if p == nil {
		return none
	}
	return *p
}

// when is a moment of an operation's answer for the viewer.
func (v *visit) when(text *string) stamp {
	t, err := time.Parse(time.RFC3339Nano, told(text))
	if err != nil {
		return stamp{}
	}
	return v.at(t)
}

// since is a moment that an operation answers as a number.
func (v *visit) since(t *api.Time) stamp {
	if t == nil {
		return stamp{}
	}
	return v.at(time.UnixMicro(int64(*t)))
}

// refused reports whether the API refused an operation with this code's
// beginning.
func refused(err error, code string) bool {
	var fault *awsjson.Fault
	return errors.As(err, &fault) && strings.HasPrefix(fault.Code, code)
}

// typeWords say what kind of resource one is, for people who never saw AWS.
var typeWords = map[string]string{
	"EC2_INSTANCE":                     "cloud machine",
	"EC2_HOST":                         "dedicated host",
	"EC2_AMI":                          "machine image",
	"RDS":                              "database",
	"SYSTEMS_MANAGER_MANAGED_INSTANCE": "managed machine",
}

// worded finds the plain words for a name of the API, or gives the name back.
func worded(words map[string]string, name string) string {
	if plain, ok := words[name]; ok {
		return plain
	}
	return clipped(name)
}

// unitWords are what the counting types count, more than one of them.
var unitWords = map[string]string{"vCPU": "virtual processors (vCPU)", "Core": "physical processor cores", "Socket": "physical processors (sockets)", "Instance": "machines"}

// originWords say how a resource came to a configuration.
var originWords = map[string]string{
	"request":   "assigned by somebody",
	"ami":       "launched from an assigned image",
	"discovery": "found by a rule",
	"affinity":  "licence held on its host",
}

// shortName is the short name of a resource: what follows the last slash or
// colon of its ARN.
func shortName(arn string) string {
	if at := strings.LastIndexAny(arn, "/:"); at >= 0 && at+1 < len(arn) {
		return clipped(arn[at+1:])
	}
	return clipped(arn)
}

// named is what a person calls a licence configuration: its name, or its ID
// where it is gone or not to be read.
func (v *visit) named(arn string) (string, error) {
	var out api.GetLicenseConfigurationOutput
	err := v.call("GetLicenseConfiguration", &api.GetLicenseConfigurationInput{LicenseConfigurationArn: &arn}, &out)
	var fault *awsjson.Fault
	switch {
	case errors.As(err, &fault):
		return shortName(arn), nil
	case err != nil:
		return "", err
	}
	return clipped(told(out.Name)), nil
}
