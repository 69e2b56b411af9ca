package iam

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// AgentToken lets inventory agents report machines of one account and region,
// and nothing else. The token's text is shown once; of it only a hash is kept.
type AgentToken struct {
	Num     int64  // its place in lists
	ID      string // at-…, no secret
	Hash    []byte // SHA-256 of the token
	Account string
	Region  string // whose managed instances the reported machines are
	Name    string // for people; not unique, may be empty
	Created time.Time
	Used    time.Time // zero until an agent used it; exact to agentTokenGrain
	Revoked time.Time // zero while it works
}

// Principal is the ARN-like name that revisions record for what agents with
// this token report.
func (t *AgentToken) Principal() string {
	return "arn:aws:iam::" + t.Account + ":agent-token/" + t.ID
}

// ErrUnknownAgentToken is what LookupAgentToken answers for a token that
// nobody has, or that was revoked.
var ErrUnknownAgentToken = errors.New("unknown agent token")

const (
	// maxAgentTokens bounds the tokens of an account, revoked ones included.
	maxAgentTokens = 10_000

	// agentTokenGrain is how exactly a token's last use is kept.
	agentTokenGrain = time.Hour

	// agentTokenTrust is how long a token is believed without asking the
	// database: how long a revoked one may still work on another server.
	agentTokenTrust = 2 * time.Second

	agentTokenPrefix = "reeve-agent-"
)

// A token is 200 random bits behind its prefix, in letters and digits that
// need no escaping in a URL.
var (
	agentTokenText = regexp.MustCompile(`^` + agentTokenPrefix + `[a-z2-7]{40}$`)
	agentTokenID   = regexp.MustCompile(`^at-[0-9a-f]{17}$`)
)

func newAgentToken() Secret {
	return Secret{agentTokenPrefix + randomText("abcdefghijklmnopqrstuvwxyz234567", 40)}
}

func newAgentTokenID() string {
	var b [9]byte
	rand.Read(b[:])
	return "at-" + hex.EncodeToString(b[:])[:17]
}

// CreateAgentToken makes a token for agents of an account, "" for the caller's
// own. Callers of the root account may for every account, others for their
// own. The token's text is returned this once.
func (d *Directory) CreateAgentToken(ctx context.Context, who Identity, account, region, name string) (*AgentToken, Secret, error) {
	if err := d.within(ctx, who, &account); err != nil {
		return nil, Secret{}, err
	}
	if err := checkTokenName(name); err != nil {
		return nil, Secret{}, err
	}
	if n, err := d.store.CountAgentTokens(ctx, account); err != nil {
		return nil, Secret{}, fmt.Errorf("count agent tokens: %w", err)
	} else if n >= maxAgentTokens {
		return nil, Secret{}, refuse(Invalid, "account %s has %d agent tokens, revoked ones included, and cannot have more: use one token for many machines", account, n)
	}
	text := newAgentToken()
	t := AgentToken{Hash: hashOf(text.Reveal()), Account: account, Region: region, Name: name, Created: now()}
	var err error
	for range attempts {
		t.ID, t.Num = newAgentTokenID(), now().UnixMicro()
		if err = d.store.InsertAgentToken(ctx, t); !errors.Is(err, ErrExists) {
			break
		}
	}
	if err != nil {
		return nil, Secret{}, fmt.Errorf("create agent token: %w", err)
	}
	return &t, text, nil
}

// AgentTokens lists up to limit tokens of an account, "" for the caller's own,
// behind a place in the order of their creation; next is 0 after the last.
func (d *Directory) AgentTokens(ctx context.Context, who Identity, account string, after int64, limit int) (list []AgentToken, next int64, err error) {
	if err := d.within(ctx, who, &account); err != nil {
		return nil, 0, err
	}
	list, err = d.store.AgentTokens(ctx, account, after, limit+1)
	if err != nil {
		return nil, 0, fmt.Errorf("list agent tokens: %w", err)
	}
	if len(list) > limit {
		list = list[:limit]
		next = list[limit-1].Num
	}
	return list, next, nil
}

// RevokeAgentToken ends a token of an account, "" for the caller's own, on
// every server within agentTokenTrust. Revoking it again changes nothing.
func (d *Directory) RevokeAgentToken(ctx context.Context, who Identity, account, id string) error {
	if err := d.within(ctx, who, &account); err != nil {
		return err
	}
	if !agentTokenID.MatchString(id) {
		return refuse(Invalid, "%q is not the ID of an agent token: give at- and 17 hexadecimal digits, as ListAgentTokens shows them", clip(id))
	}
	found, err := d.store.RevokeAgentToken(ctx, account, id, now())
	if err != nil {
		return fmt.Errorf("revoke agent token: %w", err)
	}
	if !found {
		return refuse(Invalid, "account %s has no agent token %s: ListAgentTokens shows those that there are", account, id)
	}
	d.agents.forget()
	return nil
}

// LookupAgentToken returns the token whose text an agent has presented, or
// [ErrUnknownAgentToken]. Tokens are found by their hash, so what is compared
// tells nothing of any token's text.
func (d *Directory) LookupAgentToken(ctx context.Context, text string) (*AgentToken, error) {
	if len(text) > 2*len(agentTokenPrefix)+40 || !agentTokenText.MatchString(text) {
		return nil, ErrUnknownAgentToken
	}
	hash := hashOf(text)
	if t := d.agents.get(string(hash)); t != nil {
		return t, nil
	}
	asked := time.Now() // the database is asked after this, so trust ends in time
	t, err := d.store.AgentToken(ctx, hash)
	if err != nil {
		return nil, fmt.Errorf("read agent token: %w", err)
	}
	if t == nil || !t.Revoked.IsZero() {
		return nil, ErrUnknownAgentToken
	}
	if used := now(); used.Sub(t.Used) >= agentTokenGrain {
		if err := d.store.TouchAgentToken(ctx, t.ID, used); err != nil {
			return nil, fmt.Errorf("note use of agent token: %w", err)
		}
	}
	d.agents.put(string(hash), t, asked.Add(agentTokenTrust))
	return t, nil
}

func hashOf(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

func checkTokenName(name string) error {
	if !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) || utf8.RuneCountInString(name) > 128 {
		return refuse(Invalid, "the token's name is not usable: give at most 128 printable characters")
	}
	return nil
}
