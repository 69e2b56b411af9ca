package server

import (
	"context"

	"reeve/internal/api"
	"reeve/internal/license"
)

func (s *server) findResources(ctx context.Context, who license.Caller, in *api.FindResourcesInput) (*api.FindResourcesOutput, error) {
	q := license.ResourceQuery{Text: value(in.Text), State: license.ResourceState(value(in.State)), ARNs: in.ResourceArns}
	if q.ARNs != nil && (in.Text != nil || in.State != nil || in.NextToken != nil) {
		return nil, invalid("ResourceArns names the resources: leave out Text, State and NextToken.")
	}
	p, err := s.pager(who, in.MaxResults, in.NextToken, q.Text, string(q.State))
	if err != nil {
		return nil, err
	}
	after, err := p.number()
	if err != nil {
		return nil, err
	}
	list, next, err := s.manager.FindResources(ctx, who, q, after, p.limit)
	if err != nil {
		return nil, err
	}
	return &api.FindResourcesOutput{Resources: convert(list, resourceSummary), NextToken: p.afterNumber(next)}, nil
}

func resourceSummary(p **license.Resource) api.ResourceSummary {
	r := *p
	out := api.ResourceSummary{
		ResourceArn: &r.ARN, ResourceType: new(string(r.Type)), ResourceOwnerId: &r.Owner,
		State: new(string(r.Facts.State())), Status: &r.Facts.Status, LastSeenTime: new(r.Seen.String()),
		Name: present(r.Facts.Name), Platform: present(r.Facts.Platform), InstanceType: present(r.Facts.InstanceType),
		VCpus: present(r.Facts.VCPUs), Cores: present(r.Facts.Cores), Sockets: present(r.Facts.Sockets), HostId: present(r.Facts.Host),
	}
	if arn, err := license.ParseResourceARN(r.ARN); err == nil {
		out.ResourceId, out.Region = &arn.ID, &arn.Region
	}
	return out
}
