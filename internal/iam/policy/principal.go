package policy

import (
	"regexp"
	"slices"
	"strings"
)

// principals are whom a statement of a trust policy is about.
type principals struct {
	not       bool // NotPrincipal: everybody else
	everybody bool
	accounts  []string // 12 digits; everybody in them
	arns      []string // users, roles and sessions
	roles     []role   // of those arns that are roles, to find their sessions
	providers []string // ARNs of OIDC providers
}

// role is a role as its sessions' ARNs tell it: without its path.
type role struct{ account, name string }

// caller is a principal's ARN, taken apart.
type caller struct {
	arn      string
	account  string
	kind     string // root, user, role, assumed-role, federated-user or oidc-provider
	roleName string // of an assumed-role
}

// takeApart reads arn:partition:service::account:kind/name.
func takeApart(arn string) caller {
	c := caller{arn: arn}
	fifth, ok := fifthColon(arn)
	if !ok || !strings.HasPrefix(arn, "arn:") {
		return c
	}
	rest := arn[fifth+1:]
	c.account = arn[strings.LastIndexByte(arn[:fifth], ':')+1 : fifth]
	kind, name, _ := strings.Cut(rest, "/")
	c.kind = kind
	if kind == "assumed-role" {
		c.roleName, _, _ = strings.Cut(name, "/")
	}
	return c
}

// apply says whether the statement is about the principal.
func (p *principals) apply(principal string) bool {
	c := takeApart(principal)
	if p.not {
		return !p.spare(c)
	}
	return p.everybody || p.named(c) || c.identity() && slices.Contains(p.accounts, c.account)
}

// identity says whether the caller is one whom its account speaks for. An
// OIDC provider belongs to an account, but whom it vouches for does not.
func (c caller) identity() bool {
	switch c.kind {
	case "root", "user", "role", "assumed-role", "federated-user":
		return true
	}
	return false
}

// named says whether the principal itself is listed, or the role of its
// session.
func (p *principals) named(c caller) bool {
	if c.kind == "oidc-provider" {
		return slices.Contains(p.providers, c.arn)
	}
	return slices.Contains(p.arns, c.arn) || p.hasRole(c)
}

func (p *principals) hasRole(c caller) bool {
	return c.kind == "assumed-role" && slices.Contains(p.roles, role{c.account, c.roleName})
}

// spare says whether NotPrincipal excepts the principal. Its account has to be
// listed beside it, and for a session its role: AWS checks the account first,
// then the role, and a Deny of either denies the session.
func (p *principals) spare(c caller) bool {
	switch c.kind {
	case "oidc-provider":
		return p.named(c)
	case "assumed-role":
		return p.hasRole(c) && slices.Contains(p.accounts, c.account)
	case "root":
		return slices.Contains(p.accounts, c.account)
	}
	return p.named(c) && slices.Contains(p.accounts, c.account)
}

// parsePrincipals reads the Principal or NotPrincipal of a statement.
func parsePrincipals(n *node, deny bool) (*principals, error) {
	element, not, err := n.either("Principal")
	if err != nil {
		return nil, err
	}
	p := &principals{not: not}
	if not && !deny {
		return nil, fail(element.where, "NotPrincipal with Allow would let in everybody else; write Principal, or Deny")
	}
	if err := p.parse(element); err != nil {
		return nil, err
	}
	if not && p.everybody {
		return nil, fail(element.where, "NotPrincipal excepts everybody, so nothing is denied; name some")
	}
	return p, nil
}

func (p *principals) parse(n *node) error {
	if n.kind == '"' && n.text == "*" {
		p.everybody = true
		return nil
	}
	if n.kind != '{' || len(n.names) == 0 {
		return fail(n.where, `write "*", {"AWS": "<account or ARN>"} or {"Federated": "<ARN of an OIDC provider>"}`)
	}
	for i, name := range n.names {
		if err := p.parseKind(n.items[i], name); err != nil {
			return err
		}
	}
	return nil
}

func (p *principals) parseKind(n *node, kind string) error {
	items, err := n.strings()
	if err != nil {
		return err
	}
	for _, item := range items {
		switch kind {
		case "AWS":
			err = p.parseAWS(item)
		case "Federated":
			err = p.parseFederated(item)
		default:
			err = fail(n.where, "nobody here is a principal of the kind %q; write AWS or Federated", clip(kind))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// The ARNs of principals. There are no wildcards in them.
var (
	accountForm  = regexp.MustCompile(`^[0-9]{12}$`)
	rootForm     = regexp.MustCompile(`^arn:aws[a-z-]*:iam::([0-9]{12}):root$`)
	roleForm     = regexp.MustCompile(`^arn:aws[a-z-]*:iam::([0-9]{12}):role/(?:[^*?]*/)?([^*?/]+)$`)
	identityForm = regexp.MustCompile(`^arn:aws[a-z-]*:(?:iam::[0-9]{12}:user/[^*?]+|sts::[0-9]{12}:(?:assumed-role/[^*?/]+/[^*?/]+|federated-user/[^*?]+))$`)
	providerForm = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:oidc-provider/[^*?]+$`)
)

func (p *principals) parseAWS(n *node) error {
	text := n.text
	if text == "*" {
		p.everybody = true
	} else if accountForm.MatchString(text) {
		p.accounts = append(p.accounts, text)
	} else if m := rootForm.FindStringSubmatch(text); m != nil {
		p.accounts = append(p.accounts, m[1])
	} else if m := roleForm.FindStringSubmatch(text); m != nil {
		p.arns = append(p.arns, text)
		p.roles = append(p.roles, role{m[1], m[2]})
	} else if identityForm.MatchString(text) {
		p.arns = append(p.arns, text)
	} else {
		return fail(n.where, `%q is no principal; write "*", an account's 12 digits, or the ARN of a root, user, role or session without wildcards`, clip(text))
	}
	return nil
}

func (p *principals) parseFederated(n *node) error {
	if !providerForm.MatchString(n.text) {
		return fail(n.where, `%q is no OIDC provider; write its ARN, as in "arn:aws:iam::111122223333:oidc-provider/login.example.com"`, clip(n.text))
	}
	p.providers = append(p.providers, n.text)
	return nil
}
