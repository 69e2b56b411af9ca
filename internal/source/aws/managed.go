package aws

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"reeve/internal/license"
)

const (
	managedPerPage = 50 // what Systems Manager gives at most
	maxInventories = 4  // machines of a part that are asked about at a time
)

// information is what Systems Manager says of a machine beside its inventory.
type information = ssmtypes.InstanceInformation

// managedInstances asks Systems Manager about the instances of a page; by
// instance ID. Instances without its agent are not among them.
func (p *part) managedInstances(ctx context.Context, instances []types.Instance) map[string]*information {
	managed := map[string]*information{}
	if !p.settings.reads(readSSM) || p.ssmFailed != nil {
		return managed
	}
	var ids []string
	for i := range instances {
		if !isTerminated(&instances[i]) {
			ids = append(ids, aws.ToString(instances[i].InstanceId))
		}
	}
	for some := range slices.Chunk(ids, managedPerPage) {
		if p.ssmFailed = p.ask(ctx, some, managed); p.ssmFailed != nil {
			break
		}
	}
	return managed
}

// ask adds those of the instances that Systems Manager manages. An ID that it
// refuses would take the others with it, so the list is halved until that one
// is alone.
func (p *part) ask(ctx context.Context, ids []string, managed map[string]*information) error {
	err := p.information(ctx, "InstanceIds", ids, func(page []information) error {
		for i := range page {
			managed[aws.ToString(page[i].InstanceId)] = &page[i]
		}
		return nil
	})
	var refused *ssmtypes.InvalidInstanceId
	switch half := len(ids) / 2; {
	case !errors.As(err, &refused):
		return err
	case half == 0:
		return nil
	default:
		return cmp.Or(p.ask(ctx, ids[:half], managed), p.ask(ctx, ids[half:], managed))
	}
}

// information lists the machines that a filter selects.
func (p *part) information(ctx context.Context, filter string, values []string, each func([]information) error) error {
	return pages(ctx, func(token *string) (*string, error) {
		page, err := p.ssm.DescribeInstanceInformation(ctx, &ssm.DescribeInstanceInformationInput{
			Filters:    []ssmtypes.InstanceInformationStringFilter{{Key: &filter, Values: values}},
			MaxResults: aws.Int32(managedPerPage), NextToken: token,
		})
		if err != nil {
			return nil, err
		}
		return page.NextToken, each(page.InstanceInformationList)
	})
}

// addSoftware adds what Systems Manager knows to the reports of instances.
// Where it could not be asked, EC2's word for the platform must not replace
// its name: discovery looks for that.
func (p *part) addSoftware(ctx context.Context, reports []license.Report, managed map[string]*information) {
	if p.ssmFailed != nil {
		for i := range reports {
			reports[i].Platform = nil
		}
	}
	failed := make([]error, len(reports))
	inParallel(ctx, len(reports), maxInventories, func(i int) {
		r := &reports[i]
		id := r.ARN[strings.LastIndexByte(r.ARN, '/')+1:]
		if known := managed[id]; known != nil {
			setPlatform(r, known)
			failed[i] = p.addApplications(ctx, r, known)
		}
	})
	if p.ssmFailed == nil {
		p.ssmFailed = firstOf(failed)
	}
}

// firstOf is the first failure of many that have the same cause.
func firstOf(all []error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}

// readManaged reads the machines outside of EC2 that Systems Manager manages.
func (p *part) readManaged(ctx context.Context) error {
	if p.ssmFailed != nil {
		return nil // the failure is known
	}
	return p.information(ctx, "ResourceType", []string{"ManagedInstance"}, func(page []information) error {
		page = slices.DeleteFunc(page, func(m information) bool { return !strings.HasPrefix(aws.ToString(m.InstanceId), "mi-") })
		reports, failed := make([]license.Report, len(page)), make([]error, len(page))
		inParallel(ctx, len(page), maxInventories, func(i int) { reports[i], failed[i] = p.managed(ctx, &page[i]) })
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return errors.Join(firstOf(failed), p.handOver(ctx, reports))
	})
}

func (p *part) managed(ctx context.Context, m *information) (license.Report, error) {
	id := aws.ToString(m.InstanceId)
	r := license.Report{
		ARN:    p.arn("ssm", "managed-instance/"+id),
		Status: text(string(m.PingStatus)),
		Name:   text(aws.ToString(m.ComputerName)),
	}
	setPlatform(&r, m)
	tags, failed := p.machineTags(ctx, id)
	r.Tags = tags
	if err := p.addApplications(ctx, &r, m); failed == nil {
		failed = err
	}
	return r, failed
}

func setPlatform(r *license.Report, m *information) {
	if name := aws.ToString(m.PlatformName); name != "" {
		r.Platform, r.PlatformVersion = &name, m.PlatformVersion
	}
	switch m.PlatformType {
	case ssmtypes.PlatformTypeMacos:
		r.PlatformType = aws.String("macOS")
	case ssmtypes.PlatformTypeLinux, ssmtypes.PlatformTypeWindows:
		r.PlatformType = aws.String(string(m.PlatformType))
	}
}

func (p *part) machineTags(ctx context.Context, id string) ([]license.Tag, error) {
	answer, err := p.ssm.ListTagsForResource(ctx, &ssm.ListTagsForResourceInput{ResourceType: ssmtypes.ResourceTypeForTaggingManagedInstance, ResourceId: &id})
	var gone *ssmtypes.InvalidResourceId
	if errors.As(err, &gone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	tags := []license.Tag{}
	for _, t := range answer.TagList {
		tags = append(tags, license.Tag{Key: aws.ToString(t.Key), Value: aws.ToString(t.Value)})
	}
	return tags, nil
}
