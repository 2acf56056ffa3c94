package policy

import (
	"strings"
	"testing"

	"github.com/vendgate/vendgate/vending"
)

// longUser has as many bytes as an address may have.
var longUser = strings.Repeat("a", maxUserLen-len("@example.com")) + "@example.com"

var userCases = map[string]struct {
	values []string
	want   string // empty for a refusal
}{
	"plain":                      {[]string{"alice@example.com"}, "alice@example.com"},
	"capitals":                   {[]string{"Alice.B@Example.COM"}, "alice.b@example.com"},
	"spaces around":              {[]string{"  alice@example.com\t "}, "alice@example.com"},
	"plus and signs":             {[]string{"a+b!#$%&'*/=?^_`{|}~-@x-1.example"}, "a+b!#$%&'*/=?^_`{|}~-@x-1.example"},
	"no dot in the domain":       {[]string{"root@localhost"}, "root@localhost"},
	"254 bytes":                  {[]string{longUser}, longUser},
	"254 bytes and spaces":       {[]string{" " + longUser + " "}, longUser},
	"255 bytes":                  {[]string{"a" + longUser}, ""},
	"quoted, needs it":           {[]string{`"a..B"@example.com`}, `"a..b"@example.com`},
	"quoted at sign":             {[]string{`"a@b"@example.com`}, `"a@b"@example.com`},
	"quoted quote":               {[]string{`"a\"b"@example.com`}, `"a\"b"@example.com`},
	"quoted without need":        {[]string{`"alice"@example.com`}, ""},
	"quoted dot-atom":            {[]string{`"a.b"@example.com`}, ""},
	"escaped without need":       {[]string{`"a\.\.b"@example.com`}, ""},
	"quoted space":               {[]string{`"a b"@example.com`}, ""},
	"quote left open":            {[]string{`"a@example.com`}, ""},
	"empty quotes":               {[]string{`""@example.com`}, ""},
	"quoted and more":            {[]string{`"a"b@example.com`}, ""},
	"domain literal":             {[]string{"a@[192.0.2.1]"}, "a@[192.0.2.1]"},
	"domain literal, open":       {[]string{"a@[192.0.2.1"}, ""},
	"domain literal, empty":      {[]string{"a@[]"}, ""},
	"no header":                  {nil, ""},
	"empty":                      {[]string{""}, ""},
	"spaces":                     {[]string{" \t "}, ""},
	"two headers":                {[]string{"a@example.com", "b@example.com"}, ""},
	"twice the same":             {[]string{"a@example.com", "a@example.com"}, ""},
	"two addresses":              {[]string{"a@example.com,b@example.com"}, ""},
	"two addresses, spaced":      {[]string{"a@example.com, b@example.com"}, ""},
	"two at signs":               {[]string{"a@b@example.com"}, ""},
	"no at sign":                 {[]string{"example.com"}, ""},
	"no local part":              {[]string{"@example.com"}, ""},
	"no domain":                  {[]string{"alice@"}, ""},
	"only an at sign":            {[]string{"@"}, ""},
	"leading dot":                {[]string{".a@example.com"}, ""},
	"trailing dot":               {[]string{"a.@example.com"}, ""},
	"two dots":                   {[]string{"a..b@example.com"}, ""},
	"domain with a leading dot":  {[]string{"a@.example.com"}, ""},
	"domain with a trailing dot": {[]string{"a@example.com."}, ""},
	"domain with two dots":       {[]string{"a@example..com"}, ""},
	"comment":                    {[]string{"alice@example.com(work)"}, ""},
	"comment before":             {[]string{"(x)alice@example.com"}, ""},
	"comment inside":             {[]string{"alice(x)@example.com"}, ""},
	"display name":               {[]string{"Alice <alice@example.com>"}, ""},
	"display name, tight":        {[]string{"Alice<alice@example.com>"}, ""},
	"angle brackets":             {[]string{"<alice@example.com>"}, ""},
	"source route":               {[]string{"<@a.example:alice@example.com>"}, ""},
	"group":                      {[]string{"g:alice@example.com;"}, ""},
	"mailto":                     {[]string{"mailto:alice@example.com"}, ""},
	"space inside":               {[]string{"ali ce@example.com"}, ""},
	"space at the at sign":       {[]string{"alice@ example.com"}, ""},
	"line break":                 {[]string{"alice@example.com\r\nX-A: b"}, ""},
	"trailing line feed":         {[]string{"alice@example.com\n"}, ""},
	"NUL":                        {[]string{"alice\x00@example.com"}, ""},
	"delete":                     {[]string{"alice\x7f@example.com"}, ""},
	"Kelvin sign":                {[]string{"\u212Aate@example.com"}, ""}, // Unicode lower-casing makes it "kate"
	"long s":                     {[]string{"ali\u017Fe@example.com"}, ""},
	"dotted capital I":           {[]string{"\u0130nes@example.com"}, ""},
	"umlaut":                     {[]string{"jürgen@example.com"}, ""},
	"quoted umlaut":              {[]string{`"jürgen"@example.com`}, ""},
	"IDN":                        {[]string{"a@münchen.example"}, ""},
	"fullwidth at sign":          {[]string{"alice\uFF20example.com"}, ""},
	"no-break space":             {[]string{"\u00A0alice@example.com"}, ""},
	"zero-width space":           {[]string{"alice\u200B@example.com"}, ""},
	"byte order mark":            {[]string{"\uFEFFalice@example.com"}, ""},
	"not UTF-8":                  {[]string{"alice\xff@example.com"}, ""},
	// atoms, never decoded
	"encoded word": {[]string{"=?utf-8?q?a?=@example.com"}, "=?utf-8?q?a?=@example.com"},
	// an atom like any other
	"wildcard":                     {[]string{"*@example.com"}, "*@example.com"},
	"semicolon":                    {[]string{"a;b@example.com"}, ""},
	"backslash without quotes":     {[]string{`a\b@example.com`}, ""},
	"brackets in the local part":   {[]string{"[a]@example.com"}, ""},
	"a megabyte":                   {[]string{strings.Repeat("a", 1<<20) + "@example.com"}, ""},
	"a megabyte of spaces":         {[]string{strings.Repeat(" ", 1<<20) + "a@example.com"}, "a@example.com"},
	"nested quotes and parens":     {[]string{`"(("@example.com`}, `"(("@example.com`},
	"quoted bracket":               {[]string{`"a<b"@example.com`}, `"a<b"@example.com`},
	"domain with an underscore":    {[]string{"a@_spf.example.com"}, "a@_spf.example.com"},
	"domain literal with brackets": {[]string{"a@[[1]]"}, ""},
}

func TestParseUser(t *testing.T) {
	for name, c := range userCases {
		t.Run(name, func(t *testing.T) {
			got, err := ParseUser(c.values)
			want := vending.Code("")
			if c.want == "" {
				want = vending.InvalidUserEmail
			}
			if got != c.want || code(t, err) != want {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
		})
	}
}

// TestParseUserIsStable: what was once parsed parses to itself, so that no two stages know one end
// user by two names.
func TestParseUserIsStable(t *testing.T) {
	for _, in := range []string{"Alice@Example.com", `"A..B"@X.example`, "a@[192.0.2.1]", `"a\\b"@x`} {
		once, err := ParseUser([]string{in})
		if err != nil {
			t.Fatalf("%s: %v", in, err)
		}
		if twice, err := ParseUser([]string{once}); err != nil || twice != once {
			t.Errorf("%s: %q, then %q, %v", in, once, twice, err)
		}
	}
}

// TestParseExternalUser: an id is one printable text, kept as it is.
func TestParseExternalUser(t *testing.T) {
	long := strings.Repeat("x", maxUserLen)
	for name, tt := range map[string]struct {
		values []string
		want   string // empty for a refusal
	}{
		"plain":        {[]string{"user-1"}, "user-1"},
		"as it is":     {[]string{"User 1/@"}, "User 1/@"},
		"outer spaces": {[]string{" \tu1 "}, "u1"},
		"254 bytes":    {[]string{long}, long},
		"255 bytes":    {[]string{long + "x"}, ""},
		"none":         {nil, ""},
		"empty":        {[]string{""}, ""},
		"spaces":       {[]string{" \t"}, ""},
		"two":          {[]string{"u1", "u1"}, ""},
		"tab inside":   {[]string{"u\t1"}, ""},
		"line break":   {[]string{"u\r\n1"}, ""},
		"NUL":          {[]string{"u\x00"}, ""},
		"DEL":          {[]string{"u\x7f"}, ""},
		"beyond ASCII": {[]string{"\u00fcser"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseExternalUser(tt.values)
			if got != tt.want || (err != nil) != (tt.want == "") {
				t.Errorf("%q, %v", got, err)
			}
			if err != nil && (vending.AsError(err).Code != vending.InvalidUserEmail ||
				!strings.Contains(vending.AsError(err).Text(), "x-external-user-id")) {
				t.Errorf("error %v", err)
			}
		})
	}
}
