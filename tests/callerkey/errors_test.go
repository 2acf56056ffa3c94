package callerkey

import (
	"bytes"
	"compress/gzip"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// zipped is text in gzip.
func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestErrorsPassthrough: a key made with `--errors passthrough` gets a provider's error as it is,
// but for the credential. What cannot be searched whole is mapped, as all is for other keys.
func TestErrorsPassthrough(t *testing.T) {
	s := newScene(t, "")
	passing, _ := s.mint(func(k *connect.CallerKey) { k.Errors = "passthrough" })
	mapping, _ := s.mint(nil)
	const quoted = `{"error":{"type":"limit","key":"` + mineCredential + `"}}`
	const clean = `{"error":{"type":"limit","key":"[redacted]"}}`
	const mapped = `"error":{"code":"rate_limited","type":"vendgate_error","message":`
	for name, tt := range map[string]struct{ head, body, key, want string }{
		"plain":        {"", quoted, passing, clean},
		"gzip":         {"Content-Encoding: gzip\r\nContent-MD5: x\r\n", zipped(t, quoted), passing, clean},
		"empty gzip":   {"Content-Encoding: gzip\r\n", "", passing, ""},
		"broken gzip":  {"Content-Encoding: gzip\r\n", quoted, passing, mapped},
		"other coding": {"Content-Encoding: br\r\n", quoted, passing, mapped},
		"two codings":  {"Content-Encoding: identity\r\nContent-Encoding: br\r\n", quoted, passing, mapped},
		"long":         {"", quoted + strings.Repeat(" ", 16<<10), passing, mapped},
		"other key":    {"", quoted, mapping, mapped},
	} {
		t.Run(name, func(t *testing.T) {
			s.up.Answer(func(string) string {
				return fmt.Sprintf("HTTP/1.1 429 Slow\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s", tt.head,
					len(tt.body), tt.body)
			})
			a := s.get("/proxy/"+s.mine+"/key/x", tt.key, "Vendgate-Errors: passthrough")
			if a.status != http.StatusTooManyRequests || a.code != string(vending.RateLimited) {
				t.Errorf("answered %d %s", a.status, a.code)
			}
			if tt.want == mapped && !strings.Contains(a.body, mapped) || tt.want != mapped && a.body != tt.want {
				t.Errorf("body %.300q, want %q", a.body, tt.want)
			}
			if strings.Contains(a.body, mineCredential) {
				t.Error("the credential reached the holder of a caller key")
			}
		})
	}
}

// TestErrorForm: errors of our own are in the form that the app's SDKs parse, before anyone was
// authenticated as well.
func TestErrorForm(t *testing.T) {
	s := newScene(t, "")
	key, _ := s.mint(func(k *connect.CallerKey) { k.Apps = []string{"key"} })
	for name, tt := range map[string]struct {
		path, key, message string
		code               vending.Code
	}{
		"unknown key": {"/proxy/" + s.mine + "/xml/x", "ck_unknown", "the key is missing, unknown or retired",
			vending.InvalidTenantKey},
		"not allowed": {"/proxy/" + s.mine + "/xml/x", key, "app, method or path is not allowed for this tenant",
			vending.PolicyDenied},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.get(tt.path, tt.key)
			var e struct {
				XMLName xml.Name `xml:"Error"`
				Code    vending.Code
				Message string
			}
			if err := xml.Unmarshal([]byte(a.body), &e); err != nil {
				t.Fatalf("%v: %s", err, a.body)
			}
			if e.Code != tt.code || a.code != string(tt.code) || e.Message == "" {
				t.Errorf("%s %+v", a.code, e)
			}
		})
	}
	const bots = `"ok":false,"error_code":401,"description":"the key`
	if a := s.get("/proxy/"+s.mine+"/bot/getMe", "ck_unknown"); !strings.Contains(a.body, bots) {
		t.Errorf("a bot's error is %s", a.body)
	}
	if a := s.get("/proxy/"+s.mine+"/other/x", "ck_unknown"); !strings.HasPrefix(a.body, `{"status":"error"`) {
		t.Errorf("another app's error is %s", a.body)
	}
}
