package policy

import (
	"net/http"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/vending"
)

func TestRuleCheck(t *testing.T) {
	for name, c := range map[string]struct {
		rule Rule
		want string // part of the error; empty for none
	}{
		"an app":                {Rule{App: "gmail"}, ""},
		"every app":             {Rule{App: "*", Deny: true}, ""},
		"methods":               {Rule{App: "gmail", Methods: []string{"GET", "M-SEARCH"}}, ""},
		"a path":                {Rule{App: "gmail", Path: "/a/b"}, ""},
		"a star":                {Rule{App: "gmail", Path: "/a/*/b*"}, ""},
		"any rest":              {Rule{App: "gmail", Path: "/a/**"}, ""},
		"any path":              {Rule{App: "gmail", Path: "/**"}, ""},
		"the root":              {Rule{App: "gmail", Path: "/"}, ""},
		"no app":                {Rule{Path: "/a"}, "needs an app"},
		"lower-case method":     {Rule{App: "gmail", Methods: []string{"GET", "post"}}, "upper case"},
		"methods by commas":     {Rule{App: "gmail", Methods: []string{"GET,POST"}}, "separate methods by spaces"},
		"empty method":          {Rule{App: "gmail", Methods: []string{""}}, "upper case"},
		"blank method":          {Rule{App: "gmail", Methods: []string{"GET", " "}}, "is empty: write one in upper case"},
		"methods of nothing":    {Rule{App: "gmail", Methods: []string{}}, "methods is an empty list"},
		"every method, by word": {Rule{App: "gmail", Methods: []string{"ALL"}, Deny: true}, "leave it out for every method"},
		"any method, by word":   {Rule{App: "gmail", Methods: []string{"GET", "ANY"}}, "leave it out for every method"},
		"a dot segment":         {Rule{App: "gmail", Path: "/a/../b", Deny: true}, "dot segments"},
		"a dot at the end":      {Rule{App: "gmail", Path: "/a/."}, "dot segments"},
		"dots before any rest":  {Rule{App: "gmail", Path: "/../**"}, "dot segments"},
		"dots in a name":        {Rule{App: "gmail", Path: "/.well-known/..a/..."}, ""},
		"every method, by *":    {Rule{App: "gmail", Methods: []string{"*"}}, "letters and -"},
		"method by variable":    {Rule{App: "gmail", Methods: []string{"$METHODS"}}, "letters and -"},
		"method of two":         {Rule{App: "gmail", Methods: []string{"GET POST"}}, "letters and -"},
		"method placeholder": {Rule{App: "gmail", Methods: []string{"{env.METHODS}"}, Deny: true},
			"not expanded in rules"},
		"path placeholder":     {Rule{App: "gmail", Path: "/a/{env.ID}/**", Deny: true}, "not expanded in rules"},
		"path of a file":       {Rule{App: "gmail", Path: "/a/{file./run/id}"}, "not expanded in rules"},
		"path with a template": {Rule{App: "gmail", Path: "/users/{id}"}, "* for what varies"},
		"app placeholder":      {Rule{App: "{env.APP}", Deny: true}, "not expanded in rules"},
		"blank path":           {Rule{App: "gmail", Path: " \t"}, "path pattern is empty"},
		"relative path":        {Rule{App: "gmail", Path: "a/b"}, "begin with /"},
		"two stars inside":     {Rule{App: "gmail", Path: "/a/**/b"}, "last segment"},
		"two stars at a name":  {Rule{App: "gmail", Path: "/a**"}, "last segment"},
		"two rests":            {Rule{App: "gmail", Path: "/**/**"}, "last segment"},
		"three stars":          {Rule{App: "gmail", Path: "/a/***"}, "last segment"},
		"encoded":              {Rule{App: "gmail", Path: "/a%2Fb"}, "decoded path"},
		"a query":              {Rule{App: "gmail", Path: "/a?b"}, "decoded path"},
		"a fragment":           {Rule{App: "gmail", Path: "/a#b"}, "decoded path"},
		"a parameter":          {Rule{App: "gmail", Path: "/a;b"}, "decoded path"},
		"two slashes":          {Rule{App: "gmail", Path: "/a//b"}, "decoded path"},
		"a slash at the end":   {Rule{App: "gmail", Path: "/a/"}, "last /"},
		"a class left open":    {Rule{App: "gmail", Path: "/[a"}, "syntax error"},
		"an escape of nothing": {Rule{App: "gmail", Path: `/a\`}, "syntax error"},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.rule.Check()
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestRuleHost(t *testing.T) {
	for path, want := range map[string]string{"": "", "/a": "", "/a/~b": "", "/**": "", "/~": "",
		"/~Up.example": "Up.example", "/~up.example:8443/a": "up.example:8443", "/~*.example/**": "*.example"} {
		if got, ok := (Rule{App: "*", Path: path}).Host(); got != want || ok != strings.HasPrefix(path, "/~") {
			t.Errorf("%q: %q, %t", path, got, ok)
		}
		if got, _ := (Rule{App: "*", Path: path, Deny: true}).Host(); got != strings.ToLower(want) {
			t.Errorf("%q, denied: %q", path, got)
		}
	}
}

func allow(app, path string, methods ...string) Rule {
	return Rule{App: app, Path: path, Methods: methods}
}

// permitted holds one call against rules; overrides are the values of a header.
func permitted(rules Rules, app, method, host, path string, overrides ...string) error {
	header := http.Header{}
	for _, o := range overrides {
		header.Add("X-Http-Method-Override", o)
	}
	return new(Steering).Permit(Call{App: app, Method: method, At: placeOf(host), Path: path, Header: header}, rules)
}

// TestRulesBeside: what lies beside the API is allowed by name alone, and denied by what denies its
// path.
func TestRulesBeside(t *testing.T) {
	for name, c := range map[string]struct {
		rules Rules
		want  vending.Code
	}{
		"no rules":                    {nil, ""},
		"allow of the app":            {Rules{allow("app", "")}, ""},
		"allow of the same path":      {Rules{allow("app", "/g/r.git/**")}, deniedCode},
		"allow of all paths":          {Rules{allow("app", "/**")}, deniedCode},
		"allow of any host":           {Rules{allow("app", "/~*/**")}, deniedCode},
		"deny of any host":            {Rules{deny("app", "/~*/**")}, deniedCode},
		"deny of a format":            {Rules{deny("app", "/~/g/r.git/info/refs.json")}, deniedCode},
		"allow of an extra host":      {Rules{allow("app", "/~up.example/**")}, deniedCode},
		"allow of it":                 {Rules{allow("app", "/~/g/r.git/**")}, ""},
		"allow of it, another method": {Rules{allow("app", "/~/g/**", "POST")}, deniedCode},
		"allow of another":            {Rules{allow("app", "/~/h/**")}, deniedCode},
		"deny of it":                  {Rules{deny("app", "/~/G/**")}, deniedCode},
		"deny of the same path":       {Rules{deny("app", "/g/**")}, deniedCode},
		"deny of an extra host":       {Rules{deny("app", "/~up.example/**")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := new(Steering).Permit(Call{App: "app", Method: "GET", At: "/~", Path: "/g/r.git/info/refs"}, c.rules)
			if code(t, err) != c.want {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// placeOf is how paths to an extra host begin.
func placeOf(host string) string {
	if host == "" {
		return ""
	}
	return "/~" + host
}

func deny(app, path string, methods ...string) Rule {
	return Rule{App: app, Path: path, Methods: methods, Deny: true}
}

var permitCases = map[string]struct {
	rules             Rules
	app, method, path string
	want              vending.Code
}{
	"no rules":                {nil, "gmail", "DELETE", "/a", ""},
	"no rules, odd path":      {nil, "gmail", "GET", "/a%252Fb", ""},
	"rules of another app":    {Rules{deny("slack", "")}, "gmail", "GET", "/a", ""},
	"allow of another app":    {Rules{allow("slack", "/b")}, "gmail", "GET", "/a", ""},
	"other app, odd path":     {Rules{deny("slack", "")}, "gmail", "GET", "/a%252Fb", ""},
	"allowed":                 {Rules{allow("gmail", "/a")}, "gmail", "GET", "/a", ""},
	"not allowed":             {Rules{allow("gmail", "/a")}, "gmail", "GET", "/b", vending.PolicyDenied},
	"one of two allows":       {Rules{allow("gmail", "/a"), allow("gmail", "/b")}, "gmail", "GET", "/b", ""},
	"allowed for every app":   {Rules{allow("*", "/a")}, "gmail", "GET", "/a", ""},
	"only that for every app": {Rules{allow("*", "/a")}, "gmail", "GET", "/b", vending.PolicyDenied},
	"denied":                  {Rules{deny("gmail", "/a")}, "gmail", "GET", "/a", vending.PolicyDenied},
	"not denied":              {Rules{deny("gmail", "/a")}, "gmail", "GET", "/b", ""},
	"denied for every app":    {Rules{deny("*", "/a")}, "gmail", "GET", "/a", vending.PolicyDenied},
	"deny first": {Rules{deny("gmail", "/a"), allow("gmail", "/**")}, "gmail", "GET", "/a",
		vending.PolicyDenied},
	"deny last": {Rules{allow("gmail", "/**"), deny("gmail", "/a")}, "gmail", "GET", "/a",
		vending.PolicyDenied},
	"wide deny, narrow allow":   {Rules{deny("*", ""), allow("gmail", "/a")}, "gmail", "GET", "/a", vending.PolicyDenied},
	"app in other case":         {Rules{deny("gmail", "")}, "Gmail", "GET", "/a", ""}, // and no such app
	"method":                    {Rules{allow("gmail", "", "GET", "HEAD")}, "gmail", "HEAD", "/a", ""},
	"other method":              {Rules{allow("gmail", "", "GET", "HEAD")}, "gmail", "POST", "/a", vending.PolicyDenied},
	"method in lower case":      {Rules{deny("gmail", "", "DELETE")}, "gmail", "delete", "/a", vending.PolicyDenied},
	"denied method elsewhere":   {Rules{deny("gmail", "/a", "DELETE")}, "gmail", "DELETE", "/b", ""},
	"denied path, other method": {Rules{deny("gmail", "/a", "DELETE")}, "gmail", "GET", "/a", ""},
	"method and path not paired": {Rules{allow("gmail", "/a", "GET"), allow("gmail", "/b", "POST")}, "gmail", "POST", "/a",
		vending.PolicyDenied},
	"star in a segment": {Rules{allow("gmail", "/users/*/messages")}, "gmail", "GET", "/users/me/messages", ""},
	"star takes no slash": {Rules{allow("gmail", "/users/*/messages")}, "gmail", "GET", "/users/a/b/messages",
		vending.PolicyDenied},
	"star at the end":         {Rules{allow("gmail", "/users/*")}, "gmail", "GET", "/users/a/b", vending.PolicyDenied},
	"part of a segment":       {Rules{allow("gmail", "/v*/a")}, "gmail", "GET", "/v10/a", ""},
	"prefix is no match":      {Rules{allow("gmail", "/a")}, "gmail", "GET", "/a/b", vending.PolicyDenied},
	"longer name":             {Rules{allow("gmail", "/a")}, "gmail", "GET", "/ab", vending.PolicyDenied},
	"any rest, deep":          {Rules{allow("gmail", "/a/**")}, "gmail", "GET", "/a/b/c/d", ""},
	"any rest, none":          {Rules{allow("gmail", "/a/**")}, "gmail", "GET", "/a", ""},
	"any rest, a slash":       {Rules{allow("gmail", "/a/**")}, "gmail", "GET", "/a/", ""},
	"any rest, longer name":   {Rules{allow("gmail", "/a/**")}, "gmail", "GET", "/ab/c", vending.PolicyDenied},
	"any rest, above":         {Rules{allow("gmail", "/a/b/**")}, "gmail", "GET", "/a", vending.PolicyDenied},
	"any rest after a star":   {Rules{allow("gmail", "/*/x/**")}, "gmail", "GET", "/a/x/y/z", ""},
	"any rest, star is one":   {Rules{allow("gmail", "/*/x/**")}, "gmail", "GET", "/a/b/x/y", vending.PolicyDenied},
	"any path, the root":      {Rules{allow("gmail", "/**")}, "gmail", "GET", "/", ""},
	"any path, empty":         {Rules{allow("gmail", "/**")}, "gmail", "GET", "", ""},
	"any path denied":         {Rules{deny("gmail", "/**")}, "gmail", "GET", "", vending.PolicyDenied},
	"the root":                {Rules{allow("gmail", "/")}, "gmail", "GET", "", ""},
	"the root only":           {Rules{allow("gmail", "/")}, "gmail", "GET", "/a", vending.PolicyDenied},
	"slash at the end, allow": {Rules{allow("gmail", "/a")}, "gmail", "GET", "/a/", ""},
	"slash at the end, deny":  {Rules{deny("gmail", "/a")}, "gmail", "GET", "/a/", vending.PolicyDenied},
	"double slashes, deny":    {Rules{deny("gmail", "/a/b")}, "gmail", "GET", "//a///b//", vending.PolicyDenied},
	"a query mark encoded":    {Rules{allow("gmail", "/a*")}, "gmail", "GET", "/a%3Fb", ""},
	"HEAD is judged as GET":   {Rules{allow("gmail", "", "GET")}, "gmail", "HEAD", "/a", ""},
	"HEAD denied as GET":      {Rules{deny("gmail", "", "GET")}, "gmail", "HEAD", "/a", vending.PolicyDenied},
	"HEAD by its own name":    {Rules{allow("gmail", "", "HEAD")}, "gmail", "HEAD", "/a", ""},
	"GET is no HEAD":          {Rules{allow("gmail", "", "HEAD")}, "gmail", "GET", "/a", vending.PolicyDenied},
	"HEAD denied, not GET":    {Rules{deny("gmail", "", "HEAD")}, "gmail", "GET", "/a", ""},
	"HEAD is no POST":         {Rules{allow("gmail", "", "POST")}, "gmail", "HEAD", "/a", vending.PolicyDenied},
}

func TestPermit(t *testing.T) {
	for name, c := range permitCases {
		t.Run(name, func(t *testing.T) {
			for _, r := range c.rules {
				if err := r.Check(); err != nil {
					t.Fatal(err)
				}
			}
			if err := permitted(c.rules, c.app, c.method, "", c.path); code(t, err) != c.want {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// TestExtraHosts: an allow rule speaks of the upstream unless it names the host; a deny rule speaks
// of all.
func TestExtraHosts(t *testing.T) {
	const host = "upload.example.com"
	for name, c := range map[string]struct {
		rules Rules
		path  string
		want  vending.Code
	}{
		"no rules":               {nil, "/v1", ""},
		"whole app":              {Rules{allow("gmail", "")}, "/v1", ""},
		"same path":              {Rules{allow("gmail", "/v1")}, "/v1", vending.PolicyDenied},
		"any path":               {Rules{allow("gmail", "/**")}, "/v1", vending.PolicyDenied},
		"star for the host":      {Rules{allow("gmail", "/*/v1")}, "/v1", vending.PolicyDenied},
		"host named":             {Rules{allow("gmail", "/~upload.example.com/v1")}, "/v1", ""},
		"host named, other path": {Rules{allow("gmail", "/~upload.example.com/v1")}, "/v2", vending.PolicyDenied},
		"host named, other spelling": {Rules{allow("gmail", "/~upload.example.com/v1/*")}, "/v1/a%2Fb",
			vending.PolicyDenied},
		"host named, any path":    {Rules{allow("gmail", "/~upload.example.com/**")}, "/v1/a", ""},
		"host named, the root":    {Rules{allow("gmail", "/~upload.example.com")}, "/", ""},
		"host named, no path":     {Rules{allow("gmail", "/~upload.example.com/**")}, "", ""},
		"another host named":      {Rules{allow("gmail", "/~files.example.com/**")}, "/v1", vending.PolicyDenied},
		"any host":                {Rules{allow("gmail", "/~*/v1")}, "/v1", ""},
		"beside the upstream's":   {Rules{allow("gmail", "/**"), allow("gmail", "/~upload.example.com/**")}, "/v1", ""},
		"denied path":             {Rules{deny("gmail", "/v1/**")}, "/v1/a", vending.PolicyDenied},
		"denied path, folded":     {Rules{deny("gmail", "/v1/**")}, "/V1%2Fa", vending.PolicyDenied},
		"denied path, other path": {Rules{deny("gmail", "/v1/**")}, "/v2", ""},
		"denied host":             {Rules{deny("gmail", "/~Upload.example.com/**")}, "/v1", vending.PolicyDenied},
		"denied path at host":     {Rules{deny("gmail", "/~upload.example.com/v1")}, "/v1", vending.PolicyDenied},
		"denied format at host":   {Rules{deny("gmail", "/~upload.example.com/v1.json")}, "/v1", vending.PolicyDenied},
		"another host denied":     {Rules{deny("gmail", "/~files.example.com/**")}, "/v1", ""},
		"any host denied":         {Rules{deny("gmail", "/~*/**")}, "/v1", vending.PolicyDenied},
		"path that looks like the one": {Rules{allow("gmail", "/~upload.example.com/v1")}, "/~upload.example.com/v1",
			vending.PolicyDenied},
	} {
		t.Run(name, func(t *testing.T) {
			for _, r := range c.rules {
				if err := r.Check(); err != nil {
					t.Fatal(err)
				}
			}
			if err := permitted(c.rules, "gmail", "GET", host, c.path); code(t, err) != c.want {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	// Where no host is meant, ~ is a letter like any other.
	if err := permitted(Rules{allow("gmail", "/*")}, "gmail", "GET", "", "/~user"); err != nil {
		t.Error(err)
	}
	if err := permitted(Rules{deny("gmail", "/~*/v1")}, "gmail", "GET", "", "/v1"); err != nil {
		t.Error(err)
	}
}

func TestOverrides(t *testing.T) {
	readOnly := Rules{allow("gmail", "", "GET", "POST")}
	noDelete := Rules{deny("gmail", "/a/**", "DELETE")}
	for name, c := range map[string]struct {
		rules     Rules
		path      string
		overrides []string
		want      vending.Code
	}{
		"none":                  {readOnly, "/a", nil, ""},
		"allowed":               {readOnly, "/a", []string{"GET"}, ""},
		"not allowed":           {readOnly, "/a", []string{"DELETE"}, vending.PolicyDenied},
		"lower case":            {readOnly, "/a", []string{"get"}, ""},
		"one of three":          {readOnly, "/a", []string{"GET", "POST", "PUT"}, vending.PolicyDenied},
		"empty":                 {readOnly, "/a", []string{""}, vending.PolicyDenied},
		"denied":                {noDelete, "/a/b", []string{"DELETE"}, vending.PolicyDenied},
		"denied, lower case":    {noDelete, "/a/b", []string{"delete"}, vending.PolicyDenied},
		"denied, the last":      {noDelete, "/a/b", []string{"PUT", "DELETE"}, vending.PolicyDenied},
		"denied for other path": {noDelete, "/b", []string{"DELETE"}, ""},
		"no rules":              {nil, "/a", []string{"DELETE"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if err := permitted(c.rules, "gmail", "POST", "", c.path, c.overrides...); code(t, err) != c.want {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// TestPermitTellsNothing: a refusal names neither the rule nor the path.
func TestPermitTellsNothing(t *testing.T) {
	err := permitted(Rules{deny("gmail", "/internal-name/**")}, "gmail", "GET", "", "/internal-name/x")
	if text := vending.AsError(err).Text(); text != vending.PolicyDenied.Message() {
		t.Errorf("message %q", text)
	}
}
