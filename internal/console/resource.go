package console

import (
	"cmp"
	"errors"
	"net/http"
	"strings"

	"reeve/internal/api"
	"reeve/internal/awsjson"
)

// resourceLink leads to the page of a resource. The template "resource" shows it.
type resourceLink struct {
	ARN, ID, Path string
	Name          string // what its people call it now; "" where nobody said
}

func linkTo(arn string) *resourceLink {
	return &resourceLink{ARN: arn, ID: shortName(arn), Path: resourcePath(arn)}
}

// linkGiven is the link to a resource that may be missing.
func linkGiven(arn *string) *resourceLink {
	if arn == nil || *arn == "" {
		return nil
	}
	return linkTo(*arn)
}

// Called is what pages call the resource.
func (r *resourceLink) Called() string { return cmp.Or(r.Name, r.ID) }

// call gives the resource a name, which is left out where the ID says as much.
func (r *resourceLink) call(name string) {
	if name = clipped(name); name != r.ID {
		r.Name = name
	}
}

// maxNamed is how many resources the API names at once.
const maxNamed = 1000

// nameLinks adds the names that the inventory has, to the first maxNamed; who
// may not see the inventory gets none. Links that are nil are left out.
func (v *visit) nameLinks(links ...*resourceLink) error {
	by := map[string][]*resourceLink{}
	in := &api.FindResourcesInput{}
	for _, one := range links {
		if one == nil || len(by) == maxNamed {
			continue
		}
		if by[one.ARN] == nil {
			in.ResourceArns = append(in.ResourceArns, one.ARN)
		}
		by[one.ARN] = append(by[one.ARN], one)
	}
	if len(in.ResourceArns) == 0 {
		return nil
	}
	var out api.FindResourcesOutput
	err := v.call("FindResources", in, &out)
	var fault *awsjson.Fault
	if errors.As(err, &fault) && statusOf(fault) == http.StatusForbidden {
		return nil
	}
	for _, r := range out.Resources {
		for _, one := range by[told(r.ResourceArn)] {
			one.call(told(r.Name))
		}
	}
	return err
}

// shortName is the short name of a resource: what follows the last slash or
// colon of its ARN.
func shortName(arn string) string {
	if at := strings.LastIndexAny(arn, "/:"); at >= 0 && at+1 < len(arn) {
		return clipped(arn[at+1:])
	}
	return clipped(arn)
}

// kindNames are what people call the types of resources.
var kindNames = map[string]string{
	"EC2_INSTANCE": "EC2 instance", "EC2_HOST": "Dedicated Host", "EC2_AMI": "Image", "RDS": "Database",
	"SYSTEMS_MANAGER_MANAGED_INSTANCE": "Managed machine",
}

func kindName(kind string) string { return worded(kindNames, kind) }
