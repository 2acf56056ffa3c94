package hosted

import (
	"reflect"
	"testing"

	"github.com/vendgate/vendgate/connect/web/page"
)

func TestUserHint(t *testing.T) {
	address := page.HintPart{Text: "a…e@example.com", Address: true}
	words := func(text string) page.HintPart { return page.HintPart{Text: text} }
	standard := []page.HintPart{words("This link was made for "), address, words(".")}
	for hint, want := range map[string][]page.HintPart{
		"":                        standard,
		"masked":                  standard,
		"off":                     nil,
		"{user}":                  {address},
		"For {user}, only {user}": {words("For "), address, words(", only "), address},
		"For our own customers":   {words("For our own customers")},
	} {
		if got := userHint(hint, "alice@example.com"); !reflect.DeepEqual(got, want) {
			t.Errorf("%q is shown as %+v; want %+v", hint, got, want)
		}
	}
	// What an end user is called is never read as a hint.
	if got := userHint("{user}", "{user}@example.com"); len(got) != 1 || got[0].Text != "{…}@example.com" {
		t.Errorf("shown as %+v", got)
	}
}
