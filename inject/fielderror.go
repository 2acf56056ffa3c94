package inject

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// FieldError says that a credential cannot be placed for one of its fields. Its text never holds a
// value.
type FieldError struct {
	// Field is the field's name.
	Field string
	// Err is the *vending.Error of a call with such a credential.
	Err error
	// reason is what is wrong with the value.
	reason string
}

func (e *FieldError) Error() string { return "placing field " + e.Field + ": " + e.Err.Error() }

func (e *FieldError) Unwrap() error { return e.Err }

// malformed refuses a credential that cannot be placed for a field.
func malformed(field, reason string) error {
	return &FieldError{Field: field, reason: reason, Err: &vending.Error{
		Code:    vending.NeedsReconnection,
		Origin:  vending.FromGateway,
		Message: fmt.Sprintf("the connection's field %q %s; the end user must connect again", field, reason),
	}}
}

// blame returns err as a *FieldError where an app's own field, or its token, is to blame, and else
// the refusal.
func blame(app *catalog.App, err error) error {
	var blamed *FieldError
	var refusal *vending.Error
	if !errors.As(err, &blamed) || !errors.As(err, &refusal) {
		return err
	}
	if blamed.Field == vending.AccessToken || blamed.Field == vending.TokenType || hasField(app.Fields, blamed.Field) {
		return &FieldError{Field: blamed.Field, Err: refusal, reason: blamed.reason}
	}
	return refusal
}

func hasField(fields []catalog.Field, name string) bool {
	return slices.ContainsFunc(fields, func(f catalog.Field) bool { return f.Name == name })
}

// forOperator changes the refusal of a value that no end user corrects by connecting again: one
// that comes with the OAuth client, which a source leaves out where it belongs to a client that
// several tenants share, or one that a source has in another form than the app's entry. The log
// says what an operator can do.
func (inj *Injection) forOperator(err error) error {
	if err == nil { // at no cost, which blamed has
		return nil
	}
	var blamed *FieldError
	if !errors.As(err, &blamed) {
		return err
	}
	if inj.placement.takesFromClient(blamed.Field) {
		return &vending.Error{
			Code: vending.InternalError, Origin: vending.FromGateway, Err: err,
			Message: fmt.Sprintf("the value %q, which comes with the OAuth client, was not vended or cannot be placed; "+
				"connecting again does not change that", blamed.Field),
		}
	}
	if advice, ok := inj.credential().Advice(blamed.Field); ok {
		return &vending.Error{
			Code: vending.InternalError, Origin: vending.FromGateway,
			Err: fmt.Errorf("the connection's field %q %s: %s", blamed.Field, blamed.reason, advice),
			Message: "the source has a value of this connection in a form that cannot be placed; " +
				"connecting again does not change that",
		}
	}
	return err
}

// takesFromClient reports whether a field's value comes with the OAuth client.
func (p *Placement) takesFromClient(field string) bool {
	isKey := field == catalog.ConsumerKey || field == catalog.ConsumerSecret
	return p.app.OAuth1 != nil && isKey || hasField(p.app.ClientFields(), field)
}
