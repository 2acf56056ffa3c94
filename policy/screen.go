package policy

import (
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/vendgate/vendgate/vending"
)

// Screen looks through a request's body, as it is written to it, for fields that could name another
// request: those of a form, url-encoded or multipart, and the members of a JSON object. It keeps no
// more of the body than one name or one part's header. Its errors are *vending.Error.
type Screen struct {
	// Whole says that the body must be seen whole before any of it is sent: the app's entry declares
	// fields.
	Whole    bool
	readers  []screenReader
	inflater *inflater // nil for a body that is not compressed
}

// screenReader reads one syntax. write returns an error as soon as a field steers; end is the
// body's.
type screenReader interface {
	write(p []byte) error
	end() error
}

// Screen returns what the body of c is to be written to, or nil where sets bind neither methods nor
// paths of the app, or no server would look for fields in such a body. A body that cannot be read
// as it would be, because it is compressed or in an encoding that is not ASCII's kin, is refused.
func (s *Steering) Screen(c Call, sets ...Rules) (*Screen, error) {
	if !scopeOf(c.App, sets).binds() {
		return nil, nil
	}
	types := c.Header["Content-Type"]
	if len(types) > 1 {
		return nil, vending.Refuse(vending.InvalidRequest, "the header Content-Type occurs more than once")
	}
	contentType := ""
	if len(types) == 1 {
		contentType = strings.ToLower(types[0])
	}
	screen := new(Screen)
	form := strings.Contains(contentType, "form-urlencoded")
	if form {
		screen.readers = append(screen.readers, &formReader{steering: s})
	}
	if strings.Contains(contentType, "multipart/") {
		form = true
		screen.readers = append(screen.readers, &multipartReader{steering: s})
	}
	switch {
	case strings.Contains(contentType, "json"):
		screen.readers = append(screen.readers, &jsonReader{steering: s})
	case form:
	// Rack takes the one for a form, Parse the other for JSON
	case contentType == "" || strings.HasPrefix(contentType, "text/plain"):
		screen.readers = append(screen.readers, &jsonReader{steering: s})
		if contentType == "" {
			screen.readers = append(screen.readers, &formReader{steering: s})
		}
	}
	screen.Whole = form && len(s.body) > 0
	if len(screen.readers) == 0 {
		return nil, nil
	}
	return screen.legible(c.Header, contentType, form)
}

// legible refuses a body that the readers cannot read, and has compressed JSON, as metrics and logs
// are often sent, decoded for them. No server is known to take a compressed form.
func (s *Screen) legible(h http.Header, contentType string, form bool) (*Screen, error) {
	for _, coding := range h["Content-Encoding"] {
		switch coding = strings.ToLower(strings.TrimSpace(coding)); {
		case coding == "" || coding == "identity":
		case !form && s.inflater == nil && (coding == "gzip" || coding == "x-gzip" || coding == "deflate"):
			s.inflater = newInflater(coding, s.readers)
			s.readers = []screenReader{s.inflater}
		default:
			return nil,
				refuse("a body in this content coding cannot be compared with the rules: send it uncompressed, or JSON in gzip")
		}
	}
	if _, params, err := mime.ParseMediaType(contentType); err == nil && !asciiKin(params["charset"]) ||
		err != nil && strings.Contains(contentType, "charset") {
		return nil,
			vending.Refuse(vending.InvalidRequest, "a body in this charset cannot be compared with the rules: send UTF-8")
	}
	return s, nil
}

// asciiKin reports whether a charset spells ASCII characters as ASCII does, at most with NULs
// between them. Others (EBCDIC, UTF-7) could hide a field's name.
func asciiKin(charset string) bool {
	return charset == "" || slices.ContainsFunc(
		[]string{"utf-8", "utf8", "utf-16", "utf-32", "us-ascii", "ascii", "iso-8859-", "latin", "windows-125", "shift_jis",
			"euc-", "gb", "big5", "koi8-"},
		func(kin string) bool { return strings.HasPrefix(charset, kin) })
}

// Write implements io.Writer.
func (s *Screen) Write(p []byte) (int, error) {
	for _, r := range s.readers {
		if err := r.write(p); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// Close is the end of the body: what it ends with is checked too.
func (s *Screen) Close() error {
	for _, r := range s.readers {
		if err := r.end(); err != nil {
			return err
		}
	}
	return nil
}

// Abort ends what the screen has under way for a body that is not read to its end. It may be called
// at any time, also while another method runs.
func (s *Screen) Abort() {
	if s.inflater != nil {
		s.inflater.abort()
	}
}

var _ io.WriteCloser = (*Screen)(nil)

// checkField refuses a field that steers.
func (s *Steering) checkField(f *fieldName, at place) error {
	if what := f.steers(at, s.body); what != "" {
		return refuseSteering(what, "the body's field", f.String())
	}
	return nil
}

// formReader reads the names of a url-encoded form (WHATWG URL, section 5.1).
type formReader struct {
	steering *Steering
	name     encodedName
	inValue  bool
}

func (r *formReader) write(p []byte) error {
	for _, c := range p {
		switch {
		case c == '&' || c == ';' || c == '\n' || c == '\r':
			if err := r.end(); err != nil {
				return err
			}
		case r.inValue:
		case c == '=':
			if err := r.end(); err != nil {
				return err
			}
			r.inValue = true
		default:
			r.name.add(c)
		}
	}
	return nil
}

// end checks the name and begins another.
func (r *formReader) end() error {
	if r.inValue {
		r.inValue = false
		return nil
	}
	r.name.flush()
	err := r.steering.checkField(&r.name.fieldName, inForm)
	r.name = encodedName{}
	return err
}
