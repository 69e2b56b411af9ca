package license

import (
	"cmp"
	"context"
	"slices"
	"strings"

	json "github.com/go-json-experiment/json"
)

// AWS's limits on tags.
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

// checkTags refuses tags that AWS refuses: too many, too long, reserved keys,
// or the same key twice.
func checkTags(tags []Tag) error {
	if len(tags) > maxTags {
		return refuse(InvalidParameter, "%d tags are too many: a resource has at most %d.", len(tags), maxTags)
	}
	seen := map[string]bool{}
	for _, t := range tags {
		if err := checkText("tag key", t.Key, 1, maxTagKey); err != nil {
			return err
		}
		if err := checkText("tag value", t.Value, 0, maxTagValue); err != nil {
			return err
		}
		if strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
			return refuse(InvalidParameter, "Invalid tag key %q: keys that begin with aws: are reserved.", clip(t.Key))
		}
		if seen[t.Key] {
			return refuse(InvalidParameter, "Tag key %q is given more than once.", clip(t.Key))
		}
		seen[t.Key] = true
	}
	return nil
}

func sortTags(tags []Tag) {
	slices.SortFunc(tags, func(a, b Tag) int { return cmp.Compare(a.Key, b.Key) })
}

func termsText(t *Terms) string {
	text, _ := json.Marshal(t) // plain structs: cannot fail
	return string(text)
}

// Tag adds tags to a configuration, replacing the values of keys it has.
func (m *Manager) Tag(ctx context.Context, who Caller, arn string, tags []Tag) error {
	if err := checkTags(tags); err != nil {
		return err
	}
	return m.changeTerms(ctx, who, arn, func(t *Terms) error {
		for _, tag := range tags {
			t.Tags = append(removeTag(t.Tags, tag.Key), tag)
		}
		sortTags(t.Tags)
		return checkTags(t.Tags)
	})
}

// Untag removes tags from a configuration; keys that it does not have are
// passed over.
func (m *Manager) Untag(ctx context.Context, who Caller, arn string, keys []string) error {
	return m.changeTerms(ctx, who, arn, func(t *Terms) error {
		for _, key := range keys {
			t.Tags = removeTag(t.Tags, key)
		}
		return nil
	})
}

func removeTag(tags []Tag, key string) []Tag {
	return slices.DeleteFunc(tags, func(t Tag) bool { return t.Key == key })
}

// Tags returns the tags of a configuration, sorted by key.
func (m *Manager) Tags(ctx context.Context, who Caller, arn string) ([]Tag, error) {
	c, err := m.target(ctx, who, arn, false)
	if err != nil {
		return nil, err
	}
	return c.Terms.Tags, nil
}
