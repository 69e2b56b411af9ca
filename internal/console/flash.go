package console

import (
	"fmt"
	"time"
)

// flashCookie holds what the next page says first: what a form has done.
const flashCookie = "reeve-flash"

// flash has the next page that the person sees say something, once.
func (v *visit) flash(format string, args ...any) error {
	text := []rune(fmt.Sprintf(format, args...))
	if most := 300; len(text) > most {
		text = append(text[:most], '…')
	}
	return keep(v, flashCookie, string(text), time.Minute)
}

// flashed is what the page before has left to say.
func (v *visit) flashed() string {
	text, ok := kept[string](v, flashCookie)
	if ok {
		v.dropCookie(flashCookie)
	}
	return text
}
