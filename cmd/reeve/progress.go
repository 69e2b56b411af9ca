package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// progress is a line on standard error that says how far long work is: a bar
// where the end is known, else a count. Where nobody watches it prints nothing.
type progress struct {
	p     *process
	began time.Time
	shown time.Time
	width int // of the line that is there
}

// progressEvery is the least time between two drawings.
const progressEvery = 100 * time.Millisecond

// barCells is how wide the bar of a progress line is.
const barCells = 24

func newProgress(p *process) *progress { return &progress{p: p, began: time.Now()} }

// show draws that done of total are done; of a total of 0 only text is shown.
// The text follows the bar.
func (g *progress) show(done, total int64, text string) {
	now := time.Now()
	if !g.p.watched() || now.Sub(g.shown) < progressEvery && done != total {
		return
	}
	g.shown = now
	line := text
	if total > 0 {
		line = fmt.Sprintf("%s %3d %%  %s%s", meter(done, total, barCells, g.p.unicode()), min(done, total)*100/total, text, g.left(now, done, total))
	}
	line = screen{unicode: g.p.unicode()}.cut(line, g.room())
	pad := strings.Repeat(" ", max(0, g.width-utf8.RuneCountInString(line)))
	g.width = utf8.RuneCountInString(line)
	fmt.Fprint(g.p.stderr, "\r"+line+pad)
}

// left says how long the rest takes at the pace so far, once that can be told.
func (g *progress) left(now time.Time, done, total int64) string {
	spent := now.Sub(g.began)
	if spent < 2*time.Second || done <= 0 || done >= total {
		return ""
	}
	rest := time.Duration(float64(spent) / float64(done) * float64(total-done))
	return fmt.Sprintf(", %s left", rest.Round(time.Second))
}

// room is how long a line may be that stays one.
func (g *progress) room() int {
	width := usualWidth
	if f := terminalOf(g.p.stderr); f != nil {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			width = w
		}
	}
	return width - 1
}

// spin shows text and for how long already, until stop is called.
func (g *progress) spin(text string) (stop func()) {
	if !g.p.watched() {
		return func() {}
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			g.show(0, 0, fmt.Sprintf("%s, %s", text, time.Since(g.began).Round(time.Second)))
			select {
			case <-end:
				return
			case <-tick.C:
			}
		}
	}()
	return func() {
		close(end)
		<-ended
		g.clear()
	}
}

// clear takes the line away, for what is printed next.
func (g *progress) clear() {
	if g.width == 0 {
		return
	}
	fmt.Fprint(g.p.stderr, "\r"+strings.Repeat(" ", g.width)+"\r")
	g.width, g.shown = 0, time.Time{}
}

// meter draws a bar of so many characters that is full at total.
func meter(done, total int64, cells int, unicode bool) string {
	full, rest := "#", "."
	if unicode {
		full, rest = "█", "░"
	}
	n := 0
	if total > 0 {
		n = int(min(float64(done)/float64(total), 1) * float64(cells))
	}
	return strings.Repeat(full, max(n, 0)) + strings.Repeat(rest, cells-max(n, 0))
}

// countingReader shows how much of a file has been read.
type countingReader struct {
	ctx      context.Context
	r        io.Reader
	progress *progress
	read     int64
	size     int64 // 0 when it is not known
}

func newCountingReader(ctx context.Context, p *process, r io.Reader, size int64) *countingReader {
	return &countingReader{ctx: ctx, r: r, progress: newProgress(p), size: size}
}

func (c *countingReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(b)
	c.read += int64(n)
	c.progress.show(c.read, c.size, fmt.Sprintf("%d MiB checked", c.read>>20))
	return n, err
}

// sizeOf is how long what is read is, 0 where it does not say.
func sizeOf(r io.Reader) int64 {
	f, ok := r.(*os.File)
	if !ok {
		return 0
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	return info.Size()
}
