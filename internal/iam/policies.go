package iam

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"

	"reeve/internal/iam/policy"
)

// managedAccount stands in the ARNs of the policies that the program brings
// along where others have the account's number.
const managedAccount = "aws"

// managed holds those policies, by name. Their numbers are lower than those of
// all others, which begin as a moment.
var managed = sync.OnceValue(func() []StoredPolicy {
	var all []StoredPolicy
	for i, m := range policy.Managed() {
		all = append(all, StoredPolicy{
			Holder: Holder{Account: managedAccount}, PolicyName: m.Name, Num: int64(i + 1), Text: string(m.Text), Description: m.Description,
		})
	}
	return all
})

// ManagedARN is the ARN of a policy that the program brings along.
func ManagedARN(name string) string { return "arn:aws:iam::" + managedAccount + ":policy/" + name }

var policyName = regexp.MustCompile(`^[\w+=,.@-]{1,128}$`)

func checkPolicy(p *StoredPolicy) error {
	if !policyName.MatchString(p.PolicyName) {
		return refuse(Invalid, "the policy's name %q is not usable: give 1 to 128 letters, digits and any of _+=,.@-", clip(p.PolicyName))
	}
	if n := letters(p.Text); n > maxPolicyText {
		return refuse(Invalid, "the policy has %d characters besides white space, and may have %d: use several policies", n, maxPolicyText)
	}
	if _, err := policy.Parse([]byte(p.Text)); err != nil {
		return refuse(Invalid, "the policy is not usable: %s", err)
	}
	return nil
}

// letters counts the characters of a policy as AWS does: without white space.
func letters(text string) (n int) {
	for _, r := range text {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

// PutPolicy makes or replaces a policy of an account that can be attached, or
// an inline policy of a user or role.
func (d *Directory) PutPolicy(ctx context.Context, who Identity, p StoredPolicy) (*StoredPolicy, error) {
	if err := d.within(ctx, who, &p.Account); err != nil {
		return nil, err
	}
	if err := checkPolicy(&p); err != nil {
		return nil, err
	}
	for attempt := range int64(attempts) {
		p.Changed = now()
		p.Num = p.Changed.UnixMicro() + attempt
		err := d.change(ctx, func(tx Tx) error { return putPolicy(tx, p) })
		if !errors.Is(err, ErrExists) {
			return &p, err
		}
	}
	return nil, errors.New("put policy: its numbers are taken")
}

func putPolicy(tx Tx, p StoredPolicy) error {
	most := int64(maxPolicies)
	if p.Type != OfAccount {
		most = maxInline
		if _, err := known(tx, p.Holder); err != nil {
			return err
		}
	}
	there, err := tx.Policy(p.Holder, p.PolicyName)
	if err != nil {
		return err
	}
	if there != nil {
		return tx.UpdatePolicy(p)
	}
	if n, err := tx.CountPolicies(p.Holder); err != nil {
		return err
	} else if n >= most {
		return refuse(Full, "%s has %d policies and cannot have more: delete one, or join some", p.Holder, n)
	}
	return tx.InsertPolicy(p)
}

// DeletePolicy deletes an inline policy, or one of the account that is attached
// to nobody.
func (d *Directory) DeletePolicy(ctx context.Context, who Identity, h Holder, name string) error {
	if err := d.within(ctx, who, &h.Account); err != nil {
		return err
	}
	return d.change(ctx, func(tx Tx) error {
		p, err := tx.Policy(h, name)
		if err != nil {
			return err
		}
		if p == nil {
			return refuse(Missing, "%s of account %s has no policy %s", h, h.Account, clip(name))
		}
		if h.Type != OfAccount {
			return tx.DeletePolicy(h, name)
		}
		if by, err := tx.Attached(h.Account, p.PolicyARN()); err != nil {
			return err
		} else if by != nil {
			return refuse(InUse, "policy %s is attached to %s: detach it first", name, by)
		}
		return tx.DeletePolicy(h, name)
	})
}

// AttachPolicy attaches a policy, by its ARN, to a user or role. Attaching it
// again changes nothing.
func (d *Directory) AttachPolicy(ctx context.Context, who Identity, h Holder, arn string) error {
	return d.onHolder(ctx, who, h, func(tx Tx, p *Principal) error {
		if there, err := attachedPolicy(tx, p.Account, arn); err != nil {
			return err
		} else if there == nil {
			return refuse(Missing, "account %s has no policy %s: ListPolicies shows the ARNs of those that there are", p.Account, clip(arn))
		}
		have, err := tx.Attachments(p.Holder)
		if err != nil || slices.Contains(have, arn) {
			return err
		}
		if len(have) >= maxAttached {
			return refuse(Full, "%s has %d attached policies and cannot have more: detach one", p.Holder, len(have))
		}
		return tx.Attach(p.Holder, arn)
	})
}

// DetachPolicy takes an attached policy away from a user or role.
func (d *Directory) DetachPolicy(ctx context.Context, who Identity, h Holder, arn string) error {
	return d.onHolder(ctx, who, h, func(tx Tx, p *Principal) error {
		found, err := tx.Detach(p.Holder, arn)
		if err == nil && !found {
			err = refuse(Missing, "%s has no attached policy %s", p.Holder, clip(arn))
		}
		return err
	})
}

// AccountPolicies lists up to limit policies that an account can attach, behind
// a place: those that the program brings along, then its own in the order of
// their creation; next is 0 after the last.
func (d *Directory) AccountPolicies(ctx context.Context, who Identity, account string, after int64, limit int) (list []StoredPolicy, next int64, err error) {
	if err := d.within(ctx, who, &account); err != nil {
		return nil, 0, err
	}
	for _, p := range managed() {
		if p.Num > after {
			list = append(list, p)
			after = p.Num
		}
	}
	err = d.store.ViewIAM(ctx, func(tx Tx) error {
		own, err := tx.Policies(Holder{Account: account}, after, limit+1)
		list = append(list, own...)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	if len(list) > limit {
		list, next = list[:limit], list[limit-1].Num
	}
	return list, next, nil
}

// PoliciesOf returns the policies of a user or role: the inline ones, then those
// that are attached.
func (d *Directory) PoliciesOf(ctx context.Context, who Identity, h Holder) (list []StoredPolicy, err error) {
	if err := d.within(ctx, who, &h.Account); err != nil {
		return nil, err
	}
	err = d.store.ViewIAM(ctx, func(tx Tx) error {
		if _, err := known(tx, h); err != nil {
			return err
		}
		list, err = policiesOf(tx, h)
		return err
	})
	return list, err
}

func policiesOf(tx Tx, h Holder) ([]StoredPolicy, error) {
	list, err := tx.Policies(h, 0, maxInline)
	if err != nil {
		return nil, err
	}
	attached, err := tx.Attachments(h)
	if err != nil {
		return nil, err
	}
	for _, arn := range attached {
		p, err := attachedPolicy(tx, h.Account, arn)
		if err != nil {
			return nil, err
		}
		if p == nil { // such as one that only a newer version brings along
			return nil, fmt.Errorf("policy %s, which is attached to %s, does not exist", arn, h.ARN())
		}
		list = append(list, *p)
	}
	return list, nil
}

// attachedPolicy finds a policy that can be attached, by its ARN.
func attachedPolicy(tx Tx, account, arn string) (*StoredPolicy, error) {
	for _, p := range managed() {
		if p.PolicyARN() == arn {
			return &p, nil
		}
	}
	name, own := strings.CutPrefix(arn, "arn:aws:iam::"+account+":policy/")
	if !own {
		return nil, nil
	}
	return tx.Policy(Holder{Account: account}, name)
}

// accessOf compiles the policies of a user or role. One that is missing or
// cannot be read is an error: what it would have denied is not known.
func accessOf(tx Tx, h Holder) (*Access, error) {
	list, err := policiesOf(tx, h)
	if err != nil {
		return nil, err
	}
	access := &Access{}
	for _, p := range list {
		if err := access.add(cmp.Or(p.PolicyARN(), p.PolicyName), p.Text); err != nil {
			return nil, err
		}
	}
	return access, nil
}

// Imagine is who a user, or a session of a role, would be.
func (d *Directory) Imagine(ctx context.Context, who Identity, h Holder) (*Identity, error) {
	if err := d.within(ctx, who, &h.Account); err != nil {
		return nil, err
	}
	found, err := d.identify(ctx, h)
	if errors.Is(err, ErrUnknownAccessKey) {
		return nil, unknown(h)
	}
	return &found, err
}

// Imagine is somebody of the caller's account with one policy and no other.
func Imagine(who Identity, text string) (*Identity, error) {
	access := &Access{}
	if err := checkPolicy(&StoredPolicy{PolicyName: "PolicyDocument", Text: text}); err != nil {
		return nil, err
	}
	who.Access = access
	return &who, access.add("PolicyDocument", text)
}
