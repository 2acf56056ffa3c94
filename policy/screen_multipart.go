package policy

import (
	"bytes"
	"regexp"
	"strings"
)

const (
	// maxPartHeader bounds what is looked at of a part's header at once, in bytes, and keptPartHeader
	// what of it is looked at again with what follows.
	maxPartHeader  = 16 << 10
	keptPartHeader = 8 << 10
	// maxID bounds what is kept of a Content-ID.
	maxID = 256
)

// disposition begins the header that names a part (RFC 7578, section 4.2), and contentID one that
// does for Rack, where there is no other.
var disposition, contentID = []byte("content-disposition"), []byte("content-id:")

// nameParameter is what comes before the name in it, also in its extended form (RFC 8187, which RFC
// 7578 forbids and some read). Some servers look for it behind any sign, and within other
// parameters.
var nameParameter = regexp.MustCompile(`(?i)\bname(\*?[0-9]*\*?)[ \t]*=[ \t\r\n]*`)

// otherField is where another field of a part's header begins.
var otherField = regexp.MustCompile(`\n[^ \t]`)

// multipartReader reads the names of a form's parts. It knows no boundary, as parsers disagree
// about those: every header that looks like a part's is read, up to the next empty line.
type multipartReader struct {
	steering *Steering
	// matched is how much of disposition was read, and header what follows it.
	matched int
	header  []byte
	// matchedID and id are the same of contentID, whose value ends with its line.
	matchedID int
	id        []byte
}

func (r *multipartReader) write(p []byte) error {
	for _, c := range p {
		if err := r.idByte(c); err != nil {
			return err
		}
		if r.matched < len(disposition) {
			if c != 0 { // UTF-16
				r.match(c)
			}
			continue
		}
		r.header = append(r.header, c)
		switch {
		case c == '\n' && (bytes.HasSuffix(r.header, []byte("\n\n")) || bytes.HasSuffix(r.header, []byte("\n\r\n"))):
			if err := r.endHeader(); err != nil {
				return err
			}
		case len(r.header) >= maxPartHeader:
			if err := r.checkHeader(); err != nil {
				return err
			}
			r.header = append(r.header[:0], r.header[len(r.header)-keptPartHeader:]...)
		}
	}
	return nil
}

// idByte takes a byte of a line that may be a Content-ID.
func (r *multipartReader) idByte(c byte) error {
	switch {
	case r.matchedID == len(contentID) && len(r.id) == 0 && strings.IndexByte(" \t\r\n", c) >= 0: // Rack skips them
	case r.matchedID == len(contentID) && (c == '\r' || c == '\n'):
		return r.endID()
	case r.matchedID == len(contentID):
		if len(r.id) < maxID {
			r.id = append(r.id, c)
		}
	case lower(c) == contentID[r.matchedID]:
		r.matchedID++
	case lower(c) == contentID[0]:
		r.matchedID = 1
	default:
		r.matchedID = 0
	}
	return nil
}

// endID checks a Content-ID as a name.
func (r *multipartReader) endID() error {
	v := partName{steering: r.steering}
	err := v.read(r.id)
	r.matchedID, r.id = 0, r.id[:0]
	return err
}

// match takes a byte before a header. disposition begins with the only "c" that could begin it
// again but the one after "-", so that a mismatch starts over.
func (r *multipartReader) match(c byte) {
	switch c = lower(c); c {
	case disposition[r.matched]:
		r.matched++
	case disposition[0]:
		r.matched = 1
	default:
		r.matched = 0
	}
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c |= 0x20
	}
	return c
}

// end checks what the body ends with.
func (r *multipartReader) end() error {
	if r.matchedID == len(contentID) {
		if err := r.endID(); err != nil {
			return err
		}
	}
	if r.matched < len(disposition) {
		return nil
	}
	return r.endHeader()
}

// endHeader checks what there is of a header and looks for the next.
func (r *multipartReader) endHeader() error {
	err := r.checkHeader()
	r.matched, r.header = 0, r.header[:0]
	return err
}

// checkHeader reads the header as it is, and as UTF-16, where NULs are halves of characters.
func (r *multipartReader) checkHeader() error {
	err := r.checkNames(r.header)
	if err == nil && bytes.IndexByte(r.header, 0) >= 0 {
		err = r.checkNames(bytes.ReplaceAll(r.header, []byte{0}, nil))
	}
	return err
}

func (r *multipartReader) checkNames(header []byte) error {
	own := len(header)
	if other := otherField.FindIndex(header); other != nil {
		own = other[0]
	}
	for _, at := range nameParameter.FindAllSubmatchIndex(header, -1) {
		// The other fields are those of a mail's part, whose names may be so, but name no field of a
		// form.
		v := partName{steering: r.steering, whole: at[0] < own, extended: at[2] < at[3]}
		if v.whole && len(bytes.Trim(header[at[2]:at[3]], "*")) > 0 {
			return errPieces()
		}
		if err := v.read(header[at[1]:]); err != nil {
			return err
		}
	}
	return nil
}
