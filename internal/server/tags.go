package server

import (
	"context"
	"strings"

	"reeve/internal/api"
	"reeve/internal/license"
)

func (s *server) tagResource(ctx context.Context, who license.Caller, in *api.TagResourceInput) (*api.TagResourceOutput, error) {
	arn, err := taggable(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return &api.TagResourceOutput{}, s.manager.Tag(ctx, who, arn, convert(in.Tags, tag))
}

func (s *server) untagResource(ctx context.Context, who license.Caller, in *api.UntagResourceInput) (*api.UntagResourceOutput, error) {
	arn, err := taggable(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return &api.UntagResourceOutput{}, s.manager.Untag(ctx, who, arn, in.TagKeys)
}

func (s *server) listTagsForResource(ctx context.Context, who license.Caller, in *api.ListTagsForResourceInput) (*api.ListTagsForResourceOutput, error) {
	arn, err := taggable(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	tags, err := s.manager.Tags(ctx, who, arn)
	return &api.ListTagsForResourceOutput{Tags: convert(tags, tagShape)}, err
}

// taggable refuses the ARNs of what AWS can tag and Reeve does not have, such
// as grants, with a sentence of its own: "not found" would mislead.
func taggable(arn *string) (string, error) {
	if !strings.Contains(value(arn), ":license-configuration:") {
		return "", invalid("Reeve keeps tags of license configurations only. "+
			"Invalid license configuration ARN: %s.", clip(value(arn)))
	}
	return *arn, nil
}

func tag(t *api.Tag) license.Tag { return license.Tag{Key: value(t.Key), Value: value(t.Value)} }

func tagShape(t *license.Tag) api.Tag { return api.Tag{Key: &t.Key, Value: &t.Value} }
