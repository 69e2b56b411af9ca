package aws

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"reeve/internal/license"
)

const (
	instancesPerPage = 200
	maxImages        = 50_000 // that the instances of a part run
)

// readInstances reads the instances of a part page by page, each with what
// Systems Manager knows of it. Terminated ones are handed over with that
// status for as long as EC2 shows them.
func (p *part) readInstances(ctx context.Context) error {
	return pages(ctx, func(token *string) (*string, error) {
		page, err := p.ec2.DescribeInstances(ctx, &ec2.DescribeInstancesInput{MaxResults: aws.Int32(instancesPerPage), NextToken: token})
		if err != nil {
			return nil, err
		}
		var instances []types.Instance
		for _, r := range page.Reservations {
			instances = append(instances, r.Instances...)
		}
		return page.NextToken, p.passInstances(ctx, instances)
	})
}

func (p *part) passInstances(ctx context.Context, instances []types.Instance) error {
	sizes, err := p.types.of(ctx, p.ec2, typesOf(instances))
	if err != nil {
		return err
	}
	managed := p.managedInstances(ctx, instances)
	reports := make([]license.Report, 0, len(instances))
	for i := range instances {
		if err := p.noteImage(&instances[i]); err != nil {
			return err
		}
		reports = append(reports, p.instance(&instances[i], sizes))
	}
	p.addSoftware(ctx, reports, managed)
	return p.handOver(ctx, reports)
}

func typesOf(instances []types.Instance) []string {
	var names []string
	for i := range instances {
		names = append(names, string(instances[i].InstanceType))
	}
	return names
}

func (p *part) noteImage(i *types.Instance) error {
	id := aws.ToString(i.ImageId)
	if _, known := p.images[id]; known || id == "" || isTerminated(i) {
		return nil
	}
	if len(p.images) == maxImages {
		return errors.New("the instances run more different images than can be read in one region")
	}
	p.images[id] = false
	return nil
}

func isTerminated(i *types.Instance) bool {
	return i.State != nil && i.State.Name == types.InstanceStateNameTerminated
}

// instance is EC2's part of a report. Lists are there also when they are
// empty, so that what was taken away goes.
func (p *part) instance(i *types.Instance, sizes map[string]size) license.Report {
	r := license.Report{
		ARN:             p.arn("ec2", "instance/"+aws.ToString(i.InstanceId)),
		InstanceType:    text(string(i.InstanceType)),
		AMI:             i.ImageId,
		Platform:        i.PlatformDetails,
		PlatformType:    platformType(i.Platform, i.InstanceType),
		UsageOperation:  i.UsageOperation,
		LicenseIncluded: included(aws.ToString(i.UsageOperation)),
		ProductCodes:    productCodes(i.ProductCodes),
		Tags:            ec2Tags(i.Tags),
	}
	if i.State != nil {
		r.Status = text(string(i.State.Name))
	}
	r.Name = nameOf(r.Tags)
	p.placement(&r, i.Placement)
	p.instanceSize(&r, i, sizes)
	return r
}

// placement sets tenancy and host; a host of another account keeps that in its
// ARN. Off its host, the host is cleared. Where the hosts could not be read,
// whose one is cannot be told, and what is known of it stays.
func (p *part) placement(r *license.Report, at *types.Placement) {
	if at == nil {
		return
	}
	r.Tenancy = text(string(at.Tenancy))
	switch id := aws.ToString(at.HostId); {
	case id == "":
		r.Host = aws.String("")
	case !p.hostsUnknown || p.hostOwner[id] != "":
		r.Host = aws.String(p.hostARN(id))
	}
}

// instanceSize sets the default vCPUs of the type, and the cores and threads
// that the instance was launched with.
func (p *part) instanceSize(r *license.Report, i *types.Instance, sizes map[string]size) {
	known := sizes[string(i.InstanceType)]
	r.VCPUs = number(known.vcpus)
	if o := i.CpuOptions; o != nil && aws.ToInt32(o.CoreCount) > 0 {
		r.Cores, r.ThreadsPerCore = number(aws.ToInt32(o.CoreCount)), number(aws.ToInt32(o.ThreadsPerCore))
	} else {
		r.Cores, r.ThreadsPerCore = number(known.cores), number(known.threadsPerCore)
	}
	if known.vcpus > 0 && !known.metal {
		r.Virtual = aws.Bool(true)
	}
}

// included are the licences in the price of a usage operation; nil when the
// operation is not known. The codes are those of "AMI billing information
// fields" in the EC2 User Guide.
func included(operation string) []string {
	licences, known := operations[operation]
	if !known {
		return nil
	}
	return append([]string{}, licences...)
}

var operations = map[string][]string{
	"RunInstances":      nil,
	"RunInstances:00g0": nil,
	"RunInstances:0010": nil,
	"RunInstances:1010": nil,
	"RunInstances:1014": {sqlStandard},
	"RunInstances:1110": {sqlEnterprise},
	"RunInstances:0014": {sqlStandard},
	"RunInstances:0210": {sqlWeb},
	"RunInstances:0110": {sqlEnterprise},
	"RunInstances:0100": {sqlEnterprise},
	"RunInstances:0004": {sqlStandard},
	"RunInstances:0200": {sqlWeb},
	"RunInstances:000g": nil,
	"RunInstances:0g00": nil,
	"RunInstances:0002": {windows},
	"RunInstances:0800": nil,
	"RunInstances:0102": {sqlEnterprise, windows},
	"RunInstances:0006": {sqlStandard, windows},
	"RunInstances:0202": {sqlWeb, windows},
}

// Licences as the discovery filter License Included spells them.
const (
	sqlEnterprise = "sql-server-enterprise"
	sqlStandard   = "sql-server-standard"
	sqlWeb        = "sql-server-web"
	windows       = "windows-server-datacenter"
)

func platformType(platform types.PlatformValues, kind types.InstanceType) *string {
	switch {
	case strings.EqualFold(string(platform), string(types.PlatformValuesWindows)):
		return aws.String("Windows")
	case strings.HasPrefix(string(kind), "mac"):
		return aws.String("macOS")
	}
	return aws.String("Linux")
}

func productCodes(codes []types.ProductCode) []string {
	list := []string{}
	for _, c := range codes {
		if id := aws.ToString(c.ProductCodeId); id != "" && c.ProductCodeType == types.ProductCodeValuesMarketplace {
			list = append(list, id)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func ec2Tags(tags []types.Tag) []license.Tag {
	list := make([]license.Tag, 0, len(tags))
	for _, t := range tags {
		list = append(list, license.Tag{Key: aws.ToString(t.Key), Value: aws.ToString(t.Value)})
	}
	return list
}

// nameOf is the tag Name, which EC2's console shows as the name.
func nameOf(tags []license.Tag) *string {
	name := ""
	for _, t := range tags {
		if t.Key == "Name" {
			name = t.Value
		}
	}
	return &name
}

// text is a member that is absent when nothing is known.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// number is a member that is absent when nothing is known.
func number(n int32) *int64 {
	if n <= 0 {
		return nil
	}
	return aws.Int64(int64(n))
}
