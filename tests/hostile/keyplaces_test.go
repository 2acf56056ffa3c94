package hostile

import (
	"encoding/base64"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// inBase64 is what base64 makes of a key that begins so many bytes into what is encoded, without
// the digits that the bytes around it have a part in.
func inBase64(key string, alignment int) string {
	digits := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(" ", alignment) + key))
	return digits[(alignment*8+5)/6 : (alignment+len(key))*8/6]
}

// place puts a caller key into a request in the place of Authorization; apps are those that have
// it, or nil for all.
type place struct {
	name string
	put  func(request, key string) string
	apps []string
}

// line replaces Authorization by another line.
func line(format string) func(request, key string) string {
	return func(request, key string) string {
		return strings.Replace(request, "Authorization: Bearer "+harness.KeyA, strings.ReplaceAll(format, "{key}", key), 1)
	}
}

// intoQuery adds a parameter behind those that are there, or before them.
func intoQuery(name string, first bool) func(request, key string) string {
	return func(request, key string) string {
		request = strings.Replace(request, "Authorization: Bearer "+harness.KeyA+"\r\n", "", 1)
		at := strings.Index(request, " HTTP/1.")
		head, rest := request[:at], request[at:]
		path, query, has := strings.Cut(head, "?")
		switch {
		case !has || query == "":
			head = path + "?" + name + "=" + key
		case first:
			head = path + "?" + name + "=" + key + "&" + query
		default:
			head += "&" + name + "=" + key
		}
		return head + rest
	}
}

// intoPath puts a prefix behind the app.
func intoPath(prefix string) func(request, key string) string {
	return func(request, key string) string {
		request = strings.Replace(request, "Authorization: Bearer "+harness.KeyA+"\r\n", "", 1)
		method, rest, _ := strings.Cut(request, " ")
		parts := strings.SplitN(rest, "/", 5)
		if len(parts) < 5 {
			return ""
		}
		return method + " " + strings.Join(parts[:4], "/") + prefix + key + "/" + parts[4]
	}
}

func basicLine(pair string) func(request, key string) string {
	return func(request, key string) string {
		return line("Authorization: "+basic(strings.ReplaceAll(pair, "{key}", key)))(request, key)
	}
}

var places = []place{
	{"X-Vendgate-Key", line("X-Vendgate-Key: {key}"), nil},
	{"Authorization under any scheme", line("Authorization: Klaviyo-API-Key {key}"), nil},
	{"Authorization, bare", line("Authorization: {key}"), nil},
	{"Authorization with parameters", line(`Authorization: Token token="{key}"`), nil},
	{"Authorization of AWS",
		line("Authorization: AWS4-HMAC-SHA256 Credential={key}/20261130/eu-west-1/s3/aws4_request, SignedHeaders=host, " +
			"Signature=00"), nil},
	{"Authorization of OAuth 1",
		line(`Authorization: OAuth oauth_consumer_key="x", oauth_token="{key}", oauth_signature="x%3D"`), nil},
	{"the user name of Basic", basicLine("{key}:x"), nil},
	{"the password of Basic", basicLine("AC00:{key}"), nil},
	{"the app's header", line("X-Api-Key: {key}"),
		[]string{"key", "plain", "raw", "forge", "fickle", "home", "many", "passing"}},
	{"the app's header with a scheme", line("x-api-key: api-key {key}"),
		[]string{"key", "plain", "raw", "forge", "fickle", "home", "many", "passing"}},
	{"the app's query", intoQuery("api_key", false), []string{"query"}},
	{"the app's path", intoPath("/bot"), []string{"bot"}},
	{"a declared header", line("X-Sdk-Key: {key}"), nil},
	{"a declared parameter", intoQuery("sdk_key", false), nil},
	{"a declared parameter before the others", intoQuery("%73dk_key", true), nil},
}

// placeable returns the row with a caller key in a place, or false for one that is about keys,
// another tenant, or another app.
func (k *keyed) placeable(r row, p place) (row, bool) {
	if r.run != nil || strings.Count(r.request, harness.KeyA) != 1 ||
		!strings.Contains(r.request, "\r\nAuthorization: Bearer "+harness.KeyA+"\r\n") {
		return r, false
	}
	parts := strings.SplitN(r.request, "/", 5)
	if len(parts) < 4 {
		return r, false
	}
	app, _, _ := strings.Cut(parts[3], " ")
	if p.apps != nil && !slices.Contains(p.apps, app) {
		return r, false
	}
	key, ok := k.keys[parts[2]]
	if !ok {
		return r, false
	}
	r.request = p.put(r.request, key)
	return r, r.request != ""
}

func withAnswers(p place) bool {
	return p.name == "a declared parameter" || os.Getenv("VENDGATE_SOAK") != ""
}

// sections are the cases of requests; those of answers, which know nothing of the key, run for one
// place, and for all of them where the environment asks for the long run.
func sections(p place) [][]row {
	list := [][]row{askedCases, headerCases, valueCases, targetCases, climbCases, spellingCases, besideCases}
	if withAnswers(p) {
		list = append(list, redirectCases, answerCases, streamCases, beyondCases)
	}
	return list
}

// TestRedirectByPlace: a redirect to another host passes where the key is in Authorization, which
// clients do not carry there, and is refused where it is elsewhere.
func TestRedirectByPlace(t *testing.T) {
	k := newKeyed(t, "log\nvendgate_proxy")
	k.up.Answer(func(string) string { return reply("302 Found", "", "Location: http://evil.example/x") })
	ran := 0
	for _, p := range places {
		r, ok := k.placeable(row{request: get("/proxy/c-key/key/x")}, p)
		if !ok {
			continue
		}
		ran++
		want := http.StatusForbidden
		if strings.Contains(p.name, "Authorization") || strings.Contains(p.name, "Basic") {
			want = http.StatusFound
		}
		if got := exchange(t, k.Addr, r.request); got.StatusCode != want {
			t.Errorf("%s: answered %d, want %d", p.name, got.StatusCode, want)
		}
	}
	if ran < len(places)-2 {
		t.Errorf("%d places were tried of %d", ran, len(places))
	}
}

// TestCasesByPlace runs the cases once for each place of a caller key: what the provider gets is
// the same. Redirects pass here, wherever the key is.
func TestCasesByPlace(t *testing.T) {
	k := newKeyed(t, "log\nvendgate_proxy {\nredirects pass\n}")
	expand := k.expand()
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			ran := 0
			for _, section := range sections(p) {
				for _, r := range section {
					r, ok := k.placeable(r, p)
					if !ok || exempt(r.name, p) {
						continue
					}
					ran++
					t.Run(r.name, func(t *testing.T) { k.check(t, r, expand) })
				}
			}
			if ran == 0 {
				t.Errorf("no case ran")
			}
		})
	}
	if got := k.evil.Got(); len(got) > 0 {
		t.Errorf("the foreign host got %q", got)
	}
	checkSecrets(t, "the log", k.Log())
	k.checkKeys(t, "the log", k.log())
}

// exempt reports whether a case is not the same by a caller key in a place.
func exempt(name string, p place) bool {
	outside, number := !strings.Contains(p.name, "Basic") && !strings.Contains(p.name, "Authorization"), name[:2]
	switch {
	case strings.HasPrefix(name, "05 no user"), strings.HasPrefix(name, "05 user in X_User_Email"):
		return true // the key names the user
	case number == "01" && p.name == "X-Vendgate-Key", strings.HasPrefix(name, "07 authorization twice") && outside:
		return true // the case has a key in the place, or the place is another one
	case number == "03" && strings.Contains(name, "app") && outside:
		return p.name != "X-Vendgate-Key" // without an app there is no such place
	case number == "66" && !withAnswers(p):
		return true // of an answer, and slow
	}
	return name == "17 empty" && strings.Contains(p.name, "parameter")
}
