package authorize

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/vending"
)

const (
	// maxField bounds a value, in bytes.
	maxField = 16 << 10
	// maxFields bounds all of an app's together, in bytes; it leaves a token its room in the store.
	maxFields = 40 << 10
	// maxName bounds what is repeated of the name of an unknown field, in bytes.
	maxName = 64
)

// CheckFields reports what is wrong with fields as far as that can be known without the provider: before an
// end user is sent to it in vain.
func CheckFields(app *catalog.App, fields []vending.Field) error {
	_, err := cleanFields(app, fields)
	return err
}

// cleanFields returns what the end user entered in the app's order, trimmed. What it returns can be placed.
func cleanFields(app *catalog.App, given []vending.Field) ([]vending.Field, error) {
	values := make(map[string]string, len(given))
	for _, f := range given {
		if !slices.ContainsFunc(app.Fields, func(known catalog.Field) bool { return known.Name == f.Name }) {
			return nil, about(app, Problem{Kind: UnknownField, Field: cleanName(f.Name)})
		}
		if _, twice := values[f.Name]; twice {
			return nil, about(app, Problem{Kind: BadField, Field: f.Name, reason: "was entered twice"})
		}
		values[f.Name] = strings.TrimSpace(f.Value)
	}
	var fields []vending.Field
	size := 0
	for _, f := range app.Fields {
		value := values[f.Name]
		if value == "" && optional(app, f.Name) {
			continue
		}
		if err := checkValue(app, f.Name, value); err != nil {
			return nil, err
		}
		if size += len(value); size > maxFields {
			return nil, about(app, Problem{Kind: BadField, Field: f.Name, reason: fmt.Sprintf("makes all values longer than %d KiB", maxFields>>10)})
		}
		fields = append(fields, vending.Field{Name: f.Name, Value: value})
	}
	// Any token will do: that of the grant is not there yet.
	return fields, checkPlaced(app, connect.GrantValues{AccessToken: "token", Fields: fields})
}

// optional reports whether a connection may lack a field: long-lived AWS keys have no session token.
func optional(app *catalog.App, name string) bool {
	return app.Sign != nil && app.Sign.Scheme == "aws_sigv4" && name == "session_token"
}

func checkValue(app *catalog.App, name, value string) error {
	switch {
	case value == "":
		return about(app, Problem{Kind: MissingField, Field: name})
	case len(value) > maxField:
		return about(app, Problem{Kind: BadField, Field: name, reason: fmt.Sprintf("is longer than %d KiB", maxField>>10)})
	case !utf8.ValidString(value):
		return about(app, Problem{Kind: BadField, Field: name, reason: "is no text"})
	case strings.ContainsFunc(value, unicode.IsControl):
		return about(app, Problem{Kind: BadField, Field: name, reason: "holds a line break or another control character"})
	}
	return nil
}

// cleanName makes the name of an unknown field, which anybody can choose, fit to be repeated.
func cleanName(name string) string {
	name = strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, name)
	return strings.ToValidUTF8(name[:min(len(name), maxName)], "")
}

// checkPlaced reports why no call could go out with v.
func checkPlaced(app *catalog.App, v connect.GrantValues) error {
	p, err := inject.NewPlacement(app)
	if err != nil {
		return fmt.Errorf("compiling the placement of %s: %w", app.Slug, err)
	}
	return unplaceable(app, p.Check(credential(app, v)))
}

// unplaceable explains err, an error of a placement; nil stays nil.
func unplaceable(app *catalog.App, err error) error {
	if err == nil {
		return nil
	}
	p := Problem{Kind: BadField, Err: err, reason: "has another form than this app's values"}
	var blamed *inject.FieldError
	if errors.As(err, &blamed) {
		p.Field = blamed.Field
	}
	if vending.AuthType(app.AuthType) == vending.OAuth && (p.Field == vending.AccessToken || p.Field == vending.TokenType) {
		p.Kind, p.Field = Nonsense, ""
	}
	return about(app, p)
}
