package hostile

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"testing"
)

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

var linkedCases = linkedRows()

func linkedRows() (rows []row) {
	const own, jsonBody = "http://{gw}/proxy/c-linked/linked", "Content-Type: application/json"
	sent := upstream("GET /base/x", "X-Api-Key: "+credHeader)
	add := func(name, body, want string, more ...string) {
		rows = append(rows, row{name: "52 " + name, run: func(t *testing.T, f *fleet) {
			expand := strings.NewReplacer("{up}", f.up.Addr, "{evil}", f.evil.Addr, "{gw}", f.Addr)
			f.check(t, row{
				request: get("/proxy/c-linked/linked/x"), sent: sent, status: 200, body: want,
				answer: reply("200 OK", expand.Replace(body), more...),
			}, expand)
		}})
	}
	for _, c := range []struct{ name, value, want string }{
		{"the app", "http://{up}/base/y?p=2", own + "/y?p=2"},
		{"the app by https", "https://{up}/base/y", own + "/y"},
		{"the app, slashes escaped", `http:\/\/{up}\/base\/y`, `http:\/\/{gw}\/proxy\/c-linked\/linked\/y`},
		{"the app, all escaped", `\u0068ttp:\u002f/{up}/base/y`,
			`\u0068ttp:\u002f\u002f{gw}\u002fproxy\u002fc-linked\u002flinked\u002fy`},
		{"another host of the app", "https://files.example.com/y", own + "/~files.example.com/y"},
		{"a host of a pattern", "https://i-1.svc.eu.example.com/y", own + "/~i-1.svc.eu.example.com/y"},
		{"the credential", "http://{up}/base/y?access_token=" + credHeader + "&p=2", own + "/y?p=2"},
		{"outside of the base path", "http://{up}/y?t=" + credHeader, "http://{up}/y"},
		{"out of the connection", "http://{up}/base/../../../proxy/c-bob/key/x", "http://{up}/proxy/c-bob/key/x"},
		{"another connection", "http://{gw}/proxy/c-bob/key/x", ""},
		{"another connection, without a scheme", "//{gw}/proxy/c-bob/key/x", ""},
		{"a scheme without a host", "http:/proxy/c-bob/key/x", ""},
		{"user info", "http://{up}@{evil}/y", "http://{up}@{evil}/y"},
		{"another host", "http://{evil}/y", "http://{evil}/y"},
		{"a path", "/base/y", "/base/y"},
	} {
		add("a member that leads to "+c.name, `{"v":[{"@odata.nextLink": "`+c.value+`"}]}`,
			`{"v":[{"@odata.nextLink": "`+c.want+`"}]}`, jsonBody)
	}
	add("a bare host", `{"host":"i-1.svc.eu.example.com"}`,
		`{"host":"{gw}/proxy/c-linked/linked/~i-1.svc.eu.example.com"}`, jsonBody)
	add("a bare host of another pattern", `{"host":"a.i-1.svc.eu.example.com"}`, `{"host":"a.i-1.svc.eu.example.com"}`,
		jsonBody)
	add("a path of members", `{"paging":{"next":"http://{up}/base/y"},"next":"http://{up}/base/y"}`,
		`{"paging":{"next":"`+own+`/y"},"next":"http://{up}/base/y"}`, jsonBody)
	add("invalid JSON", `{"host":"files.example.com"`, `{"host":"files.example.com"`, jsonBody)
	add("text", `{"host":"files.example.com"}`, `{"host":"files.example.com"}`, "Content-Type: text/plain")
	for _, c := range []struct{ name, location, want string }{
		{"the app", "http://{up}/base/y", own + "/y"},
		{"a path", "/base/y", "/proxy/c-linked/linked/y"},
		{"another connection", "http://{gw}/proxy/c-bob/key/x", ""},
		{"another host", "https://{evil}/y", "https://{evil}/y"},
	} {
		line := "Operation-Location: " + c.want
		if c.want == "" {
			line = "!Operation-Location"
		}
		rows = append(rows, row{
			name: "52 a header that leads to " + c.name, request: get("/proxy/c-linked/linked/x"), sent: sent, status: 202,
			answer: reply("202 Accepted", "", "Operation-Location: "+c.location), headers: []string{line},
		})
	}
	rows = append(rows, row{
		name:    "52 a call of a host that no pattern fits",
		request: get("/proxy/c-linked/linked/~evil.example/x.svc.eu.example.com"),
		status:  400, code: "invalid_request", origin: "gateway",
	}, row{
		name: "52 a part", request: get("/proxy/c-linked/linked/x", "Range: bytes=0-99"),
		sent:   upstream("GET /base/x", "Range: bytes=0-99", "X-Api-Key: "+credHeader),
		answer: reply("206 Partial Content", `{"host":"files.example.com"}`, jsonBody, `Etag: "1"`), status: 206,
		body: `{"host":"files.example.com"}`, headers: []string{`Etag: "1"`},
	})
	return rows
}

// TestLinkedCodings has the answer's bytes compared where its header must agree with them.
func TestLinkedCodings(t *testing.T) {
	f := newFleet(t)
	body := `{"host":"files.example.com","n":1.50}`
	want := `{"host":"` + f.Addr + `/proxy/c-linked/linked/~files.example.com","n":1.50}`
	edge := strings.Repeat(" ", 1<<20-len(body))
	chunked := func(text string) string {
		half := len(text) / 2
		return fmt.Sprintf("%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", half, text[:half], len(text)-half, text[half:])
	}
	for _, c := range []struct{ name, body, want, coding string }{
		{"small", body, want, ""},
		{"at the bound", body + edge, want + edge, ""},
		{"beyond the bound", body + edge + " ", body + edge + " ", ""},
		{"zipped", gzipped(body), want, "gzip"},
		{"zipped, at the bound", gzipped(body + edge), want + edge, "gzip"},
		{"zipped, beyond the bound", gzipped(body + edge + " "), body + edge + " ", "gzip"},
	} {
		for _, framing := range []string{"length", "chunks"} {
			t.Run("52 "+c.name+" in "+framing, func(t *testing.T) {
				more := []string{"Content-Type: application/json", `Etag: "1"`, "Content-Md5: m"}
				if c.coding != "" {
					more = append(more, "Content-Encoding: "+c.coding)
				}
				answer := reply("200 OK", c.body, more...)
				if framing == "chunks" {
					answer = lines(append([]string{"HTTP/1.1 200 OK", "Transfer-Encoding: chunked"}, more...)...) + chunked(c.body)
				}
				f.up.Answer(func(string) string { return answer })
				got := exchange(t, f.Addr, get("/proxy/c-linked/linked/x", "Accept-Encoding: gzip, br"))
				if asked := f.up.Got(); len(asked) != 1 || !strings.Contains(asked[0], "\r\nAccept-Encoding: gzip\r\n") {
					t.Errorf("the upstream was asked for %q", asked)
				}
				text := got.body
				if got.Header.Get("Content-Encoding") != c.coding {
					t.Errorf("the coding is %q", got.Header.Get("Content-Encoding"))
				} else if c.coding != "" {
					r, err := gzip.NewReader(strings.NewReader(text))
					if err != nil {
						t.Fatal(err)
					}
					plain, err := io.ReadAll(r)
					if text = string(plain); err != nil {
						t.Fatal(err)
					}
				}
				if text != c.want {
					t.Errorf("%d bytes, want %d: %.200q", len(text), len(c.want), text)
				}
				tag, md5 := `"1"`, "m"
				if !strings.HasPrefix(c.want, body) {
					tag, md5 = `W/"1"`, ""
				}
				if got.Header.Get("Etag") != tag || got.Header.Get("Content-Md5") != md5 {
					t.Errorf("the header speaks of other bytes: %v", got.Header)
				}
			})
		}
	}
	checkSecrets(t, "the log", f.Log())
}

// linkedConnections are those of the apps of linkedApps.
func linkedConnections(connection func(id, tenant, user, app, values string) string, key string) string {
	var b strings.Builder
	for _, app := range []string{"refusing", "following", "passing", "linked"} {
		b.WriteString(connection("c-"+app, "alpha", "*", app, key))
	}
	return b.String()
}
