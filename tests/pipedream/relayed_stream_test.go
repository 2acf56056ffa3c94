package pipedream_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/tests/pipedream"
)

// TestRelayedStream: each part of an event stream arrives before the next is sent; a call that
// takes longer than a vend may, goes on.
func TestRelayedStream(t *testing.T) {
	next, gone := make(chan string), make(chan struct{})
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		flush := http.NewResponseController(w)
		_ = flush.Flush()
		for {
			select {
			case part := <-next:
				_, _ = io.WriteString(w, part)
				_ = flush.Flush()
			case <-r.Context().Done():
				close(gone)
				return
			}
		}
	}))
	t.Cleanup(up.Close)
	s := newStageOver(t, options(), nil, up.URL, "timeout 2s")
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	res, err := s.Client.Do(s.Request("GET", "/proxy/"+sealed+"/chat/events", nil).WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	buf := make([]byte, 100)
	for i := range 4 {
		part := fmt.Sprintf("data: %d\n\n", i)
		select {
		case next <- part:
		case <-time.After(10 * time.Second):
			t.Fatalf("part %d: the provider is not there to send it, status %d", i, res.StatusCode)
		}
		if n, err := res.Body.Read(buf); err != nil || string(buf[:n]) != part {
			t.Errorf("part %d: %q, %v", i, buf[:n], err)
		}
		time.Sleep(600 * time.Millisecond) // in all longer than a vend
	}
	leave()
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		t.Error("the provider still sends to a caller who left")
	}
}

// TestRelayedUpload: a large file of unknown length arrives whole, and is not kept.
func TestRelayedUpload(t *testing.T) {
	s := newStage(t, options())
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("file", "a.bin")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = part.Write(bytes.Repeat([]byte("\x00\xff12345\r\n"), 300_000))
	_ = w.Close()
	for name, length := range map[string]int64{"by its length": int64(form.Len()), "in chunks": -1} {
		r := s.Request("POST", "/proxy/"+sealed+"/chat/files", nil, "Content-Type: "+w.FormDataContentType())
		r.Body, r.ContentLength, r.GetBody = io.NopCloser(bytes.NewReader(form.Bytes())), length, nil
		got, sent := s.do(r), s.up.Got()
		if got.status != 200 || len(sent) != 1 {
			t.Fatalf("%s: %s", name, got)
		}
		arrived := parse(t, sent[0])
		body, err := io.ReadAll(arrived.Body)
		if err != nil || !bytes.Equal(body, form.Bytes()) || arrived.Header.Get("Content-Type") != w.FormDataContentType() ||
			arrived.ContentLength != length {
			t.Errorf("%s: %d bytes of %d, %v, %q", name, len(body), form.Len(), err, arrived.Header)
		}
	}
}

// TestRelayedOverTLS: only Pipedream reaches the provider, under the provider's own name.
func TestRelayedOverTLS(t *testing.T) {
	up := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.Host, r.URL, r.Header.Get("Authorization") == "Bearer "+hidden)
	}))
	t.Cleanup(up.Close)
	o := options()
	o.RootCAs = x509.NewCertPool()
	o.RootCAs.AddCert(up.Certificate())
	o.Dial = dialOnly(up.Listener.Addr().String())
	s := newStageOver(t, o, nil, "https://example.com")
	if got := s.get(sealed, "chat"); got.status != 200 || got.body != "example.com/base/x true" {
		t.Errorf("%s", got)
	}
	if targets, _ := s.through(0); len(targets) != 1 || targets[0] != "https://example.com/base/x" {
		t.Errorf("through the proxy: %q", targets)
	}
}

// TestRelayedInParallel: whoever calls, and how many at once, each goes as who they are.
func TestRelayedInParallel(t *testing.T) {
	const bobs = "ya29-canary-6605"
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user := map[string]string{"Bearer " + hidden: harness.Alice,
			"Bearer " + bobs: harness.Bob}[r.Header.Get("Authorization")]
		_, _ = io.WriteString(w, user+" "+r.Header.Get("X-Own"))
	}))
	t.Cleanup(up.Close)
	s := newStageOver(t, options(), nil, up.URL)
	s.pd.Put(pipedream.OAuth("apn_bob", harness.Bob, "chat", bobs).Behind(s.origin).Drop("credentials"))
	accounts := map[string]string{harness.Alice: sealed, harness.Bob: "apn_bob"}
	var callers sync.WaitGroup
	for i := range 60 {
		user := []string{harness.Alice, harness.Bob}[i%2]
		callers.Go(func() {
			own := fmt.Sprint(i)
			res, err := s.Client.Do(s.Request("GET", "/proxy/"+accounts[user]+"/chat/x", nil, "X-User-Email: "+user,
				"X-Own: "+own))
			if err != nil {
				t.Error(err)
				return
			}
			defer res.Body.Close()
			if body, err := io.ReadAll(res.Body); err != nil || string(body) != user+" "+own {
				t.Errorf("%s got %q, %v", user, body, err)
			}
		})
	}
	callers.Wait()
}
