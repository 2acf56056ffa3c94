package inject

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/vendgate/vendgate/vending"
)

// mendable changes the refusal of a value that no end user corrects by connecting again: one that
// comes with the OAuth client, or that a source has in another form than the app's entry. The log
// says what an operator can do.
func (x *Injection) mendable(err error) error {
	if err = x.placement.mendable(err); err == nil {
		return nil
	}
	var refusal *vending.Error
	if !errors.As(err, &refusal) || refusal.Code != vending.NeedsReconnection || refusal.Origin != vending.FromGateway {
		return err
	}
	for name := range x.names() {
		if !strings.Contains(refusal.Text(), strconv.Quote(name)) {
			continue
		}
		what, _, _ := strings.Cut(refusal.Text(), ";")
		if advice, ok := x.credential().Advice(name); ok {
			return &vending.Error{
				Code: vending.InternalError, Origin: vending.FromGateway, Err: fmt.Errorf("%s: %s", what, advice),
				Message: "the source has a value of this connection in a form that cannot be placed; " +
					"connecting again does not change that",
			}
		}
		return err
	}
	return err
}

// names yields the fields of the app and of the credential in use.
func (x *Injection) names() func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, f := range x.placement.app.Fields {
			if !yield(f.Name) {
				return
			}
		}
		for name := range x.credential().Fields() {
			if !yield(name) {
				return
			}
		}
	}
}
