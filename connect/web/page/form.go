package page

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vendgate/vendgate/connect/web/page/asset"
)

// Form asks for the credentials of a key-based app, or for what an OAuth app needs to know before
// its end user can sign in.
type Form struct {
	Link
	Fields []Field
	// Problem says in a sentence why the values were not accepted; empty the first time.
	Problem string
}

// Field is one value of a Form.
type Field struct {
	Name, Label string
	// Help says where to find the value, or how it looks; may be empty.
	Help string
	// Value is what was entered before. It is not shown where Secret is set.
	Value  string
	Secret bool
	// Options are the only values there are, if it has any.
	Options []string
	// Host says that the value is a host name, and Site that the path of a site may follow.
	Host, Site bool
	// Around is the host that the value is a part of, with acme in its place; may be empty.
	Around string
	// Bound says that Value is the address of the connection that the link renews, and stays.
	Bound bool
	// Problem says what is wrong with the value, and names it; empty if nothing is.
	Problem string
}

func (v Form) frame() frame {
	title := v.connecting()
	if v.Renews {
		title = v.renewing()
	}
	if v.Failed() {
		title = "Error: " + title
	}
	f := v.hosted("form", title)
	if v.Scripted() {
		f.script = asset.FormScript.Name
	}
	return f
}

// Scripted reports whether the page loads a script: to show and hide secrets.
func (v Form) Scripted() bool { return anyMasked(v.Fields) }

func anyMasked(fields []Field) bool { return slices.ContainsFunc(fields, Field.masked) }

// masked reports whether the field hides what is entered.
func (f Field) masked() bool { return f.Secret && !f.Bound && len(f.Options) == 0 }

// Failed reports whether the form was sent before and not accepted.
func (v Form) Failed() bool { return failed(v.Fields, v.Problem) }

func failed(fields []Field, problem string) bool {
	return problem != "" || slices.ContainsFunc(fields, func(f Field) bool { return f.Problem != "" })
}

// Input is the name under which the field is posted.
func (f Field) Input() string { return FieldPrefix + f.Name }

// DescribedBy are the ids of what explains the field, the i-th of its form; empty if nothing does.
func (f Field) DescribedBy(i int) string {
	var ids []string
	if f.Help != "" {
		ids = append(ids, fmt.Sprintf("help-%d", i))
	}
	if f.Around != "" || f.Bound {
		ids = append(ids, fmt.Sprintf("hint-%d", i))
	}
	if f.Problem != "" {
		ids = append(ids, fmt.Sprintf("problem-%d", i))
	}
	return strings.Join(ids, " ")
}

// Text is what the field is called on the page.
func (f Field) Text() string {
	if f.Label == "" {
		return f.Name
	}
	return f.Label
}
