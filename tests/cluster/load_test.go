package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// load makes requests until it is stopped, and remembers what came of each.
type load struct {
	client   *http.Client
	stopped  chan struct{}
	done     sync.WaitGroup
	mu       sync.Mutex
	outcomes []outcome
}

// outcome is what came of a request.
type outcome struct {
	at   time.Time // when it was made
	took time.Duration
	// what is the status, with the code and the origin of an error of ours: `200`,
	// `503 upstream_unavailable vending`. Where no answer came, it is `error: …`.
	what string
}

// begin makes requests by so many workers, all together at most rate a second; 0 has each worker
// make its next when it has the answer to the last. request makes the i-th.
func begin(workers int, rate float64, request func(i int) *http.Request) *load {
	l := &load{stopped: make(chan struct{}), client: &http.Client{Timeout: time.Minute,
		Transport: &http.Transport{MaxIdleConnsPerHost: workers, DisableCompression: true}}}
	turns := make(chan int)
	l.done.Go(func() {
		defer close(turns)
		l.pace(rate, turns)
	})
	for range workers {
		l.done.Go(func() {
			for i := range turns {
				l.do(request(i))
			}
		})
	}
	return l
}

// pace gives out the numbers of requests. What the workers are too slow for is made up for later.
func (l *load) pace(rate float64, turns chan<- int) {
	began := time.Now()
	for i := 0; ; i++ {
		var due <-chan time.Time
		if rate > 0 {
			due = time.After(time.Until(began.Add(time.Duration(float64(i) / rate * float64(time.Second)))))
		} else {
			now := make(chan time.Time)
			close(now)
			due = now
		}
		select {
		case <-l.stopped:
			return
		case <-due:
		}
		select {
		case <-l.stopped:
			return
		case turns <- i:
		}
	}
}

func (l *load) do(r *http.Request) {
	o := outcome{at: time.Now()}
	o.what = ask(l.client, r)
	o.took = time.Since(o.at)
	l.mu.Lock()
	l.outcomes = append(l.outcomes, o)
	l.mu.Unlock()
}

// ask makes a request, reads its answer and says what came of it.
func ask(client *http.Client, r *http.Request) string {
	res, err := client.Do(r)
	if err != nil {
		return "error: " + cause(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Sprintf("error: %d and then %s", res.StatusCode, cause(err))
	}
	if res.StatusCode < 400 {
		return fmt.Sprint(res.StatusCode)
	}
	var envelope struct{ Data struct{ Code string } }
	_ = json.Unmarshal(body, &envelope) // the answer of another than Vendgate has none
	return strings.TrimSpace(fmt.Sprint(res.StatusCode, " ", envelope.Data.Code, " ", res.Header.Get("Vendgate-Origin")))
}

// cause is the innermost error, which has no address in it.
func cause(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// so reports how many requests have been made so far.
func (l *load) so() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.outcomes)
}

// stop ends the load, and returns what came of all its requests when the last is answered.
func (l *load) stop() outcomes {
	close(l.stopped)
	l.done.Wait()
	l.client.CloseIdleConnections()
	return l.outcomes
}

// outcomes are what came of many requests, in the order of their answers.
type outcomes []outcome

// count is how many requests came to what.
func (o outcomes) count(what string) (n int) {
	for _, each := range o {
		if each.what == what {
			n++
		}
	}
	return n
}

// between are those of requests that were made in a time.
func (o outcomes) between(from, to time.Time) outcomes {
	return slices.DeleteFunc(slices.Clone(o), func(each outcome) bool { return each.at.Before(from) || each.at.After(to) })
}

// quantile is the time that the share q of all requests took at most.
func (o outcomes) quantile(q float64) time.Duration {
	if len(o) == 0 {
		return 0
	}
	took := make([]time.Duration, len(o))
	for i, each := range o {
		took[i] = each.took
	}
	slices.Sort(took)
	return took[min(len(took)-1, int(q*float64(len(took))))]
}

// String lists what came of them: `1200 × 200, 3 × error: EOF`.
func (o outcomes) String() string {
	by := make(map[string]int)
	for _, each := range o {
		by[each.what]++
	}
	var parts []string
	for _, what := range slices.Sorted(maps.Keys(by)) {
		parts = append(parts, fmt.Sprintf("%d × %s", by[what], what))
	}
	return strings.Join(parts, ", ")
}
