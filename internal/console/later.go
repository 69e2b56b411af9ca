package console

// later is a part of a page that takes longer to read than the rest. The template
// reads it when the browser has the beginning of the page; whatever makes the
// page a refusal has been asked before. Embed it in a body.
type later struct {
	visit   *visit
	read    func() error // nil where there is nothing to read
	Trouble string       // what to say where it could not be read
}

// after has a part of a page read after its beginning was sent.
func (v *visit) after(read func() error) later { return later{visit: v, read: read} }

// Read sends what is rendered so far and reads the part, once. It says nothing
// itself: templates show what is then in the body, or Trouble.
func (l *later) Read() (string, error) {
	if l.read == nil {
		return "", nil
	}
	read := l.read
	l.read = nil
	if _, err := l.visit.way.Early(); err != nil {
		return "", err // the browser went away
	}
	if err := read(); err != nil {
		_, l.Trouble = l.visit.explain(err)
	}
	return "", nil
}
