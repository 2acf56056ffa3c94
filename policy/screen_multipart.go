package policy

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/vendgate/vendgate/vending"
)

const (
	// maxPartHeader bounds what is looked at of a part's header at once, in bytes, and keptPartHeader what
	// of it is looked at again with what follows.
	maxPartHeader  = 16 << 10
	keptPartHeader = 8 << 10
)

// disposition begins the header that names a part (RFC 7578, section 4.2).
var disposition = []byte("content-disposition")

// nameParameter is how servers find the name in it: quoted either way, with an open quote or without any,
// and as the extended form of RFC 8187, which RFC 7578 forbids and some read.
var nameParameter = regexp.MustCompile(
	`(?i)(?:^|[^a-z0-9_-])name(\*?[0-9]*\*?)[ \t]*=[ \t\r\n]*("(?:[^"\\]|\\.)*"|'[^']*'|["'][^\r\n]*|[^;\s]*)`)

// multipartReader reads the names of a form's parts. It knows no boundary, as parsers disagree about
// those: every header that looks like a part's is read, up to the next empty line.
type multipartReader struct {
	steering *Steering
	// matched is how much of disposition was read, and header what follows it.
	matched int
	header  []byte
}

func (r *multipartReader) write(p []byte) error {
	for _, c := range p {
		if c == 0 { // UTF-16
			continue
		}
		if r.matched < len(disposition) {
			r.match(c)
			continue
		}
		r.header = append(r.header, c)
		switch {
		case c == '\n' && (bytes.HasSuffix(r.header, []byte("\n\n")) || bytes.HasSuffix(r.header, []byte("\n\r\n"))):
			if err := r.end(); err != nil {
				return err
			}
		case len(r.header) >= maxPartHeader:
			if err := r.judge(); err != nil {
				return err
			}
			r.header = append(r.header[:0], r.header[len(r.header)-keptPartHeader:]...)
		}
	}
	return nil
}

// match takes a byte before a header. disposition begins with the only "c" that could begin it again
// but the one after "-", so that a mismatch starts over.
func (r *multipartReader) match(c byte) {
	if 'A' <= c && c <= 'Z' {
		c |= 0x20
	}
	switch c {
	case disposition[r.matched]:
		r.matched++
	case disposition[0]:
		r.matched = 1
	default:
		r.matched = 0
	}
}

// end judges what there is of a header and looks for the next.
func (r *multipartReader) end() error {
	if r.matched < len(disposition) {
		return nil
	}
	err := r.judge()
	r.matched, r.header = 0, r.header[:0]
	return err
}

func (r *multipartReader) judge() error {
	for _, match := range nameParameter.FindAllSubmatch(r.header, -1) {
		extended, value := string(match[1]), strings.Trim(string(match[2]), `"'`)
		if strings.Trim(extended, "*") != "" || strings.Contains(value, "=?") {
			return vending.Refuse(vending.InvalidRequest, "a part's name in pieces or encoded words cannot be compared with the rules: write it plainly")
		}
		if extended != "" {
			_, value, _ = strings.Cut(value, "''")
		}
		whole := strings.ReplaceAll(value, `\`, "")
		beforeParameter, _, _ := strings.Cut(whole, ";") // behind an open quote
		for _, name := range []string{whole, beforeParameter} {
			var plain, decoded fieldName
			for i := range len(name) {
				plain.add(name[i])
			}
			decoded.decode(name)
			for _, f := range []*fieldName{&plain, &decoded} {
				if err := r.steering.judge(f, inForm); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
