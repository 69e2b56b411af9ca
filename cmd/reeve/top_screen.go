package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/term"

	"reeve/internal/api"
	"reeve/internal/client"
)

// topScreen is a terminal that shows positions until somebody has seen enough.
type topScreen struct {
	p        *process
	client   *client.Client
	interval time.Duration
	start    map[string]int64 // what was in use at the start, by ARN
	now      []api.Position
	at       time.Time // of now
	trouble  error     // why there is nothing newer
	drawn    screen    // for which the terminal was drawn last
}

func newTopScreen(p *process, c *client.Client, interval time.Duration, first []api.Position) *topScreen {
	t := &topScreen{p: p, client: c, interval: interval, start: make(map[string]int64), now: first, at: time.Now()}
	for _, one := range first {
		t.start[val(one.LicenseConfigurationArn)] = val(one.ConsumedLicenses)
	}
	return t
}

// What a terminal is told. The alternate screen leaves what was there before; on
// it, lines that are too long end at the edge.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[?7l"
	leaveScreen = "\x1b[?7h\x1b[?25h\x1b[?1049l"
	cursorHome  = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"
)

// resizePoll is the time between two looks at the terminal's size.
const resizePoll = 250 * time.Millisecond

// looked is what a look at the server has brought.
type looked struct {
	positions []api.Position
	err       error
}

func (t *topScreen) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	restore := t.keys(stop)
	defer restore()
	if _, err := io.WriteString(t.p.stdout, enterScreen); err != nil {
		return err
	}
	defer func() { _, _ = io.WriteString(t.p.stdout, leaveScreen) }() // a terminal that is gone needs nothing
	looks := make(chan looked)
	go t.look(ctx, looks)
	resize := time.NewTicker(resizePoll)
	defer resize.Stop()
	for {
		if err := t.draw(); err != nil {
			return err
		}
		if !t.wait(ctx, looks, resize.C) {
			return nil
		}
	}
}

// wait returns when there is something to draw, and false when it is over.
func (t *topScreen) wait(ctx context.Context, looks <-chan looked, resize <-chan time.Time) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case l := <-looks:
			if t.trouble = l.err; l.err == nil {
				t.now, t.at = l.positions, time.Now()
			}
			return true
		case <-resize:
			if t.p.screen() != t.drawn {
				return true
			}
		}
	}
}

// look asks the server again and again until ctx ends.
func (t *topScreen) look(ctx context.Context, looks chan<- looked) {
	tick := time.NewTicker(t.interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		positions, err := fetchPositions(ctx, t.client)
		select {
		case <-ctx.Done():
			return
		case looks <- looked{positions, err}:
		}
	}
}

// keys has the terminal give every key at once, and calls stop at q or Ctrl-C.
// Where standard input is no terminal, only signals end it. The reader ends with
// the process.
func (t *topScreen) keys(stop func()) (restore func()) {
	in := terminalOf(t.p.stdin)
	if in == nil {
		return func() {}
	}
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return func() {}
	}
	go func() {
		key := make([]byte, 1)
		for {
			n, err := in.Read(key)
			if err != nil || n == 1 && strings.IndexByte("qQ\x03\x04", key[0]) >= 0 {
				stop()
				return
			}
		}
	}()
	return func() { _ = term.Restore(int(in.Fd()), before) }
}

// draw writes over the terminal, line by line, so that it does not flicker.
func (t *topScreen) draw() error {
	t.drawn = t.p.screen()
	lines := append(t.head(), t.rows()...)
	if room := t.drawn.height; len(lines) > room {
		hidden := len(lines) - room + 1
		lines = append(lines[:max(0, room-1)], fmt.Sprintf("and %d more; a higher terminal shows them", hidden))
	}
	var b strings.Builder
	b.WriteString(cursorHome)
	for i, line := range lines {
		if i > 0 {
			b.WriteString("\r\n")
		}
		b.WriteString(line + clearLine)
	}
	b.WriteString(clearBelow)
	_, err := io.WriteString(t.p.stdout, b.String())
	return err
}

// head says what is seen, and when it is not the newest, why.
func (t *topScreen) head() []string {
	over := 0
	for _, one := range t.now {
		if val(one.OverLicenses) > 0 {
			over++
		}
	}
	text := fmt.Sprintf("%s in %s, %d over   %s UTC, every %s   q quits", counted(int64(len(t.now)), "configuration"), t.client.Region(), over,
		t.at.UTC().Format(time.TimeOnly), t.interval)
	lines := []string{t.drawn.paint(bold, t.drawn.cut(text, t.drawn.width))}
	if t.trouble != nil {
		lines = append(lines, t.drawn.paint(red, t.drawn.cut(printable(t.trouble.Error()), t.drawn.width)))
	} else {
		lines = append(lines, "")
	}
	return lines
}

// rows are the lines of the table.
func (t *topScreen) rows() []string {
	v := positionView(t.drawn, t.start)
	var b bytes.Buffer
	out := &table{w: &b, screen: t.drawn, columns: v.columns}
	for i := range t.now {
		_ = out.row(nil, v.cells(&t.now[i])) // a buffer takes everything
	}
	_ = out.end() // likewise
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}
