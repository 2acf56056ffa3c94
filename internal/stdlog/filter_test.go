package stdlog

import (
	"bytes"
	"io"
	"log"
	"os"
	"strings"
	"sync"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// output is a writer that parallel tests may read.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
	// written gets a value with each message, until it is full.
	written chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.written <- struct{}{}:
	default:
	}
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// logging gives the standard logger an output of the test's own.
func logging(t *testing.T) *output {
	t.Helper()
	o := &output{written: make(chan struct{}, 1)}
	log.SetFlags(0)
	log.SetOutput(o)
	t.Cleanup(func() {
		log.SetOutput(os.Stderr)
		log.SetFlags(log.LstdFlags)
		log.SetPrefix("")
	})
	return o
}

func TestMessages(t *testing.T) {
	for name, c := range map[string]struct {
		flags         int
		prefix        string
		message, want string
	}{
		"another": {0, "", `read "canary" http: of it`, `read "canary" http: of it`},
		"empty":   {0, "", "", ""},
		"unsolicited": {
			0, "", `Unsolicited response received on idle HTTP channel starting with "canary \"canary"; err=canary`,
			"Unsolicited response received on idle HTTP channel (withheld: it is what the other side sent)",
		},
		"in other words": {
			0, "", `Unsolicited response received on idle HTTP channel: canary`,
			"Unsolicited response received on idle HTTP channel (withheld: it is what the other side sent)",
		},
		"behind a prefix": {
			log.Lmsgprefix, "p: ", `Unsolicited response received on idle HTTP channel starting with "canary"`,
			"p: Unsolicited response received on idle HTTP channel (withheld: it is what the other side sent)",
		},
		"a header of HTTP/2": {
			0, "", `http2: Transport encoding header "authorization" = "Bearer canary"`,
			"http2: Transport encoding header  (withheld: it is what the other side sent)",
		},
		"data of HTTP/2": {
			0, "", `http2: Framer 0x1: read DATA stream=1 len=6 data="canary"`,
			"http2: Framer 0x1: read DATA stream=1 len=6 data= (withheld: it is what the other side sent)",
		},
		"HTTP/2 without data": {0, "", "http2: Framer 0x1: read PING len=8", "http2: Framer 0x1: read PING len=8"},
	} {
		t.Run(name, func(t *testing.T) {
			o := logging(t)
			log.SetFlags(c.flags)
			log.SetPrefix(c.prefix)
			Install()
			log.Print(c.message)
			if got := o.String(); got != c.want+"\n" {
				t.Errorf("logged %q, want %q", got, c.want+"\n")
			}
		})
	}
}

// TestInstall: what others redirect is kept, and no filter is put before a filter.
func TestInstall(t *testing.T) {
	logging(t)
	core, entries := observer.New(zapcore.DebugLevel)
	for range 3 {
		Install()
		Install()
		zap.RedirectStdLog(zap.New(core)) // as Caddy does at each load
		check()
	}
	f, ok := log.Writer().(*filter)
	if !ok {
		t.Fatalf("the output is %T", log.Writer())
	}
	if _, twice := f.next.(*filter); twice {
		t.Error("a filter is before a filter")
	}
	log.Print("something else")
	log.Print(`Unsolicited response received on idle HTTP channel starting with "canary"`)
	var got []string
	for _, e := range entries.All() {
		got = append(got, e.Message)
	}
	want := "something else|Unsolicited response received on idle HTTP channel (withheld: it is what the other side sent)"
	if strings.Join(got, "|") != want {
		t.Errorf("zap got %q, want %q", got, want)
	}
}

// TestCheckIsNotDeceived: the flags of the logger are set before its output, and a check may come
// in between.
func TestCheckIsNotDeceived(t *testing.T) {
	o := logging(t)
	Install()
	log.SetFlags(0)
	check()
	log.SetOutput(o)
	check()
	if _, ok := log.Writer().(*filter); !ok {
		t.Error("the filter is missing")
	}
}

// TestRace: everything at once.
func TestRace(t *testing.T) {
	logging(t)
	var all sync.WaitGroup
	for _, f := range []func(){
		Install, check, func() { log.Print("x") }, func() { log.SetFlags(0); log.SetOutput(io.Discard) },
	} {
		all.Go(func() {
			for range 1000 {
				f()
			}
		})
	}
	all.Wait()
	Install()
	if f, ok := log.Writer().(*filter); !ok || f.next == nil {
		t.Errorf("the output is %T", log.Writer())
	}
}

// TestFailure: an output that fails is reported as such.
func TestFailure(t *testing.T) {
	if n, err := (&filter{failing{}}).Write([]byte("x")); n != 0 || err == nil {
		t.Errorf("%d, %v", n, err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
