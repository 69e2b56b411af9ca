package server

import (
	"context"

	"reeve/internal/api"
	"reeve/internal/license"
)

func (s *server) listResourceInventory(ctx context.Context, who license.Caller, in *api.ListResourceInventoryInput) (*api.ListResourceInventoryOutput, error) {
	filters := convert(in.Filters, inventoryFilter)
	p, err := s.pager(who, in.MaxResults, in.NextToken, inventoryParts(filters)...)
	if err != nil {
		return nil, err
	}
	after, err := p.inventory()
	if err != nil {
		return nil, err
	}
	page, next, err := s.manager.ListInventories(ctx, who, filters, after, p.limit)
	if err != nil {
		return nil, err
	}
	return &api.ListResourceInventoryOutput{
		ResourceInventoryList: convert(page, func(r **license.Resource) api.ResourceInventory { return inventoryShape(*r) }),
		NextToken:             p.afterInventory(next),
	}, nil
}

// inventoryFilter takes a missing value for an empty one, which the rules
// allow for tags alone.
func inventoryFilter(f *api.InventoryFilter) license.InventoryFilter {
	return license.InventoryFilter{Name: value(f.Name), Condition: license.InventoryCondition(value(f.Condition)), Value: value(f.Value)}
}

// inventoryParts is what a page token is bound to.
func inventoryParts(filters []license.InventoryFilter) []string {
	var parts []string
	for _, f := range filters {
		parts = append(parts, f.Name, string(f.Condition), f.Value)
	}
	return parts
}

func inventoryShape(r *license.Resource) api.ResourceInventory {
	shape := api.ResourceInventory{
		ResourceType:            new(string(r.Type)),
		ResourceArn:             &r.ARN,
		Platform:                present(r.Facts.Platform),
		PlatformVersion:         present(r.Facts.PlatformVersion),
		ResourceOwningAccountId: &r.Owner,
		MarketplaceProductCodes: r.Facts.ProductCodes,
		UsageOperation:          present(r.Facts.UsageOperation),
		AmiId:                   present(r.Facts.AMI),
		HostId:                  present(r.Facts.Host),
		InstanceType:            present(r.Facts.InstanceType),
	}
	if arn, err := license.ParseResourceARN(r.ARN); err == nil {
		shape.ResourceId, shape.Region = &arn.ID, &arn.Region
	}
	return shape
}
