package providers

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// newBlogger is a customer with a WordPress, whose app is the catalog's own entry but for plain
// http on this machine. The gateway runs in this process, which finds the site by its name.
func newBlogger(t *testing.T) (*customer, *wordpress) {
	t.Helper()
	resolves(t, "blog.test")
	w := newWordPress(t, "blog.test")
	w.isCalled("www." + w.Host) // as sites often are, behind a proxy that serves both names
	config := tenant(t, filepath.Join(t.TempDir(), "store")) + "catalog {\ncommunity wordpress\n}\n" +
		"app wordpress {\nupstream http://{host}/wp-json\nsite_names {\nurl " +
		"http://{host}/wp-json/?_fields=home,url\npaths home url\n}\n" +
		"allow_http\nallow_private 127.0.0.0/8\n}\n"
	g := harness.StartWith(t, func(g *harness.Gateway) string { return g.Caddyfile(config, "", site) })
	return &customer{t: t, Gateway: g, app: "wordpress"}, w
}

// enters fills in the form for a site.
func (c *customer) enters(site, password string) *harness.Visitor {
	c.t.Helper()
	return c.page.Submit("credentials", "field.host", site, "field.username", "alice", "field.application_password",
		password)
}

// TestWordPress goes with a real WordPress from a link to calls, to the end of the credential, and
// on.
func TestWordPress(t *testing.T) {
	c, w := newBlogger(t)
	id, password := w.password("gateway")
	c.link()
	c.enters("http://"+w.Host+"/wp-admin/profile.php", "abcd efgh ijkl mnop qrst uvwx").Sees("a wrong password",
		http.StatusUnprocessableEntity, "does not accept what you entered")
	if got := c.stated(); got == "active false" {
		t.Errorf("after a wrong password the connection is %s", got)
	}
	c.enters(w.Host, password).Sees("the right password", http.StatusOK, harness.SaysCreated)
	c.postsAndLists(t)
	c.uploads(t)

	w.revoke(id)
	c.calls(http.MethodPost, "/wp/v2/posts", `{"title":"Late"}`, "Content-Type: application/json").
		must(t, "a post after the password was revoked", 401, "needs_reconnection")
	c.isFlagged(t)
	_, second := w.password("gateway, once more")
	c.renew()
	c.enters(w.Host, second).Sees("the new password", http.StatusOK, harness.SaysRenewed)
	if got := c.stated(); got != "active false" {
		t.Errorf("the renewed connection is %s", got)
	}
	c.posts(t, "Again")
}

// post is a post as the API shows it.
type post struct {
	ID    int
	Title struct{ Rendered string }
	GUID  struct{ Rendered string }
}

// posts makes a post, and reads it again from where the answer says it is.
func (c *customer) posts(t *testing.T, title string) {
	t.Helper()
	a := c.calls(http.MethodPost, "/wp/v2/posts", `{"title":"`+title+`","status":"publish"}`,
		"Content-Type: application/json").must(t, "a post", 201, "")
	var made, read post
	a.decode(t, &made)
	location := a.header.Get("Location")
	c.staysInside(t, "Location", location)
	ask(t, c.Client, c.follow(t, location)).must(t, "the post", 200, "").decode(t, &read)
	if made.Title.Rendered != title || read != made {
		t.Errorf("made %+v, and read %+v", made, read)
	}
}

// postsAndLists makes posts, and lists all there are by the links to the next page.
func (c *customer) postsAndLists(t *testing.T) {
	t.Helper()
	c.posts(t, "One")
	c.posts(t, "Two")
	var titles []string
	for a := c.gets("/wp/v2/posts?per_page=1&orderby=id"); ; {
		var page []post
		a.must(t, "a page of posts", 200, "").decode(t, &page)
		for _, p := range page {
			titles = append(titles, p.Title.Rendered)
		}
		next := ""
		for _, m := range linkURL.FindAllStringSubmatch(a.header.Get("Link"), -1) {
			c.staysInside(t, "Link", m[1])
			if m[2] == "next" {
				next = m[1]
			}
		}
		if next == "" || t.Failed() {
			break
		}
		a = ask(t, c.Client, c.follow(t, next))
	}
	if got := strings.Join(titles, ", "); got != "Two, One, Hello world!" {
		t.Errorf("the posts are %s", got)
	}
}

// uploads stores a file, and reads it where it lies: beside the API.
func (c *customer) uploads(t *testing.T) {
	t.Helper()
	const text = "what a file holds"
	a := c.calls(http.MethodPost, "/wp/v2/media", text, "Content-Type: text/plain",
		`Content-Disposition: attachment; filename="note.txt"`).must(t, "an upload", 201, "")
	var made struct {
		SourceURL string `json:"source_url"`
	}
	a.decode(t, &made)
	_, path, ok := strings.Cut(made.SourceURL, "/wp-content/")
	if !ok {
		t.Fatalf("the file is at %q", made.SourceURL)
	}
	if a := c.gets("/~/wp-content/"+path).must(t, "the file", 200, ""); a.body != text {
		t.Errorf("the file holds %q", a.body)
	}
	c.gets("/~/wp-login.php").must(t, "what is not declared", 400, "invalid_request")
}

// linkURL finds address and relation of each link.
var linkURL = regexp.MustCompile(`<([^>]*)>; rel="([^"]*)"`)

// staysInside checks that a link leads to the connection's own part of the gateway.
func (c *customer) staysInside(t *testing.T, what, link string) {
	t.Helper()
	if !strings.HasPrefix(link, c.URL+"/proxy/"+c.id+"/wordpress/") {
		t.Errorf("%s leads to %q", what, link)
	}
}

// follow is a request for a link, as a client makes it that takes links as they come.
func (c *customer) follow(t *testing.T, link string) *http.Request {
	t.Helper()
	path, ok := strings.CutPrefix(link, c.URL)
	if !ok {
		t.Fatalf("a client would send its key to %q", link)
	}
	return c.Request(http.MethodGet, path, nil)
}

// decode reads an answer that is JSON.
func (a answer) decode(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		t.Fatalf("%v in %s", err, a)
	}
}
