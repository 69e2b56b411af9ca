package vsphere

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/vapi/rest"
	vtags "github.com/vmware/govmomi/vapi/tags"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"

	"reeve/internal/license"
)

// Bounds of what a report takes.
const (
	maxTags     = 100
	maxTagKey   = 128
	maxTagValue = 256
)

// tagReader reads the tags of objects over the vCenter's REST interface. A nil
// one reads none: ESXi has no tags.
type tagReader struct {
	client *rest.Client
	tags   *vtags.Manager
	names  map[string]license.Tag // by a tag's ID; category and name
}

func (p *pull) openTags(ctx context.Context) (*tagReader, error) {
	if !p.IsVC() {
		return nil, nil
	}
	client := rest.NewClient(p.Client)
	client.Timeout, client.Transport = requestTimeout, boundedTransport{client.Transport}
	err := client.Login(ctx, p.user)
	if err != nil && rest.IsStatusError(err, http.StatusNotFound) {
		return nil, nil // a vCenter from before tags
	}
	return &tagReader{client, vtags.NewManager(client), map[string]license.Tag{}}, err
}

func (t *tagReader) end(ctx context.Context) {
	if t != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), logoutTimeout)
		defer cancel()
		_ = t.client.Logout(ctx)
	}
}

// of returns the tags of a page of objects.
func (t *tagReader) of(ctx context.Context, page []types.ObjectContent) (map[types.ManagedObjectReference][]license.Tag, error) {
	if t == nil || len(page) == 0 {
		return nil, nil
	}
	refs := make([]mo.Reference, len(page))
	for i := range page {
		refs[i] = page[i].Obj
	}
	attached, err := t.tags.ListAttachedTagsOnObjects(ctx, refs)
	if err != nil {
		return nil, err
	}
	found := map[types.ManagedObjectReference][]license.Tag{}
	for _, a := range attached {
		for _, id := range a.TagIDs {
			tag, err := t.name(ctx, id)
			if err != nil {
				return nil, err
			}
			ref := a.ObjectID.Reference()
			found[ref] = append(found[ref], tag)
		}
	}
	return found, nil
}

// name is a tag as a pair: its category and its name.
func (t *tagReader) name(ctx context.Context, id string) (license.Tag, error) {
	if known, ok := t.names[id]; ok {
		return known, nil
	}
	tag, err := t.tags.GetTag(ctx, id)
	if err != nil {
		return license.Tag{}, err
	}
	category, err := t.tags.GetCategory(ctx, tag.CategoryID)
	if err != nil {
		return license.Tag{}, err
	}
	t.names[id] = license.Tag{Key: category.Name, Value: tag.Name}
	return t.names[id], nil
}

// attributeNames are the names of custom attributes by their keys.
func (p *pull) attributeNames(ctx context.Context) (map[int32]string, error) {
	names := map[int32]string{}
	manager, err := object.GetCustomFieldsManager(p.Client)
	if errors.Is(err, object.ErrNotSupported) {
		return names, nil // ESXi
	}
	if err != nil {
		return nil, err
	}
	fields, err := manager.Field(ctx)
	for _, f := range fields {
		names[f.Key] = f.Name
	}
	return names, err
}

// allTags are an object's custom attributes and tags, each key once: several
// tags of one category are one value with commas.
func (p *pull) allTags(values []types.BaseCustomFieldValue, tags []license.Tag) []license.Tag {
	all := map[string][]string{}
	for _, v := range values {
		if s, ok := v.(*types.CustomFieldStringValue); ok && p.attributes[s.Key] != "" {
			all[p.attributes[s.Key]] = append(all[p.attributes[s.Key]], s.Value)
		}
	}
	for _, t := range tags {
		all[t.Key] = append(all[t.Key], t.Value)
	}
	list := make([]license.Tag, 0, len(all))
	for key, values := range all {
		slices.Sort(values)
		key, value := cut(key, maxTagKey), cut(strings.Join(slices.Compact(values), ","), maxTagValue)
		if !slices.ContainsFunc(list, func(t license.Tag) bool { return t.Key == key }) {
			list = append(list, license.Tag{Key: key, Value: value})
		}
	}
	slices.SortFunc(list, func(a, b license.Tag) int { return strings.Compare(a.Key, b.Key) })
	return list[:min(len(list), maxTags)]
}

func cut(s string, most int) string {
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most])
	}
	return s
}
