package vendgate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxAnswer bounds an answer of the Platform API, in bytes.
	maxAnswer = 4 << 20
	// patience bounds how long the question for hosts takes.
	patience = 30 * time.Second
)

// learned holds the map of an app's hosts once it is known.
type learned struct {
	hosts atomic.Pointer[hostMap]
	mu    sync.Mutex
	// asking is closed when the question that is under way has its answer, err if it failed. Nil means
	// that none is.
	asking *question
}

type question struct {
	done chan struct{}
	err  error
}

// hosts returns the map. It is learned once, however many wait, and apart from the context of each;
// what failed is tried again by the next call.
func (t *Transport) hosts(ctx context.Context) (*hostMap, error) {
	if m := t.learned.hosts.Load(); m != nil {
		return m, nil
	}
	q := t.ask(ctx)
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-q.done:
	}
	if q.err != nil {
		return nil, q.err
	}
	return t.learned.hosts.Load(), nil
}

func (t *Transport) ask(ctx context.Context) *question {
	l := &t.learned
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asking != nil {
		return l.asking
	}
	q := &question{done: make(chan struct{})}
	l.asking = q
	go func() {
		defer close(q.done)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		m, err := t.learn(ctx)
		if err == nil {
			l.hosts.Store(m)
			return // q stays for callers that come before it is stored
		}
		q.err = fmt.Errorf("vendgate: learning the hosts of %s: %w", t.options.App, err)
		l.mu.Lock()
		l.asking = nil
		l.mu.Unlock()
	}()
	return q
}

func (t *Transport) learn(ctx context.Context) (*hostMap, error) {
	hosts, fields := t.options.Hosts, t.options.Fields
	var err error
	if hosts == nil {
		if hosts, err = t.askHosts(ctx); err != nil {
			return nil, err
		}
	}
	if fields == nil && anyOpen(hosts) {
		if fields, err = t.askFields(ctx); err != nil {
			return nil, err
		}
	}
	return newHostMap(&t.options, t.root, hosts, fields), nil
}

func anyOpen(hosts []Host) bool {
	for i := range hosts {
		if hosts[i].open() {
			return true
		}
	}
	return false
}

func (t *Transport) askHosts(ctx context.Context) ([]Host, error) {
	var app struct{ Hosts []Host }
	if err := t.get(ctx, "/apps/"+escape(t.options.App), &app); err != nil {
		return nil, err
	}
	if len(app.Hosts) == 0 {
		return nil, errors.New("the server does not list them: update it, or set Hosts")
	}
	return app.Hosts, nil
}

// askFields returns nil for a key that may not see them, and for a connection of another source.
func (t *Transport) askFields(ctx context.Context) (map[string]string, error) {
	if t.options.Email == "" {
		return nil, nil
	}
	var connection struct{ Fields map[string]string }
	err := t.get(ctx, "/connections/"+escape(t.options.Connection), &connection)
	var answered *AnswerError
	if errors.As(err, &answered) && (answered.Status == 401 || answered.Status == 403 || answered.Status == 404) {
		return nil, nil
	}
	return connection.Fields, err
}

// AnswerError is an answer of the Platform API by which hosts cannot be learned.
type AnswerError struct {
	Status int
	// Code is the stable code of the answer; empty where a proxy answered.
	Code, Message string
}

func (e *AnswerError) Error() string {
	advice := map[string]string{
		"unknown_app":         "; a caller key must be one that may call it",
		"capability_disabled": "; the key may not list them: set Hosts, or grant its tenant the capability apps",
	}[e.Code]
	if e.Code == "" || e.Code == "not_found" {
		advice = "; a gateway without the Platform API lists none: set Hosts"
	}
	return fmt.Sprintf("the gateway answered %d %s: %s%s", e.Status, e.Code, e.Message, advice)
}

// get reads the data of an answer into v.
func (t *Transport) get(ctx context.Context, path string, v any) error {
	address := t.root.scheme + "://" + t.root.host + t.root.path + "/platform/v1" + path
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+t.options.Key)
	if t.options.Email != "" {
		r.Header.Set("X-User-Email", t.options.Email)
	}
	response, err := t.base.RoundTrip(r) // and not a client's, which would follow redirects with the key
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return err
	}
	answer := struct {
		Message string
		Data    json.RawMessage
	}{}
	if err := json.Unmarshal(body, &answer); err != nil && response.StatusCode == http.StatusOK {
		return errors.New("the response is not from the Platform API; is Gateway the URL of a Vendgate server? One without " +
			"the Platform API lists no hosts: set Hosts")
	}
	if response.StatusCode != http.StatusOK {
		var refusal struct{ Code string }
		_ = json.Unmarshal(answer.Data, &refusal) // a proxy's page has none
		return &AnswerError{response.StatusCode, refusal.Code, answer.Message}
	}
	return json.Unmarshal(answer.Data, v)
}

func isLoopback(host string) bool {
	addr := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || addr != nil && addr.IsLoopback()
}
