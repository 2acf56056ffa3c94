package demoprovider

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// messagePages and pageSize are how many messages every account has.
	messagePages = 3
	pageSize     = 5
	// streamEvents is how many events a stream has, streamInterval what lies between two.
	streamEvents   = 5
	streamInterval = 200 * time.Millisecond
)

// caller says on whose behalf a call came, and by which token.
type caller struct {
	Account     string `json:"account"`
	Fingerprint string `json:"token_fingerprint"`
}

// withToken serves callers with a valid access token in the Authorization header (RFC 6750).
func (p *Provider) withToken(serve func(http.ResponseWriter, *http.Request, caller)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		values := r.Header.Values("Authorization")
		if len(values) != 1 {
			// Section 3.1: who sent no token is told no error code.
			unauthorized(w, `Bearer realm="demo"`, "send one access token in the Authorization header")
			return
		}
		scheme, token, _ := strings.Cut(values[0], " ")
		account, ok := p.memory.account(token)
		if !ok || !strings.EqualFold(scheme, "Bearer") {
			unauthorized(w,
				`Bearer realm="demo", error="invalid_token", error_description="the access token is expired, revoked or unknown"`,
				"the access token is expired, revoked or unknown")
			return
		}
		serve(w, r, caller{account, fingerprint(token)})
	}
}

func unauthorized(w http.ResponseWriter, challenge, message string) {
	w.Header().Set("WWW-Authenticate", challenge)
	writeProblem(w, http.StatusUnauthorized, message)
}

func writeProblem(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]string{"error": message})
}

func (p *Provider) me(w http.ResponseWriter, _ *http.Request, c caller) {
	writeJSON(w, http.StatusOK, c)
}

type message struct {
	ID      int    `json:"id"`
	Subject string `json:"subject"`
}

// messages answers one page and links to its neighbours, by absolute URLs as many APIs do (RFC
// 8288).
func (p *Provider) messages(w http.ResponseWriter, r *http.Request, c caller) {
	number := 1
	if asked := r.URL.Query().Get("page"); asked != "" {
		var err error
		if number, err = strconv.Atoi(asked); err != nil || number < 1 || number > messagePages {
			writeProblem(w, http.StatusBadRequest, fmt.Sprintf("page is a number from 1 to %d", messagePages))
			return
		}
	}
	var links []string
	link := func(page int, rel string) {
		links = append(links, fmt.Sprintf(`<%s/api/messages?page=%d>; rel="%s"`, p.url, page, rel))
	}
	if number > 1 {
		link(number-1, "prev")
	}
	if number < messagePages {
		link(number+1, "next")
	}
	list := make([]message, pageSize)
	for i := range list {
		id := (number-1)*pageSize + i + 1
		list[i] = message{id, "Demonstration message " + strconv.Itoa(id)}
	}
	w.Header().Set("Link", strings.Join(links, ", "))
	writeJSON(w, http.StatusOK, struct {
		caller
		Page     int       `json:"page"`
		Messages []message `json:"messages"`
	}{c, number, list})
}

// echo answers the JSON it got.
func (p *Provider) echo(w http.ResponseWriter, r *http.Request, c caller) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		writeProblem(w, http.StatusRequestEntityTooLarge, "a message has at most 64 KiB")
	case err != nil || !json.Valid(body):
		writeProblem(w, http.StatusBadRequest, "a message is JSON")
	default:
		writeJSON(w, http.StatusCreated, struct {
			caller
			Message json.RawMessage `json:"message"`
		}{c, body})
	}
}

// stream sends a few server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html).
func (p *Provider) stream(w http.ResponseWriter, r *http.Request, c caller) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	flusher := http.NewResponseController(w)
	ticker := time.NewTicker(streamInterval)
	defer ticker.Stop()
	for n := 1; ; n++ {
		data, err := json.Marshal(struct {
			caller
			Number int `json:"number"`
		}{c, n})
		if err != nil {
			return
		}
		if _, err := fmt.Fprintf(w, "id: %d\nevent: message\ndata: %s\n\n", n, data); err != nil || flusher.Flush() != nil ||
			n == streamEvents {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-ticker.C:
		}
	}
}

// withKey says what reached it: names of headers, never their values, since one of them is the key.
func (p *Provider) withKey(w http.ResponseWriter, r *http.Request) {
	values := r.Header.Values("X-Api-Key")
	if len(values) != 1 || !p.memory.hasKey(values[0]) {
		writeProblem(w, http.StatusUnauthorized, "send one valid key in the header X-Api-Key")
		return
	}
	writeJSON(w, http.StatusOK, struct {
		Fingerprint string   `json:"key_fingerprint"`
		Method      string   `json:"method"`
		Path        string   `json:"path"`
		Headers     []string `json:"headers"`
	}{fingerprint(values[0]), r.Method, r.URL.EscapedPath(), slices.Sorted(maps.Keys(r.Header))})
}

// expire ends all access tokens at once, as time would.
func (p *Provider) expire(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]int{"expired": p.memory.expireAll()})
}

// revokeAccount ends all grants of an account, as its owner would.
func (p *Provider) revokeAccount(w http.ResponseWriter, r *http.Request) {
	account := r.URL.Query().Get("account")
	if account == "" {
		writeProblem(w, http.StatusBadRequest, "name the account in the query: /demo/revoke?account=…")
		return
	}
	writeJSON(w, http.StatusOK, map[string]int{"revoked": p.memory.endAccount(account)})
}
