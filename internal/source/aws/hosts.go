package aws

import (
	"cmp"
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"reeve/internal/license"
)

const hostsPerPage = 500

// readHosts reads the dedicated hosts that the account sees: its own, and those
// that others share with it.
func (p *part) readHosts(ctx context.Context) error {
	err := pages(ctx, func(token *string) (*string, error) {
		page, err := p.ec2.DescribeHosts(ctx, &ec2.DescribeHostsInput{MaxResults: aws.Int32(hostsPerPage), NextToken: token})
		if err != nil {
			return nil, err
		}
		reports := make([]license.Report, 0, len(page.Hosts))
		for i := range page.Hosts {
			reports = append(reports, p.host(&page.Hosts[i]))
		}
		return page.NextToken, p.handOver(ctx, reports)
	})
	p.hostsUnknown = err != nil
	return err
}

// host is a report of a dedicated host. Tags are the owner's alone to see.
func (p *part) host(h *types.Host) license.Report {
	id, owner := aws.ToString(h.HostId), cmp.Or(aws.ToString(h.OwnerId), p.account)
	p.hostOwner[id] = owner
	r := license.Report{ARN: p.hostARN(id), Status: text(string(h.State))}
	if owner == p.account {
		r.Tags = ec2Tags(h.Tags)
		r.Name = nameOf(r.Tags)
	}
	if facts := h.HostProperties; facts != nil {
		r.InstanceType = text(cmp.Or(aws.ToString(facts.InstanceType), aws.ToString(facts.InstanceFamily)))
		r.Cores, r.Sockets = number(aws.ToInt32(facts.Cores)), number(aws.ToInt32(facts.Sockets))
		r.VCPUs = number(aws.ToInt32(facts.TotalVCpus))
	}
	return r
}

// hostARN names a dedicated host. One that was not listed is taken for the
// account's own.
func (p *part) hostARN(id string) string {
	owner := cmp.Or(p.hostOwner[id], p.account)
	return "arn:" + p.partition + ":ec2:" + p.region + ":" + owner + ":dedicated-host/" + id
}
