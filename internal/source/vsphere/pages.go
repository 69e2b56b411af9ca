package vsphere

import (
	"context"
	"fmt"

	"github.com/vmware/govmomi/view"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/types"
)

// maxPages bounds one list: far more than a vCenter manages.
const maxPages = 10_000

// objects reads properties of all objects of a kind below the roots, page by
// page. Objects that come or go meanwhile may or may not be among them.
func (p *pull) objects(ctx context.Context, roots []types.ManagedObjectReference, kind string, properties []string, each func([]types.ObjectContent) error) error {
	for _, root := range roots {
		v, err := view.NewManager(p.Client).CreateContainerView(ctx, root, []string{kind}, true)
		if err != nil {
			return err
		}
		spec := types.PropertyFilterSpec{
			PropSet: []types.PropertySpec{{Type: kind, PathSet: properties}},
			ObjectSet: []types.ObjectSpec{{Obj: v.Reference(), Skip: types.NewBool(true),
				SelectSet: []types.BaseSelectionSpec{&types.TraversalSpec{Type: "ContainerView", Path: "view"}}}},
		}
		if err := p.pages(ctx, spec, each); err != nil {
			return err
		}
		if err := v.Destroy(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (p *pull) pages(ctx context.Context, spec types.PropertyFilterSpec, each func([]types.ObjectContent) error) error {
	collector := p.ServiceContent.PropertyCollector
	first, err := methods.RetrievePropertiesEx(ctx, p.Client, &types.RetrievePropertiesEx{
		This: collector, SpecSet: []types.PropertyFilterSpec{spec}, Options: types.RetrieveOptions{MaxObjects: p.source.pageSize},
	})
	if err != nil || first.Returnval == nil {
		return err
	}
	page := *first.Returnval
	for range maxPages {
		if err := each(page.Objects); err != nil {
			return err
		}
		if page.Token == "" {
			return nil
		}
		more, err := methods.ContinueRetrievePropertiesEx(ctx, p.Client, &types.ContinueRetrievePropertiesEx{This: collector, Token: page.Token})
		if err != nil {
			return err
		}
		page = more.Returnval
	}
	return fmt.Errorf("the list has more than %d pages; name datacenters, and read the others in a second source", maxPages)
}

// object reads properties of one object.
func (p *pull) object(ctx context.Context, ref types.ManagedObjectReference, properties []string, each func([]types.ObjectContent) error) error {
	return p.pages(ctx, types.PropertyFilterSpec{
		PropSet:   []types.PropertySpec{{Type: ref.Type, PathSet: properties}},
		ObjectSet: []types.ObjectSpec{{Obj: ref}},
	}, each)
}
