package reload

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// TestLongCallsOutliveReloads: a response that is streamed and an upload go on under the old
// configuration until they end, however many reloads pass.
func TestLongCallsOutliveReloads(t *testing.T) {
	proceed := make(chan struct{})
	s := newStage(t, long(proceed))
	s.start(s.handOver())
	request := func(method, path string, body io.Reader) *http.Response {
		r, err := http.NewRequest(method, "http://"+s.addr+path, body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+harness.KeyA)
		r.Header.Set("X-User-Email", harness.Alice)
		client := &http.Client{Transport: new(http.Transport), Timeout: time.Minute}
		t.Cleanup(client.CloseIdleConnections)
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	stream := request(http.MethodGet, path+"/stream", nil)
	defer stream.Body.Close()
	body, upload := io.Pipe()
	answer := make(chan string, 1)
	go func() {
		res := request(http.MethodPost, path, body)
		defer res.Body.Close()
		raw, err := io.ReadAll(res.Body)
		answer <- fmt.Sprint(string(raw), err)
	}()
	for range 5 {
		_, _ = io.WriteString(upload, "part\n")
		s.reload()
	}
	_ = upload.Close()
	close(proceed)
	if raw, err := io.ReadAll(stream.Body); err != nil || string(raw) != "one\ntwo\n" {
		t.Errorf("the stream is %q, %v", raw, err)
	}
	if got := <-answer; got != "25 <nil><nil>" {
		t.Errorf("the upload's answer is %s", got)
	}
}

// long answers a POST when it has the whole body, by its length, and a GET in two parts, of which
// the second of a stream waits for proceed.
func long(proceed <-chan struct{}) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			n, err := io.Copy(io.Discard, r.Body)
			_, _ = fmt.Fprint(w, n, err)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "one\n")
		_ = http.NewResponseController(w).Flush()
		if strings.HasSuffix(r.URL.Path, "/stream") {
			<-proceed
		}
		_, _ = io.WriteString(w, "two\n")
	}
}
