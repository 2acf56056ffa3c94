package api_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect/api"
)

// TestBodies: what is wrong with a body is said, by the field's name and without its value.
func TestBodies(t *testing.T) {
	s := newStage(t)
	const object = "the body must be one JSON object"
	for name, c := range map[string]struct{ body, message string }{
		"empty":             {"", object},
		"white space":       {" \n", object},
		"null":              {"null", object},
		"an array":          {`[{"app_id":"key","name":"One"}]`, object},
		"a text":            {`"app_id"`, object},
		"a form":            {"app_id=key&name=One", object},
		"cut off":           {`{"app_id":"key","name":"One"`, object},
		"trailing garbage":  {`{"app_id":"key","name":"One"} x`, object},
		"two objects":       {`{"app_id":"key","name":"One"}{}`, object},
		"not UTF-8":         {"{\"app_id\":\"key\",\"name\":\"\xff\"}", object},
		"a byte order mark": {"\ufeff" + `{"app_id":"key","name":"One"}`, object},
		"a comment":         {`{"app_id":"key","name":"One"/**/}`, object},
		"deeply nested": {`{"app_id":"key","name":"One","x":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) +
			`}`, object},
		"nothing in it":      {`{}`, "app_id: is missing"},
		"no name":            {`{"app_id":"key"}`, "name: is missing"},
		"name in upper case": {`{"app_id":"key","NAME":"One"}`, "name: is missing"},
		"app is null":        {`{"app_id":null,"name":"One"}`, "app_id: must be a string"},
		"app is a number":    {`{"app_id":7,"name":"One"}`, "app_id: must be a string"},
		"name is a list":     {`{"app_id":"key","name":["canary"]}`, "name: must be a string"},
		"name is an object":  {`{"app_id":"key","name":{"canary":1}}`, "name: must be a string"},
		"name is true":       {`{"app_id":"key","name":true}`, "name: must be a string"},
		"the first mistake":  {`{"app_id":7,"name":7}`, "app_id: must be a string"},
	} {
		got := s.post("/connections/request-link", c.body)
		if got.code != "invalid_request" || got.message() != c.message || strings.Contains(got.body, "canary") {
			t.Errorf("%s: %d %s, want %q", name, got.status, got.body, c.message)
		}
	}
	full := `{"app_id":"key","name":"One","x":"`
	full += strings.Repeat("x", 64<<10-len(full)-2) + `"}`
	if got := s.post("/connections/request-link", full); got.status != 201 {
		t.Errorf("64 KiB: %d %s", got.status, got.body)
	}
	if got := s.post("/connections/request-link", full+" "); got.status != 413 ||
		got.message() != "the body may have at most 65536 bytes" {
		t.Errorf("a byte more: %d %s", got.status, got.body)
	}
}

// TestAnnouncedBody: a body that is too large is refused before a byte of it was sent.
func TestAnnouncedBody(t *testing.T) {
	s := newStage(t)
	for name, expect := range map[string]string{"announced": "", "asked for": "Expect: 100-continue\r\n"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = fmt.Fprintf(conn,
			"POST %s/connections/request-link HTTP/1.1\r\nHost: x\r\nTenant: acme\r\nX-User-Email: %s\r\n%sContent-Length: "+
				"65537\r\n\r\n", api.Base, alice, expect)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != 413 {
			t.Errorf("%s: %s %s, %v", name, res.Status, body, err)
		}
		s.description.CheckAnswer(t, "POST", "/connections/request-link", res.StatusCode, res.Header, body)
		_ = conn.Close()
	}
}

// TestChunkedBody: one that does not say how large it is, is read no further than the bound.
func TestChunkedBody(t *testing.T) {
	s := newStage(t)
	read, write := io.Pipe()
	go func() { // it never ends by itself
		_, _ = write.Write([]byte(strings.Repeat(" ", 64<<10+1)))
	}()
	defer write.Close()
	if got := s.call("acme", alice, "POST", "/connections/request-link", read); got.code != "request_too_large" {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestCutBody: a body that ends before it should is the caller's mistake, and no defect.
func TestCutBody(t *testing.T) {
	s := newStage(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = fmt.Fprintf(conn,
		"POST %s/connections/request-link HTTP/1.1\r\nHost: x\r\nTenant: acme\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		api.Base)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	if code := s.description.CheckAnswer(t, "POST", "/connections/request-link", res.StatusCode, res.Header,
		body); code != "invalid_request" {
		t.Errorf("%s %s", res.Status, body)
	}
}

func TestQueries(t *testing.T) {
	s := newStage(t)
	const page, limit = "page: must be a whole number from 1 to 2147483647", "limit: must be a whole number from 1 to 100"
	for query, message := range map[string]string{
		"page=1": "", "page=2147483647": "", "limit=1": "", "limit=100": "", "page=007": "", "page=": "", "limit=": "",
		"other=1&other=2": "",
		"page=0":          page, "page=-1": page, "page=%2B1": page, "page=1.5": page, "page=1e1": page, "page=0x1": page,
		"page=1_0": page, "page=%201": page,
		"page=one": page, "page=2147483648": page, "page=99999999999999999999": page, "page=%D9%A1": page,
		"limit=0": limit, "limit=101": limit, "limit=-5": limit, "limit=all": limit,
		"page=0&limit=0": page, "page=1&page=1": "page: occurs more than once",
		"limit=1&limit=2": "limit: occurs more than once",
		"a=%zz":           "the query is not encoded correctly", "a;b": "the query is not encoded correctly",
		"limit=1;page=2": "the query is not encoded correctly",
	} {
		for _, path := range []string{"/apps?", "/connections?"} {
			got := s.get(path + query)
			if (got.status == 200) != (message == "") || got.status != 200 &&
				(got.code != "invalid_request" || got.message() != message) {
				t.Errorf("%s%s: %d %s, want %q", path, query, got.status, got.body, message)
			}
		}
	}
	long := strings.Repeat("a", 100)
	for query, message := range map[string]string{
		"/apps?search=" + long: "", "/apps?search=" + long + "a": "search: must be 1 to 100 bytes of text",
		"/apps?search=%ff":                 "search: must be 1 to 100 bytes of text",
		"/apps?search=a&search=b":          "search: occurs more than once",
		"/connections?app_id=a&app_id=a":   "app_id: occurs more than once",
		"/connections?app_id=" + long[:64]: "", "/connections?app_id=" + long[:65]: "app_id: must be 1 to 64 bytes of text",
	} {
		if got := s.get(query); got.message() != message && message != "" || (got.status == 200) != (message == "") {
			t.Errorf("%s: %d %s, want %q", query, got.status, got.body, message)
		}
	}
}
