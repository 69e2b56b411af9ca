package server

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"

	"reeve/internal/api"
	"reeve/internal/iam"
	"reeve/internal/iam/policy"
	"reeve/internal/license"
)

// authorize is the one place where it is decided whether a caller may do what a
// request asks. in is the operation's input.
func (s *server) authorize(ctx context.Context, who license.Caller, by *signer, action string, in any) error {
	if principalOf(who.Account, in) != "" {
		if err := by.Manages(action); err != nil {
			return err
		}
	}
	if by.IsRootUser() { // what follows would only cost time
		return iam.Authorize(by.Identity, &policy.Request{Action: action, Resource: "*"})
	}
	base := by.Keys(by.Origin, by.Region, s.now())
	addRequestKeys(base, in)
	for _, resource := range resourcesOf(who.Account, in) {
		if err := s.addAccounts(ctx, base, by, accountOf(resource, who.Account)); err != nil {
			return err
		}
		keys, err := s.withResourceTags(ctx, who, by, base, resource)
		if err != nil {
			return err
		}
		if err := iam.Authorize(by.Identity, &policy.Request{Action: action, Resource: resource, Keys: keys}); err != nil {
			return err
		}
	}
	return nil
}

// accountOf is the account in an ARN. What is about no resource in particular is
// about the caller's account.
func accountOf(resource, own string) string {
	if parts := strings.SplitN(resource, ":", 6); len(parts) == 6 && parts[4] != "" {
		return parts[4]
	}
	return own
}

// addAccounts adds the account that a resource is in, and the organizations of
// both sides for callers whose policies ask for them.
func (s *server) addAccounts(ctx context.Context, keys map[string][]string, by *signer, account string) error {
	keys["aws:resourceaccount"] = []string{account}
	if !by.ReadsOrganizations() {
		return nil
	}
	for name, of := range map[string]string{"aws:principalorgid": by.Account, "aws:resourceorgid": account} {
		id, err := s.organizationOf(ctx, of)
		if err != nil {
			return err
		}
		delete(keys, name)
		if id != "" {
			keys[name] = []string{id}
		}
	}
	return nil
}

// organizationOf is the ID of the organization that an account is in; "" for none.
func (s *server) organizationOf(ctx context.Context, account string) (string, error) {
	o, err := s.manager.Organization(ctx, license.Caller{Account: account}, "")
	var refusal *license.Error
	switch {
	case errors.As(err, &refusal):
		return "", nil
	case err != nil:
		return "", err
	}
	return o.ID, nil
}

// addRequestKeys adds the condition keys of the tags that a request names.
func addRequestKeys(keys map[string][]string, in any) {
	switch in := in.(type) {
	case *api.CreateLicenseConfigurationInput:
		addRequestTags(keys, in.Tags)
	case *api.TagResourceInput:
		addRequestTags(keys, in.Tags)
	case *api.UntagResourceInput:
		keys["aws:tagkeys"] = in.TagKeys
	case *api.AttachPolicyInput:
		keys["iam:policyarn"] = []string{value(in.PolicyArn)}
	case *api.DetachPolicyInput:
		keys["iam:policyarn"] = []string{value(in.PolicyArn)}
	}
}

func addRequestTags(keys map[string][]string, tags []api.Tag) {
	for _, t := range tags {
		addTag(keys, "aws:requesttag/", value(t.Key), value(t.Value))
		keys["aws:tagkeys"] = append(keys["aws:tagkeys"], value(t.Key))
	}
}

// ambiguous begins the value of a tag that is there in two cases. No text has
// it, so no value in a policy equals it: a condition on a tag's key is about one
// of them "but not both" ("aws:RequestTag" in the IAM User Guide), and whoever
// adds Env=dev to env=prod must get nothing from it.
const ambiguous = "\x00"

// addTag adds the condition key of a tag. Names of condition keys have no case,
// and keys of tags have.
func addTag(keys map[string][]string, prefix, key, val string) {
	name := prefix + strings.ToLower(key)
	if _, twice := keys[name]; twice {
		val = ambiguous + prefix // so that a variable equals it neither
	}
	keys[name] = []string{val}
}

// withResourceTags adds the condition keys of a configuration's tags, which are
// read only for callers whose policies ask for them. A configuration that the
// caller cannot see has none, so that a refusal does not tell whether it exists.
func (s *server) withResourceTags(ctx context.Context, who license.Caller, by *signer, base map[string][]string, resource string) (map[string][]string, error) {
	if !by.ReadsResourceTags() || !strings.Contains(resource, ":license-configuration:") {
		return base, nil
	}
	tags, err := s.manager.Tags(ctx, who, resource)
	var refusal *license.Error
	if err != nil && !errors.As(err, &refusal) {
		return nil, err
	}
	keys := make(map[string][]string, len(base)+2*len(tags))
	for name, values := range base {
		keys[name] = values
	}
	for _, t := range tags {
		addTag(keys, "aws:resourcetag/", t.Key, t.Value)
		addTag(keys, "license-manager:resourcetag/", t.Key, t.Value)
	}
	return keys, nil
}

// resourcesOf lists the ARNs that a request is about, as AWS's service
// authorization reference has them; "*" when it is about none in particular.
func resourcesOf(account string, in any) []string {
	arns := []string{}
	switch in := in.(type) {
	case *api.TagResourceInput:
		arns = append(arns, value(in.ResourceArn))
	case *api.UntagResourceInput:
		arns = append(arns, value(in.ResourceArn))
	case *api.ListTagsForResourceInput:
		arns = append(arns, value(in.ResourceArn))
	case *api.UpdateLicenseSpecificationsForResourceInput:
		for _, one := range slices.Concat(in.AddLicenseSpecifications, in.RemoveLicenseSpecifications) {
			arns = append(arns, value(one.LicenseConfigurationArn))
		}
	case *api.SimulateUsageInput:
		arns = simulatedArns(in)
	default:
		if arn := principalOf(account, in); arn != "" {
			return []string{arn}
		}
		if arn := member(in, "LicenseConfigurationArn"); arn != "" {
			arns = append(arns, arn)
		} else if other := member(in, "AccountId"); other != "" && other != account {
			arns = append(arns, iam.PrincipalOf(other))
		}
	}
	for i, arn := range arns {
		arns[i] = canonical(arn)
	}
	if len(arns) == 0 {
		return []string{"*"}
	}
	return arns
}

// member is a text that inputs have under a name that means the same in all of
// them, also in those that are added later; "" for an input without it.
func member(in any, name string) string {
	v := reflect.ValueOf(in)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return ""
	}
	field := v.Elem().FieldByName(name)
	if !field.IsValid() {
		return ""
	}
	text, _ := field.Interface().(*string)
	return value(text)
}

// canonical writes the ARN of a configuration as the ledger does: in the
// partition aws, as which every other one is read. Otherwise a statement that
// denies one could be walked around by naming another.
func canonical(arn string) string {
	parts := strings.SplitN(arn, ":", 3)
	if len(parts) == 3 && strings.HasPrefix(parts[2], "license-manager:") {
		return "arn:aws:" + parts[2]
	}
	return arn
}
