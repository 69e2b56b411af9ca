package audit

import (
	"bytes"
	"container/heap"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Query selects events. A zero member selects all; a text is compared whole.
type Query struct {
	Account     string // whose trail; "" is every account's
	From        int64  // microseconds since 1970; at or after
	To          int64  // before
	User        string // the caller's ARN, or its Username
	Name        string
	Source      string
	AccessKeyID string
	Resource    string // an ARN among the event's resources
	ErrorCode   string
	Errors      bool // only what was refused or failed
	ReadOnly    *bool

	Limit int
	Next  Place // where the page before ended; zero for the first
	Work  int   // segments that a page may cost; 0 means 200
}

// Found is an event that was found: the members that queries look at, and the
// whole.
type Found struct {
	Text []byte // the event as it is kept

	UserIdentity struct {
		Type        string `json:"type"`
		PrincipalID string `json:"principalId"`
		ARN         string `json:"arn"`
		AccountID   string `json:"accountId"`
		AccessKeyID string `json:"accessKeyId"`
		UserName    string `json:"userName"`
	} `json:"userIdentity"`
	EventSource     string `json:"eventSource"`
	EventName       string `json:"eventName"`
	EventID         string `json:"eventID"`
	SourceIPAddress string `json:"sourceIPAddress"`
	ErrorCode       string `json:"errorCode"`
	ErrorMessage    string `json:"errorMessage"`
	ReadOnly        bool   `json:"readOnly"`
	RecipientID     string `json:"recipientAccountId"`
	Resources       []struct {
		ARN string `json:"ARN"`
	} `json:"resources"`
	Additional struct {
		Time string `json:"time"`
	} `json:"additionalEventData"`

	time int64
}

// Time is when the call ended, to the microsecond.
func (f *Found) Time() time.Time { return time.UnixMicro(f.time).UTC() }

// Username is what people call the caller: a user's name, a session's name, or
// root.
func (f *Found) Username() string {
	who := &f.UserIdentity
	switch {
	case who.UserName != "":
		return who.UserName
	case who.Type == "Root":
		return "root"
	case who.ARN != "":
		return who.ARN[strings.LastIndexAny(who.ARN, "/:")+1:]
	}
	return who.PrincipalID
}

// Bounds of one page.
const (
	scanSegments = 200     // that are read, unless a query says otherwise
	scanBytes    = 8 << 20 // of events that are looked at
	readAtOnce   = 16      // segments of one statement
)

// Lookup returns the next page of a query, the newest events first, and where
// the one after it begins; nil after the last. A page may be short, or empty,
// and still have a next one: the work for one is bounded.
func Lookup(ctx context.Context, store Store, q Query) ([]Found, *Place, error) {
	if q.Work == 0 {
		q.Work = scanSegments
	}
	l := lookup{store: store, q: q, needles: q.needles()}
	l.begin()
	for {
		s, err := l.segment(ctx)
		if err != nil {
			return nil, nil, err
		}
		// What is held and newer than the end of s is newer than all that
		// comes later, and can go out.
		if l.release(s) {
			return l.found, &l.place, nil
		}
		if s == nil {
			return l.found, nil, nil
		}
		if l.spent() {
			l.place = Place{s.Last, s.Chain + 1} // the next page begins with the end of s
			return l.found, &l.place, nil
		}
		if err := l.look(s); err != nil {
			return nil, nil, err
		}
	}
}

// lookup is the making of one page.
type lookup struct {
	store   Store
	q       Query
	needles [][]byte
	start   Place // nothing at or before this goes out

	ready  []Segment // that were read and not looked at
	after  Place     // the last that was read
	ended  bool
	looked struct{ segments, bytes int }

	held  held
	found []Found
	place Place
}

// begin finds where the page starts. A segment that holds it may end later, by
// as much as a segment is long.
func (l *lookup) begin() {
	l.start = Place{math.MaxInt64, math.MaxInt64}
	if l.q.To > 0 {
		l.start = Place{l.q.To - 1, math.MaxInt64}
	}
	if l.q.Next != (Place{}) && l.q.Next.behind(l.start) {
		l.start = l.q.Next
	}
	l.after = Place{math.MaxInt64, math.MaxInt64}
	if l.start.Time < math.MaxInt64-blockSpan.Microseconds() {
		l.after = Place{l.start.Time + blockSpan.Microseconds(), math.MaxInt64}
	}
}

// behind reports whether p comes later in a page than other.
func (p Place) behind(other Place) bool {
	return p.Time < other.Time || p.Time == other.Time && p.Chain < other.Chain
}

// segment returns the next segment, or nil.
func (l *lookup) segment(ctx context.Context) (*Segment, error) {
	if len(l.ready) == 0 && !l.ended {
		list, err := l.store.Newest(ctx, Span{After: l.after, First: l.start.Time, From: l.q.From, Limit: readAtOnce})
		if err != nil {
			return nil, err
		}
		l.ready, l.ended = list, len(list) < readAtOnce
		if len(list) > 0 {
			last := &list[len(list)-1]
			l.after = Place{last.Last, last.Chain}
		}
	}
	if len(l.ready) == 0 {
		return nil, nil
	}
	s := &l.ready[0]
	l.ready = l.ready[1:]
	return s, nil
}

// spent reports whether the page has cost enough. Segments that only reach
// into it do not count: each page would look at them again.
func (l *lookup) spent() bool {
	return l.looked.segments >= l.q.Work || l.looked.bytes >= scanBytes
}

// look takes what a segment has for the page.
func (l *lookup) look(s *Segment) error {
	lines, err := s.Lines()
	if err != nil {
		return err
	}
	counts := (Place{s.Last, s.Chain}).behind(l.start)
	if counts {
		l.looked.segments++
	}
	for _, text := range lines {
		if counts {
			l.looked.bytes += len(text)
		}
		if !containsAll(text, l.needles) {
			continue
		}
		f, err := read(text)
		if err != nil {
			return fmt.Errorf("read event in segment %d of chain %d of the audit trail: %w", s.Number, s.Chain, err)
		}
		if (Place{f.time, s.Chain}).behind(l.start) && l.q.matches(f) {
			f.Text = bytes.Clone(text) // and not the whole segment
			heap.Push(&l.held, waiting{*f, Place{f.time, s.Chain}})
		}
	}
	return nil
}

func containsAll(text []byte, needles [][]byte) bool {
	for _, n := range needles {
		if !bytes.Contains(text, n) {
			return false
		}
	}
	return true
}

// release lets out what is newer than all of next and whatever comes behind
// it, everything if there is nothing. It reports whether the page is full.
func (l *lookup) release(next *Segment) bool {
	for len(l.held) > 0 {
		top := &l.held[0]
		if next != nil && !(Place{next.Last, next.Chain}).behind(top.place) {
			return false
		}
		if len(l.found) == l.q.Limit {
			return true
		}
		l.place = top.place
		l.found = append(l.found, heap.Pop(&l.held).(waiting).Found)
	}
	return false
}

// held are events that wait for the segments beside theirs, the newest on top.
type held []waiting

type waiting struct {
	Found
	place Place
}

func (h held) Len() int           { return len(h) }
func (h held) Less(i, j int) bool { return h[j].place.behind(h[i].place) }
func (h held) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *held) Push(x any)        { *h = append(*h, x.(waiting)) }

func (h *held) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// read reads a line.
func read(text []byte) (*Found, error) {
	f := &Found{Text: text}
	if err := json.Unmarshal(text, f, jsontext.AllowDuplicateNames(true)); err != nil {
		return nil, err
	}
	at, err := time.Parse(microForm, f.Additional.Time)
	if err != nil {
		return nil, err
	}
	f.time = at.UnixMicro()
	return f, nil
}

// needles are texts that an event has if it matches, for a first look.
func (q *Query) needles() (list [][]byte) {
	for _, text := range []string{q.Account, q.User, q.Name, q.Source, q.AccessKeyID, q.Resource, q.ErrorCode} {
		if text != "" && text != "root" { // which is written Root
			list = append(list, bytes.Trim(appendString(nil, text), `"`))
		}
	}
	if q.Errors {
		list = append(list, []byte(`,"errorCode":"`))
	}
	return list
}

// matches decides.
func (q *Query) matches(f *Found) bool {
	is := func(wanted, has string) bool { return wanted == "" || wanted == has }
	return is(q.Account, f.RecipientID) && is(q.Name, f.EventName) && is(q.Source, f.EventSource) &&
		is(q.AccessKeyID, f.UserIdentity.AccessKeyID) && is(q.ErrorCode, f.ErrorCode) &&
		(q.User == "" || q.User == f.UserIdentity.ARN || q.User == f.Username()) &&
		(q.From == 0 || f.time >= q.From) && (q.To == 0 || f.time < q.To) &&
		(!q.Errors || f.ErrorCode != "") && (q.ReadOnly == nil || *q.ReadOnly == f.ReadOnly) &&
		(q.Resource == "" || slices.ContainsFunc(f.Resources, func(r struct {
			ARN string `json:"ARN"`
		}) bool {
			return r.ARN == q.Resource
		}))
}
