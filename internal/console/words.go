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
func (v *visit) when(text *string) stamp { return v.at(moment(text)) }

// since is a moment that an operation answers as a number.
func (v *visit) since(t *api.Time) stamp { return v.at(clockTime(t)) }

// clockTime is a moment that an answer gives in seconds; zero where there is none.
func clockTime(t *api.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return time.UnixMicro(int64(*t))
}

// refused reports whether the API refused an operation with this code's
// beginning.
func refused(err error, code string) bool {
	var fault *awsjson.Fault
	return errors.As(err, &fault) && strings.HasPrefix(fault.Code, code)
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

// units are what each counting type counts, for people.
var units = map[string]string{"vCPU": "vCPUs", "Instance": "instances", "Core": "cores", "Socket": "sockets"}

func unitOf(counting string) string {
	if unit, ok := units[counting]; ok {
		return unit
	}
	return "licences"
}

// kindNames are what people call the types of resources.
var kindNames = map[string]string{
	"EC2_INSTANCE": "EC2 instance", "EC2_HOST": "Dedicated Host", "EC2_AMI": "Image", "RDS": "Database",
	"SYSTEMS_MANAGER_MANAGED_INSTANCE": "Managed machine",
}

func kindName(kind string) string {
	if name, ok := kindNames[kind]; ok {
		return name
	}
	return kind
}

// personName is the part of a principal's ARN that people know.
func personName(principal string) string {
	parts := strings.SplitN(principal, ":", 6)
	if len(parts) < 6 {
		return principal
	}
	return parts[5]
}
