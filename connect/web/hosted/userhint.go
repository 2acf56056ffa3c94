package hosted

import (
	"cmp"
	"strings"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/web/page"
)

// maskedHint is what the pages of a link say of whom it was made for, unless the tenant has words
// of its own.
const maskedHint = "This link was made for " + connect.HintUser + "."

// userHint says whose connection a page is about, so that another person who got the link notices
// before, or at least when, their account is connected for that customer. The address itself is
// never shown: anyone may have the link.
func userHint(hint, user string) []page.HintPart {
	switch cmp.Or(hint, connect.HintMasked) {
	case connect.HintOff:
		return nil
	case connect.HintMasked:
		hint = maskedHint
	}
	var parts []page.HintPart
	for i, words := range strings.Split(hint, connect.HintUser) {
		if i > 0 {
			parts = append(parts, page.HintPart{Text: connect.MaskUser(user), Address: true})
		}
		if words != "" {
			parts = append(parts, page.HintPart{Text: words})
		}
	}
	return parts
}
