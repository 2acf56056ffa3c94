package folding

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// methodNames are spellings of the field that names a method, most of which some server folds to
// it.
var methodNames = []string{
	"_method", "_METHOD", "%5fmethod", "_m%65thod", ".method", "+_method", "%20%20_method", "_method%00", "_method%00x",
	"[method", "%5Bmethod",
	"_method[]", "_method[a]", "_method%5B%5D", "%5B_method", "_method+", "_method%20", "%09_method", "%0A_method",
}

// routeNames are spellings of the one that names WordPress' route.
var routeNames = []string{
	"rest_route", "rest.route", "rest+route", "rest%20route", "rest[route", "rest%5Broute", "rest_rout%65", "+rest_route",
	"rest_route%00x", "rest%5froute",
	"rest_route[]", "rest%2Eroute", "rest[route]", "rest[route[x]",
}

// plainNames are those of data.
var plainNames = []string{"method", "route", "rest", "a[_method]", "payment_method", "q"}

// requests spells fields in each place that a server looks at.
func requests() (all []request) {
	const form = "application/x-www-form-urlencoded"
	for _, name := range append(append(append([]string{}, methodNames...), routeNames...), plainNames...) {
		value := "DELETE"
		if strings.Contains(strings.ToLower(name), "rout") {
			value = "/wp/v2/users"
		}
		plain := strings.NewReplacer("%5f", "_", "%65", "e", "+", " ", "%20", " ", "%5B", "[", "%5D", "]", "%2E", ".", "%09",
			"\t").Replace(name)
		all = append(all,
			request{"POST", "/posts?a=1&" + name + "=" + value, form, "b=2"},
			request{"POST", "/posts?a=1;" + name + "=" + value, "", ""},
			request{"POST", "/posts", form, "a=1&" + name + "=" + value},
			request{"POST", "/posts", strings.ToUpper(form) + "; charset=UTF-8", name + "=" + value},
			request{"POST", "/posts", "", name + "=" + value},
			request{"POST", "/posts", form, "a=" + strings.Repeat("x", 100<<10) + "&" + name + "=" + value},
		)
		for _, header := range []string{`name="%s"`, `name=%s`, `Name = "%s"`, `filename=x; name="%s"`, `name='%s'`,
			`name="%s`, "x=y;\r\n name=\"%s\""} {
			all = append(all, request{"POST", "/posts", "multipart/form-data; boundary=b",
				"--b\r\nContent-Disposition: form-data; " + fmt.Sprintf(header, plain) + "\r\n\r\n" + value + "\r\n--b--\r\n"})
		}
		all = append(all, request{"POST", "/posts", "application/json", fmt.Sprintf(`{"a":1,%q:%q}`, plain, value)},
			request{"POST", "/posts", "application/json", `{"\u005f` + strings.TrimPrefix(plain, "_") + `":"` + value + `"}`})
	}
	for _, header := range []string{
		"Content-Disposition: form-data; name=\"_method\x00x\"", "Content-ID: _method", "Content-ID:\r\n\t_method",
		"Content-Disposition: form-data; name=_method/x",
		"Content-Disposition: form-data; name=_method\"x", "Content-Disposition: form-data; x=\"a;name=_method\"",
		"Content-Disposition: form-data; name=\"_method\"x",
	} {
		all = append(all,
			request{"POST", "/posts", "multipart/form-data; boundary=b", "--b\r\n" + header + "\r\n\r\nDELETE\r\n--b--\r\n"})
	}
	return append(all, request{"POST", "/posts", form, "_method\x00x=DELETE"})
}

// TestRealServers sends every spelling to the server itself and through the gateway: what makes the
// server take it for another request must not arrive, and what is data must.
func TestRealServers(t *testing.T) {
	for name, c := range map[string]struct {
		run   func(*testing.T) *server
		least int // of the requests at least so many must be folded, or the test shows nothing
	}{"PHP": {php, 100}, "Rack": {rack, 25}} {
		t.Run(name, func(t *testing.T) {
			s := c.run(t)
			g := behind(t, s)
			folded, arrived := 0, 0
			for _, r := range requests() {
				status, direct := r.send(t, "http://"+s.addr, "")
				if status != 200 {
					continue // the server itself refuses it
				}
				became := direct.Method != r.method || direct.Route != nil
				if became {
					folded++
				}
				status, what := r.send(t, g.URL+"/proxy/c/app", harness.KeyA)
				switch {
				case status == 200 && (what.Method != r.method || what.Route != nil):
					t.Errorf("%v arrived as %s %v", r, what.Method, what.Route)
				case status == 200:
					arrived++
				case !became && isData(r):
					t.Errorf("%v was refused with %d", r, status)
				}
			}
			if folded < c.least || arrived < 40 {
				t.Errorf("the server folded %d requests, and %d arrived: the test shows nothing", folded, arrived)
			}
		})
	}
}

// isData reports whether a request's only field is one of plainNames, and short enough to be
// judged.
func isData(r request) bool {
	for _, name := range plainNames {
		for _, pair := range []string{"&" + name + "=", `"` + name + `"`} {
			if strings.Contains(r.target, pair) || strings.Contains(r.body, pair) && len(r.body) < 64<<10 {
				return true
			}
		}
	}
	return false
}

// behind is a gateway in front of s, whose tenant may POST to one path.
func behind(t *testing.T, s *server) *harness.Gateway {
	return harness.Start(t, fmt.Sprintf(`app app {
		auth_type api_key
		field api_key Key secret
		header X-Api-Key {api_key}
		upstream http://%s
		allow_http
		allow_private 127.0.0.0/8
		steering {
			body rest_route
		}
	}
	source static {
		connection c {
			tenant alpha
			app app
			field api_key %s
		}
	}
	tenant alpha {
		key %s
		budget token unlimited
		rule app allow POST /posts
	}`, s.addr, harness.Secret(t, "FOLDING_KEY", "sk-folding"), harness.Secret(t, "FOLDING_TENANT", harness.KeyA)))
}
