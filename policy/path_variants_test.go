package policy

import (
	"testing"

	"github.com/vendgate/vendgate/vending"
)

var variantCases = map[string]struct {
	path, pattern   string
	denies, permits bool
}{
	"plain":                           {"/admin/keys", "/admin/keys", true, true},
	"encoded letters":                 {"/%61dmin/ke%79s", "/admin/keys", true, true},
	"encoded in capitals":             {"/adm%69n/%6Beys", "/admin/keys", true, true},
	"encoded slash, separator":        {"/admin%2Fkeys", "/admin/keys", true, false},
	"encoded slash, lower case":       {"/admin%2fkeys", "/admin/keys", true, false},
	"encoded slash, one segment":      {"/projects/a%2Fb", "/projects/*", true, false},
	"encoded slash, two segments":     {"/projects/a%2Fb", "/projects/*/*", true, false},
	"encoded slash, any rest":         {"/projects/a%2Fb", "/projects/**", true, true},
	"encoded slash before":            {"/%2Fadmin/keys", "/admin/keys", true, false},
	"encoded slash at the end":        {"/admin/keys%2F", "/admin/keys", true, false},
	"parameter":                       {"/admin;a=b/keys", "/admin/keys", true, false},
	"parameters everywhere":           {"/admin;a/keys;b=c;d", "/admin/keys", true, false},
	"encoded parameter":               {"/admin%3Ba=b/keys", "/admin/keys", true, false},
	"parameter, any rest":             {"/admin/keys;a=b", "/admin/**", true, true},
	"parameter that hides a segment":  {"/admin/;a/keys", "/admin/keys", true, false},
	"encoded slash in a parameter":    {"/admin;a%2Fb/keys", "/admin/keys", true, false},
	"encoded slash after a parameter": {"/admin;a%2Fkeys", "/admin/keys", true, false},
	"both separators encoded":         {"/admin%3Ba%2Fb%2Fkeys", "/admin/b/keys", true, false},
	"encoded mark before a parameter": {"/adm%3Bin;a/keys", "/*in/keys", true, false},
	"folded case":                     {"/ADMIN/Keys", "/admin/keys", true, false},
	"folded pattern":                  {"/admin/keys", "/Admin/KEYS", true, false},
	"folded and encoded":              {"/%41DMIN%2Fkeys", "/admin/keys", true, false},
	"folded beyond ASCII":             {"/ÉTÉ", "/été", true, false},
	"folded Kelvin sign":              {"/%E2%84%AAeys", "/keys", true, false},
	"double slashes":                  {"/admin//keys", "/admin/keys", true, true},
	"encoded UTF-8":                   {"/%C3%A9t%C3%A9", "/été", true, true},
	"an encoded percent sign":         {"/100%25", "/100*", true, true},
	"a lone percent sign":             {"/100%", "/100*", true, true},
	"IIS' escapes":                    {"/%u0061dmin/keys", "/admin/keys", true, false},
	"IIS' escaped separator":          {"/projects/a%u002fb", "/projects/*", true, false},
	"plus is a plus":                  {"/a+b", "/a b", false, false},
	"encoded plus":                    {"/a%2Bb", "/a+b", true, true},
	"space":                           {"/a%20b", "/a b", true, true},
	"tilde":                           {"/%7Euser", "/~user", true, true},
	"three dots are a name":           {"/a/.../b", "/a/*/b", true, true},
	"encoded end: a query":            {"/admin/keys%3Fa", "/admin/keys", true, false},
	"encoded end: a query, any rest":  {"/admin%3fa/keys", "/admin/**", true, false},
	"encoded end: a fragment":         {"/admin%23a/keys", "/admin", true, false},
	"encoded end: not what it ends":   {"/keys%3Fa", "/*a", true, false},
	"a dot at the end":                {"/admin./keys.", "/admin/keys", true, false},
	"dots at the end, allowed":        {"/admin..", "/admin*", true, true},
	"a space at the end":              {"/admin%20/keys%20", "/admin/keys", true, false},
	"a space before":                  {"/%20admin", "/admin", true, false},
	"no-break space":                  {"/admin%c2%a0", "/admin", true, false},
	"a space and a dot":               {"/admin%20.%20", "/admin", true, false},
	"a segment of spaces":             {"/admin/%20/keys", "/admin/keys", true, false},
	"a stream of a file":              {"/admin/keys::$DATA", "/admin/keys", true, false},
	"an encoded stream of a file":     {"/admin/keys%3A%3a$data", "/admin/keys", true, false},
	"a stream of a directory":         {"/admin:$I30:$INDEX_ALLOCATION/keys", "/admin/keys", true, false},
	"a verb of Google's":              {"/admin/keys:list", "/admin/keys", false, false},
	"a verb of Google's, allowed":     {"/admin/keys:list", "/admin/keys:*", true, true},
	"a stream, allowed":               {"/admin/keys::$DATA", "/admin/*", true, true},
	"space, then an encoded end":      {"/admin%20%3fx", "/admin", true, false},
	"encoded end behind a parameter":  {"/admin%3bx%23y", "/admin", true, false},
	"a format":                        {"/admin.json", "/admin", true, false},
	"a format, any rest":              {"/admin.json", "/admin/**", true, false},
	"any suffix":                      {"/admin.1", "/admin", true, false},
	"two suffixes, the last":          {"/admin.tar.gz", "/admin.tar", true, false},
	"two suffixes, both":              {"/admin.tar.gz", "/admin", true, false},
	"a suffix and an encoded end":     {"/admin.json%3fx", "/admin", true, false},
	"a suffix inside the path":        {"/admin.json/keys", "/admin/keys", false, false},
	"the pattern's own suffix":        {"/tickets.json", "/tickets.json", true, true},
	"the pattern's format, left out":  {"/tickets", "/tickets.json", true, false},
	"the pattern's format, another":   {"/tickets.xml", "/tickets.json", true, false},
	"a suffix that is no format":      {"/v1/gpt-4", "/v1/gpt-4.1", false, false},
	"a hidden file":                   {"/a/.well-known", "/a", false, false},
	"a script's path":                 {"/xmlrpc.php/x", "/xmlrpc.php", true, false},
	"a front controller":              {"/index.php/wp/v2/users", "/wp/v2/users", true, false},
	"a front controller, any rest":    {"/index.php/wp/v2/users", "/index.php/**", true, true},
	"a file of that name":             {"/contents/index.php", "/contents/*", true, true},
	"a domain is no script":           {"/sites/example.pl/goals", "/sites/*/goals", true, true},
	"look-alike letters":              {"/%EF%BD%81dmin", "/admin", true, false},
	"look-alike slash":                {"/admin%EF%BC%8Fkeys", "/admin/keys", true, false},
	"IIS' encoding":                   {"/%u0061dmin", "/admin", true, false},
	"a domain":                        {"/domains/example.com", "/domains/*", true, true},
	"a version":                       {"/v1.0/me", "/v1.0/me", true, true},
	"a file's name":                   {"/files/report.csv", "/files/report.csv", true, true},
}

// TestReadings: a deny rule holds if any server on the way could take the path for what it denies,
// an allow rule only if all must take it for what it allows.
func TestReadings(t *testing.T) {
	for name, c := range variantCases {
		t.Run(name, func(t *testing.T) {
			err := permitted(Rules{deny("gmail", c.pattern)}, "gmail", "GET", "", c.path)
			if (code(t, err) == vending.PolicyDenied) != c.denies {
				t.Errorf("deny %s on %s: %v", c.pattern, c.path, err)
			}
			err = permitted(Rules{allow("gmail", c.pattern)}, "gmail", "GET", "", c.path)
			if (code(t, err) == "") != c.permits {
				t.Errorf("allow %s on %s: %v", c.pattern, c.path, err)
			}
		})
	}
}

// TestEncodedTwice: where a rule would have to guess how often the app decodes, the call is
// refused.
func TestEncodedTwice(t *testing.T) {
	for _, path := range []string{"/a%252Fb", "/a%252fb", "/%2561dmin", "/100%2525", "/a%253Bb", "/%25%36%31"} {
		for name, rules := range map[string]Rules{
			"allow": {allow("gmail", "/**")}, "deny": {deny("gmail", "/x")}, "every app": {deny("*", "/x")},
			"by method": {deny("gmail", "", "PUT")},
		} {
			t.Run(name+path, func(t *testing.T) {
				if err := permitted(rules, "gmail", "GET", "", path); code(t, err) != vending.InvalidRequest {
					t.Errorf("%v", err)
				}
			})
		}
	}
}
